"""What a sandbox can be told, checked at once."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from importer.errors import ConfigError
from importer.sandbox.answers import RETRY_FORMS, RetryForm
from importer.sandbox.faults import FaultPlan
from importer.sandbox.fields import Definition
from importer.sandbox.filters import Encoding
from importer.sandbox.tokens import ALL_SCOPES

_MOST_PORT = 65535


@dataclass(frozen=True, kw_only=True)
class SandboxOptions:
    """Settings of one sandbox; the defaults are an honest, fast, unlimited account.

    Attributes:
        host: Loopback address to listen on. Any other address is refused: the sandbox knows no secrets, but it may
            hold the tickets of a rehearsal.
        port: TCP port; 0 takes a free one.
        store: Database file that survives the process; None forgets everything at the end.
        seed: Users and requesters are a function of it.
        first_case_id: The id of the first case of a new store.
        user_count: How many users the account has.
        definitions: Custom fields, in addition to those that the store remembers; without any of them the account has
            a plausible set of every kind.
        client_id: The client the token endpoint knows.
        client_secret: Its secret.
        public_keys: Key id → public key (PEM) against which assertions are verified. Empty is lenient: any assertion
            of the right form is taken, because nobody has registered a key here.
        static_token: A token that is always valid, for a client that only has a token.
        scopes: What the client is granted.
        token_life: Seconds until a token expires.
        rate_limit: Requests the account may make in any second, token requests not counted; None sets no limit.
        retry_after: How a 429 of the limit tells when to come back. The Case API documents no way, so "none".
        latency_ms: Wait before an operation runs, so that a case may be created after its client gave up.
        index_lag_s: The list shows a case only when it is this old.
        filters: Which encoding of list filters is read; "ignore" ignores them all.
        fuzzy: Text filters match substrings, ignoring case, instead of the whole text.
        open_with_owner: A case created with an owner is OPEN instead of NEW.
        any_ids: Take any owner_id and parent_id, for rehearsals with the ids of another account.
        title_limit: Longest title on create; the bundle states none.
        description_limit: Longest description on create; the bundle states none.
        unknown_keys: What to do with body fields the API does not know.
        escaped_custom_fields: Escape the quotes in the string of custom fields, as the samples of the reference do.
        faults: What goes wrong, and when.

    Raises:
        ConfigError: Naming every setting that cannot be used.
    """

    host: str = "127.0.0.1"
    port: int = 0
    store: Path | None = None
    seed: int = 0
    first_case_id: int = 1
    user_count: int = 25
    definitions: tuple[Definition, ...] = ()
    client_id: str = "sandbox-client"
    client_secret: str = field(default="sandbox-secret", repr=False)
    public_keys: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    static_token: str | None = field(default=None, repr=False)
    scopes: tuple[str, ...] = ALL_SCOPES
    token_life: float = 599
    rate_limit: int | None = None
    retry_after: Literal["none"] | RetryForm = "none"
    latency_ms: float = 0
    index_lag_s: float = 0
    filters: Encoding = "both"
    fuzzy: bool = False
    open_with_owner: bool = True
    any_ids: bool = False
    title_limit: int | None = None
    description_limit: int | None = None
    unknown_keys: Literal["ignore", "refuse"] = "ignore"
    escaped_custom_fields: bool = False
    faults: FaultPlan = field(default_factory=FaultPlan)

    def __post_init__(self) -> None:
        problems = [*self._address_problems(), *self._number_problems(), *self._word_problems()]
        if problems:
            raise ConfigError("; ".join(problems), where="sandbox", hint="Change these settings of the sandbox.")

    def _address_problems(self) -> Iterator[str]:
        if not _is_loopback(self.host):
            yield f"host must be a loopback address such as 127.0.0.1, not {self.host!r}"
        if not 0 <= self.port <= _MOST_PORT:
            yield f"port must be from 0 to {_MOST_PORT}"

    def _number_problems(self) -> Iterator[str]:
        if self.rate_limit is not None and self.rate_limit < 1:
            yield "rate_limit must be at least 1 request a second"
        if self.token_life <= 0:
            yield "token_life must be more than 0 seconds"
        if self.first_case_id < 1:
            yield "first_case_id must be at least 1"
        for name in ("latency_ms", "index_lag_s", "user_count"):
            if getattr(self, name) < 0:
                yield f"{name} must not be negative"

    def _word_problems(self) -> Iterator[str]:
        if self.filters not in ("both", "doc", "spec", "ignore"):
            yield "filters must be both, doc, spec or ignore"
        if self.retry_after not in ("none", *RETRY_FORMS):
            yield f"retry_after must be none, {', '.join(RETRY_FORMS)}"
        if self.unknown_keys not in ("ignore", "refuse"):
            yield "unknown_keys must be ignore or refuse"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
