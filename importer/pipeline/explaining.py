"""The whole story of one row: its cells, what the mapping made of them, what was sent and answered, and what to do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

import orjson

from importer.errors import ConfigError, MappingError
from importer.ledger import LedgerView, SourceInfo
from importer.ledger.stories import (
    Move,
    RowStory,
    Search,
    UpdateStory,
    moves_of,
    others_of,
    rows_named,
    searches_of,
    update_moves_of,
    updates_of,
)
from importer.meaning import SKIPPED, meaning_of
from importer.models import FieldError, State
from importer.pipeline.companions import StrPath
from importer.plain import in_thread
from importer.regions import is_trial
from importer.report.results_file import case_link, time_text
from importer.report.workbook import Suggestions

#: Rows with one number, of several files, that are explained.
_MOST_ROWS = 5


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the row; ``column`` is None behind the last column."""

    column: str | None
    value: str


@dataclass(frozen=True, slots=True)
class MappedValue:
    """One value that was sent, or is to be sent."""

    field: str  #: such as ``custom_fields.date1``
    value: Any
    columns: tuple[str, ...] = ()  #: that it was made of
    place: str | None = None  #: ``file:line:column`` of the mapping; None if that is not known


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened: a move of the row, an attempt, its answer, or a search."""

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
class Update:
    """What is sent to the case after its creation."""

    part: int
    kind: str
    state: str
    values: tuple[MappedValue, ...]
    body: Any
    history: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedRow:
    """One row of one file. What was deleted with ``forget`` is None or empty."""

    file: str
    row: int
    key: str
    state: str
    case_id: str | None
    link: str
    attempts: int
    why: str
    what_to_do: str
    code: str | None
    message: str | None
    mapping: str
    mapping_note: str  #: why the lines of the mapping are not shown; empty if they are
    external_id_field: str | None
    parent: str | None
    cells: tuple[Cell, ...] | None
    errors: tuple[FieldError, ...]
    error_places: tuple[str | None, ...]  #: for each error, the place of its field in the mapping, if that is known
    values: tuple[MappedValue, ...]
    body: Any
    history: tuple[Step, ...]
    updates: tuple[Update, ...]
    others: tuple[str, ...]  #: rows that it corrects, that correct it, or that have its key


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What a ledger knows about the rows that a name means."""

    version: Literal[1] = 1  #: Of the JSON form of this result.
    ledger: str
    name: str
    found_by: str  #: ``key``, ``row number`` or ``case id``
    rows: tuple[ExplainedRow, ...]


def explain(ledger: StrPath, name: str) -> Explanation:
    """Everything about the rows with a key (external id), a row number, or a case id; the first of them that exists.

    All is from the ledger; the lines of the mapping are named if its file is where it was, and unchanged.

    Raises:
        LedgerError: the ledger cannot be read.
        ConfigError: no row has this name.
    """
    with LedgerView(Path(ledger)) as view:
        found_by, found = rows_named(view, name)
        if not found:
            what = f"no row has the key, the row number or the case id {name!r}"
            raise ConfigError(what, where=str(ledger), hint="results.csv lists the key and the row number of every row")
        sources = {source.id: source for source in view.sources()}
        if found_by == "row number":  # of one file or another
            found = found[-_MOST_ROWS:]
        else:  # what only says every night that the key is a case already is of no interest
            found = [row for row in found if row.state != State.SKIPPED] or found[-1:]
        places = {number: _Places(sources[number]) for number in {row.source for row in found}}
        rows = tuple(_explained(view, row, sources[row.source], places[row.source]) for row in found)
        return Explanation(ledger=str(view.path), name=name, found_by=found_by, rows=rows)


