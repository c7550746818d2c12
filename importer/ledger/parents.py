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

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

from importer.ledger import database
from importer.ledger.json_columns import to_json
from importer.models import FieldError
from importer.text.safe import shown

if TYPE_CHECKING:
    from importer.ledger.open_ledger import OpenLedger

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


def are_there(ledger: OpenLedger) -> bool:
    """Whether any row of this ledger has a parent."""
    return ledger.scalar("SELECT 1 FROM link WHERE parent_key IS NOT NULL LIMIT 1") is not None


# -- sending: who is released, and who waits again; inside the transaction that moved the parents --------


def release_children(ledger: OpenLedger, parents: Sequence[int]) -> list[int]:
    """Let the children of records go that have just become cases; returns the children."""
    found = ledger.rows(
        "SELECT child.id, parent.case_id FROM json_each(?) AS given"
        " CROSS JOIN record AS parent ON parent.id = given.value CROSS JOIN link ON link.parent_key = parent.key"
        " CROSS JOIN record AS child ON child.id = link.record"
        " WHERE child.state = 'waiting'",
        (to_json(parents),),
    )
    for child, case_id in found:
        release(ledger, child, case_id)
    return [child for child, _ in found]


def release(ledger: OpenLedger, child: int, case_id: str) -> None:
    """Make a waiting child pending, with the id of its parent in its body."""
    query = "SELECT row, body, payload_sha256 FROM record JOIN content ON content.record = record.id WHERE id = ?"
    for row, body, digest in ledger.rows(query, (child,)):
        if digest is not None:
            changed = with_parent(database.payload(ledger.path, body, digest, f"row {row}"), case_id)
            ledger.connection.execute(
                "UPDATE content SET body = ?, payload_sha256 = ? WHERE record = ?",
                (changed.decode(), sha256(changed).hexdigest(), child),
            )
    ledger.connection.execute("UPDATE record SET state = 'pending', run = ? WHERE id = ?", (ledger.run, child))


def with_parent(body: bytes, case_id: str) -> bytes:
    """A body that makes its case a child of ``case_id``; its fields stay in their order."""
    case = orjson.loads(body)
    case.pop("parent_id", None)
    before = {name: case.pop(name) for name in ("title", "description") if name in case}
    return orjson.dumps({**before, "parent_id": case_id, **case})


def hold_children(ledger: OpenLedger, parents: Sequence[int]) -> None:
    """Children that were not sent yet wait again: what was said about their parents proves nothing any more."""
    ledger.connection.execute(
        "UPDATE record SET state = 'waiting' WHERE state = 'pending' AND id IN"
        " (SELECT link.record FROM record AS parent JOIN link ON link.parent_key = parent.key"
        " WHERE parent.id IN (SELECT value FROM json_each(?)))",
        (to_json(parents),),
    )


def hold(ledger: OpenLedger, child: int) -> bool:
    """A child that would have been sent too early, or below a case that is not its parent, waits (again).

    It came back to pending from an unknown outcome, or because a person had it sent again. True if it is released at
    once, since its parent is a case.
    """
    moved = ledger.connection.execute(
        "UPDATE record SET state = 'waiting' WHERE id = ? AND state = 'pending'"
        " AND EXISTS (SELECT 1 FROM link WHERE link.record = record.id AND parent_key IS NOT NULL)",
        (child,),
    ).rowcount
    case_id = ledger.scalar(
        "SELECT parent.case_id FROM link JOIN record AS parent ON parent.key = link.parent_key"
        " AND parent.state = 'created' WHERE link.record = ?",
        (child,),
    )
    if moved != 1 or case_id is None:
        return False
    release(ledger, child, case_id)
    return True


# -- staging: who is whose parent ------------------------------------------------------------------------

_DROP = "DROP TABLE IF EXISTS temp.tree"
#: waits: a child to be decided on; the others only show the way. child, is_case: what the parent is.
#: depth, top: of what hangs below the top. walk: what cannot be reached from there. policy: for its problem.
_MAKE = """CREATE TEMP TABLE tree (record INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, source INTEGER NOT NULL,
    waits INTEGER NOT NULL, deep TEXT NOT NULL, above TEXT, child INTEGER, is_case INTEGER, depth INTEGER, top TEXT,
    walk INTEGER, is_cycle INTEGER NOT NULL DEFAULT 0, problem TEXT, policy TEXT)"""

#: The key of the row that a child names; of several with one name, the first that is not skipped.
_NAMED = """CASE WHEN link.name IS NULL THEN (SELECT up.key FROM record AS up WHERE up.key = link.parent LIMIT 1)
    ELSE (SELECT up.key FROM link AS named CROSS JOIN record AS up ON up.id = named.record
          WHERE named.name = link.parent ORDER BY up.state = 'skipped', up.id LIMIT 1) END"""
_ENTER = f"""INSERT OR IGNORE INTO tree (record, key, source, waits, deep, above)
    SELECT record.id, record.key, record.source, record.state = 'waiting', json_extract(source.links, '$.deep'),
        {_NAMED}
    FROM link CROSS JOIN record ON record.id = link.record CROSS JOIN source ON source.id = record.source
    WHERE source.links IS NOT NULL AND link.parent IS NOT NULL AND record.state = ? AND record.key <> ''"""
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
_DESCEND = f"""WITH RECURSIVE down (record, key, deep, depth, top) AS (
        {{seeds}}
        UNION ALL
        SELECT tree.record, tree.key, tree.deep, 1 + {_LEVEL}, {_TOP} FROM down CROSS JOIN tree ON tree.above = down.key
        WHERE NOT tree.is_cycle)
    UPDATE tree SET depth = down.depth, top = down.top FROM down WHERE tree.record = down.record"""
