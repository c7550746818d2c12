"""Parents and children: which row is whose parent, and who may be sent once its parent is a case.

Talkdesk has two levels: a case, and the cases below it. A child may name a row of its own file, before or behind it, or
of any file that was read into the ledger before. All of this is decided in SQL, on disk: neither the number of rows nor
the length of a chain costs memory. Rows are looked at from the top: a row whose link is dropped is a top row, and rows
that name it hang below it.

Once that is decided, a child waits until its parent is a case. The move that makes it one, whatever it is, puts the id
of the case into the bodies of all children in the same transaction, so nothing can come between. A child that would be
sent too early is refused by the trigger ``parent_first``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import Any

import orjson

from importer.models import FieldError, shown

#: Enters what is wrong with a row.
Reject = Callable[[int, FieldError], None]

#: What is found. The mapping reference lists them.
MISSING, CYCLE, DEEP = "missing_parent", "parent_cycle", "parent_too_deep"
CODES = frozenset({MISSING, CYCLE, DEEP})

# -- what is said about children ------------------------------------------------------------------------

#: The record that answers for the key of a parent: one that is, or may be, a case; else the newest that still may be.
_PARENT = """record AS parent ON parent.id = (SELECT up.id FROM record AS up
    WHERE up.key = link.parent_key AND up.state <> 'skipped'
    ORDER BY up.state NOT IN ('created', 'sending', 'unknown', 'duplicate'), up.state = 'invalid', up.id DESC
    LIMIT 1)"""

#: Whether ``record`` is the row that ``old`` was made of: the id of a parent that was put in later is no change.
SAME_ROW = """(SELECT parent FROM link WHERE link.record = old.id)
                IS (SELECT parent FROM link WHERE link.record = record.id)
            AND (SELECT new.body IS before.body OR (
                    EXISTS (SELECT 1 FROM link WHERE link.record = old.id AND parent IS NOT NULL)
                    AND json_remove(new.body, '$.parent_id') IS json_remove(before.body, '$.parent_id'))
                 FROM content AS new, content AS before WHERE new.record = record.id AND before.record = old.id)"""

#: The code of a record, and its message. What a child waits for changes without it, so that is looked up each time.
CODE = f"""CASE WHEN record.state <> 'waiting' THEN record.code ELSE coalesce(
    (SELECT 'parent_' || parent.state FROM link JOIN {_PARENT} WHERE link.record = record.id), 'parent_dropped') END"""
MESSAGE = f"""CASE WHEN record.state <> 'waiting' THEN record.message ELSE coalesce(
    (SELECT 'waits for row ' || parent.row || ' of ' || source.name || CASE parent.state
        WHEN 'invalid' THEN ', which is invalid: fix that row first'
        WHEN 'refused' THEN ', which was refused: fix that row first'
        WHEN 'unknown' THEN ', whose outcome is unknown: run reconcile first'
        WHEN 'duplicate' THEN ', which has several cases: run resolve first'
        ELSE ', which is not sent yet' END
     FROM link JOIN {_PARENT} JOIN source ON source.id = parent.source WHERE link.record = record.id),
    'its parent was dropped; set another parent, or none') END"""


def are_there(connection: sqlite3.Connection) -> bool:
    """Whether any row of this ledger has a parent."""
    return connection.execute("SELECT 1 FROM link WHERE parent_key IS NOT NULL LIMIT 1").fetchone() is not None


# -- sending: who is released, and who waits again; inside the transaction that moved the parents --------


def release_children(connection: sqlite3.Connection, run: int, parents: Sequence[int]) -> list[int]:
    """Let the children of records go that have just become cases; returns the children."""
    found = connection.execute(
        "SELECT child.id, parent.case_id FROM json_each(?) AS given"
        " CROSS JOIN record AS parent ON parent.id = given.value CROSS JOIN link ON link.parent_key = parent.key"
        " CROSS JOIN record AS child ON child.id = link.record"
        " WHERE child.state = 'waiting'",
        (orjson.dumps(parents).decode(),),
    ).fetchall()
    for child, case_id in found:
        release(connection, run, child, case_id)
    return [child for child, _ in found]


def release(connection: sqlite3.Connection, run: int, child: int, case_id: str) -> None:
    """Make a waiting child pending, with the id of its parent in its body."""
    (body,) = connection.execute("SELECT body FROM content WHERE record = ?", (child,)).fetchone()
    if body is not None:
        changed = with_parent(body.encode(), case_id)
        connection.execute(
            "UPDATE content SET body = ?, payload_sha256 = ? WHERE record = ?",
            (changed.decode(), sha256(changed).hexdigest(), child),
        )
    connection.execute("UPDATE record SET state = 'pending', run = ? WHERE id = ?", (run, child))


def with_parent(body: bytes, case_id: str) -> bytes:
    """A body that makes its case a child of ``case_id``; its fields stay in their order."""
    case = orjson.loads(body)
    case.pop("parent_id", None)
    before = {name: case.pop(name) for name in ("title", "description") if name in case}
    return orjson.dumps({**before, "parent_id": case_id, **case})


def hold_children(connection: sqlite3.Connection, parents: Sequence[int]) -> None:
    """Children that were not sent yet wait again: what was said about their parents proves nothing any more."""
    connection.execute(
        "UPDATE record SET state = 'waiting' WHERE state = 'pending' AND id IN"
        " (SELECT link.record FROM record AS parent JOIN link ON link.parent_key = parent.key"
        " WHERE parent.id IN (SELECT value FROM json_each(?)))",
        (orjson.dumps(parents).decode(),),
    )


def hold(connection: sqlite3.Connection, run: int, child: int) -> bool | None:
    """A child that would have been sent too early, or below a case that is not its parent, waits (again).

    It came back to pending in another way than by :func:`release`: from an unknown outcome, or because a person had it
    sent again.

    Returns:
        Whether it may go at once, since its parent is a case; None if it was no such child.
    """
    moved = connection.execute(
        "UPDATE record SET state = 'waiting' WHERE id = ? AND state = 'pending'"
        " AND EXISTS (SELECT 1 FROM link WHERE link.record = record.id AND parent_key IS NOT NULL)",
        (child,),
    ).rowcount
    if moved != 1:
        return None
    parent = connection.execute(
        "SELECT parent.case_id FROM link JOIN record AS parent ON parent.key = link.parent_key"
        " AND parent.state = 'created' WHERE link.record = ?",
        (child,),
    ).fetchone()
    if parent is not None:
        release(connection, run, child, parent[0])
    return parent is not None


# -- staging: who is whose parent ------------------------------------------------------------------------

_DROP = tuple(f"DROP TABLE IF EXISTS temp.{table}" for table in ("tree", "placed", "walked", "problem", "policy"))
_MAKE = (
    "CREATE TEMP TABLE policy (source INTEGER PRIMARY KEY, missing TEXT, cycle TEXT, deep TEXT, field TEXT)",
    # waits: a child to be decided on; the others only show the way. child, is_case: what the parent is.
    """CREATE TEMP TABLE tree (record INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, waits INTEGER NOT NULL,
        deep TEXT NOT NULL, above TEXT, child INTEGER, is_case INTEGER)""",
    "CREATE TEMP TABLE placed (record INTEGER PRIMARY KEY, depth INTEGER NOT NULL, top TEXT)",
    "CREATE TEMP TABLE walked (record INTEGER PRIMARY KEY, walk INTEGER NOT NULL, is_cycle INTEGER NOT NULL DEFAULT 0)",
    "CREATE TEMP TABLE problem (record INTEGER PRIMARY KEY, code TEXT NOT NULL, policy TEXT NOT NULL)",
    """INSERT INTO policy SELECT id, json_extract(links, '$.missing'), json_extract(links, '$.cycle'),
        json_extract(links, '$.deep'), json_extract(links, '$.column') FROM source WHERE links IS NOT NULL""",
)

#: The key of the row that a child names; of several with one name, the first that is not skipped.
_NAMED = """CASE WHEN link.name IS NULL THEN (SELECT up.key FROM record AS up WHERE up.key = link.parent LIMIT 1)
    ELSE (SELECT up.key FROM link AS named CROSS JOIN record AS up ON up.id = named.record
          WHERE named.name = link.parent ORDER BY up.state = 'skipped', up.id LIMIT 1) END"""
_ENTER = f"""INSERT OR IGNORE INTO tree (record, key, waits, deep, above)
    SELECT record.id, record.key, record.state = 'waiting', policy.deep, {_NAMED}
    FROM link CROSS JOIN record ON record.id = link.record CROSS JOIN policy ON policy.source = record.source
    WHERE link.parent IS NOT NULL AND record.state = ? AND record.key <> ''"""
#: NULL if nothing answers for the key any more.
_STANDING = """UPDATE tree SET (child, is_case) = (
        SELECT max(EXISTS (SELECT 1 FROM link WHERE link.record = up.id AND link.parent_key IS NOT NULL)),
            max(up.state = 'created')
        FROM record AS up WHERE up.key = tree.above AND up.state <> 'skipped')
    WHERE above IS NOT NULL AND child IS NULL"""
#: A row that was corrected may have got another key; its children follow it.
_FOLLOW = """UPDATE tree SET above = (
        WITH RECURSIVE successor (id) AS (
            SELECT id FROM record WHERE key = tree.above
            UNION SELECT later.id FROM successor JOIN record AS later ON later.replaces = successor.id)
        SELECT record.key FROM successor JOIN record ON record.id = successor.id
        WHERE record.state <> 'skipped' LIMIT 1)
    WHERE above IS NOT NULL AND child IS NULL"""

_INDEX = "CREATE INDEX temp.tree_above ON tree (above)"
#: What the row ``down`` is to the rows below it: a top row, or a child; one too deep is neither, unless that is mended.
_LEVEL = """CASE WHEN down.depth <= 2 THEN down.depth WHEN down.deep = 'drop' THEN 1 WHEN down.deep = 'root' THEN 2
    ELSE down.depth END"""
_TOP = "CASE WHEN down.depth = 1 OR (down.depth > 2 AND down.deep = 'drop') THEN down.key ELSE down.top END"
_DESCEND = f"""INSERT INTO placed (record, depth, top)
    WITH RECURSIVE down (record, key, deep, depth, top) AS (
        {{seeds}}
        UNION ALL
        SELECT tree.record, tree.key, tree.deep, 1 + {_LEVEL}, {_TOP} FROM down CROSS JOIN tree ON tree.above = down.key
        WHERE tree.record NOT IN (SELECT record FROM walked WHERE is_cycle))
    SELECT record, depth, top FROM down"""
#: Rows that are below rows which are not in the tree. Those that nothing hangs below, and whose parent is a top row,
#: are as they should be, and nothing is noted about them.
_TOPMOST = """SELECT record, key, deep, CASE WHEN above IS NULL THEN 1 ELSE 2 + child END,
        CASE WHEN child THEN coalesce((
            SELECT link.parent_key FROM record AS up JOIN link ON link.record = up.id
            WHERE up.key = tree.above AND up.state <> 'skipped' AND link.parent_key IS NOT NULL), above) ELSE above END
        FROM tree WHERE NOT EXISTS (SELECT 1 FROM tree AS up WHERE up.key = tree.above)
            AND (child = 1 OR EXISTS (SELECT 1 FROM tree AS below WHERE below.above = tree.key))"""
_CYCLES = "SELECT record, key, deep, 1, NULL FROM tree WHERE record IN (SELECT record FROM walked WHERE is_cycle)"

_UNPLACED = """SELECT tree.record FROM tree WHERE tree.record > ?
    AND EXISTS (SELECT 1 FROM tree AS up WHERE up.key = tree.above)
    AND tree.record NOT IN (SELECT record FROM placed) ORDER BY tree.record LIMIT 1"""
_UP = "SELECT up.record FROM tree JOIN tree AS up ON up.key = tree.above WHERE tree.record = ?"
_MARK_CYCLE = "UPDATE walked SET is_cycle = 1 WHERE record = ? AND walk = ? AND NOT is_cycle"

_PROBLEM = """INSERT OR IGNORE INTO problem SELECT tree.record, '{code}', policy.{policy}
    FROM tree JOIN record ON record.id = tree.record JOIN policy ON policy.source = record.source
    WHERE tree.waits AND {condition}"""
_PROBLEMS = (
    _PROBLEM.format(code=MISSING, policy="missing", condition="tree.above IS NULL"),
    _PROBLEM.format(code=CYCLE, policy="cycle", condition="tree.record IN (SELECT record FROM walked WHERE is_cycle)"),
    _PROBLEM.format(code=DEEP, policy="deep", condition="tree.record IN (SELECT record FROM placed WHERE depth > 2)"),
)
_DECIDE = """UPDATE link SET problem = problem.code, parent_key = CASE
        WHEN problem.code IS NULL THEN tree.above WHEN problem.policy = 'root' THEN placed.top END
    FROM tree LEFT JOIN problem ON problem.record = tree.record LEFT JOIN placed ON placed.record = tree.record
    WHERE link.record = tree.record AND tree.waits"""
_SEND_DROPPED = """UPDATE record SET state = 'pending', run = ?
    WHERE id IN (SELECT record FROM problem WHERE policy = 'drop') AND state = 'waiting'"""
_REJECTED = """SELECT problem.record, problem.code, policy.field, link.parent, up.row, up.id = problem.record
    FROM problem JOIN tree ON tree.record = problem.record JOIN record ON record.id = problem.record
    JOIN policy ON policy.source = record.source JOIN link ON link.record = problem.record
    LEFT JOIN record AS up ON up.id = (SELECT other.id FROM record AS other WHERE other.key = tree.above
        AND other.state <> 'skipped' ORDER BY other.id DESC LIMIT 1)
    WHERE problem.policy = 'reject' AND problem.record > ? ORDER BY problem.record LIMIT 500"""
_BELOW_CASES = """SELECT tree.record, up.case_id FROM tree CROSS JOIN link ON link.record = tree.record
    CROSS JOIN record AS up ON up.key = link.parent_key AND up.state = 'created'
    WHERE tree.waits AND (tree.is_case OR tree.record IN (SELECT record FROM problem WHERE policy = 'root'))
        AND tree.record > ? ORDER BY tree.record LIMIT 500"""


def place_children(connection: sqlite3.Connection, run: int, reject: Reject) -> None:
    """Decide about every waiting child of the ledger which row is its parent. Called inside a transaction.

    A child below a case becomes pending at once; one without a parent, in a cycle, or too deep becomes what the mapping
    of its file says (``reject`` enters its error); all others go on waiting, now for a certain row.
    """
    if connection.execute("SELECT 1 FROM link WHERE parent IS NOT NULL LIMIT 1").fetchone() is None:
        return
    for statement in (*_DROP, *_MAKE):
        connection.execute(statement)
    connection.execute(_ENTER, ("waiting",))
    if connection.execute("SELECT 1 FROM tree LIMIT 1").fetchone() is not None:
        connection.execute(_ENTER, ("invalid",))
        for statement in (_STANDING, _FOLLOW, _STANDING, _INDEX, _DESCEND.format(seeds=_TOPMOST)):
            connection.execute(statement)
        if _mark_cycles(connection):
            connection.execute(_DESCEND.format(seeds=_CYCLES))
        for statement in (*_PROBLEMS, _DECIDE):
            connection.execute(statement)
        connection.execute(_SEND_DROPPED, (run,))
        for record, code, column, text, row, is_itself in _in_pages(connection, _REJECTED):
            reject(record, _error(code, column, text, row, is_itself=bool(is_itself)))
        for record, case_id in _in_pages(connection, _BELOW_CASES):
            release(connection, run, record, case_id)
    for statement in _DROP:
        connection.execute(statement)


def _mark_cycles(connection: sqlite3.Connection) -> bool:
    """What cannot be reached from the top is in a cycle, or below one; walking up from it ends in the cycle."""
    start, found = 0, False
    while row := connection.execute(_UNPLACED, (start,)).fetchone():
        start = here = row[0]
        while connection.execute("INSERT OR IGNORE INTO walked (record, walk) VALUES (?, ?)", (here, start)).rowcount:
            (here,) = connection.execute(_UP, (here,)).fetchone()
        while connection.execute(_MARK_CYCLE, (here, start)).rowcount:  # none if an earlier walk was here
            found = True
            (here,) = connection.execute(_UP, (here,)).fetchone()
    return found


def _in_pages(connection: sqlite3.Connection, query: str) -> Iterator[Any]:
    """The rows of a query that begins behind a record, while these records are changed."""
    last = 0
    while page := connection.execute(query, (last,)).fetchall():
        yield from page
        last = page[-1][0]


def _error(code: str, column: str, text: str, row: int | None, *, is_itself: bool) -> FieldError:
    if code == MISSING:
        rule = "is not the key of a row in this file or an earlier one"
        hint = "fix the cell, import the file with that row first, or set `missing: drop`"
    elif code == CYCLE:
        rule = "refers to its own row" if is_itself else f"refers to row {row}, whose parents lead back to this row"
        hint = "fix the parent of one of these rows, or set `cycle: drop`"
    else:
        rule = f"refers to row {row}, which has a parent itself (Talkdesk allows two levels)"
        hint = "choose a row without a parent, or set `deep: root` or `deep: drop`"
    return FieldError(code, column, shown(text), rule, hint, "parent_id")
