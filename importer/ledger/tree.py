"""Which row is above which: every waiting child finds its parent, or it is known why not, before anything is sent.

Talkdesk has two levels: a case, and the cases below it. A child may name a row of its own file, before or behind it, or
of any file that was read into the ledger before. All of this is decided in SQL, on disk: neither the number of rows nor
the length of a chain costs memory.

Rows are looked at from the top. What is above decides what is below: a row whose link is left out is a top row, and
rows that name it hang below it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING

from importer.ledger import links
from importer.models import FieldError, shown

if TYPE_CHECKING:
    from importer.ledger.ledger import Ledger

#: Enters what is wrong with a row.
Reject = Callable[[int, FieldError], None]

#: What the resolver finds. The mapping reference lists them.
MISSING, CYCLE, DEEP = "missing_parent", "parent_cycle", "parent_too_deep"
CODES = frozenset({MISSING, CYCLE, DEEP})

_TABLES = """
    DROP TABLE IF EXISTS temp.tree; DROP TABLE IF EXISTS temp.placed; DROP TABLE IF EXISTS temp.walked;
    DROP TABLE IF EXISTS temp.problem; DROP TABLE IF EXISTS temp.policy"""
_MAKE = (
    "CREATE TEMP TABLE policy (source INTEGER PRIMARY KEY, missing TEXT, cycle TEXT, deep TEXT, field TEXT)",
    # waits: a child to be decided on; the others only show the way. child, is_case: what the row above is.
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
        SELECT max(EXISTS (SELECT 1 FROM link WHERE link.record = up.id AND link.above IS NOT NULL)),
            max(up.state = 'created')
        FROM record AS up WHERE up.key = tree.above AND up.state <> 'skipped')
    WHERE above IS NOT NULL AND child IS NULL"""
