"""Case updates: what is sent to a case after it was created: notes for which one request has no room, then fields.

They are kept as durably as records, and move by rules of their own (``schema.sql``): only to the case that their row
was created as, strictly one after another. What moves them while a run sends is called inside a transaction of the
writer.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from hashlib import sha256

from importer.ledger import database
from importer.ledger.ledger import Ledger
from importer.ledger.records import CaseUpdate, SentBefore, UpdateOutcome
from importer.models import CaseUpdateState, UpdateBody


def enter_case_updates(connection: sqlite3.Connection, updates: Iterable[tuple[int, Sequence[UpdateBody]]]) -> None:
    """Enter what the cases of records are to get after their creation, in order; in a transaction."""
    connection.executemany(
        "INSERT INTO case_update (record, position, kind, items, body, payload_sha256) VALUES (?, ?, ?, ?, ?, ?)",
        (
            (record, position, each.kind, each.items, each.body.decode(), sha256(each.body).hexdigest())
            for record, bodies in updates
            for position, each in enumerate(bodies, 1)
        ),
    )


def replace_case_updates(connection: sqlite3.Connection, record: int, bodies: Sequence[UpdateBody]) -> None:
    """Enter what the case of a record that was mapped anew is to get; in a transaction."""
    connection.execute("DELETE FROM case_update WHERE record = ?", (record,))
    enter_case_updates(connection, [(record, bodies)])


#: Whether a row of a source was skipped because ``record``, of an earlier one, is its case.
ANSWERS = """EXISTS (SELECT 1 FROM record AS again WHERE again.key = record.key AND again.source = :source
    AND again.state = 'skipped' AND again.code LIKE 'already_created%')"""
#: A case waits for an update: the first that is not there is neither refused nor being sent.
_WAITING = f""" FROM case_update JOIN record ON record.id = case_update.record
    JOIN source ON source.id = record.source AND source.staged = 1
    WHERE case_update.state IN ('unknown', CASE WHEN :only_unknown THEN 'unknown' ELSE 'pending' END)
    AND record.state = 'created'
    AND (:source IS NULL OR record.source = :source
        OR record.run = :run -- a child may be of another source
        OR {ANSWERS})
    AND NOT EXISTS (
        SELECT 1 FROM case_update AS other WHERE other.record = case_update.record AND other.state = 'refused')"""


def waiting_cases(ledger: Ledger, source: int | None, *, after: int, limit: int, only_unknown: bool) -> list[int]:
    """Records behind ``after`` whose case waits for an update; ``only_unknown``: for one that it may have already."""
    rows = ledger.rows(
        f"SELECT DISTINCT case_update.record{_WAITING} AND case_update.record > :after"
        " ORDER BY case_update.record LIMIT :limit",
        {"source": source, "run": ledger.run, "only_unknown": only_unknown, "after": after, "limit": limit},
    )
    return [record for (record,) in rows]


def count_waiting(ledger: Ledger, source: int | None, *, only_unknown: bool) -> int:
    """How many updates may be sent, or settled by reading the case."""
    values = {"source": source, "run": ledger.run, "only_unknown": only_unknown}
    return int(ledger.scalar(f"SELECT count(*){_WAITING}", values))


def next_case_update(ledger: Ledger, record: int) -> CaseUpdate | None:
    """The first update of ``record`` that its case does not have for sure; None if it must not be touched."""
    rows = ledger.rows(
        "SELECT position, kind, case_id, case_update.state, body, payload_sha256"
        " FROM case_update JOIN record ON record.id = case_update.record"
        " WHERE case_update.record = ? AND case_update.state NOT IN ('done', 'dropped') AND record.state = 'created'"
        " ORDER BY position LIMIT 1",
        (record,),
    )
    for position, kind, case_id, state, body, digest in rows:
        if state in (CaseUpdateState.PENDING, CaseUpdateState.UNKNOWN):
            payload = database.payload(ledger.path, body, digest, f"case {case_id}")
            return CaseUpdate(record, position, kind, case_id, CaseUpdateState(state), payload)
    return None


def sent_before(ledger: Ledger, update: CaseUpdate) -> SentBefore:
    """What the case of ``update`` got before it."""
    rows = ledger.rows(
        "SELECT 'done' AS state, body FROM content WHERE record = :record UNION ALL"
        " SELECT state, body FROM case_update WHERE record = :record AND position < :position",
        {"record": update.record, "position": update.position},
    )
    surely = tuple(body.encode() for state, body in rows if state == "done")
    return SentBefore(surely, perhaps=tuple(body.encode() for state, body in rows if state != "done"))


# -- sending: called inside a transaction of the writer -------------------------------------------------


def mark_update_sending(ledger: Ledger, update: CaseUpdate) -> bool:
    """Note that an update is about to leave; False if it must not. Holds only once the transaction has committed."""
    try:
        moved = ledger.connection.execute(
            "UPDATE case_update SET state = 'sending', attempts = attempts + 1, run = ?,"
            " http_status = NULL, code = NULL, message = NULL WHERE record = ? AND position = ? AND state = 'pending'",
            (ledger.run, update.record, update.position),
        ).rowcount
    except sqlite3.IntegrityError:  # case_update_waits: its row is unknown meanwhile
        return False
    return moved == 1


def unmark_update(ledger: Ledger, update: CaseUpdate) -> None:
    """Take the mark back: nothing was sent, and it does not count as an attempt."""
    ledger.connection.execute(
        "UPDATE case_update SET state = 'pending', attempts = attempts - 1"
        " WHERE record = ? AND position = ? AND state = 'sending'",
        (update.record, update.position),
    )


def settle_update(ledger: Ledger, update: CaseUpdate, before: CaseUpdateState, outcome: UpdateOutcome) -> bool:
    """Move an update from ``before``, with the evidence; False if it did not stand there."""
    evidence = (outcome.http_status, outcome.code, outcome.message)
    moved = ledger.connection.execute(
        "UPDATE case_update SET state = ?, run = ?, http_status = ?, code = ?, message = ?"
        " WHERE record = ? AND position = ? AND state = ?",
        (outcome.state, ledger.run, *evidence, update.record, update.position, before),
    ).rowcount
    return moved == 1
