"""Temporary folders, which have the texts of customers in them: none of them stays, however a process ends."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX, _SUFFIX = "case-importer-", ".scratch"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A new folder for its owner only, removed in the end; what a killed process of this user left is removed before.

    The folder is locked as long as its process lives: the system drops the lock of a process that was killed.
    """
    _remove_left_over()
    while True:
        folder = Path(tempfile.mkdtemp(_SUFFIX, _PREFIX))
        lock = _lock(folder, wait=True)
        if folder.exists():
            break  # else another process took it for left over before it was locked
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _remove_left_over() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*{_SUFFIX}"):
        lock = _lock(folder, wait=False)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _lock(folder: Path, *, wait: bool) -> int | None:
    """The lock of a folder; None if a living process has it, or if it does not belong to this user."""
    if sys.platform == "win32":  # which has no locks of folders: what a killed process leaves, stays there
        return None
    import fcntl

    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        if os.fstat(handle).st_uid == os.getuid():
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            return handle
    except OSError:
        pass
    os.close(handle)
    return None