#: A row that was corrected may have got another key; its children follow it.
_FOLLOW = """UPDATE tree SET above = (
        WITH RECURSIVE heir (id) AS (
            SELECT id FROM record WHERE key = tree.above
            UNION SELECT later.record FROM heir JOIN content AS later ON later.replaces = heir.id)
        SELECT record.key FROM heir JOIN record ON record.id = heir.id WHERE record.state <> 'skipped' LIMIT 1)
    WHERE above IS NOT NULL AND child IS NULL"""

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
            SELECT link.above FROM record AS up JOIN link ON link.record = up.id
            WHERE up.key = tree.above AND up.state <> 'skipped' AND link.above IS NOT NULL), above) ELSE above END
        FROM tree WHERE NOT EXISTS (SELECT 1 FROM tree AS up WHERE up.key = tree.above)
            AND (child = 1 OR EXISTS (SELECT 1 FROM tree AS below WHERE below.above = tree.key))"""
_CYCLES = "SELECT record, key, deep, 1, NULL FROM tree WHERE record IN (SELECT record FROM walked WHERE is_cycle)"

_UNPLACED = """SELECT tree.record FROM tree WHERE tree.record > ?
    AND EXISTS (SELECT 1 FROM tree AS up WHERE up.key = tree.above)
    AND tree.record NOT IN (SELECT record FROM placed) ORDER BY tree.record LIMIT 1"""
_UP = "SELECT up.record FROM tree JOIN tree AS up ON up.key = tree.above WHERE tree.record = ?"

_PROBLEMS = tuple(
    f"""INSERT OR IGNORE INTO problem SELECT tree.record, '{code}', policy.{policy}
        FROM tree JOIN record ON record.id = tree.record JOIN policy ON policy.source = record.source
        WHERE tree.waits AND {condition}"""
    for code, policy, condition in (
        (MISSING, "missing", "tree.above IS NULL"),
        (CYCLE, "cycle", "tree.record IN (SELECT record FROM walked WHERE is_cycle)"),
        (DEEP, "deep", "tree.record IN (SELECT record FROM placed WHERE depth > 2)"),
    )
)
_DECIDE = (
    """UPDATE link SET fate = problem.code, above = CASE
            WHEN problem.code IS NULL THEN tree.above WHEN problem.policy = 'root' THEN placed.top END
        FROM tree LEFT JOIN problem ON problem.record = tree.record LEFT JOIN placed ON placed.record = tree.record
        WHERE link.record = tree.record AND tree.waits""",
    """UPDATE record SET state = 'pending', run = :run
        WHERE id IN (SELECT record FROM problem WHERE policy = 'drop') AND state = 'waiting'""",
)
_REJECTED = """SELECT problem.record, problem.code, policy.field, link.parent, up.row, up.id = problem.record
    FROM problem JOIN tree ON tree.record = problem.record JOIN record ON record.id = problem.record
    JOIN policy ON policy.source = record.source JOIN link ON link.record = problem.record
    LEFT JOIN record AS up ON up.id = (SELECT other.id FROM record AS other WHERE other.key = tree.above
        AND other.state <> 'skipped' ORDER BY other.id DESC LIMIT 1)
    WHERE problem.policy = 'reject' AND problem.record > ? ORDER BY problem.record LIMIT 500"""
_BELOW_CASES = """SELECT tree.record, up.case_id FROM tree CROSS JOIN link ON link.record = tree.record
    CROSS JOIN record AS up ON up.key = link.above AND up.state = 'created'
    WHERE tree.waits AND (tree.is_case OR tree.record IN (SELECT record FROM problem WHERE policy = 'root'))
        AND tree.record > ? ORDER BY tree.record LIMIT 500"""


def place_children(ledger: Ledger, reject: Reject) -> None:
    """Decide about every waiting child of the ledger which row is its parent. Called inside a transaction.

    A child below a case becomes pending at once; one without a parent, in a cycle, or too deep becomes what the mapping
    of its file says; all others go on waiting, now for a certain row.

    Args:
        ledger: The ledger.
        reject: Enters an error of a row.
    """
    connection = ledger.connection
    if connection.execute("SELECT 1 FROM link WHERE parent IS NOT NULL LIMIT 1").fetchone() is None:
        return
    _drop_tables(connection)
    for statement in _MAKE:
        connection.execute(statement)
    connection.execute(_ENTER, ("waiting",))
    if connection.execute("SELECT 1 FROM tree LIMIT 1").fetchone() is not None:
        connection.execute(_ENTER, ("invalid",))
        _find_places(connection)
        _decide(ledger, reject)
    _drop_tables(connection)
    ledger.has_children = links.are_there(connection)


def _drop_tables(connection: sqlite3.Connection) -> None:
    for statement in _TABLES.split(";"):  # executescript would commit
        connection.execute(statement)


def _find_places(connection: sqlite3.Connection) -> None:
    for statement in (_STANDING, _FOLLOW, _STANDING):
        connection.execute(statement)
    connection.execute("CREATE INDEX temp.tree_above ON tree (above)")
    connection.execute(_DESCEND.format(seeds=_TOPMOST))
    if _mark_cycles(connection):
        connection.execute(_DESCEND.format(seeds=_CYCLES))
    for statement in _PROBLEMS:
        connection.execute(statement)


def _mark_cycles(connection: sqlite3.Connection) -> bool:
    """What cannot be reached from the top is in a cycle, or below one; walking up from it ends in the cycle."""
    walk = start = 0
    found = False
    while row := connection.execute(_UNPLACED, (start,)).fetchone():
        (start,), walk = row, walk + 1
        here = start
        while (before := _walk_of(connection, here)) is None:
            connection.execute("INSERT INTO walked (record, walk) VALUES (?, ?)", (here, walk))
            (here,) = connection.execute(_UP, (here,)).fetchone()
        if before == walk:
            found = True
            _mark_cycle(connection, here)
    return found


def _walk_of(connection: sqlite3.Connection, record: int) -> int | None:
    row = connection.execute("SELECT walk FROM walked WHERE record = ?", (record,)).fetchone()
    return None if row is None else int(row[0])


def _mark_cycle(connection: sqlite3.Connection, first: int) -> None:
    here = first
    while True:
        connection.execute("UPDATE walked SET is_cycle = 1 WHERE record = ?", (here,))
        (here,) = connection.execute(_UP, (here,)).fetchone()
        if here == first:
            return


def _decide(ledger: Ledger, reject: Reject) -> None:
    for statement in _DECIDE:
        ledger.connection.execute(statement, {"run": ledger.run} if ":run" in statement else {})
    last = 0
    while page := ledger.connection.execute(_REJECTED, (last,)).fetchall():
        for record, code, column, text, row, is_itself in page:
            reject(record, _error(code, column, text, row, is_itself=bool(is_itself)))
        last = page[-1][0]
    last = 0
    while page := ledger.connection.execute(_BELOW_CASES, (last,)).fetchall():
        for record, case_id in page:
            links.release(ledger, record, case_id)
        last = page[-1][0]


def _error(code: str, column: str, text: str, row: int | None, *, is_itself: bool) -> FieldError:
    rule, hint = {
        MISSING: (
            "is no row of this file, nor of one that was read before",
            "correct the cell, or read the file with that row first, or map it with `missing: drop`",
        ),
        CYCLE: (
            "is this row itself" if is_itself else f"is row {row}, and the rows above that one lead back to this row",
            "correct the cell, or that of the other row, or map it with `cycle: drop`",
        ),
        DEEP: (
            f"is row {row}, which is below another row itself, and Talkdesk has two levels",
            "name a row without a row above it, or map it with `deep: root` or `deep: drop`",
        ),
    }[code]
    return FieldError(code, column, shown(text), rule, hint, "parent_id")
