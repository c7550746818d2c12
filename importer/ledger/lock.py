"""One run at a time on a ledger: an operating-system lock on a file beside it.

The kernel frees it when the process ends, however it ends, so no lock is ever left over
and there is nothing to clean up after ``kill -9``.
"""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

from importer.errors import LedgerError, LedgerLockedError


def lock_path(ledger: Path) -> Path:
    """The lock file of a ledger; it may stay for ever."""
    return ledger.with_name(ledger.name + ".lock")


def lock_ledger(ledger: Path) -> FileLock:
    """Take the lock at once or not at all.

    Raises:
        LedgerLockedError: another process holds it.
        LedgerError: the lock file cannot be made.
    """
    lock = FileLock(lock_path(ledger), mode=0o600, thread_local=False, fallback_to_soft=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise LedgerLockedError(
            "another run is working on this ledger",
            where=str(ledger),
            hint="wait until it has ended, or look at it with: case-importer status --ledger " + str(ledger),
        ) from None
    except OSError as error:
        raise LedgerError(
            f"the ledger cannot be locked: {error.strerror}",
            where=str(ledger),
            hint="use a folder on a local disk that you may write to",
        ) from error
    return lock
