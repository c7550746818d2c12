"""The settings to authenticate with: client and secret, client and private key, or a ready token.

Each can be in a small file, such as those that Docker, Kubernetes and systemd provide.
"""

from __future__ import annotations

import os
import stat
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from textwrap import fill
from typing import NamedTuple

from pydantic import BaseModel, SecretStr

from importer.errors import ConfigError
from importer.models import Credentials, KeyCredentials, SecretCredentials, StaticCredentials
from importer.small_files import read_small_file

ENVIRONMENT_PREFIX = "CASE_IMPORTER_"


def variable_of(name: str) -> str:
    """The variable of the environment for a setting."""
    return f"{ENVIRONMENT_PREFIX}{name.upper()}"


_NOT_A_TOKEN = f"{variable_of('token')} is not a token: it contains spaces, line breaks or non-ASCII characters"


class Problem(NamedTuple):
    """Something that is wrong with settings, and what to do about it if that is special."""

    what: str
    hint: str = ""


class CredentialSettings(BaseModel):
    """What to authenticate with; a part of :class:`importer.Settings`."""

    token: SecretStr | None = None
    token_file: Path | None = None  #: file with the token, read again for each new token; so are the other files
    client_id: str | None = None
    client_id_file: Path | None = None
    client_secret: SecretStr | None = None
    client_secret_file: Path | None = None
    private_key_file: Path | None = None
    key_id: str | None = None

    def credential_problems(self) -> Iterator[Problem]:
        """What contradicts itself or is incomplete; no credentials at all are not a problem yet."""
        secret = self.client_secret or self.client_secret_file
        if secret and self.private_key_file:
            yield Problem("set either a client secret or a private key, not both")
        for name in ("token", "client_id", "client_secret"):
            if getattr(self, name) and getattr(self, f"{name}_file"):
                yield Problem(f"set either {variable_of(name)} or {variable_of(f'{name}_file')}, not both")
        if (secret or self.private_key_file) and not (self.client_id or self.client_id_file):
            yield Problem(f"{variable_of('client_id')} is missing")
        if self.private_key_file and not self.key_id:
            yield Problem(f"{variable_of('key_id')} is missing")
        if self.token and not _is_token(self.token.get_secret_value()):
            yield Problem(_NOT_A_TOKEN)

    def read_credentials(self) -> Credentials | None:
        """What to authenticate with, if there is anything. Files are read again each time: a secret may be replaced.

        Raises:
            ConfigError: a file cannot be read, or does not contain what it should.
        """
        client_id = _secret(self.client_id, self.client_id_file, "client_id")
        if client_id and self.private_key_file and self.key_id:
            return KeyCredentials(client_id, self.key_id, _private_key(self.private_key_file))
        secret = _secret(self.client_secret, self.client_secret_file, "client_secret")
        if client_id and secret:
            return SecretCredentials(client_id, secret)
        token = _secret(self.token, self.token_file, "token")
        if token and not _is_token(token):
            raise ConfigError(_NOT_A_TOKEN, where=str(self.token_file))
        return StaticCredentials(token) if token else None


def _secret(value: str | SecretStr | None, path: Path | None, name: str) -> str | None:
    """A secret, or the one line in its file; the line break at the end does not count."""
    if path is None:
        return value.get_secret_value() if isinstance(value, SecretStr) else value
    variable = variable_of(f"{name}_file")
    text = read_small_file(path, what=f"the file of {variable}").strip()
    if not text or not text.isprintable():
        raise ConfigError(f"{variable} must name a file with one line", where=str(path), hint="write only the value")
    return text


def _is_token(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text and bool(text)


def _private_key(path: Path) -> str:
    """As PEM text; Talkdesk shows it as base64 PKCS#8 without the PEM lines around it."""
    text = read_small_file(path, what="the private key").strip()
    if text.startswith("-----BEGIN"):
        return text + "\n"
    packed = "".join(text.split())
    try:
        b64decode(packed, validate=True)
    except ValueError:
        hint = "use PEM, or base64 as shown in Talkdesk"
        raise ConfigError("the file is not a private key", where=str(path), hint=hint) from None
    return f"-----BEGIN PRIVATE KEY-----\n{fill(packed, 64)}\n-----END PRIVATE KEY-----\n"


def is_readable_by_others(path: Path) -> bool:
    """Whether every user of this machine may read the file, if it exists. Windows has no such bit."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return os.name == "posix" and stat.S_ISREG(mode) and bool(mode & stat.S_IROTH)
