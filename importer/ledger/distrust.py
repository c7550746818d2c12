"""Answers that proved wrong: which statuses they had, and the rows that were sent again because of them."""

from __future__ import annotations

from collections import Counter

from importer.ledger import store
from importer.ledger.ledger import Ledger
from importer.ledger.values import TAKEN, Outcome, Settled
from importer.models import State

#: Rows of which an answer said that they were not created, and that no look-up and no person has settled since. Only
#: those that can be looked up: what is forgotten is signed off, and without a stamp nothing could be told. Cases come
#: last, because a case that is in doubt moves the rows below it.
_CONCERNED = """
SELECT record.id, record.state, record.run FROM record
JOIN content ON content.record = record.id AND content.body IS NOT NULL
JOIN source ON source.id = record.source AND source.stamp IS NOT NULL
WHERE record.state IN ('pending', 'waiting', 'refused', 'created') AND record.id IN (
    SELECT record FROM event
    WHERE record IN (SELECT record FROM event WHERE state = 'pending' AND http_status = :status)
    GROUP BY record
    HAVING max(id) FILTER (WHERE state = 'pending' AND http_status = :status)
        > coalesce(max(id) FILTER (WHERE code IN ('found', 'not_created', 'resolved')), 0))
ORDER BY record.state = 'created', record.id
"""
_HAS_TWIN = (
    "SELECT 1 FROM record JOIN record AS other ON other.key = record.key AND other.id <> record.id"
    " WHERE record.id = ? AND other.state IN ('sending', 'created', 'unknown', 'duplicate')"
)


def distrusted(ledger: Ledger) -> frozenset[int]:
    """HTTP statuses that said "not created" about a case."""
    with store.translated(ledger.path):
        return frozenset(status for (status,) in ledger.connection.execute("SELECT status FROM distrusted"))


def distrust(ledger: Ledger, record: int, status: int) -> None:
    """Note that an answer with ``status`` was wrong about ``record``, which is unknown from here on.

    Called inside a transaction of the writer.
    """
    ledger.connection.execute("INSERT OR IGNORE INTO distrusted (status, record) VALUES (?, ?)", (status, record))
    _doubt(ledger, record, State.PENDING, status)


def doubt_again(ledger: Ledger) -> Counter[State]:
    """Make unknown what rests on answers that proved wrong.

    A row that was sent again after such an answer may have two cases, one that is still to be sent may be one already.

    Returns:
        What that changes in the counts of this run: more that are unknown, fewer that were created.
    """
    changed: Counter[State] = Counter()
    with store.translated(ledger.path), store.transaction(ledger.connection):
        for (status,) in ledger.connection.execute("SELECT status FROM distrusted").fetchall():
            concerned = ledger.connection.execute(_CONCERNED, {"status": status}).fetchall()
            for record, state, run in concerned:
                if _doubt(ledger, record, State(state), status):
                    changed[State.UNKNOWN] += 1
                    changed[State.CREATED] -= state == State.CREATED and run == ledger.run
    return changed


def _doubt(ledger: Ledger, record: int, before: State, status: int) -> bool:
    """Whether the record is unknown now; if another one answers for its key already, it is skipped."""
    if ledger.connection.execute(_HAS_TWIN, (record,)).fetchone() is not None:
        ledger.settle(record, before, TAKEN)
        return False
    message = f"HTTP {status} said that it was not created, as it said of a row that is a case"
    doubt = Outcome(State.UNKNOWN, None, status, "contradicted", message)
    return ledger.settle(record, before, doubt) is Settled.DONE
