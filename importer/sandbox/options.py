"""How a sandbox behaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from importer.sandbox.account import Definition
from importer.sandbox.bodies import Dialect
from importer.sandbox.faults import FaultPlan
from importer.sandbox.search import Encoding

ALL_SCOPES = (
    "cases-public:read",
    "cases-public:write",
    "case-notes-public:write",
    "case-fields-public:read",
    "users:read",
    "contacts:read",
)

#: Of a sandbox that runs alone, and that everybody may know.
_KNOWN_SECRET = "sandbox-secret"


@dataclass(frozen=True, kw_only=True)
class SandboxOptions:
    """Settings of one sandbox; the defaults are an honest, fast, unlimited account.

    The flags of ``case-importer sandbox`` in docs/sandbox.md say what each does; the others are:

    Attributes:
        store: Database file that survives the process; None forgets everything at the end.
        definitions: Custom fields, in addition to those that the store remembers; without any of them the account has
            a plausible set of every kind.
        client_secret: None makes one up, which :attr:`Sandbox.client_secret` tells.
        public_keys: Key id → public key (PEM) against which assertions are verified.
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
    strict_life: bool = False
    reads: Dialect = "both"
    faults: FaultPlan = field(default_factory=FaultPlan)
