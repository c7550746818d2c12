"""What a sandbox can be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from importer.sandbox.account import Definition
from importer.sandbox.auth import ALL_SCOPES
from importer.sandbox.faults import FaultPlan
from importer.sandbox.search import Encoding


@dataclass(frozen=True, kw_only=True)
class SandboxOptions:
    """Settings of one sandbox; the defaults are an honest, fast, unlimited account.

    Attributes:
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
        latency_ms: Wait before an operation runs, so that a case may be created after its client gave up.
        index_lag_s: The list shows a case only when it is this old.
        filters: Which encoding of list filters is read; "ignore" ignores them all.
        any_ids: Take any owner_id and parent_id, for rehearsals with the ids of another account.
    """

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
    latency_ms: float = 0
    index_lag_s: float = 0
    filters: Encoding = "both"
    any_ids: bool = False
    faults: FaultPlan = field(default_factory=FaultPlan)
