"""The files beside a ledger: the lock that keeps other runs away, SQLite's log, and a note of how that ended.

The lock is one of the operating system. The kernel frees it when the process ends, however it ends, so there is nothing
to clean up after ``kill -9``.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from filelock import FileLock, Timeout

from importer.errors import LedgerError, LedgerLockedError


class LedgerLock:
    """The lock of a ledger, held until it is released.

    Beside it stands a note: which run has the log open, or that this log was folded into the ledger. On a full disk
    the end of a run cannot be entered in the ledger, but a few bytes that are there already can be written over.

    Args:
        path: The ledger, links followed.

    Raises:
        LedgerLockedError: another process holds it.
        LedgerError: the lock file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = path.with_name(path.name + "-wal")
        self._note = path.with_name(path.name + ".end")
        self._lock = FileLock(
            path.with_name(path.name + ".lock"), mode=0o600, thread_local=False, fallback_to_soft=False
        )
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            raise LedgerLockedError(
                "another run is using this ledger",
                where=str(path),
                hint=f"wait for it to finish, or watch it with: case-importer status --ledger {path}",
            ) from None
        except OSError as error:
            hint = "use a writable folder on a local disk"
            raise LedgerError(f"cannot lock the ledger: {error.strerror}", where=str(path), hint=hint) from error
        self._log_was_there = self._log.exists() and self._log.stat().st_size > 0  # who looks leaves an empty one
        self._inodes: tuple[int, int] | None = None

    @property
    def is_held(self) -> bool:
        """Whether it is not released yet."""
        return bool(self._lock.is_locked)

    def release(self) -> None:
        """Let another run have the ledger."""
        self._lock.release()

    def is_in_place(self) -> bool:
        """Whether the path still names the file that is open, and the lock is the one that is held.

        A moved or deleted ledger must stop the run, and so must a deleted lock: another run could hold it by then.
        """
        try:
            return self._stat() == self._inodes
        except OSError:
            return False

    def _stat(self) -> tuple[int, int]:
        return self._path.stat().st_ino, Path(self._lock.lock_file).stat().st_ino

    def lost_log_of(self, run: int) -> bool:
        """Whether the newest commits of this run, which was killed, are gone with the log that they were in."""
        if self._log_was_there:
            return False
        try:
            return self._note.read_bytes().split() != [b"%012d" % run, b"folded"]
        except OSError:
            return True

    def note_begin(self, run: int) -> None:
        """The ledger is open, and its log will have the newest commits."""
        self._inodes = self._stat()
        self._log_was_there = True
        self._write(b"%012d open  \n" % run, at=0, flags=os.O_CREAT)

    def note_end(self) -> None:
        """The ledger is closed, or was of no use. If that took its log along, everything is in the ledger."""
        if self._log_was_there and not self._log.exists():
            self._write(b"folded", at=13)

    def forget_end(self) -> None:
        """The end stands in the ledger: the note is not needed."""
        with contextlib.suppress(OSError):
            self._note.unlink()

    def _write(self, text: bytes, *, at: int, flags: int = 0) -> None:
        with contextlib.suppress(OSError):
            handle = os.open(self._note, os.O_WRONLY | flags | getattr(os, "O_NOFOLLOW", 0), 0o600)
            try:
                os.lseek(handle, at, os.SEEK_SET)
                os.write(handle, text)
            finally:
                os.close(handle)
