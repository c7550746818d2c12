"""Report files appear whole or not at all, and only their owner can read them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import TextIO

from importer.errors import ConfigError
from importer.ledger.store import sync_directory

#: Seconds after which nobody can still be writing a report.
_LEFT_OVER_AFTER = 3600.0


def make_folder(folder: Path) -> None:
    """Make the folder of the reports, for its owner only.

    Raises:
        ConfigError: it cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot(folder, error) from error


@contextmanager
def whole_file(path: Path, *, encoding: str = "utf-8") -> Iterator[TextIO]:
    """Write ``path`` under another name and rename it when it is complete and on disk.

    A link or pipe that stands at ``path`` is replaced, never written through.

    Raises:
        ConfigError: it cannot be written; what stood at ``path`` before is untouched.
    """
    temporary = path.with_name(f".{path.name}.{token_hex(4)}")
    _remove_left_over(path)
    try:
        handle = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with open(handle, "w", encoding=encoding, newline="", errors="surrogatepass") as file:
            yield file
            file.flush()
            os.fsync(handle)
        os.replace(temporary, path)
        sync_directory(path.parent)
    except OSError as error:
        raise _cannot(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Remove a report of an earlier run that nothing is to be said in any more.

    Raises:
        ConfigError: it cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _cannot(path, error) from error


def _remove_left_over(path: Path) -> None:
    """Files that killed processes left behind: they hold customers' data, and nobody would ever look for them."""
    for left in path.parent.glob(f".{path.name}.????????"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _LEFT_OVER_AFTER:
                left.unlink()


def _cannot(path: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"the report cannot be written: {error.strerror}",
        where=str(path),
        hint="make room or choose another folder with --out; the ledger has everything, so run:"
        " case-importer report --ledger LEDGER --out DIR",
    )
