"""How the importer identifies itself to the account."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class StaticCredentials:
    """A ready token (CASE_IMPORTER_TOKEN)."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SecretCredentials:
    """Client id and secret, sent as HTTP Basic."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyCredentials:
    """Client id and private key (PEM text), sent as a signed assertion (ES256)."""

    client_id: str
    key_id: str
    private_key: str = field(repr=False)


Credentials = StaticCredentials | SecretCredentials | KeyCredentials
