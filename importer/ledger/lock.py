"""The lock that keeps other runs away from a ledger.

The lock is one of the operating system. The kernel frees it when the process ends, however it ends, so there is nothing
to clean up after ``kill -9``.
"""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

from importer.errors import LedgerError, LedgerLockedError
from importer.text.wording import command_line


class LedgerLock:
    """The lock of the ledger at ``path`` (links followed), held until it is released.

    Raises:
        LedgerLockedError: another process holds it.
        LedgerError: the lock file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.with_name(path.name + ".lock")
        self._path = path
        self._inodes: tuple[int, int] | None = None
        self._lock = FileLock(self._file, mode=0o600, thread_local=False, fallback_to_soft=False)
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            watch = command_line(["case-importer", "status", "--ledger", str(path)])
            hint = f"wait for it to finish, or watch it with: {watch}"
            raise LedgerLockedError("another run is using this ledger", where=str(path), hint=hint) from None
        except OSError as error:
            hint = "use a writable folder on a local disk"
            raise LedgerError(f"cannot lock the ledger: {error.strerror}", where=str(path), hint=hint) from error

    @property
    def is_held(self) -> bool:
        """Whether it is not released yet."""
        return bool(self._lock.is_locked)

    def release(self) -> None:
        """Let another run have the ledger."""
        self._lock.release()

    def note_files(self) -> None:
        """Remember which files are open."""
        self._inodes = self._path.stat().st_ino, self._file.stat().st_ino

    def is_in_place(self) -> bool:
        """Whether the path still names the file that is open, and the lock is the one that is held.

        A moved or deleted ledger must stop the run, and so must a deleted lock: another run could hold it by then.
        """
        try:
            return (self._path.stat().st_ino, self._file.stat().st_ino) == self._inodes
        except OSError:
            return False
