"""What a sandbox can be told, checked at once."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from importer.errors import ConfigError
from importer.sandbox.answers import RetryForm
from importer.sandbox.auth import ALL_SCOPES
from importer.sandbox.search import Encoding
from importer.sandbox.validation import Definition

if TYPE_CHECKING:
    from importer.sandbox.faults import FaultPlan

_NOT_NEGATIVE = ("latency_ms", "index_lag_s", "user_count")


@dataclass(frozen=True, kw_only=True)
class SandboxOptions:
    """Settings of one sandbox; the defaults are an honest, fast, unlimited account.

    Attributes:
        host: Loopback address; any other is refused, because a sandbox may contain the tickets of a rehearsal.
        port: TCP port; 0 picks a free one.
        store: Database file that survives the process; None forgets everything at the end.
        seed: The ids of users and requesters follow from it.
        definitions: Custom fields, in addition to those that the store remembers; without any of them the account has
            a plausible set of every kind.
        client_secret: None makes one up, which :attr:`Sandbox.client_secret` tells.
        public_keys: Key id → public key (PEM) against which assertions are verified. Without any, a sandbox on its own
            takes every assertion of the right form, because keys cannot be registered there.
        static_token: A token that is always valid, for a client that only has a token.
        token_life: Seconds until a token expires.
        rate_limit: Requests the account may make in any second, token requests not counted; None sets no limit.
        retry_after: How a 429 of the limit tells when to come back. The Case API documents no way, so "none".
        latency_ms: Wait before an operation runs, so that a case may be created after its client gave up.
        index_lag_s: The list shows a case only when it is this old.
        filters: Which encoding of list filters is read; "ignore" ignores them all.
        any_ids: Take any owner_id and parent_id, for rehearsals with the ids of another account.

    Raises:
        ConfigError: Naming every setting that cannot be used.
    """

    host: str = "127.0.0.1"
    port: int = 0
    store: Path | None = None
    seed: int = 0
    user_count: int = 25
    definitions: tuple[Definition, ...] = ()
    client_id: str = "sandbox-client"
    client_secret: str | None = field(default=None, repr=False)
    public_keys: Mapping[str, str] = field(default_factory=dict)
    static_token: str | None = field(default=None, repr=False)
    scopes: tuple[str, ...] = ALL_SCOPES
    token_life: float = 599
    rate_limit: int | None = None
    retry_after: RetryForm = "none"
    latency_ms: float = 0
    index_lag_s: float = 0
    filters: Encoding = "both"
    any_ids: bool = False
    faults: FaultPlan | None = None

    def __post_init__(self) -> None:
        problems = [f"{name} must not be negative" for name in _NOT_NEGATIVE if getattr(self, name) < 0]
        if not _is_loopback(self.host):
            problems.append(f"host must be a loopback address such as 127.0.0.1, not {self.host!r}")
        if not 0 <= self.port <= 65535:
            problems.append("port must be from 0 to 65535")
        if self.rate_limit is not None and self.rate_limit < 1:
            problems.append("rate_limit must be at least 1 request per second")
        if self.token_life <= 0:
            problems.append("token_life must be more than 0 seconds")
        if problems:
            raise ConfigError("; ".join(problems), where="sandbox", hint="fix these sandbox options")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
