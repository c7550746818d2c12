"""How far a ledger got, in a small file next to it, so that lost commits are seen.

SQLite keeps the newest commits in a log (``-wal``). If that log is deleted or damaged, or an old copy of the ledger
takes its place, SQLite shows an older state without a word, and rows that were sent look unsent. Events are only
appended. So after each commit their number is noted here, and a ledger that has fewer has lost some; whether another
program put the log into the file meanwhile does not matter.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from contextlib import closing
from io import FileIO
from pathlib import Path

from importer.errors import LedgerError
from importer.files import whole
from importer.files.small import head_of
from importer.ledger import database

_EVENTS = "SELECT coalesce((SELECT max(id) FROM event), 0) + coalesce((SELECT max(id) FROM case_update_event), 0)"
_HINT = (
    "put back the newest copy of the ledger with its -wal and .mark files, or make a new ledger from the cases in the"
    " account: case-importer rebuild"
)


class CommitMark:
    """The note of how many events a ledger has.

    It is synced to disk only when it is made: after a power cut it may be behind the ledger, never ahead of it. The
    ``path`` is that of the ledger, links followed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.with_name(path.name + ".mark")
        self._open: FileIO | None = None
        self._ledger = ""

    def check(self) -> None:
        """Compare the ledger, which exists, with the note, before anything is written to either.

        Raises:
            LedgerError: commits of the ledger are lost, or nothing says that none are.
        """
        with database.translated(self._path), closing(database.connect_read_only(self._path)) as connection:
            is_blank = database.is_blank(connection)
            if not is_blank:
                database.assert_ledger(connection, self._path)
            ledger = None if is_blank else connection.execute("SELECT id FROM ledger").fetchone()[0]
            known = 0 if is_blank else connection.execute(_EVENTS).fetchone()[0]
            noted = self._read(ledger)
            if noted is None and not is_blank and database.was_cut_short(connection):
                what = f"the last run was interrupted, and {self._file.name}, which says how far it got, is missing"
                raise LedgerError(what, where=str(self._path), hint=_HINT)
        if noted is not None and known < noted:
            what = f"the newest {noted - known:,} entries of the ledger are lost, so rows could be sent twice"
            raise LedgerError(what, where=str(self._path), hint=_HINT)

    def open(self, connection: sqlite3.Connection) -> None:
        """Make the note of an open ledger, durably, and keep it open."""
        try:
            handle = os.open(self._file, os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0), 0o600)
            self._open = os.fdopen(handle, "r+b", buffering=0)
            self._ledger = connection.execute("SELECT id FROM ledger").fetchone()[0]
            self.note(connection)
            os.fsync(handle)
            whole.sync_directory(self._file.parent)
        except OSError as error:
            raise self._unwritable(error) from error

    def note(self, connection: sqlite3.Connection) -> None:
        """Note how many events the ledger has; they are committed."""
        assert self._open is not None
        (known,) = connection.execute(_EVENTS).fetchone()
        try:
            self._open.seek(0)
            self._open.write(f"{self._ledger} {known:020d}\n".encode())
        except OSError as error:
            raise self._unwritable(error) from error

    def close(self) -> None:
        """Let go of the file. May be called twice."""
        if self._open is not None:
            self._open.close()

    def _read(self, ledger: str | None) -> int | None:
        """What the note says about this ledger (None: about any); None if there is none."""
        with contextlib.suppress(OSError, ValueError):
            whose, number = head_of(self._file, 100).decode("ascii").split()
            if ledger in (whose, None):
                return int(number)
        return None

    def _unwritable(self, error: OSError) -> LedgerError:
        what = f"cannot write {self._file.name}: {error.strerror}"
        return LedgerError(what, where=str(self._path), hint="make it a file that you may write to")
