"""Children and their parents, once it is decided which row is above which: who may be sent, and who waits for whom.

A child waits until the row above it is a case. The move that makes it one, whatever it is, puts the id of the case into
the bodies of all children in the same transaction, so nothing can come between. What the database thinks of a child
that is sent too early is said by the trigger ``parent_first``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING

import orjson

from importer.ledger import store
from importer.ledger.packing import rewrite
from importer.ledger.values import Pending, Selection
from importer.models import State
from importer.talkdesk.subcase import with_parent

if TYPE_CHECKING:
    from importer.ledger.ledger import Ledger

#: The record that answers for the key of a parent: one that is, or may be, a case; else the newest that still may be.
ANSWERING = """(SELECT up.id FROM record AS up WHERE up.key = link.above AND up.state <> 'skipped'
    ORDER BY up.state NOT IN ('created', 'sending', 'unknown', 'duplicate'), up.state = 'invalid', up.id DESC
    LIMIT 1)"""

#: Whether ``record`` is the row that ``old`` was made of: the id of a parent that was put in later is no change.
SAME_ROW = """(SELECT parent FROM link WHERE link.record = old.id)
                IS (SELECT parent FROM link WHERE link.record = record.id)
            AND (SELECT new.body IS before.body OR (
                    EXISTS (SELECT 1 FROM link WHERE link.record = old.id AND parent IS NOT NULL)
                    AND json_remove(CAST(new.body AS TEXT), '$.parent_id')
                        IS json_remove(CAST(before.body AS TEXT), '$.parent_id'))
                 FROM content AS new, content AS before WHERE new.record = record.id AND before.record = old.id)"""

#: The code of a record, and its message. What a child waits for changes without it, so that is looked up each time.
CODE = f"""CASE WHEN record.state <> 'waiting' THEN record.code ELSE coalesce(
    (SELECT 'parent_' || parent.state FROM link JOIN record AS parent ON parent.id = {ANSWERING}
     WHERE link.record = record.id), 'parent_gone') END"""
MESSAGE = f"""CASE WHEN record.state <> 'waiting' THEN record.message ELSE coalesce(
    (SELECT 'waits for row ' || parent.row || ' of ' || source.name || CASE parent.state
        WHEN 'invalid' THEN ', which does not fit: correct that one'
        WHEN 'refused' THEN ', which was refused: correct that one'
        WHEN 'unknown' THEN ', which may be a case: look it up first'
        WHEN 'duplicate' THEN ', which has several cases: a person must decide'
        ELSE ', which is not sent yet' END
     FROM link JOIN record AS parent ON parent.id = {ANSWERING} JOIN source ON source.id = parent.source
     WHERE link.record = record.id),
    'its parent will not be a case: name another one, or none') END"""


def are_there(connection: sqlite3.Connection) -> bool:
    """Whether any row of this ledger has a row above it."""
    return connection.execute("SELECT 1 FROM link WHERE above IS NOT NULL LIMIT 1").fetchone() is not None


def tell_children(ledger: Ledger, records: Sequence[int], before: State, state: State) -> None:
    """Children of ``records`` that became cases may be sent; those of records that are none any more may not.

    Args:
        ledger: The ledger, inside the transaction that moved the records.
        records: Which moved.
        before: Where all of them stood.
        state: Where all of them stand.
    """
    if ledger.has_children:
        if state is State.CREATED:
            release_children(ledger, records)
        elif before is State.CREATED:
            hold_children(ledger, records)


def release_children(ledger: Ledger, records: Sequence[int]) -> None:
    """Let the children of ``records`` go, which have just become cases."""
    found = ledger.connection.execute(
        "SELECT child.id, up.case_id FROM json_each(?) AS parent CROSS JOIN record AS up ON up.id = parent.value"
        " CROSS JOIN link ON link.above = up.key CROSS JOIN record AS child ON child.id = link.record"
        " WHERE child.state = 'waiting'",
        (orjson.dumps(records).decode(),),
    ).fetchall()
    for child, case_id in found:
        release(ledger, child, case_id)
        ledger.released.append(child)


def release(ledger: Ledger, child: int, case_id: str) -> None:
    """Make a waiting child pending, with the id of its parent in its body."""
    rewrite(ledger.connection, child, lambda body: None if body is None else with_parent(body, case_id))
    ledger.connection.execute("UPDATE record SET state = 'pending', run = ? WHERE id = ?", (ledger.run, child))


def hold_children(ledger: Ledger, records: Sequence[int]) -> None:
    """Children that were not sent yet wait again: what was said about ``records`` proves nothing any more."""
    ledger.connection.execute(
        "UPDATE record SET state = 'waiting' WHERE state = 'pending' AND id IN"
        " (SELECT link.record FROM record AS up JOIN link ON link.above = up.key"
        " WHERE up.id IN (SELECT value FROM json_each(?)))",
        (orjson.dumps(records).decode(),),
    )


def hold(ledger: Ledger, child: int) -> bool:
    """A child that would have been sent too early, or below a case that is not its parent, waits (again).

    It came back to pending in another way than by :func:`release`: from doubt, or because a person had it sent again.

    Returns:
        Whether it was such a child.
    """
    moved = ledger.connection.execute(
        "UPDATE record SET state = 'waiting' WHERE id = ? AND state = 'pending'"
        " AND EXISTS (SELECT 1 FROM link WHERE link.record = record.id AND above IS NOT NULL)",
        (child,),
    ).rowcount
    parent = ledger.connection.execute(
        "SELECT up.case_id FROM link JOIN record AS up ON up.key = link.above AND up.state = 'created'"
        " WHERE link.record = ?",
        (child,),
    ).fetchone()
    if moved and parent is not None:
        release(ledger, child, *parent)
        ledger.released.append(child)
    return moved == 1


def next_page(ledger: Ledger, chosen: Selection, *, after: int, limit: int) -> list[Pending]:
    """The next records that may be sent: first the released children that no later page will have, then those behind.

    Children of a parent that became a case in this run are sent by this run, whichever source they are of. Those
    behind ``after`` that are chosen come with a page of their own, so they are not given out here.
    """
    page: list[Pending] = []
    while ledger.released and len(page) < limit:
        ids = [ledger.released.popleft() for _ in range(min(limit - len(page), len(ledger.released)))]
        page += _still_pending(ledger, ids, chosen, after=after)
    return page + ledger.pending(chosen, after=after, limit=limit - len(page)) if len(page) < limit else page


def _still_pending(ledger: Ledger, ids: list[int], chosen: Selection, *, after: int) -> list[Pending]:
    marks = ", ".join("?" for _ in ids)
    with store.translated(ledger.path):
        rows = ledger.connection.execute(
            "SELECT record.id, row, key, body, stamp, 1, http_status"
            " FROM record JOIN content ON content.record = record.id"
            f" JOIN source ON source.id = record.source WHERE record.id IN ({marks}) AND record.state = 'pending'"
            " AND (record.id <= ? OR record.source <> ? OR record.run <> ?) ORDER BY record.id",
            (*ids, after, *chosen),
        )
        return [Pending(*row) for row in rows]
