"""What a sandbox can be told, checked at once."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from importer.errors import ConfigError
from importer.sandbox.answers import RetryForm
from importer.sandbox.auth import ALL_SCOPES
from importer.sandbox.custom_fields import Definition
from importer.sandbox.search import Encoding

if TYPE_CHECKING:
    from importer.sandbox.faults import FaultPlan


@dataclass(frozen=True, kw_only=True)
class SandboxOptions:
    """Settings of one sandbox; the defaults are an honest, fast, unlimited account.

    Attributes:
        host: Loopback address to listen on. Any other address is refused: a sandbox may contain the tickets of a
            rehearsal.
        port: TCP port; 0 picks a free one.
        store: Database file that survives the process; None forgets everything at the end.
        seed: The ids of users and requesters follow from it.
        user_count: How many users the account has.
        definitions: Custom fields, in addition to those that the store remembers; without any of them the account has
            a plausible set of every kind.
        client_id: The client that the token endpoint knows.
        client_secret: Its secret; None makes one up, which :attr:`Sandbox.client_secret` tells.
        public_keys: Key id → public key (PEM) against which assertions are verified. Without any, a sandbox on its own
            takes every assertion of the right form, because keys cannot be registered there.
        static_token: A token that is always valid, for a client that only has a token.
        scopes: What the client is granted.
        token_life: Seconds until a token expires.
        rate_limit: Requests the account may make in any second, token requests not counted; None sets no limit.
        retry_after: How a 429 of the limit tells when to come back. The Case API documents no way, so "none".
        latency_ms: Wait before an operation runs, so that a case may be created after its client gave up.
        index_lag_s: The list shows a case only when it is this old.
        filters: Which encoding of list filters is read; "ignore" ignores them all.
        any_ids: Take any owner_id and parent_id, for rehearsals with the ids of another account.
        faults: What goes wrong, and when; None is an honest server.

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
        problems = list(self._problems())
        if problems:
            raise ConfigError("; ".join(problems), where="sandbox", hint="fix these sandbox options")

    def _problems(self) -> Iterator[str]:
        if not _is_loopback(self.host):
            yield f"host must be a loopback address such as 127.0.0.1, not {self.host!r}"
        if not 0 <= self.port <= 65535:
            yield "port must be from 0 to 65535"
        if self.rate_limit is not None and self.rate_limit < 1:
            yield "rate_limit must be at least 1 request per second"
        if self.token_life <= 0:
            yield "token_life must be more than 0 seconds"
        for name in ("latency_ms", "index_lag_s", "user_count"):
            if getattr(self, name) < 0:
                yield f"{name} must not be negative"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
