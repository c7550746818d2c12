"""Small files that people name: settings, secrets, mappings. A wrong name must not wait for ever or fill memory."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

from importer.errors import ConfigError

_MOST_BYTES = 64 * 1024


def read_small_file(path: Path, *, what: str, hint: str = "check its path and permissions") -> str:
    """The text of a file of at most 64 KiB; ``what`` it should be, for messages, such as ``the settings file``.

    Raises:
        ConfigError: it cannot be read, is too large or is not UTF-8 text.
    """
    try:
        content = head_of(path, _MOST_BYTES + 1)
        if len(content) <= _MOST_BYTES:
            return content.decode("utf-8-sig")
        reason: str | None = "it is larger than 64 KiB"
    except UnicodeDecodeError:
        reason = "it is not UTF-8 text"
    except OSError as error:
        reason = error.strerror
    raise ConfigError(f"cannot read {what}: {reason}", where=str(path), hint=hint)


def head_of(path: Path, most: int) -> bytes:
    """The first bytes of a file.

    Raises:
        OSError: it cannot be read, or is a pipe or a device, which might never end.
    """
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OSError(errno.EINVAL, "it is not a regular file (a pipe or a device, for example)", str(path))
    with path.open("rb") as file:
        return file.read(most)
