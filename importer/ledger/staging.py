"""Entering a source into the ledger: all of its rows or, after a crash, none.

Rows are added in many small transactions, so that a million rows need no giant one. Nothing of a source
counts before :func:`finish_source`, which also decides, row by row, who answers for a key that occurs twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import orjson

from importer.ledger import store
from importer.ledger.additions import enter_additions, replace_additions
from importer.ledger.ledger import Ledger
from importer.ledger.links import SAME_ROW
from importer.ledger.packing import (
    Leaning,
    field_errors,
    leaning_columns,
    packed_cells,
    packed_errors,
    rewrite,
    unpacked_cells,
)
from importer.ledger.tree import place_children
from importer.ledger.values import NotesRead, SourceInfo, StagedRow, Unsent
from importer.models import FieldError, Link, Links, Mapped, State

#: How many rows go into the database with one statement.
_TOGETHER = 25

SOURCE_QUERY = (
    "SELECT id, name, sha256, columns, mapping_name, mapping_sha256, stamp, rows, staged, notes FROM source ORDER BY id"
)


def sources(ledger: Ledger) -> list[SourceInfo]:
    """All sources that were read into this ledger, oldest first."""
    with store.translated(ledger.path):
        return [source_info(row) for row in ledger.connection.execute(SOURCE_QUERY)]


def source_info(row: tuple[Any, ...]) -> SourceInfo:
    """A row of the source table as a value."""
    number, name, sha256, columns, mapping_name, mapping_sha256, stamp, rows, staged, notes = row
    header, files = tuple(orjson.loads(columns)), tuple(map(_notes_read, orjson.loads(notes)))
    return SourceInfo(number, name, sha256, header, mapping_name, mapping_sha256, stamp, rows, bool(staged), files)


def _notes_read(found: dict[str, Any]) -> NotesRead:
    return NotesRead(**{**found, "columns": tuple(found["columns"])})


def _notes_text(notes: Sequence[NotesRead]) -> str:
    return orjson.dumps([read._asdict() for read in notes]).decode()


def begin_source(
    ledger: Ledger,
    *,
    name: str,
    sha256: str,
    columns: Sequence[str],
    mapping_name: str,
    mapping_sha256: str,
    stamp: str | None,
    links: Links | None = None,
) -> int:
    """Open a new source, dropping whatever an interrupted reading left behind; returns its number."""
    with store.translated(ledger.path), store.transaction(ledger.connection):
        unfinished = "(SELECT id FROM source WHERE staged = 0)"
        for table in ("content", "addition", "link"):
            ledger.connection.execute(
                f"DELETE FROM {table} WHERE record IN (SELECT id FROM record WHERE source IN {unfinished})"
            )
        ledger.connection.execute(f"DELETE FROM record WHERE source IN {unfinished}")
        ledger.connection.execute(f"DELETE FROM orphan WHERE source IN {unfinished}")
        ledger.connection.execute("DELETE FROM source WHERE staged = 0")
        if ledger.connection.execute("SELECT NOT EXISTS (SELECT 1 FROM record)").fetchone()[0]:
            ledger.connection.execute("DROP INDEX IF EXISTS record_key")  # see finish_source
        number = ledger.connection.execute(
            "INSERT INTO source (name, sha256, columns, mapping_name, mapping_sha256, stamp, links)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (name, sha256, orjson.dumps(columns).decode(), mapping_name, mapping_sha256, stamp, _packed_links(links)),
        ).lastrowid
    assert number is not None
    return number


def add_rows(ledger: Ledger, source: int, rows: Sequence[StagedRow]) -> None:
    """Enter rows of ``source`` as pending, waiting, invalid or left out, in the order given.

    These commits are not synced one by one: nothing of them counts before :func:`finish_source`, whose sync takes the
    whole log to the disk. What a power cut leaves of a source that was not finished is dropped.
    """
    connection = ledger.connection
    leaning = leaning_columns((row.row.cells, body) for row in rows if (body := row.mapped.body) is not None)
    with store.translated(ledger.path), store.unsynced(connection), store.transaction(connection):
        (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM record").fetchone()
        _add(connection, source, enumerate(rows, last + 1), leaning)
        connection.execute("UPDATE source SET rows = rows + ? WHERE id = ?", (len(rows), source))


def _add(
    connection: sqlite3.Connection, source: int, rows: Iterable[tuple[int, StagedRow]], leaning: Sequence[Leaning]
) -> None:
    """Write numbered rows. Nearly all of them need few columns: each NULL that is bound costs as much as a cell."""
    records: list[Any] = []
    contents: list[Any] = []
    others: list[tuple[int, StagedRow]] = []
    links: list[tuple[int, Link]] = []
    for number, staged in rows:
        (place, cells, _), (key, body, _, _, additions, link), replaces = staged
        if additions:
            enter_additions(connection, number, additions)
        if link is not None:
            links.append((number, link))
        if body is None or replaces is not None or (link is not None and link.parent is not None):
            others.append((number, staged))
        else:
            records += number, source, place, key
            # The module looks for an adapter of every bytes, and finds none; it does not for a bytearray.
            contents += number, bytearray(packed_cells(cells, body, leaning)), bytearray(body)
    _insert(connection, "record (id, source, row, key, state)", "(?, ?, ?, ?, 'pending')", records)
    _insert(connection, "content (record, cells, body)", "(?, ?, ?)", contents)
    connection.executemany(
        "INSERT INTO record (id, source, row, key, state, code, message) VALUES (?, ?, ?, ?, ?, ?, ?)",
        ((number, source, row.number, mapped.key, *_standing(mapped)) for number, (row, mapped, _) in others),
    )
    connection.executemany(
        "INSERT INTO content VALUES (?, ?, ?, ?, ?)",
        (
            (
                number,
                packed_cells(row.cells, mapped.body, leaning),
                mapped.body,
                packed_errors(mapped.errors) if mapped.errors else None,
                replaces,
            )
            for number, (row, mapped, replaces) in others
        ),
    )
    _add_links(connection, links)


def _insert(connection: sqlite3.Connection, table: str, row: str, values: list[Any]) -> None:
    """Insert many rows with one statement, as each call of SQLite costs as much as a row.

    Args:
        connection: Where to.
        table: The table and its columns.
        row: What stands for one row in the statement.
        values: Those of all rows, one after another.
    """
    several = row.count("?") * _TOGETHER
    for begin in range(0, len(values), several):
        bound = values[begin : begin + several]
        rows = ", ".join([row] * (len(bound) // row.count("?")))
        connection.execute(f"INSERT INTO {table} VALUES {rows}", bound)


def _standing(mapped: Mapped) -> tuple[State, str | None, str | None]:
    """Where a row stands by its mapping alone, with code and message; a child waits until its parent is known."""
    if mapped.errors:
        return State.INVALID, *summary(mapped.errors)
    if mapped.left_out is not None:
        return State.SKIPPED, LEFT_OUT, mapped.left_out
    if mapped.link is not None and mapped.link.parent is not None:
        return State.WAITING, None, None
    return State.PENDING, None, None


def _add_links(connection: sqlite3.Connection, links: Sequence[tuple[int, Link]]) -> None:
    """Keep what rows say about the rows above them; a top row that is called by its key needs no word."""
    said = [(number, *link) for number, link in links if link.parent is not None or link.name]
    if said:
        connection.executemany("INSERT INTO link (record, name, parent) VALUES (?, ?, ?)", said)


def _packed_links(links: Links | None) -> str | None:
    return None if links is None else orjson.dumps(links._asdict()).decode()


#: The code of rows that a mapping leaves out: the only skipped ones that another mapping may bring back.
LEFT_OUT = "left_out"
_MESSAGE_LIMIT = 1000


def summary(errors: Sequence[FieldError]) -> tuple[str, str]:
    """Code of the first field error, and all of them as one text."""
    text = " | ".join(str(error) for error in errors)
    return errors[0].code, text if len(text) <= _MESSAGE_LIMIT else text[: _MESSAGE_LIMIT - 1] + "…"


#: May be at the server, so nothing else with this key may be sent.
TAKEN = "('created', 'sending', 'unknown', 'duplicate')"
#: Never reached the server, so a newer row may take the place.
OPEN = "('pending', 'waiting', 'refused', 'invalid')"
#: Can be sent, now or behind its parent.
FITS = "('pending', 'waiting')"
ANSWERED = f"""state = 'skipped', run = :run,
    code = CASE WHEN old.state <> 'created' THEN 'in_doubt'
                WHEN NOT EXISTS (SELECT 1 FROM content WHERE record = old.id AND body IS NOT NULL) THEN 'created_before'
                WHEN {SAME_ROW}
                     AND NOT EXISTS (SELECT part, body FROM addition WHERE record = record.id
                                     EXCEPT SELECT part, body FROM addition WHERE record = old.id)
                     AND NOT EXISTS (SELECT part FROM addition WHERE record = old.id
                                     EXCEPT SELECT part FROM addition WHERE record = record.id)
                THEN 'already_created'
                ELSE 'changed' END,
    message = CASE WHEN old.state = 'created' THEN 'already case ' || old.case_id
                   ELSE 'the key has an unknown outcome; run reconcile first' END
              || ' (row ' || old.row || ' of ' || (SELECT name FROM source WHERE id = old.source) || ')'"""
READ_AGAIN = """state = 'skipped', run = :run, code = 'superseded',
    message = 'superseded by row ' || new.row || ' of ' || (SELECT name FROM source WHERE id = new.source)"""

#: Ends the message of rows whose case has other content; a condition chooses the rows.
NOT_UPDATED = (
    "UPDATE record SET message = message || ', with different content; not updated' WHERE code = 'changed' AND "
)

#: In this order. ``:first`` is the first record of the new source. None of them may go through all contents, which are
#: most of the file; what decides is in the narrow table and in two indexes.
_WHO_ANSWERS = (
    # A corrected row whose original, or an earlier correction of it, has reached the server after all is not sent.
    f"""WITH RECURSIVE heir (correction, id) AS (
            SELECT record, replaces FROM content INDEXED BY corrections WHERE record >= :first AND replaces IS NOT NULL
            UNION
            SELECT heir.correction, later.record FROM heir JOIN content AS later ON later.replaces = heir.id
            WHERE later.record < :first)
        UPDATE record SET {ANSWERED}
        FROM heir JOIN record AS old ON old.id = heir.id
        WHERE record.id = heir.correction AND record.id IN (SELECT correction FROM heir)
          AND record.state IN ('pending', 'waiting', 'invalid') AND old.state IN {TAKEN}""",
    # A row whose key has reached the server before is not sent.
    f"""UPDATE record SET {ANSWERED}
        FROM record AS old
        WHERE record.id >= :first AND record.state IN {FITS} AND :first > (SELECT min(id) FROM record)
          AND old.key = record.key AND old.id < :first AND old.state IN {TAKEN}""",
    # Of several rows with one key in this source, the first answers.
    f"""UPDATE record SET state = 'skipped', run = :run, code = 'twin', message = 'duplicate key: row ' || (
            SELECT row FROM record AS first WHERE first.key = record.key AND first.id >= :first
              AND first.state IN {FITS} ORDER BY first.id LIMIT 1) || ' is sent'
        WHERE id >= :first AND state IN {FITS} AND EXISTS (
            SELECT 1 FROM record AS first WHERE first.key = record.key AND first.id >= :first
              AND first.id < record.id AND first.state IN {FITS})""",
    # What an earlier file could not get across is answered for by the corrected row …
    f"""UPDATE record SET {READ_AGAIN}
        FROM content AS now JOIN record AS new ON new.id = now.record
        WHERE record.id = now.replaces AND new.id >= :first AND new.state IN ('pending', 'waiting', 'invalid')
          AND record.id < :first AND record.state IN {OPEN}""",
    # … or by the newer row with its key.
    f"""UPDATE record SET {READ_AGAIN}
        FROM record AS new
        WHERE record.id < :first AND record.state IN {OPEN} AND record.key <> ''
          AND new.key = record.key AND new.id >= :first AND new.state IN {FITS}""",
    f"{NOT_UPDATED} id >= :first AND state = 'skipped'",
)


def finish_source(ledger: Ledger, source: int, notes: Sequence[NotesRead] = ()) -> None:
    """Make all rows of ``source`` count, at once.

    A row whose key is taken care of becomes skipped, and every child finds its parent, or an error says why not.

    The keys of the first source are sorted here for their index, in one go. Entered one by one, keys in no order, as
    many systems have them, would write nearly every page of the index anew with every batch.
    """
    connection = ledger.connection
    with store.translated(ledger.path), store.transaction(connection):
        (first,) = connection.execute("SELECT coalesce(min(id), 0) FROM record WHERE source = ?", (source,)).fetchone()
        values = {"first": first, "run": ledger.run}
        connection.execute("CREATE INDEX IF NOT EXISTS record_key ON record (key)")
        for statement in _WHO_ANSWERS:
            connection.execute(statement, values)
        place_children(ledger, lambda record, error: _reject(ledger, record, error))
        connection.execute("UPDATE source SET staged = 1, notes = ? WHERE id = ?", (_notes_text(notes), source))


def _reject(ledger: Ledger, record: int, error: FieldError) -> None:
    """Enter that a row cannot be sent for what only all rows together can show."""
    rewrite(ledger.connection, record, lambda _: None)
    replace_additions(ledger, record, ())
    ledger.connection.execute("UPDATE content SET errors = ? WHERE record = ?", (packed_errors([error]), record))
    ledger.connection.execute(
        "UPDATE record SET state = 'invalid', run = ?, code = ?, message = ? WHERE id = ?",
        (ledger.run, *summary([error]), record),
    )


def unsent(ledger: Ledger, source: int, *, states: Collection[State], after: int, limit: int) -> list[Unsent]:
    """Records of ``source`` that never reached the server, in some states, behind the record ``after``.

    Of skipped ones, those that the mapping left out: all others are answered for by another record. What was
    forgotten cannot be mapped anew.
    """
    marks = ", ".join("?" for _ in states)
    with store.translated(ledger.path):
        rows = ledger.connection.execute(
            "SELECT record.id, row, state, cells, body, errors FROM record JOIN content ON content.record = record.id"
            f" WHERE source = ? AND record.id > ? AND state IN ({marks}) AND (state <> 'skipped' OR code = ?)"
            " AND cells <> x''"  # forgotten
            " ORDER BY record.id LIMIT ?",
            (source, after, *states, LEFT_OUT, limit),
        ).fetchall()
    return [
        Unsent(number, row, State(state), unpacked_cells(cells, body), field_errors(errors))
        for number, row, state, cells, body, errors in rows
    ]


def remap(ledger: Ledger, source: int, remapped: Sequence[tuple[Unsent, Mapped]]) -> None:
    """Enter what another mapping made of records that never reached the server."""
    connection = ledger.connection
    leaning = leaning_columns((old.cells, body) for old, mapped in remapped if (body := mapped.body) is not None)
    with store.translated(ledger.path), store.transaction(connection):
        for old, mapped in remapped:
            errors = packed_errors(mapped.errors) if mapped.errors else None
            state, code, message = _standing(mapped)
            connection.execute("DELETE FROM link WHERE record = ?", (old.id,))
            if mapped.link is not None:
                _add_links(connection, [(old.id, mapped.link)])
            connection.execute(
                "UPDATE content SET cells = ?, body = ?, errors = ? WHERE record = ?",
                (packed_cells(old.cells, mapped.body, leaning), mapped.body, errors, old.id),
            )
            replace_additions(ledger, old.id, mapped.additions)
            connection.execute(
                "UPDATE record SET key = ?, state = ?, run = ?, http_status = NULL, code = ?, message = ?"
                " WHERE id = ? AND source = ?",
                (mapped.key, state, ledger.run, code, message, old.id, source),
            )


def adopt_mapping(
    ledger: Ledger,
    source: int,
    *,
    name: str,
    sha256: str,
    stamp: str | None,
    notes: Sequence[NotesRead] = (),
    links: Links | None = None,
) -> None:
    """Note that all unsent records of ``source`` were mapped anew, with these files of notes, and find parents anew."""
    with store.translated(ledger.path), store.transaction(ledger.connection):
        ledger.connection.execute(
            "UPDATE source SET mapping_name = ?, mapping_sha256 = ?, stamp = ?, notes = ?, links = ? WHERE id = ?",
            (name, sha256, stamp, _notes_text(notes), _packed_links(links), source),
        )
        place_children(ledger, lambda record, error: _reject(ledger, record, error))
