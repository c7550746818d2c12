"""Additions: notes that follow a case by updates, because one call has no room for them.

They are kept as durably as records, and move by rules of their own (``schema.sql``): only to the case that their row
was created as, strictly one after another. What moves them while a run sends is called inside a transaction of the
writer.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import orjson

from importer.ledger import store
from importer.ledger.ledger import Ledger
from importer.models import AdditionState


class Addition(NamedTuple):
    """The next thing that a case is to get.

    Attributes:
        record: Whose notes they are.
        part: Which update of this case, from 1.
        case_id: The case.
        state: ``pending``, or ``unknown`` if the case may have these notes.
        body: The JSON of the update.
    """

    record: int
    part: int
    case_id: str
    state: AdditionState
    body: bytes


class Notes(NamedTuple):
    """Bodies that tell which notes a case must have for sure, and which it may have beside them."""

    surely: list[bytes]
    perhaps: list[bytes]


class Taken(NamedTuple):
    """Where an addition goes after an attempt, a look-up or a decision, and on what evidence.

    See :class:`importer.ledger.values.Outcome`.
    """

    state: AdditionState
    http_status: int | None = None
    code: str | None = None
    message: str | None = None


def enter_additions(connection: sqlite3.Connection, record: int, bodies: Sequence[bytes]) -> None:
    """Enter what is to follow the case of ``record``; inside a transaction."""
    connection.executemany(
        "INSERT INTO addition (record, part, notes, body) VALUES (?, ?, ?, ?)",
        ((record, part, len(orjson.loads(body)["notes"]), body) for part, body in enumerate(bodies, 1)),
    )


def replace_additions(ledger: Ledger, record: int, bodies: Sequence[bytes]) -> None:
    """Enter what is to follow the case of a record that was mapped anew; inside a transaction."""
    ledger.connection.execute("DELETE FROM addition WHERE record = ?", (record,))
    enter_additions(ledger.connection, record, bodies)


# -- what is to be done ----------------------------------------------------------------------------

#: A case waits for an addition: the first that is not there is neither refused nor being sent.
_WAITING = (
    " FROM addition JOIN record ON record.id = addition.record"
    " JOIN source ON source.id = record.source AND source.staged = 1"
    " WHERE addition.state IN ({states}) AND record.state = 'created'"
    " AND (:source IS NULL OR record.source = :source OR record.run = :run)"  # a child may be of another source
    " AND NOT EXISTS ("
    "SELECT 1 FROM addition AS other WHERE other.record = addition.record AND other.state = 'refused')"
)
_ALL, _IN_DOUBT = "'pending', 'unknown'", "'unknown'"


def waiting_cases(ledger: Ledger, source: int | None, *, after: int, limit: int, only_doubts: bool) -> list[int]:
    """Records behind ``after`` whose case waits for notes; ``only_doubts``: may have got them already."""
    query = _WAITING.format(states=_IN_DOUBT if only_doubts else _ALL)
    rows = ledger.connection.execute(
        f"SELECT DISTINCT addition.record{query} AND addition.record > :after ORDER BY addition.record LIMIT :limit",
        {"source": source, "run": ledger.run, "after": after, "limit": limit},
    )
    return [record for (record,) in rows]


def count_waiting(ledger: Ledger, source: int | None, *, only_doubts: bool) -> int:
    """How many additions may be sent, or looked up."""
    query = _WAITING.format(states=_IN_DOUBT if only_doubts else _ALL)
    with store.translated(ledger.path):
        return int(
            ledger.connection.execute(f"SELECT count(*){query}", {"source": source, "run": ledger.run}).fetchone()[0]
        )


def next_addition(ledger: Ledger, record: int) -> Addition | None:
    """The first addition of ``record`` that its case does not have for sure; None if it must not be touched."""
    row = ledger.connection.execute(
        "SELECT record, part, case_id, addition.state, body FROM addition JOIN record ON record.id = addition.record"
        " WHERE addition.record = ? AND addition.state NOT IN ('done', 'dropped') AND record.state = 'created'"
        " ORDER BY part LIMIT 1",
        (record,),
    ).fetchone()
    if row is None or row[3] not in ("pending", "unknown"):
        return None
    return Addition(row[0], row[1], row[2], AdditionState(row[3]), row[4])


def notes_before(ledger: Ledger, addition: Addition) -> Notes:
    """What the case of ``addition`` got before it."""
    rows = ledger.connection.execute(
        "SELECT 'done' AS state, body FROM content WHERE record = :record"
        " UNION ALL SELECT state, body FROM addition WHERE record = :record AND part < :part",
        {"record": addition.record, "part": addition.part},
    ).fetchall()
    return Notes([body for state, body in rows if state == "done"], [body for state, body in rows if state != "done"])


# -- moving additions: called inside a transaction of the writer ------------------------------------


def fence_addition(ledger: Ledger, addition: Addition) -> bool:
    """Note that an update is about to leave; False if it must not. Holds only once the transaction has committed."""
    try:
        moved = ledger.connection.execute(
            "UPDATE addition SET state = 'sending', attempts = attempts + 1, run = ?,"
            " http_status = NULL, code = NULL, message = NULL WHERE record = ? AND part = ? AND state = 'pending'",
            (ledger.run, addition.record, addition.part),
        ).rowcount
    except sqlite3.IntegrityError:  # addition_waits: its row was called in doubt meanwhile
        return False
    return moved == 1


def unfence_addition(ledger: Ledger, addition: Addition) -> None:
    """Take the fence down again: nothing was sent, and it does not count as an attempt."""
    ledger.connection.execute(
        "UPDATE addition SET state = 'pending', attempts = attempts - 1"
        " WHERE record = ? AND part = ? AND state = 'sending'",
        (addition.record, addition.part),
    )


def settle_addition(ledger: Ledger, addition: Addition, before: AdditionState, taken: Taken) -> bool:
    """Move an addition from ``before``, with the evidence; False if it did not stand there."""
    state, http_status, code, message = taken
    moved = ledger.connection.execute(
        "UPDATE addition SET state = ?, run = ?, http_status = ?, code = ?, message = ?"
        " WHERE record = ? AND part = ? AND state = ?",
        (state, ledger.run, http_status, code, message, addition.record, addition.part, before),
    ).rowcount
    return moved == 1


def abandon_additions(ledger: Ledger) -> int:
    """Additions whose answer nobody waits for any more are unknown; returns how many there are."""
    return ledger.connection.execute(
        "UPDATE addition SET state = 'unknown', run = ?, code = 'interrupted',"
        " message = 'the run was stopped while these notes were being sent' WHERE state = 'sending'",
        (ledger.run,),
    ).rowcount


# -- decisions -------------------------------------------------------------------------------------


def reopen_refused_additions(ledger: Ledger, *, run: int | None = None, statuses: Sequence[int] = ()) -> int:
    """Make refused additions pending again, because a person asked for it, or because they were only shut out.

    Args:
        ledger: The ledger.
        run: Only those that this run had refused.
        statuses: Only those refused with one of these.
    """
    narrowed = f" AND http_status IN ({', '.join('?' * len(statuses))})" if statuses else ""
    with store.translated(ledger.path), store.transaction(ledger.connection):
        return ledger.connection.execute(
            "UPDATE addition SET state = 'pending', run = ?, http_status = NULL, code = NULL, message = NULL"
            f" WHERE state = 'refused' AND run = coalesce(?, run){narrowed}",
            (ledger.run, run, *statuses),
        ).rowcount


def stuck_states(ledger: Ledger, key: str) -> Iterator[AdditionState]:
    """Where the additions of the row with ``key`` stand that a person may decide about; at most one does."""
    with store.translated(ledger.path):
        rows = ledger.connection.execute(
            "SELECT addition.state FROM addition JOIN record ON record.id = addition.record"
            " WHERE key = ? AND record.state = 'created' AND addition.state IN ('unknown', 'refused')",
            (key,),
        ).fetchall()
    return (AdditionState(state) for (state,) in rows)


def resolve_addition(ledger: Ledger, key: str, before: AdditionState, taken: Taken) -> None:
    """Move the addition in doubt, or refused, of the row with ``key``, because a person decided."""
    with store.translated(ledger.path), store.transaction(ledger.connection):
        ledger.connection.execute(
            "UPDATE addition SET state = ?, run = ?, code = ?, message = ? WHERE state = ? AND record ="
            " (SELECT id FROM record WHERE key = ? AND state = 'created')",
            (taken.state, ledger.run, taken.code, taken.message, before, key),
        )
