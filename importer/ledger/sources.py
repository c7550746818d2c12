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
from importer.ledger.json_columns import cells_from_json, errors_from_json, errors_to_json, from_json, to_json
from importer.ledger.ledger import Ledger
from importer.ledger.records import CompanionFile, NewSource, Original, SourceInfo, StagedRow, UnsentRow
from importer.ledger.who_answers import EARLIER_STATES, UNSETTLED, decide
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


def drop_half_read(ledger: Ledger) -> None:
    """Drop what a reading left behind that did not come to its end. Nothing of it was ever sent."""
    if ledger.scalar("SELECT 1 FROM source WHERE staged = 0") is None:
        return
    unfinished = "(SELECT id FROM source WHERE staged = 0)"
    dropped = f"(SELECT id FROM record WHERE source IN {unfinished})"
    with ledger.transaction() as connection:
        for table in ("content", "case_update", "link"):
            connection.execute(f"DELETE FROM {table} WHERE record IN {dropped}")
        connection.execute(f"DELETE FROM record WHERE source IN {unfinished}")
        connection.execute("DELETE FROM source WHERE staged = 0")


def begin_source(ledger: Ledger, new: NewSource) -> int:
    """Open a new source, in the place of one whose reading was cut short; returns its number."""
    drop_half_read(ledger)
    with ledger.transaction() as connection:
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
            connection.execute(EARLIER_STATES, {"run": ledger.run, "source": source})
        decide(ledger, "SELECT id FROM record WHERE source = ?", source)
        ledger.place_children(lambda record, error: _reject(ledger, record, error))
        for position, read in enumerate(companions):
            enter_companion(connection, source, position, read, whole=whole)
        if ledger.must_search:  # of later files only what corrects a row: the lost import may have corrected it too
            which = "" if ledger.verb == "rebuild" else f" AND (replaces IS NOT NULL OR {_READ_BEFORE})"
            _make_unknown(ledger, f"source = {source:d}{which}")
        connection.execute("UPDATE source SET staged = 1, unread = ? WHERE id = ?", (to_json(list(unread)), source))


#: Rows that were skipped because their key, or the row that they correct, may be a case, which is settled by now.
_SETTLED = f"""SELECT record.id, content.errors, link.parent FROM record
    JOIN source ON source.id = record.source AND source.staged = 1
    JOIN content ON content.record = record.id LEFT JOIN link ON link.record = record.id
    WHERE record.state = 'skipped' AND record.code = '{UNSETTLED}' AND NOT EXISTS (
        SELECT 1 FROM record AS other WHERE other.key = record.key AND other.id <> record.id
        AND other.state IN ('sending', 'unknown', 'duplicate'))
    AND NOT EXISTS (SELECT 1 FROM record AS original WHERE original.id = record.replaces
        AND original.state IN ('sending', 'unknown', 'duplicate'))"""


def decide_again(ledger: Ledger) -> None:
    """Decide on rows whose key had an unknown outcome that is settled by now: they are sent if it is not a case."""
    rows = ledger.rows(_SETTLED)
    if not rows:
        return
    standing = [
        (*_standing(Mapped("", None, errors_from_json(errors), link=Link(None, parent))), record)
        for record, errors, parent in rows
    ]
    records = to_json([record for record, _, _ in rows])
    with ledger.transaction() as connection:
        connection.executemany("UPDATE record SET state = ?, code = ?, message = ? WHERE id = ?", standing)
        decide(ledger, "SELECT value FROM json_each(?)", records)
        ledger.place_children(lambda record, error: _reject(ledger, record, error))
        if ledger.must_search:  # its key was read before, as in any later file
            _make_unknown(ledger, f"id IN (SELECT value FROM json_each('{records}'))")


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
    """Let others answer for the keys of rows that were filtered and are back, or the other way round."""
    if returned:
        with ledger.transaction():
            decide(ledger, "SELECT value FROM json_each(?)", to_json(returned))


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
