"""The ledger: the queue of an import on disk, the state of every row, and its history.

One process works on it at a time, through one connection (``database.py``). Sending goes through
:class:`importer.ledger.writer.LedgerWriter`, which commits many rows at once; methods that say so are called inside its
transactions. The allowed transitions, and what must never happen, stand in ``schema.sql``.
"""

from __future__ import annotations

import sqlite3
import time
from array import array
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import orjson

from importer.ledger import database, parents
from importer.ledger.open_ledger import OpenLedger
from importer.ledger.records import CreatedCase, Mark, Outcome, Pending, Selection, Settled, Settlement, UnknownRecord
from importer.models import State

_CHOSEN = (
    "(:source IS NULL OR record.source = :source) AND (:run IS NULL OR record.run = :run)"
    # What was not read to its end is dropped and read again: sent by then, it would be sent twice.
    " AND record.source IN (SELECT id FROM source WHERE staged = 1)"
)
#: Records whose last answer, in an earlier run, denied the account or only them: they must not stop each run.
SHUT_OUT = "((record.code IS 'shut_out' OR record.http_status IS 401) AND record.run <> :this_run)"
#: The triggers refuse a record whose key, or whose parent, is in the way.
_MARK = """
    UPDATE record SET state = 'sending', attempts = attempts + 1, run = :run, http_status = NULL, code = NULL,
        message = NULL
    WHERE id IN (SELECT value FROM json_each(:records)) AND state = 'pending'"""
#: One statement for many: one for each would take nearly twice the time, most of it in the triggers.
_SETTLE = """
    UPDATE record SET state = told.state, run = :run, case_id = told.case_id, http_status = told.http_status,
        code = told.code, message = told.message
    FROM (SELECT json_extract(value, '$[0]') AS record, json_extract(value, '$[1]') AS before,
            json_extract(value, '$[2]') AS state, json_extract(value, '$[3]') AS case_id,
            json_extract(value, '$[4]') AS http_status, json_extract(value, '$[5]') AS code,
            json_extract(value, '$[6]') AS message
          FROM json_each(:told)) AS told
    WHERE record.id = told.record AND record.state = told.before"""
_KEY_IS_TAKEN = """
    SELECT EXISTS (SELECT 1 FROM record AS other WHERE other.key = record.key AND other.id <> record.id
                   AND other.state IN ('sending', 'created', 'unknown', 'duplicate'))
    FROM record WHERE id = ? AND state = 'pending'"""
#: Of a row whose key another one answers for.
_KEY_UNSETTLED = Outcome(State.SKIPPED, code="key_unsettled", message="another row with this key was sent")


