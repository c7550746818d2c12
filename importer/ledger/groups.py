"""Many moves in one statement: what hundreds of workers want at the same moment costs a fraction of what each would.

A statement for many records is tried first. If it does not move all of them, it is undone, and they are moved one by
one: only then is it known which of them is special, and why.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import orjson

from importer.ledger import links
from importer.ledger.ledger import Ledger
from importer.ledger.values import Mark, Outcome, Settled
from importer.models import State

_MARK = (
    "UPDATE record SET state = 'sending', attempts = attempts + 1, run = ?,"
    " http_status = NULL, code = NULL, message = NULL"
    " WHERE id IN (SELECT value FROM json_each(?)) AND state = 'pending'"
)
_SETTLE = (
    "UPDATE record SET state = ?, run = ?, case_id = told.value, http_status = ?, code = ?, message = ?"
    " FROM json_each(?) AS told WHERE record.id = CAST(told.key AS INTEGER) AND record.state = ?"
)


class Settlement(NamedTuple):
    """The arguments of :meth:`importer.ledger.ledger.Ledger.settle`."""

    record: int
    before: State
    outcome: Outcome


def mark_all(ledger: Ledger, records: Sequence[int]) -> list[Mark]:
    """:meth:`Ledger.mark_sending` for many records."""
    values = (ledger.run, orjson.dumps(records).decode())
    if _moves_all(ledger, len(records), _MARK, values):
        return [Mark.DONE] * len(records)
    return [ledger.mark_sending(record) for record in records]


def settle_all(ledger: Ledger, settlements: Sequence[Settlement]) -> list[Settled]:
    """:meth:`Ledger.settle` for many records; those that differ in their cases alone are moved together."""
    alike = defaultdict[tuple[object, ...], list[int]](list)
    for at, (_, before, (state, _, *evidence)) in enumerate(settlements):
        alike[before, state, *evidence].append(at)
    settled = [Settled.DONE] * len(settlements)
    for places in alike.values():
        if not _settle_alike(ledger, [settlements[at] for at in places]):
            for at in places:
                settled[at] = ledger.settle(*settlements[at])
    return settled


def _settle_alike(ledger: Ledger, settlements: Sequence[Settlement]) -> bool:
    _, before, (state, _, http_status, code, message) = settlements[0]
    cases = {str(record): outcome.case_id for record, _, outcome in settlements}
    told = orjson.dumps(cases).decode()
    values = (state, ledger.run, http_status, code, message, told, before)
    if not _moves_all(ledger, len(settlements), _SETTLE, values):
        return False
    links.tell_children(ledger, [record for record, _, _ in settlements], before, state)
    return True


def _moves_all(ledger: Ledger, count: int, statement: str, values: tuple[object, ...]) -> bool:
    """Whether ``statement`` moved ``count`` records; if not, it moved none."""
    if count < 2:
        return False
    ledger.connection.execute("SAVEPOINT all_at_once")
    try:
        is_done = ledger.connection.execute(statement, values).rowcount == count
    except sqlite3.IntegrityError:
        is_done = False
    if not is_done:
        ledger.connection.execute("ROLLBACK TO all_at_once")
    ledger.connection.execute("RELEASE all_at_once")
    return is_done
