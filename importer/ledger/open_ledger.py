"""A ledger that is open: its file, its lock, its run, and who it belongs to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from importer.errors import CaseImporterError, ExitCode, TargetError
from importer.ledger import database
from importer.ledger.commit_mark import CommitMark
from importer.ledger.lock import LedgerLock
from importer.version import __version__


class OpenLedger:
    """An open ledger. Use as a context manager; closing it notes how the run ended.

    The file is made if it is missing, readable by its owner only. Links are followed first, so that lock and log are
    found whatever name the ledger is given. ``verb`` is the command that uses it, for the history.

    Raises:
        LedgerLockedError: another run is using it.
        LedgerError: it cannot be opened, is damaged, or is not a ledger.
        ConfigError: it is for tries and ``verb`` is not, or the other way round; or its rebuild must be repeated.
    """

    def __init__(self, path: Path, *, verb: str) -> None:
        self.path, self.verb = path.resolve(), verb
        self.exit_code: ExitCode | None = None  #: how the run ends; set before closing
        database.make_folder(self.path)
        self._lock = LedgerLock(self.path)
        self._mark = CommitMark(self.path)
        try:
            if self.path.exists():
                self._mark.check()
            else:
                database.create_file(self.path)
            self.connection = database.open_for_writing(self.path)  #: the one that writes
            with database.closing_on_error(self.connection), database.translated(self.path):
                self._mark.open(self.connection)
                #: a new row may be a case already
                self.must_search = database.check_purpose(self.connection, self.path, verb)
                #: the run before this one was killed; it may have sent something a moment ago
                self.was_cut_short = database.was_cut_short(self.connection)
                self.run = self._begin_run(verb)  #: the number of this run
                self._lock.note_files()
        except BaseException:
            self._mark.close()
            self._lock.release()
            raise

    def _begin_run(self, verb: str) -> int:
        with self.transaction():
            run = self.connection.execute(
                "INSERT INTO run (verb, version, started_at) VALUES (?, ?, ?)", (verb, __version__, database.utc_now())
            ).lastrowid
            assert run is not None
            self.abandon()
        # so that the file itself, without its log, knows that a run has begun
        self.connection.execute("PRAGMA wal_checkpoint(FULL)")
        return run

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if self.exit_code is None and isinstance(error, CaseImporterError):
            self.exit_code = error.exit_code
        self.close()

    def close(self) -> None:
        """Note the end of the run, fold the log into the file, release the lock. May be called twice."""
        if not self._lock.is_held:
            return
        try:
            with database.translated(self.path):
                try:
                    if self.is_in_place():
                        self.connection.execute(
                            "UPDATE run SET ended_at = ?, exit_code = ? WHERE id = ?",
                            (database.utc_now(), self.exit_code, self.run),
                        )
                        self.note_commit()
                finally:
                    self.connection.close()
        finally:
            self._mark.close()
            self._lock.release()

    def note_commit(self) -> None:
        """Say next to the ledger that what was committed until now exists."""
        self._mark.note(self.connection)

    def is_in_place(self) -> bool:
        """Whether this is still the ledger that its path names, and nobody else can have it."""
        return self._lock.is_in_place()

    @property
    def id(self) -> str:
        """Eight hexadecimal digits that name this ledger in failures files."""
        return str(self.scalar("SELECT id FROM ledger"))

    def pin_target(self, target: str) -> None:
        """Tie the ledger to the API it sends to, once that has answered; a tie is for ever."""
        with database.translated(self.path):
            self.connection.execute("UPDATE ledger SET target = ? WHERE target IS NULL", (target,))

    def check_target(self, target: str) -> None:
        """Refuse any API but the one that the ledger is tied to; ``sandbox`` stands for any embedded sandbox.

        Raises:
            TargetError: this ledger belongs to another target.
        """
        pinned = self.scalar("SELECT target FROM ledger")
        was_trial = str(pinned).startswith("sandbox:")
        if pinned is None or pinned == target or (was_trial and target == "sandbox"):
            return
        hint = "use the ledger's target, or another --ledger for this target"
        if was_trial and not target.startswith("sandbox"):
            pinned = "a trial in the sandbox"
            hint = "use a new folder for the real import: --out real-import (and a new --ledger, if you pass one)"
        what = f"this ledger belongs to {pinned}, not to {target}; nothing was sent"
        raise TargetError(what, where=str(self.path), hint=hint)

    def rows(self, query: str, values: Any = ()) -> list[Any]:
        """All rows of a query."""
        with database.translated(self.path):
            return self.connection.execute(query, values).fetchall()

    def scalar(self, query: str, values: Any = ()) -> Any:
        """The first column of the first row of a query; None if there is no row."""
        with database.translated(self.path):
            row = self.connection.execute(query, values).fetchone()
        return None if row is None else row[0]

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, and on disk when it ends."""
        with database.translated(self.path), database.transaction(self.connection):
            yield self.connection

    def abandon(self) -> int:
        """Make rows and case updates unknown whose answer nobody waits for any more; returns how many there are.

        This process, or a dead one, may have sent them; only a search can tell, which begins at the start of the run
        that sent them: it stays theirs. Never straight back to pending.
        """
        abandoned = "SET state = 'unknown', code = 'interrupted', message = ? WHERE state = 'sending'"
        return sum(
            self.connection.execute(f"UPDATE {table} {abandoned}", (f"the run ended while {what} being sent",)).rowcount
            for table, what in (("record", "this row was"), ("case_update", "this case update was"))
        )
