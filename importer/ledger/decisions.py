"""What a person decides about rows, and what a run takes back when it finds out that it was shut out."""

from __future__ import annotations

from collections.abc import Collection

from importer.ledger.ledger import Ledger
from importer.ledger.records import Outcome, Settlement
from importer.models import State


def states_of(ledger: Ledger, key: str) -> list[State]:
    """Where the records with ``key`` stand."""
    return [State(state) for (state,) in ledger.rows("SELECT state FROM record WHERE key = ? ORDER BY id", (key,))]


def is_forgotten(ledger: Ledger, key: str) -> bool:
    """Whether the unknown record that has ``key`` has no body any more that could be sent."""
    query = (
        "SELECT 1 FROM record LEFT JOIN content ON content.record = record.id"
        " WHERE key = ? AND state IN ('unknown', 'duplicate') AND body IS NULL"
    )
    return ledger.scalar(query, (key,)) is not None


def resolve(ledger: Ledger, key: str, outcome: Outcome) -> list[State]:
    """Move the record that has ``key`` and is unknown or a duplicate, because a person decided.

    Returns:
        The state it stood in; empty if there is none.
    """
    with ledger.transaction():
        rows = ledger.rows("SELECT id, state FROM record WHERE key = ? AND state IN ('unknown', 'duplicate')", (key,))
        ledger.settle([Settlement(record, State(state), outcome) for record, state in rows])
    return [State(state) for _, state in rows]


def reopen_refused(ledger: Ledger) -> int:
    """Make refused rows pending again, because a person asked for it; returns how many.

    Nothing else may be reopened: all other rows are either not sent yet or may be at the server.
    """
    with ledger.transaction() as connection:
        return connection.execute(
            "UPDATE record SET state = 'pending', run = ?, http_status = NULL, code = NULL, message = NULL"
            " WHERE state = 'refused' AND id IN (SELECT record FROM content WHERE body IS NOT NULL)",
            (ledger.run,),
        ).rowcount


def reopen_shut_out(ledger: Ledger, statuses: Collection[int]) -> int:
    """Make the rows pending again that this run had refused with one of ``statuses``; returns how many.

    They were about the account and not about the row.
    """
    with ledger.transaction() as connection:
        return connection.execute(
            "UPDATE record SET state = 'pending', code = 'shut_out' WHERE state = 'refused' AND run = ?"
            f" AND http_status IN ({', '.join('?' * len(statuses))})",
            (ledger.run, *statuses),
        ).rowcount
