"""All that a ledger knows about single rows, for a person who asks why one of them is no case, or which one it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from importer.ledger.json_columns import cells_from_json, errors_from_json
from importer.ledger.lines import ResultLine
from importer.ledger.view import LINE, LedgerView
from importer.models import FieldError, State

_STORY = f"{LINE}, NULL, replaces, cells, errors, body, link.parent, link.parent_key"
_TIME = "strftime('%Y-%m-%dT%H:%M:%SZ', at, 'unixepoch')"
#: How a row may be called, in this order: the column, and whether it is a number.
_NAMES = {"key": "record.key = :name", "row number": "record.row = :number", "case id": "record.case_id = :name"}


@dataclass(frozen=True, slots=True)
class RowStory(ResultLine):
    """One record as it is now. Cells, errors and body are None or empty if they were deleted."""

    replaces: int | None  #: the record that it corrects
    cells: tuple[str, ...] | None
    errors: tuple[FieldError, ...]
    body: str | None  #: JSON, to the byte
    parent: str | None  #: what it calls its parent row
    parent_key: str | None  #: the key of the row whose case is, or will be, its parent


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to a row or a case update: a move, an attempt, its answer, or a search."""

    at: str  #: UTC
    run: int | None
    command: str | None
    what: str  #: the new state, or ``search``
    attempt: int
    case_id: str | None
    http_status: int | None
    code: str | None
    message: str | None


@dataclass(frozen=True, slots=True)
class UpdateStory:
    """What is sent to a case after its creation, as it is now."""

    position: int
    kind: str
    state: str
    attempts: int
    body: str | None


def rows_named(view: LedgerView, name: str) -> tuple[str, list[RowStory]]:
    """What a name is, ``key``, ``row number`` or ``case id``, the first that fits; and the records that have it, in
    the order of the ledger."""
    query = (
        f"SELECT {_STORY} FROM record LEFT JOIN content ON content.record = record.id"
        " LEFT JOIN link ON link.record = record.id {where} ORDER BY record.id"
    )
    number = int(name) if name.isascii() and name.isdecimal() and len(name) <= 18 else None
    for what, where in _NAMES.items():
        found = list(view.read(_row, query, where, name=name, number=number))
        if found:
            return what, found
    return "", []


def _row(*values: Any) -> RowStory:
    record, source, row, key, state, *line, cells, errors, body, parent, parent_key = values
    read = None if cells is None else cells_from_json(cells)
    named = [record, source, row, key, State(state), *line]
    return RowStory(*[*named, read, errors_from_json(errors), body, parent, parent_key])


def steps_of(view: LedgerView, record: int) -> Iterator[Step]:
    """The history of a record, oldest first; goes through the whole history of the ledger.

    A search is noted just before what it proves, whose time is known to the millisecond.
    """
    query = f"""
        SELECT {_TIME}, search.run, NULL, 'search', 0, NULL, NULL, result, search.message,
               CAST(at * 1000 AS INTEGER) AS millisecond, 0 AS is_move, search.id AS number
        FROM search JOIN record ON record.id = search.record {{where}}
        UNION ALL
        SELECT {_TIME}, event.run, verb, event.state, attempt, event.case_id, event.http_status, event.code,
               event.message, ROUND(at * 1000), 1, event.id
        FROM event JOIN record ON record.id = event.record LEFT JOIN run ON run.id = event.run {{where}}
        ORDER BY millisecond, is_move, number"""
    return view.read(lambda *values: Step(*values[:9]), query, "record.id = :record", record=record)


def updates_of(view: LedgerView, record: int) -> Iterator[UpdateStory]:
    """The case updates of a record, in order."""
    query = (
        "SELECT position, kind, case_update.state, case_update.attempts, body"
        " FROM case_update JOIN record ON record.id = case_update.record {where} ORDER BY position"
    )
    return view.read(UpdateStory, query, "record.id = :record", record=record)


def update_steps_of(view: LedgerView, record: int, position: int) -> Iterator[Step]:
    """The history of a case update, oldest first."""
    query = f"""
        SELECT {_TIME}, event.run, verb, event.state, attempt, NULL, event.http_status, event.code, event.message
        FROM case_update_event AS event JOIN record ON record.id = event.record LEFT JOIN run ON run.id = event.run
        {{where}} ORDER BY event.id"""
    return view.read(Step, query, "record.id = :record AND position = :at", record=record, at=position)


def others_of(view: LedgerView, row: RowStory, *, most: int = 20) -> list[str]:
    """Other records that have to do with one, newest first: ``corrected by row 2 of failures.xlsx (created)``."""
    query = (
        "SELECT CASE WHEN record.id = :replaces THEN 'corrects' WHEN replaces = :id THEN 'corrected by'"
        " ELSE 'same key:' END || ' row ' || row || ' of ' || (SELECT name FROM source WHERE id = record.source)"
        f" || ' (' || state || ')' FROM record {{where}} ORDER BY record.id DESC LIMIT {most:d}"
    )
    which = "record.id <> :id AND (record.id = :replaces OR replaces = :id OR (key = :key AND key <> ''))"
    return [text for (text,) in view.select(query, which, id=row.id, replaces=row.replaces, key=row.key)]
