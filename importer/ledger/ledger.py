"""The ledger: the queue of an import on disk, the state of every row, and its history.

One process works on it at a time (``lock.py``), through one connection (``store.py``). Sending goes through
:class:`importer.ledger.writer.LedgerWriter`, which commits many rows at once; everything else is here.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import time
from collections import Counter, deque
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from importer.errors import ExitCode, LedgerError, TargetError
from importer.ledger import links, store
from importer.ledger.lock import lock_ledger
from importer.ledger.values import TAKEN, Doubtful, Fence, Known, Outcome, Pending, Selection, Settled
from importer.models import State
from importer.version import __version__


def utc_now() -> str:
    """The wall clock, for people: UTC, ISO 8601, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


#: What the trigger `one_case_per_key` says.
_KEY_IS_TAKEN = "another record with this key may be at the server"
CHOSEN = (
    "AND (:source IS NULL OR record.source = :source) AND (:run IS NULL OR record.run = :run)"
    # What was not read to its end is dropped and read again: sent by then, it would be sent twice.
    " AND record.source IN (SELECT id FROM source WHERE staged = 1)"
)


class Ledger:
    """An open ledger. Use as a context manager; closing it notes how the run ended.

    Args:
        path: The file; made if missing, readable by its owner only.
        verb: Which command holds it, for the history.

    Raises:
        LedgerLockedError: another run holds it.
        LedgerError: it cannot be opened, is damaged, or is not a ledger.
    """

    def __init__(self, path: Path, *, verb: str) -> None:
        self.path = path.absolute()
        store.make_folder(self.path)
        self._lock = lock_ledger(self.path)
        try:
            self.connection = self._open()
            with store.closed_on_error(self.connection):
                self._inode = self.path.stat().st_ino
                self.run = self._begin_run(verb)
                self._note_log(self.run, is_folded=False)
                with store.translated(self.path):
                    self.has_children = links.are_there(self.connection)
        except BaseException:
            self._lock.release()
            raise
        self.exit_code: ExitCode | None = None
        self.released: deque[int] = deque()  #: children that may be sent since their parents became cases in this run

    @property
    def was_cut_short(self) -> bool:
        """Whether the run before this one was killed; it may have sent something a moment ago."""
        return self._scalar("SELECT ended_at FROM run WHERE id < ? ORDER BY id DESC LIMIT 1", (self.run,)) is None and (
            self.run > 1
        )

    def _open(self) -> sqlite3.Connection:
        if not self.path.exists():
            store.create_file(self.path)
        wal_is_missing = not self._log.exists() or self._log.stat().st_size == 0  # who looks leaves an empty one
        connection = store.connect(self.path)
        try:
            if store.is_blank(connection, self.path):
                store.install_schema(connection, self.path, ledger_id=secrets.token_hex(4), created_at=utc_now())
            store.check_schema(connection, self.path)
            store.check_pages(connection, self.path)
            self._refuse_lost_log(connection, wal_is_missing)
        except BaseException:
            connection.close()
            raise
        return connection

    def _refuse_lost_log(self, connection: sqlite3.Connection, wal_is_missing: bool) -> None:
        """A killed run leaves its newest commits in the -wal file; without that file, sent rows look unsent."""
        with store.translated(self.path):
            last = connection.execute("SELECT id, ended_at FROM run ORDER BY id DESC LIMIT 1").fetchone()
        if last is not None and last[1] is None and wal_is_missing and not self._was_folded(last[0]):
            raise LedgerError(
                "the last run was cut short, and the file with its newest entries (-wal) is missing",
                where=str(self.path),
                hint="put the -wal file back beside the ledger; without it, cases could be created twice",
            )

    def _was_folded(self, run: int) -> bool:
        try:
            return self._end_file.read_text(encoding="ascii").split() == [f"{run:012d}", "folded"]
        except (OSError, UnicodeDecodeError):
            return False

    def _begin_run(self, verb: str) -> int:
        with store.translated(self.path), store.transaction(self.connection):
            run = self.connection.execute(
                "INSERT INTO run (verb, version, started_at) VALUES (?, ?, ?)", (verb, __version__, utc_now())
            ).lastrowid
            assert run is not None
            # A dead process may have sent these; only a look-up can tell. Never straight back to pending.
            # Their run stays the one that sent them: a look-up by content begins at its start.
            self.connection.execute(
                "UPDATE record SET state = 'unknown', code = 'interrupted',"
                " message = 'the run ended while this row was being sent' WHERE state = 'sending'"
            )
            self.connection.execute(
                "UPDATE addition SET state = 'unknown', code = 'interrupted',"
                " message = 'the run ended while these notes were being sent' WHERE state = 'sending'"
            )
        with store.translated(self.path):  # so that the file itself, without its log, knows that a run has begun
            self.connection.execute("PRAGMA wal_checkpoint(FULL)")
        return run

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Note the end of the run, fold the log into the file, release the lock. May be called twice."""
        if not self._lock.is_locked:
            return
        try:
            with store.translated(self.path):
                try:
                    if self.is_in_place():
                        self.connection.execute(
                            "UPDATE run SET ended_at = ?, exit_code = ? WHERE id = ?",
                            (utc_now(), self.exit_code, self.run),
                        )
                finally:
                    self.connection.close()
                    self._note_log(self.run, is_folded=not self._log.exists())
            self._end_file.unlink(missing_ok=True)
        finally:
            self._lock.release()

    @property
    def _log(self) -> Path:
        return self.path.with_name(self.path.name + "-wal")

    def _note_log(self, run: int, *, is_folded: bool) -> None:
        """Note in a file beside the ledger whether the log of a run was folded into the ledger when it ended.

        On a full disk the end of a run cannot be noted in the ledger itself, but a few bytes that are there already
        can be written over.
        """
        with contextlib.suppress(OSError):
            handle = os.open(self._end_file, os.O_CREAT | os.O_WRONLY, 0o600)
            try:
                os.write(handle, f"{run:012d} {'folded' if is_folded else 'open  '}\n".encode())
            finally:
                os.close(handle)

    @property
    def _end_file(self) -> Path:
        return self.path.with_name(self.path.name + ".end")

    def is_in_place(self) -> bool:
        """Whether the path still names the file that is open; a moved or deleted ledger must stop the run."""
        try:
            return self.path.stat().st_ino == self._inode
        except OSError:
            return False

    @property
    def id(self) -> str:
        """Eight hexadecimal digits that name this ledger in failures files."""
        return str(self._scalar("SELECT id FROM ledger"))

    def pin_target(self, target: str) -> None:
        """Tie the ledger to the API it sends to, once that has answered; a tie is for ever."""
        with store.translated(self.path):
            self.connection.execute("UPDATE ledger SET target = ? WHERE target IS NULL", (target,))

    def check_target(self, target: str) -> None:
        """Refuse any API but the one that the ledger is tied to; ``sandbox`` stands for any embedded sandbox.

        Raises:
            TargetError: this ledger belongs to another target.
        """
        pinned = self._scalar("SELECT target FROM ledger")
        was_trial = str(pinned).startswith("sandbox:")
        if pinned is None or pinned == target or (was_trial and target == "sandbox"):
            return
        hint = "use the ledger's target, or another --ledger for this target"
        if was_trial and not target.startswith("sandbox"):
            pinned = "a trial in the sandbox"
            hint = "use a new folder for the real import: --out real-import (and a new --ledger, if you pass one)"
        what = f"this ledger belongs to {pinned}, not to {target}; nothing was sent"
        raise TargetError(what, where=str(self.path), hint=hint)

    # -- counting and reading ---------------------------------------------------------------------

    def counts(self, source: int | None = None) -> Counter[State]:
        """Records by state, of one source or of the whole ledger."""
        where, values = ("WHERE source = ?", (source,)) if source is not None else ("", ())
        with store.translated(self.path):
            rows = self.connection.execute(f"SELECT state, count(*) FROM record {where} GROUP BY state", values)
            return Counter({State(state): count for state, count in rows})

    def pending(self, chosen: Selection, *, after: int, limit: int) -> list[Pending]:
        """The next chosen records that may be sent, in input order, behind the record ``after``."""
        with store.translated(self.path):
            rows = self.connection.execute(
                "SELECT record.id, row, key, body, stamp, 0, http_status"
                " FROM record JOIN content ON content.record = record.id JOIN source ON source.id = record.source"
                f" WHERE record.id > :after AND state = 'pending' {CHOSEN} ORDER BY record.id LIMIT :limit",
                {**chosen._asdict(), "after": after, "limit": limit},
            )
            return [Pending(*row) for row in rows]

    def count_pending(self, chosen: Selection) -> int:
        """How many of the chosen records may be sent."""
        with store.translated(self.path):
            query = f"SELECT count(*) FROM record WHERE state = 'pending' {CHOSEN}"
            return int(self.connection.execute(query, chosen._asdict()).fetchone()[0])

    def doubtful(self, source: int | None = None) -> list[Doubtful]:
        """All records that may have been created, with a time (seconds since 1970) before which they were not sent."""
        where, values = ("AND record.source = ?", (source,)) if source is not None else ("", ())
        with store.translated(self.path):
            rows = self.connection.execute(
                "SELECT record.id, record.row, record.key, body, stamp,"
                " CAST(strftime('%s', run.started_at) AS REAL)"
                " FROM record JOIN content ON content.record = record.id JOIN source ON source.id = record.source"
                " JOIN run ON run.id = record.run"
                # two answers may have claimed a case whose row is forgotten: that is for a person
                f" WHERE record.state = 'unknown' AND body IS NOT NULL {where} ORDER BY record.id",
                values,
            )
            return [Doubtful(*row) for row in rows]

    def newest_created(self, stamp: str | None, *, age: float) -> Known | None:
        """The newest case with ``stamp`` that has existed for ``age`` seconds for sure; None if there is none."""
        row = self.connection.execute(
            "SELECT event.case_id, key, source.stamp, event.at FROM event"
            # from the newest event backwards, whatever the planner thinks
            " CROSS JOIN record ON record.id = event.record"
            " JOIN source ON source.id = record.source"
            " WHERE event.state = 'created' AND record.state = 'created' AND source.stamp IS ?"
            " AND event.at <= ? ORDER BY event.id DESC LIMIT 1",
            (stamp, time.time() - age),
        ).fetchone()
        return None if row is None else Known(*row)

    def states_of(self, key: str) -> list[State]:
        """Where the records with ``key`` stand."""
        with store.translated(self.path):
            rows = self.connection.execute("SELECT state FROM record WHERE key = ? ORDER BY id", (key,))
            return [State(state) for (state,) in rows]

    def is_forgotten(self, key: str) -> bool:
        """Whether the record in doubt that has ``key`` has no body any more that could be sent."""
        query = (
            "SELECT 1 FROM record LEFT JOIN content ON content.record = record.id"
            " WHERE key = ? AND state IN ('unknown', 'duplicate') AND body IS NULL"
        )
        return self._scalar(query, (key,)) is not None

    def has_case(self, case_id: str) -> bool:
        """Whether a record of this ledger claims this case."""
        return self.connection.execute("SELECT 1 FROM record WHERE case_id = ?", (case_id,)).fetchone() is not None

    def _scalar(self, query: str, values: tuple[object, ...] = ()) -> object:
        with store.translated(self.path):
            row = self.connection.execute(query, values).fetchone()
        return None if row is None else row[0]

    # -- moving records: called inside a transaction of the writer ---------------------------------

    def fence(self, record: int) -> Fence:
        """Note that a request for ``record`` is about to leave. Holds only once the transaction has committed."""
        try:
            moved = self.connection.execute(
                "UPDATE record SET state = 'sending', attempts = attempts + 1, run = ?,"
                " http_status = NULL, code = NULL, message = NULL WHERE id = ? AND state = 'pending'",
                (self.run, record),
            ).rowcount
        except sqlite3.IntegrityError as error:
            if str(error) != _KEY_IS_TAKEN:
                if error.sqlite_errorname == "SQLITE_CONSTRAINT_TRIGGER" and links.hold(self, record):
                    return Fence.LOST
                raise
            self._move(record, State.PENDING, TAKEN)
            return Fence.TAKEN
        return Fence.UP if moved == 1 else Fence.LOST

    def unfence(self, record: int) -> None:
        """Take the fence of ``record`` down again: nothing was sent, and it does not count as an attempt."""
        self.connection.execute(
            "UPDATE record SET state = 'pending', attempts = attempts - 1 WHERE id = ? AND state = 'sending'",
            (record,),
        )

    def abandon(self) -> int:
        """Rows whose answer nobody waits for any more are unknown; returns how many there are."""
        return self.connection.execute(
            "UPDATE record SET state = 'unknown', run = ?, code = 'interrupted',"
            " message = 'the run was stopped while this row was being sent' WHERE state = 'sending'",
            (self.run,),
        ).rowcount

    def settle(self, record: int, before: State, outcome: Outcome) -> Settled:
        """Move ``record`` from ``before`` to the outcome's state, with its evidence."""
        try:
            return Settled.DONE if self._move(record, before, outcome) else Settled.LOST
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorname != "SQLITE_CONSTRAINT_UNIQUE" or outcome.case_id is None:
                raise
            self._cross(record, before, outcome)
            return Settled.CROSSED

    def _cross(self, record: int, before: State, outcome: Outcome) -> None:
        """Two rows were given one case id: neither answer proves anything any more."""
        message = f"case {outcome.case_id} was reported for two rows"
        doubt = Outcome(State.UNKNOWN, None, outcome.http_status, "crossed", message)
        (other,) = self.connection.execute("SELECT id FROM record WHERE case_id = ?", (outcome.case_id,)).fetchone()
        self._move(other, State.CREATED, doubt)
        if before is not State.UNKNOWN:
            self._move(record, before, doubt)

    def _move(self, record: int, before: State, outcome: Outcome) -> bool:
        state, case_id, http_status, code, message = outcome
        moved = self.connection.execute(
            "UPDATE record SET state = ?, run = ?, case_id = ?, http_status = ?, code = ?, message = ?"
            " WHERE id = ? AND state = ?",
            (state, self.run, case_id, http_status, code, message, record, before),
        ).rowcount
        if moved == 1:
            links.tell_children(self, [record], before, state)
        return moved == 1

    def resolve(self, key: str, outcome: Outcome) -> list[State]:
        """Move the record in doubt that has ``key``, because a person decided; returns where it stood.

        Returns:
            The state it stood in; empty if no record with this key is unknown or a duplicate.
        """
        with store.translated(self.path), store.transaction(self.connection):
            rows = self.connection.execute(
                "SELECT id, state FROM record WHERE key = ? AND state IN ('unknown', 'duplicate')", (key,)
            ).fetchall()
            for record, state in rows:
                self._move(record, State(state), outcome)
        return [State(state) for _, state in rows]

    def note(self, record: int, *, code: str, message: str) -> None:
        """Say about a record why it was not sent in this run; it stays pending."""
        self.connection.execute(
            "UPDATE record SET code = ?, message = ? WHERE id = ? AND state = 'pending'", (code, message, record)
        )

    def reopen_shut_out(self) -> int:
        """Make pending again what this run had refused only because the whole account was shut out.

        That is what 403, 404 and 405 meant when they met every row; returns how many there were.
        """
        with store.translated(self.path), store.transaction(self.connection):
            return self.connection.execute(
                "UPDATE record SET state = 'pending', code = 'shut_out' WHERE state = 'refused' AND run = ?"
                " AND http_status IN (403, 404, 405)",
                (self.run,),
            ).rowcount

    def reopen_refused(self) -> int:
        """Make refused rows pending again, because a person asked for it; returns how many.

        Nothing else may be reopened: all other rows are either not sent yet or may be at the server.
        """
        with store.translated(self.path), store.transaction(self.connection):
            return self.connection.execute(
                "UPDATE record SET state = 'pending', run = ?, http_status = NULL, code = NULL, message = NULL"
                " WHERE state = 'refused' AND id IN (SELECT record FROM content WHERE body IS NOT NULL)",
                (self.run,),
            ).rowcount