#: Rows that are below rows which are not in the tree. Those that nothing hangs below, and whose parent is a top row,
#: are as they should be, and nothing is noted about them.
_TOPMOST = """SELECT record, key, deep, CASE WHEN above IS NULL THEN 1 ELSE 2 + child END,
        CASE WHEN child THEN coalesce((
            SELECT link.parent_key FROM record AS up JOIN link ON link.record = up.id
            WHERE up.key = tree.above AND up.state <> 'skipped' AND link.parent_key IS NOT NULL), above) ELSE above END
        FROM tree WHERE NOT EXISTS (SELECT 1 FROM tree AS up WHERE up.key = tree.above)
            AND (child = 1 OR EXISTS (SELECT 1 FROM tree AS below WHERE below.above = tree.key))"""
_CYCLES = "SELECT record, key, deep, 1, NULL FROM tree WHERE is_cycle"

_UNPLACED = """SELECT tree.record FROM tree WHERE tree.record > ? AND tree.depth IS NULL
    AND EXISTS (SELECT 1 FROM tree AS up WHERE up.key = tree.above) ORDER BY tree.record LIMIT 1"""
_UP = "SELECT up.record FROM tree JOIN tree AS up ON up.key = tree.above WHERE tree.record = ?"
_WALK = "UPDATE tree SET walk = :walk WHERE record = :here AND walk IS NULL"
_MARK_CYCLE = "UPDATE tree SET is_cycle = 1 WHERE record = :here AND walk = :walk AND NOT is_cycle"

_PROBLEMS = f"""UPDATE tree SET
        problem = CASE WHEN above IS NULL THEN '{MISSING}' WHEN is_cycle THEN '{CYCLE}' ELSE '{DEEP}' END,
        policy = json_extract(
            source.links, CASE WHEN above IS NULL THEN '$.missing' WHEN is_cycle THEN '$.cycle' ELSE '$.deep' END)
    FROM source WHERE source.id = tree.source AND waits AND (above IS NULL OR is_cycle OR depth > 2)"""
_DECIDE = """UPDATE link SET problem = tree.problem, parent_key = CASE
        WHEN tree.problem IS NULL THEN tree.above WHEN tree.policy = 'root' THEN tree.top END
    FROM tree WHERE link.record = tree.record AND tree.waits"""
_SEND_DROPPED = """UPDATE record SET state = 'pending', run = ?
    WHERE id IN (SELECT record FROM tree WHERE policy = 'drop') AND state = 'waiting'"""
_REJECTED = """SELECT tree.record, tree.problem, json_extract(source.links, '$.column'), link.parent, up.row,
        up.id = tree.record
    FROM tree JOIN source ON source.id = tree.source JOIN link ON link.record = tree.record
    LEFT JOIN record AS up ON up.id = (SELECT other.id FROM record AS other WHERE other.key = tree.above
        AND other.state <> 'skipped' ORDER BY other.id DESC LIMIT 1)
    WHERE tree.policy = 'reject' AND tree.record > ? ORDER BY tree.record LIMIT 500"""
_BELOW_CASES = """SELECT tree.record, up.case_id FROM tree CROSS JOIN link ON link.record = tree.record
    CROSS JOIN record AS up ON up.key = link.parent_key AND up.state = 'created'
    WHERE tree.waits AND (tree.is_case OR tree.policy = 'root') AND tree.record > ?
    ORDER BY tree.record LIMIT 500"""


def place_children(ledger: OpenLedger, reject: Reject) -> None:
    """Decide about every waiting child of the ledger which row is its parent. Called inside a transaction.

    A child below a case becomes pending at once; one without a parent, in a cycle, or too deep becomes what the mapping
    of its file says (``reject`` enters its error); all others go on waiting, now for a certain row.
    """
    if ledger.scalar("SELECT 1 FROM link WHERE parent IS NOT NULL LIMIT 1") is None:
        return
    connection = ledger.connection
    connection.execute(_DROP)
    connection.execute(_MAKE)
    connection.execute(_ENTER, ("waiting",))
    if ledger.scalar("SELECT 1 FROM tree LIMIT 1") is not None:
        connection.execute(_ENTER, ("invalid",))
        for statement in (_STANDING, _FOLLOW, _STANDING, _INDEX, _DESCEND.format(seeds=_TOPMOST)):
            connection.execute(statement)
        if _mark_cycles(ledger):
            connection.execute(_DESCEND.format(seeds=_CYCLES))
        connection.execute(_PROBLEMS)
        connection.execute(_DECIDE)
        connection.execute(_SEND_DROPPED, (ledger.run,))
        for record, code, column, text, row, is_itself in _in_pages(ledger, _REJECTED):
            reject(record, _error(code, column, text, row, is_itself=bool(is_itself)))
        for record, case_id in _in_pages(ledger, _BELOW_CASES):
            release(ledger, record, case_id)
    connection.execute(_DROP)


def _mark_cycles(ledger: OpenLedger) -> bool:
    """What cannot be reached from the top is in a cycle, or below one; walking up from it ends in the cycle."""
    execute, start, found = ledger.connection.execute, 0, False
    while row := execute(_UNPLACED, (start,)).fetchone():
        start = here = row[0]
        while execute(_WALK, {"walk": start, "here": here}).rowcount:
            (here,) = execute(_UP, (here,)).fetchone()
        while execute(_MARK_CYCLE, {"walk": start, "here": here}).rowcount:  # not what an earlier walk met
            found = True
            (here,) = execute(_UP, (here,)).fetchone()
    return found


def _in_pages(ledger: OpenLedger, query: str) -> Iterator[Any]:
    """The rows of a query that begins behind a record, while these records are changed."""
    last = 0
    while page := ledger.rows(query, (last,)):
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
