"""Entering a source into the ledger: all of its rows or, after a crash, none.

Rows are added in many small transactions, so that a million rows need no giant one. Nothing of a source counts before
:func:`finish_source`, which also decides, row by row, who answers for a key that occurs twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from hashlib import sha256
from typing import TypeAlias

from importer.ledger import database
from importer.ledger.case_updates import enter_case_updates, replace_case_updates
from importer.ledger.companion_rows import enter_companion, read_companions, replace_companions
from importer.ledger.ledger import Ledger
from importer.ledger.parents import SAME_ROW
from importer.ledger.records import (
    CompanionFile,
    NewSource,
    Original,
    SourceInfo,
    StagedRow,
    UnsentRow,
    cells_from_json,
    errors_from_json,
    errors_to_json,
    from_json,
    to_json,
)
from importer.models import FieldError, Link, Links, Mapped, State

#: The code of rows that a mapping filters: the only skipped ones that another mapping may bring back.
FILTERED = "filtered"
_MESSAGE_LIMIT = 1000
#: Columns that the mapping does not read, and how many of their cells are filled, if that was counted.
Unread: TypeAlias = Sequence[tuple[str, int | None]]
#: What a rebuild cannot find in the account.
_NEVER_SENDABLE = (State.INVALID, State.SKIPPED)


# -- what was read ---------------------------------------------------------------------------------------


def sources(ledger: Ledger) -> list[SourceInfo]:
    """All sources that were read into this ledger, oldest first."""
    with database.translated(ledger.path):
        return read_sources(ledger.connection)


def read_sources(connection: sqlite3.Connection) -> list[SourceInfo]:
    """The same through any connection to a ledger."""
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    found = []
    for row in cursor.execute("SELECT * FROM source ORDER BY id").fetchall():
        links = Links(**from_json(row["links"])) if row["links"] else None
        allowed = from_json(row["allowed"]) if row["allowed"] else {}
        unread = tuple(map(tuple, from_json(row["unread"]))) if row["unread"] else ()
        read = {"columns": cells_from_json(row["columns"]), "links": links, "allowed": allowed, "unread": unread}
        found.append(SourceInfo(**dict(row) | read, companions=read_companions(connection, row["id"])))
    return found


def originals(ledger: Ledger, records: Iterable[int]) -> dict[int, Original]:
    """The rows of ``records`` as they were read, by record; without those that are not there or were forgotten."""
    rows = ledger.rows(
        "SELECT record.id, columns, cells, errors FROM record JOIN content ON content.record = record.id"
        " JOIN source ON source.id = record.source WHERE record.id IN (SELECT value FROM json_each(?))",
        (to_json(list(records)),),
    )
    return {
        record: Original(cells_from_json(columns), cells_from_json(cells), errors_from_json(errors))
        for record, columns, cells, errors in rows
    }


# -- reading ---------------------------------------------------------------------------------------------


def begin_source(ledger: Ledger, new: NewSource) -> int:
    """Open a new source, dropping whatever an interrupted reading left behind; returns its number."""
    with ledger.transaction() as connection:
        unfinished = "(SELECT id FROM source WHERE staged = 0)"
        dropped = f"(SELECT id FROM record WHERE source IN {unfinished})"
        for table in ("content", "case_update", "link"):
            connection.execute(f"DELETE FROM {table} WHERE record IN {dropped}")
        connection.execute(f"DELETE FROM record WHERE source IN {unfinished}")
        connection.execute("DELETE FROM source WHERE staged = 0")
        if connection.execute("SELECT NOT EXISTS (SELECT 1 FROM record)").fetchone()[0]:
            connection.execute("DROP INDEX IF EXISTS record_key")  # see finish_source
        values = _columns_of(new)
        insert = f"INSERT INTO source ({', '.join(values)}) VALUES (:{', :'.join(values)})"
        number = connection.execute(insert, values).lastrowid
    assert number is not None
    return number


def add_rows(ledger: Ledger, source: int, rows: Sequence[StagedRow]) -> None:
    """Enter rows of ``source`` as pending, waiting, invalid or filtered, in the order given.

    These commits are not synced one by one: nothing of them counts before :func:`finish_source`, whose sync takes the
    whole log to the disk. What a power cut leaves of a source that was not finished is dropped.
    """
    with database.translated(ledger.path), database.unsynced(ledger.connection), ledger.transaction() as connection:
        (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM record").fetchone()
        numbered = [(record, staged, staged.mapped) for record, staged in enumerate(rows, last + 1)]
        connection.executemany(
            "INSERT INTO record (id, source, row, key, replaces, state, code, message) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (record, source, staged.row.number, mapped.key, staged.replaces, *_standing(mapped))
                for record, staged, mapped in numbered
            ],
        )
        connection.executemany(
            "INSERT INTO content (record, cells, errors, body, payload_sha256) VALUES (?, ?, ?, ?, ?)",
            [(record, to_json(staged.row.cells), *_payload(mapped)) for record, staged, mapped in numbered],
        )
        enter_case_updates(connection, ((record, mapped.case_updates) for record, _, mapped in numbered))
        _add_links(connection, ((record, mapped.link) for record, _, mapped in numbered))
        connection.execute("UPDATE source SET rows = rows + ? WHERE id = ?", (len(rows), source))


def _standing(mapped: Mapped) -> tuple[str, str | None, str | None]:
    """Where a row stands by its mapping alone, with code and message; a child waits until its parent is known."""
    if mapped.errors:
        return State.INVALID.value, *summary(mapped.errors)
    if mapped.filtered_by is not None:
        return State.SKIPPED.value, FILTERED, mapped.filtered_by
    if mapped.link is not None and mapped.link.parent is not None:
        return State.WAITING.value, None, None
    return State.PENDING.value, None, None


def _payload(mapped: Mapped) -> tuple[str | None, str | None, str | None]:
    """The columns ``errors``, ``body`` and ``payload_sha256``."""
    if mapped.body is None:
        return errors_to_json(mapped.errors), None, None
    return errors_to_json(mapped.errors), mapped.body.decode(), sha256(mapped.body).hexdigest()


def _add_links(connection: sqlite3.Connection, links: Iterable[tuple[int, Link | None]]) -> None:
    """Keep what rows say about their parents; a top row that is called by its key needs no word."""
    connection.executemany(
        "INSERT INTO link (record, name, parent) VALUES (?, ?, ?)",
        [(record, link.name, link.parent) for record, link in links if link and (link.parent is not None or link.name)],
    )


def _columns_of(new: NewSource) -> dict[str, object]:
    links = None if new.links is None else to_json(new.links._asdict())
    return {**asdict(new), "columns": to_json(new.columns), "links": links, "allowed": to_json(new.allowed)}


def summary(errors: Sequence[FieldError]) -> tuple[str, str]:
    """Code of the first field error, and all of them as one text."""
    text = " | ".join(str(error) for error in errors)
    return errors[0].code, text if len(text) <= _MESSAGE_LIMIT else text[: _MESSAGE_LIMIT - 1] + "…"


def finish_source(
    ledger: Ledger,
    source: int,
    companions: Sequence[CompanionFile] = (),
    *,
    unread: Unread = (),
    whole: bool = True,
    keep_last: bool = False,
) -> None:
    """Make all rows of ``source`` count, at once.

    A row whose key is taken care of becomes skipped, and every child finds its parent, or an error says why not. If the
    source is a ``whole`` export, rows of the companion files that belong to none of its rows are kept as orphans. With
    ``keep_last`` only the last row of a key counts, whatever its state is. In a ledger that is made again, rows that
    could be sent are unknown from the moment they count; of later files those that correct one. ``unread`` is noted.
    """
    with ledger.transaction() as connection:
        # The keys of the first source are sorted for their index in one go. One by one, keys in no order, as many
        # systems have them, would write nearly every page of the index anew with every batch.
        connection.execute("CREATE INDEX IF NOT EXISTS record_key ON record (key)")
        if keep_last:
            connection.execute(_EARLIER_STATES, {"run": ledger.run, "source": source})
        _let_others_answer(ledger, "SELECT id FROM record WHERE source = ?", source)
        ledger.place_children(lambda record, error: _reject(ledger, record, error))
        for position, read in enumerate(companions):
            enter_companion(connection, source, position, read, whole=whole)
        if ledger.must_search:  # of later files only what corrects a row: the lost import may have corrected it too
            which = "" if ledger.verb == "rebuild" else f" AND (replaces IS NOT NULL OR {_READ_BEFORE})"
            _make_unknown(ledger, f"source = {source:d}{which}")
        connection.execute("UPDATE source SET staged = 1, unread = ? WHERE id = ?", (to_json(list(unread)), source))


#: Whether an earlier source has the key of a row as well.
_READ_BEFORE = """key <> '' AND EXISTS
    (SELECT 1 FROM record AS known WHERE known.key = record.key AND known.source < record.source)"""


def _make_unknown(ledger: Ledger, which: str) -> None:
    """In a ledger that is made again, a row that could be sent may be a case already, and have its updates."""
    message = "the ledger was made again; this row may be a case already"
    sendable = f"SELECT id FROM record WHERE state IN ('pending', 'waiting') AND {which}"
    values = {"message": message, "run": ledger.run}
    ledger.connection.execute(
        "UPDATE case_update SET state = 'unknown', code = 'rebuilt', message = :message"
        f" WHERE state = 'pending' AND record IN ({sendable})",
        values,
    )
    ledger.connection.execute(
        "UPDATE record SET state = 'unknown', run = :run, code = 'rebuilt', message = :message"
        f" WHERE id IN ({sendable})",
        values,
    )


def _reject(ledger: Ledger, record: int, error: FieldError) -> None:
    """Enter that a row cannot be sent for what only all rows together can show."""
    replace_case_updates(ledger.connection, record, ())
    ledger.connection.execute(
        "UPDATE content SET body = NULL, payload_sha256 = NULL, errors = ? WHERE record = ?",
        (errors_to_json([error]), record),
    )
    ledger.connection.execute(
        "UPDATE record SET state = 'invalid', run = ?, code = ?, message = ? WHERE id = ?",
        (ledger.run, *summary([error]), record),
    )


# -- who answers for a key that occurs twice -------------------------------------------------------------

#: May be at the server, so nothing else with this key may be sent.
_TAKEN = "('created', 'sending', 'unknown', 'duplicate')"
#: Never reached the server, so a newer row may take the place.
_OPEN = "('pending', 'waiting', 'refused', 'invalid')"
#: Can be sent, now or behind its parent.
_FITS = "('pending', 'waiting')"
_ANSWERED = f"""state = 'skipped', run = :run,
    code = CASE WHEN old.state <> 'created' THEN 'key_unsettled'
                WHEN NOT EXISTS (SELECT 1 FROM content WHERE record = old.id AND body IS NOT NULL)
                THEN 'already_created_unverified'
                WHEN {SAME_ROW}
                     AND NOT EXISTS (SELECT position, body FROM case_update WHERE record = record.id
                                     EXCEPT SELECT position, body FROM case_update WHERE record = old.id)
                     AND NOT EXISTS (SELECT position FROM case_update WHERE record = old.id
                                     EXCEPT SELECT position FROM case_update WHERE record = record.id)
                THEN 'already_created'
                ELSE 'already_created_changed' END,
    message = CASE WHEN old.state = 'created' THEN 'already case ' || old.case_id
                   ELSE 'the key has an unknown outcome' END
              || ' (row ' || old.row || ' of ' || (SELECT name FROM source WHERE id = old.source) || ')'
              || CASE WHEN old.state = 'created' THEN '' ELSE '; run reconcile first' END"""
_SUPERSEDED = """state = 'skipped', run = :run, code = 'superseded',
    message = 'superseded by row ' || new.row || ' of ' || (SELECT name FROM source WHERE id = new.source)"""
#: Of the rows of a source with one key, all but the last: each row is a state of its ticket.
_EARLIER_STATES = f"""UPDATE record SET {_SUPERSEDED}
    FROM (SELECT key, max(id) AS id FROM record WHERE source = :source AND key <> '' GROUP BY key) AS latest
    JOIN record AS new ON new.id = latest.id
    WHERE record.source = :source AND record.key = latest.key AND record.id < latest.id"""
#: A row of a later source, or one of the same source that comes first or was there before.
_COMES_FIRST = f"""record AS other WHERE other.key = record.key AND other.id <> record.id
      AND (other.source > record.source AND other.state IN {_OPEN}
           OR other.source = record.source AND other.state IN {_FITS}
              AND (other.id < record.id OR other.id NOT IN (SELECT id FROM arrived)))"""

#: In this order. ``arrived`` are rows of a new source, or rows that a mapping filtered and another one does not. None
#: of the rules may go through all contents, which are most of the file: what decides is in the narrow table.
_WHO_ANSWERS = (
    # A corrected row whose original, or another correction of it, has reached the server after all is not sent.
    f"""WITH RECURSIVE same (correction, id) AS (
            SELECT record.id, replaces FROM record INDEXED BY corrections JOIN arrived ON arrived.id = record.id
            WHERE replaces IS NOT NULL
            UNION
            SELECT same.correction, other.id FROM same JOIN record AS other ON other.replaces = same.id
            WHERE other.id <> same.correction)
        UPDATE record SET {_ANSWERED}
        FROM same JOIN record AS old ON old.id = same.id
        WHERE record.id = same.correction AND record.state IN ('pending', 'waiting', 'invalid')
          AND old.state IN {_TAKEN}""",
    # Nor is a row whose key has reached the server.
    f"""UPDATE record SET {_ANSWERED}
        FROM arrived, record AS old
        WHERE record.id = arrived.id AND record.state IN {_FITS}
          AND old.key = record.key AND old.id <> record.id AND old.state IN {_TAKEN}""",
    # Of several rows with one key, the first of the newest source answers.
    f"""UPDATE record SET state = 'skipped', run = :run, code = 'duplicate_key', message = (
            SELECT 'duplicate key: row ' || other.row || CASE WHEN other.source = record.source THEN ''
                ELSE ' of ' || (SELECT name FROM source WHERE id = other.source) END || ' is sent'
            FROM {_COMES_FIRST} ORDER BY other.id LIMIT 1)
        WHERE id IN (SELECT id FROM arrived) AND state IN {_FITS} AND EXISTS (SELECT 1 FROM {_COMES_FIRST})""",
    # What an earlier source could not get across is superseded by the corrected row …
    f"""UPDATE record SET {_SUPERSEDED}
        FROM record AS new INDEXED BY corrections JOIN arrived ON arrived.id = new.id
        WHERE new.replaces IS NOT NULL AND record.id = new.replaces AND record.source < new.source
          AND record.state IN {_OPEN}
          AND (new.state IN ('pending', 'waiting', 'invalid')
               -- nothing is left to be fixed in a row whose own key is a case; a key may also be mistyped into one
               OR new.key = record.key AND new.code LIKE 'already_created%')""",
    # … or by the newer row with its key.
    f"""UPDATE record SET {_SUPERSEDED}
        FROM arrived JOIN record AS new ON new.id = arrived.id
        WHERE record.source < new.source AND record.state IN {_OPEN} AND record.key <> ''
          AND new.key = record.key AND new.state IN {_FITS}""",
    # Who reads why a row is skipped should know that its case stays as it is.
    """UPDATE record SET message = message || ', with different content; not updated'
        WHERE id IN (SELECT id FROM arrived) AND state = 'skipped' AND code = 'already_created_changed'""",
)


def _let_others_answer(ledger: Ledger, arrived: str, value: object) -> None:
    """Decide who answers for the keys of the records that the query ``arrived`` gives; inside a transaction.

    Without this nothing would be sent twice either, but the reports would not say why.
    """
    ledger.connection.execute("DROP TABLE IF EXISTS temp.arrived")
    ledger.connection.execute("CREATE TEMP TABLE arrived (id INTEGER PRIMARY KEY)")
    ledger.connection.execute(f"INSERT INTO arrived {arrived}", (value,))
    for statement in _WHO_ANSWERS:
        ledger.connection.execute(statement, {"run": ledger.run})
    ledger.connection.execute("DROP TABLE temp.arrived")


# -- another mapping -------------------------------------------------------------------------------------


def unsent_rows(ledger: Ledger, source: int, *, states: Collection[State], after: int, limit: int) -> list[UnsentRow]:
    """Records of ``source`` that never reached the server, in some states, behind the record ``after``.

    Of skipped ones, those that the mapping filtered: all others are answered for by another record. What was forgotten
    cannot be mapped anew.
    """
    rows = ledger.rows(
        "SELECT record.id, row, state, cells, errors FROM record JOIN content ON content.record = record.id"
        " WHERE source = ? AND record.id > ? AND state IN (SELECT value FROM json_each(?))"
        " AND (state <> 'skipped' OR code = ?) ORDER BY record.id LIMIT ?",
        (source, after, to_json(list(states)), FILTERED, limit),
    )
    return [
        UnsentRow(record, row, State(state), cells_from_json(cells), errors_from_json(errors))
        for record, row, state, cells, errors in rows
    ]


def remap(ledger: Ledger, source: int, remapped: Sequence[tuple[UnsentRow, Mapped]]) -> None:
    """Enter what another mapping made of records that never reached the server."""
    with ledger.transaction() as connection:
        for old, mapped in remapped:
            connection.execute("DELETE FROM link WHERE record = ?", (old.id,))
            _add_links(connection, [(old.id, mapped.link)])
            connection.execute(
                "UPDATE content SET errors = ?, body = ?, payload_sha256 = ? WHERE record = ?",
                (*_payload(mapped), old.id),
            )
            replace_case_updates(connection, old.id, mapped.case_updates)
            connection.execute(
                "UPDATE record SET key = ?, state = ?, code = ?, message = ?, run = ?, http_status = NULL"
                " WHERE id = ? AND source = ?",
                (mapped.key, *_standing(mapped), ledger.run, old.id, source),
            )
            if ledger.must_search and old.state in _NEVER_SENDABLE:
                _make_unknown(ledger, f"id = {old.id:d} AND state = 'pending'")


def let_others_answer(ledger: Ledger, returned: Sequence[int]) -> None:
    """Let other records answer for the keys of rows that were filtered and are back, or the other way round."""
    if returned:
        with ledger.transaction():
            _let_others_answer(ledger, "SELECT value FROM json_each(?)", to_json(returned))


def adopt_mapping(
    ledger: Ledger,
    source: int,
    new: NewSource,
    companions: Sequence[CompanionFile] = (),
    *,
    unread: Unread = (),
    revived: Sequence[int] = (),
) -> None:
    """Note that all unsent records of ``source`` were mapped anew, and find their parents anew.

    A companion file that was read with it before stays as it was entered: its orphans are those of the whole source.
    Records that were invalid or filtered (``revived``) are unknown in a ledger that was made again.
    """
    with ledger.transaction() as connection:
        values = {**_columns_of(new), "unread": to_json(list(unread))}
        renewed = ", ".join(f"{column} = :{column}" for column in values)
        connection.execute(f"UPDATE source SET {renewed} WHERE id = :id", {**values, "id": source})
        replace_companions(connection, source, companions)
        ledger.place_children(lambda record, error: _reject(ledger, record, error))
        if ledger.must_search:  # also those that waited for their parents to be found
            _make_unknown(ledger, f"id IN (SELECT value FROM json_each('{to_json(revived)}'))")
