"""Small files that contain settings or one secret, such as those that Docker, Kubernetes and systemd provide."""

from __future__ import annotations

import os
import stat
from base64 import b64decode
from pathlib import Path

from importer.errors import ConfigError

_MOST_BYTES = 64 * 1024


def read_small_file(path: Path, *, what: str, hint: str = "check its path and permissions") -> str:
    """The text of a file; a device or a large file that was named by mistake is not read to its end.

    Args:
        path: The file.
        what: What it should be, for messages: ``the settings file``.
        hint: What to do if it cannot be read.

    Raises:
        ConfigError: it cannot be read, is too large or is not UTF-8 text.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot read {what}: {error.strerror}", where=str(path), hint=hint) from None
    if len(content) > _MOST_BYTES:
        raise ConfigError(f"cannot read {what}: it is larger than 64 KiB", where=str(path), hint=hint)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"cannot read {what}: it is not UTF-8 text", where=str(path), hint=hint) from None


def read_secret(path: Path, *, variable: str) -> str:
    """The one line in a file named by ``variable``; the line break at its end does not count.

    Raises:
        ConfigError: the file cannot be read, or does not contain exactly one line.
    """
    text = read_small_file(path, what=f"the file of {variable}").strip()
    if not text or not text.isprintable():
        raise ConfigError(f"{variable} must name a file with one line", where=str(path), hint="write only the value")
    return text


def read_private_key(path: Path) -> str:
    """The private key as PEM text; Talkdesk shows it as base64 PKCS#8 without the PEM lines around it.

    Raises:
        ConfigError: the file cannot be read, or is not a key.
    """
    text = read_small_file(path, what="the private key").strip()
    if text.startswith("-----BEGIN"):
        return text + "\n"
    packed = "".join(text.split())
    try:
        b64decode(packed, validate=True)
    except ValueError:
        hint = "use PEM, or base64 as shown in Talkdesk"
        raise ConfigError("the file is not a private key", where=str(path), hint=hint) from None
    lines = "\n".join(packed[start : start + 64] for start in range(0, len(packed), 64))
    return f"-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n"


def is_readable_by_others(path: Path) -> bool:
    """Whether every user of this machine may read the file, if it exists. Windows has no such bit."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return os.name == "posix" and stat.S_ISREG(mode) and bool(mode & stat.S_IROTH)