def _explained(view: LedgerView, row: RowStory, source: SourceInfo, places: _Places) -> ExplainedRow:
    state = State(row.state)
    target = view.identity()[1]
    why, what_to_do, _ = meaning_of(state, trial=is_trial(target))
    if state is State.SKIPPED or row.code == "suppressed":
        why = row.message or why
    if state is State.SKIPPED and row.code in SKIPPED:
        what_to_do = SKIPPED[row.code].to_do
    what_to_do = what_to_do or "nothing to do"
    # A search is noted just before what it proves, whose time is known to the millisecond.
    dated = [(int(search.at * 1000), _searched(search)) for search in searches_of(view, row.id)]
    dated += [(round(move.at * 1000), _step(move)) for move in moves_of(view, row.id)]
    history = [step for _, step in sorted(dated, key=itemgetter(0))]
    updates = tuple(_update(view, row.id, update, places) for update in updates_of(view, row.id))
    if open_updates := [update.state for update in updates if update.state not in ("done", "dropped")]:
        what_to_do = f"{what_to_do}; case update: {open_updates[0]}, see case-updates.csv"
    suggestions = Suggestions(source.allowed)
    errors = tuple(error._replace(suggestion=suggestions.of(error)) for error in row.errors)
    body = None if row.body is None else orjson.loads(row.body)
    return ExplainedRow(
        file=source.name,
        row=row.row,
        key=row.key,
        state=row.state,
        case_id=row.case_id,
        link=case_link(target, row.case_id),
        attempts=row.attempts,
        why=why,
        what_to_do=what_to_do,
        code=row.code,
        message=row.message,
        mapping=source.mapping_name,
        mapping_note=places.note,
        external_id_field=source.external_id_field,
        parent=row.parent_key or row.parent,
        cells=None if row.cells is None else tuple(_cells(source.columns, row.cells)),
        errors=errors,
        error_places=tuple(places.place(error.target) for error in errors),
        values=tuple(places.values(body, "case")),
        body=body,
        history=tuple(history),
        updates=updates,
        others=tuple(others_of(view, row)),
    )


def _cells(columns: tuple[str, ...], cells: tuple[str, ...]) -> list[Cell]:
    names = (*columns, *[None] * (len(cells) - len(columns)))
    return [Cell(column, value) for column, value in zip(names, cells, strict=False)]


def _step(move: Move) -> Step:
    answer = (move.case_id, move.http_status, move.code, move.message)
    return Step(time_text(move.at), move.run, move.command, move.state, move.attempt, *answer)


def _searched(search: Search) -> Step:
    return Step(time_text(search.at), search.run, None, "search", 0, None, None, search.result, search.message)


def _update(view: LedgerView, record: int, update: UpdateStory, places: _Places) -> Update:
    body = None if update.body is None else orjson.loads(update.body)
    history = tuple(map(_step, update_moves_of(view, record, update.position)))
    values = tuple(places.values(body, "after_create"))
    return Update(update.position, update.kind, update.state, values, body, history)


class _Places:
    """Where a mapping says what becomes of which column, if it is still the mapping that the rows were mapped with."""

    def __init__(self, source: SourceInfo) -> None:
        self.note = ""
        self._known: dict[tuple[object, object], tuple[tuple[str, ...], str]] = {}
        try:
            self._learn(source)
        except MappingError as error:
            self.note = f"the mapping cannot be read: {error.what}"

    def _learn(self, source: SourceInfo) -> None:
        from importer.mapping import load_mapping  # which reads YAML: not needed for what the ledger knows

        if source.mapping_place is None:
            self.note = "the ledger does not know where the mapping is"
            return
        files = [Path(companion.path).parent for companion in source.companions]
        mapping = load_mapping(source.mapping_place, allow_files=files)
        if mapping.sha256 != source.mapping_sha256:
            self.note = "the mapping has changed since the row was read"
            return
        fields = mapping.bind(source.columns).fields
        named = Counter((field.path[0], field.target.name) for field in fields)
        for field in fields:
            name = field.path[0], field.target.name
            if named[name] == 1:  # which of several notes of a mapping a note of the case is of, cannot be seen
                self._known[name] = field.columns, _named_place(mapping.place(field.path))
        key = mapping.key_columns, _named_place(mapping.place(("source", "key")))
        self._known["source", "source.key"] = self._known["case", f"custom_fields.{source.external_id_field}"] = key

    def place(self, field: str | None) -> str | None:
        """``file:line:column`` of the field that an error is about."""
        parts = ("case", "after_create", "source")
        return next((self._known[part, field][1] for part in parts if (part, field) in self._known), None)

    def values(self, body: dict[str, Any] | None, part: str) -> list[MappedValue]:
        """The values of a body, each with the columns and the line of the mapping that it is of."""
        flat: list[tuple[str, Any]] = []
        for name, value in (body or {}).items():
            if name == "custom_fields":
                flat += [(f"{name}.{key}", _plain(custom)) for key, custom in value.items()]
            elif name == "notes":
                flat += [(f"notes.{key}", text) for note in value for key, text in note.items()]
            else:
                flat.append((name, value))
        found = []
        for name, value in flat:
            place = self._known.get((part, name)) or self._known.get(("case", name))
            found.append(MappedValue(name, value, *place) if place else MappedValue(name, value))
        return found


def _named_place(place: str) -> str:
    """``file:line:column`` without the folders."""
    path, line, column = place.rsplit(":", 2)
    return f"{Path(path).name}:{line}:{column}"


def _plain(custom: Any) -> Any:
    """A custom field of an update is an object with its value."""
    return custom["value"] if isinstance(custom, dict) else custom


explain_async = in_thread(explain)