class Ledger(OpenLedger):
    """An open ledger with the moves of its records. Use as a context manager; see :class:`OpenLedger`."""

    def __init__(self, path: Path, *, verb: str) -> None:
        self.released: deque[int] = deque()  #: children whose parents became cases in this run
        self._has_children: bool | None = None  #: None until that is first needed
        super().__init__(path, verb=verb)

    def counts(self, source: int | None = None) -> Counter[State]:
        """Records by state, of one source or of the whole ledger."""
        query = "SELECT state, count(*) FROM record WHERE source = coalesce(?, source) GROUP BY state"
        return Counter({State(state): count for state, count in self.rows(query, (source,))})

    def count_pending(self, chosen: Selection) -> int:
        """How many of the chosen records may be sent."""
        return int(self.scalar(f"SELECT count(*) FROM record WHERE state = 'pending' AND {_CHOSEN}", asdict(chosen)))

    def pending(self, chosen: Selection, *, after: int, limit: int) -> list[Pending]:
        """The next chosen records that may be sent, in input order, behind the record ``after``."""
        return self._pending(f"record.id > :after AND {_CHOSEN}", {**asdict(chosen), "after": after}, limit)

    def next_page(self, chosen: Selection, *, after: int, limit: int, shut_out: bool = False) -> list[Pending]:
        """The next records that may be sent: first the released children that no later page has, then those behind.

        Those that were ``shut_out`` have pages of their own, behind all others. Children of a parent that became a case
        in this run are sent by this run, whichever source they are of, here unless a later page has them.
        """
        page: list[Pending] = []
        values = {**asdict(chosen), "after": after, "shut_out": shut_out}
        elsewhere = f"""record.id IN (SELECT value FROM json_each(:children)) AND (
            ({SHUT_OUT}, record.id) <= (:shut_out, :after) OR record.source <> :source OR record.run <> :run)"""
        while (room := limit - len(page)) and self.released:
            ids = [self.released.popleft() for _ in range(min(room, len(self.released)))]
            page += self._pending(elsewhere, values | {"children": orjson.dumps(ids).decode()}, room, released=True)
        behind = f"{SHUT_OUT} = :shut_out AND record.id > :after AND {_CHOSEN}"
        return page + self._pending(behind, values, room) if room else page

    def unsent_sample(self, chosen: Selection, *, most: int) -> list[Pending]:
        """Up to ``most`` of the chosen records that were never sent and carry an external id, in input order.

        They are spread over all of them at equal distances, the first and the last among them.
        """
        which = f"""record.id IN (SELECT id FROM (
                SELECT record.id AS id, (row_number() OVER (ORDER BY record.id DESC) - 1) * (:most - 1) AS place,
                    count(*) OVER () - 1 AS last
                FROM record JOIN source ON source.id = record.source
                WHERE state = 'pending' AND attempts = 0 AND external_id_field IS NOT NULL AND {_CHOSEN})
            WHERE place = 0 OR place / last > (place - :most + 1) / last)"""
        return self._pending(which, {**asdict(chosen), "most": most}, most)

    def _pending(self, which: str, values: dict[str, object], limit: int, *, released: bool = False) -> list[Pending]:
        rows = self.rows(
            f"SELECT record.id, row, key, body, payload_sha256, external_id_field, {SHUT_OUT}"
            " FROM record JOIN content ON content.record = record.id JOIN source ON source.id = record.source"
            f" WHERE record.state = 'pending' AND {which} ORDER BY record.id LIMIT :limit",
            {**values, "limit": limit, "this_run": self.run},
        )
        path, payload = self.path, database.payload
        return [
            Pending(record, row, key, payload(path, body, sha, f"row {row}"), field, released, was_shut_out=bool(last))
            for record, row, key, body, sha, field, last in rows
        ]

    def unknown(self, source: int | None = None, *, besides: int | None = None) -> array[int]:
        """All records, or those of one source or of all but one, that may have been created; forgotten ones are not.

        Only their ids, in input order: after a rebuild that may be millions.
        """
        query = (
            "SELECT record.id FROM record JOIN content ON content.record = record.id WHERE state = 'unknown'"
            " AND body IS NOT NULL AND source = coalesce(?, source) AND source IS NOT ? ORDER BY record.id"
        )
        with database.translated(self.path):
            return array("q", (record for (record,) in self.connection.execute(query, (source, besides))))

    def unknown_records(self, records: Sequence[int] | None = None) -> list[UnknownRecord]:
        """Those of these records, or of all, that may have been created, as they are searched for."""
        rows = self.rows(
            "SELECT record.id, record.row, record.key, CAST(body AS BLOB), external_id_field, 0,"
            # nobody knows when a row was sent whose ledger was made again, or that another run moved since
            " iif(record.code IN ('rebuilt', 'crossed'), 0.0, CAST(strftime('%s', run.started_at) AS REAL))"
            " FROM record JOIN content ON content.record = record.id JOIN source ON source.id = record.source"
            " JOIN run ON run.id = record.run"
            " WHERE record.id IN (SELECT value FROM json_each(?)) AND record.state = 'unknown' AND body IS NOT NULL"
            " ORDER BY record.id",
            (orjson.dumps(list(self.unknown() if records is None else records)).decode(),),
        )
        return [UnknownRecord(*row) for row in rows]

    def newest_created(self, external_id_field: str | None, *, age: float) -> CreatedCase | None:
        """The newest case with its key in this field that has existed for ``age`` seconds; None if none has."""
        row = self.connection.execute(
            "SELECT event.case_id, key, source.external_id_field, coalesce("
            # from here backwards as well, as there is no index; what a ledger that was made again found was not sent
            " CASE WHEN record.attempts > 0 THEN (SELECT sent.at FROM event AS sent WHERE sent.id < event.id"
            " AND sent.record = event.record AND sent.state = 'sending' ORDER BY sent.id DESC LIMIT 1) END, event.at)"
            " FROM event"
            # from the newest event backwards, whatever the planner thinks
            " CROSS JOIN record ON record.id = event.record"
            " JOIN source ON source.id = record.source"
            " WHERE event.state = 'created' AND record.state = 'created' AND source.external_id_field IS ?"
            # a case that a person named need not be new, nor have the key
            " AND event.at <= ? AND record.code IS NOT 'resolved' ORDER BY event.id DESC LIMIT 1",
            (external_id_field, time.time() - age),
        ).fetchone()
        return None if row is None else CreatedCase(*row)

    def has_case(self, case_id: str) -> bool:
        """Whether a record of this ledger claims this case."""
        return self.scalar("SELECT 1 FROM record WHERE case_id = ?", (case_id,)) is not None

    def mark_sending(self, records: Sequence[int]) -> list[Mark]:
        """Note that a request is about to leave for each of ``records``. Holds only once the transaction has committed.

        All are marked with one statement; if one of them may not be, they are marked one by one.
        """
        if self._move_together(_MARK, {"records": orjson.dumps(records).decode()}, records):
            return [Mark.DONE] * len(records)
        return [self._mark_alone(record) for record in records]

    def _move_together(self, statement: str, values: dict[str, object], records: Sequence[int]) -> bool:
        """Whether one statement moved all of these records; otherwise none has moved."""
        if len(set(records)) < len(records):
            return False
        self.connection.execute("SAVEPOINT together")
        try:
            moved = self.connection.execute(statement, {"run": self.run, **values}).rowcount
        except sqlite3.IntegrityError:  # a trigger or an index refuses one of them
            moved = -1
        if moved != len(records):
            self.connection.execute("ROLLBACK TO together")
        self.connection.execute("RELEASE together")
        return moved == len(records)

    def _mark_alone(self, record: int) -> Mark:
        """Mark one record, or say why not and put it where it belongs."""
        if self._move_together(_MARK, {"records": f"[{record}]"}, [record]):
            return Mark.DONE
        if self.scalar(_KEY_IS_TAKEN, (record,)):
            self._move(Settlement(record, State.PENDING, _KEY_UNSETTLED))
            return Mark.DUPLICATE_KEY
        if parents.hold(self, record):
            self.released.append(record)
        return Mark.NOT_PENDING

    def unmark(self, record: int) -> None:
        """Take the mark of ``record`` back: nothing was sent, and it does not count as an attempt."""
        query = "UPDATE record SET state = 'pending', attempts = attempts - 1 WHERE id = ? AND state = 'sending'"
        self.connection.execute(query, (record,))

    def settle(self, settlements: Sequence[Settlement]) -> list[Settled]:
        """Move records to where their outcomes say, with the evidence.

        All move with one statement; if one of them may not, such as for a case id that another record has, they move
        one by one.
        """
        if self._move_together(_SETTLE, {"told": _told(settlements)}, [each.record for each in settlements]):
            self._tell_children(settlements)
            return [Settled.DONE] * len(settlements)
        return [self._settle_alone(each) for each in settlements]

    def _settle_alone(self, settlement: Settlement) -> Settled:
        """A case id that is given to several rows is contested: no answer that gives it proves anything any more.

        Only a search, which finds a case by what is in it, or a person can still say whose case that is.
        """
        record, before, outcome = settlement.record, settlement.before, settlement.outcome
        if self.scalar("SELECT state FROM record WHERE id = ?", (record,)) != before:
            return Settled.LOST
        owner = self.scalar("SELECT id FROM record WHERE case_id = ?", (outcome.case_id,))
        is_known = self.scalar("SELECT 1 FROM contested_case_id WHERE case_id = ?", (outcome.case_id,)) is not None
        if owner is None and (not is_known or before is State.UNKNOWN):
            self._move(settlement)
            return Settled.DONE
        self.connection.execute("INSERT OR IGNORE INTO contested_case_id VALUES (?)", (outcome.case_id,))
        message = f"case {outcome.case_id} was reported for more than one row"
        unknown = Outcome(State.UNKNOWN, None, outcome.http_status, "crossed", message)
        if owner is not None:
            self._move(Settlement(owner, State.CREATED, unknown))
        if before is not State.UNKNOWN:
            self._move(Settlement(record, before, unknown))
        return Settled.CROSSED

    def _move(self, settlement: Settlement) -> None:
        if self.connection.execute(_SETTLE, {"run": self.run, "told": _told([settlement])}).rowcount == 1:
            self._tell_children([settlement])

    def _tell_children(self, moved: Sequence[Settlement]) -> None:
        """Children of records that became cases may be sent; those of records that are none any more may not."""
        if self._has_children is None:
            self._has_children = parents.are_there(self)
        if not self._has_children:
            return
        created = [each.record for each in moved if each.outcome.state is State.CREATED]
        no_more = [each.record for each in moved if each.before is State.CREATED]
        if created:
            self.released.extend(parents.release_children(self, created))
        if no_more:
            parents.hold_children(self, no_more)

    def place_children(self, reject: parents.Reject) -> None:
        """Decide which row is whose parent, see :func:`importer.ledger.parents.place_children`."""
        parents.place_children(self, reject)
        self._has_children = parents.are_there(self)

    def note(self, record: int, *, code: str, message: str) -> None:
        """Say about a record why it was not sent in this run; it stays pending."""
        query = "UPDATE record SET code = ?, message = ? WHERE id = ? AND state = 'pending'"
        self.connection.execute(query, (code, message, record))


def _told(settlements: Sequence[Settlement]) -> str:
    """JSON for the statement that settles."""
    outcomes = ((each, each.outcome) for each in settlements)
    return orjson.dumps(
        [(each.record, each.before, to.state, to.case_id, to.http_status, to.code, to.message) for each, to in outcomes]
    ).decode()
