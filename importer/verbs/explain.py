"""The whole story of one row: its cells, what the mapping made of them, what was sent and answered, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any, Literal

import orjson

from importer.errors import ConfigError, MappingError
from importer.ledger import LedgerView
from importer.ledger.records import SourceInfo
from importer.ledger.stories import RowStory, Step, others_of, rows_named, steps_of, update_steps_of, updates_of
from importer.models import FieldError, State, StrPath
from importer.report.tables import case_link
from importer.talkdesk.addresses import is_trial
from importer.text.meaning import SKIPPED, meaning_of
from importer.verbs.plain import in_thread

#: Rows with one number, of several files, that are explained.
_MOST_ROWS = 5
_KEY = ("source", "key")


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
    place: str | None = None  #: ``file:line:column`` of the mapping, ``or`` those of several notes; None if not known


@dataclass(frozen=True, slots=True)
class Update:
    """What is sent to the case after its creation."""

    part: int
    kind: str
    state: str
    attempts: int
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
    attempts: int  #: how often a request to create the case was sent
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
    updates = []
    for update in updates_of(view, row.id):
        body = _read_body(update.body)
        values, history = places.values(body, "after_create"), update_steps_of(view, row.id, update.position)
        parts = (update.position, update.kind, update.state, update.attempts)
        updates.append(Update(*parts, tuple(values), body, tuple(history)))
    open_updates = [update.state for update in updates if update.state not in ("done", "dropped")]
    if open_updates and state is State.CREATED:  # otherwise they only wait for their row
        what_to_do = f"case update: {open_updates[0]}, see case-updates.csv"
    body = _read_body(row.body)
    names = (*source.columns, *repeat(None, len(row.cells or ())))
    return ExplainedRow(
        file=source.name,
        row=row.row,
        key=row.key,
        state=row.state,
        case_id=row.case_id,
        link=case_link(target, row.case_id),
        attempts=row.attempts,
        why=why,
        what_to_do=what_to_do or "nothing to do",
        code=row.code,
        message=row.message,
        mapping=source.mapping_name,
        mapping_note=places.note,
        external_id_field=source.external_id_field,
        parent=row.parent_key or row.parent,
        cells=None if row.cells is None else tuple(map(Cell, names, row.cells)),
        errors=row.errors,
        error_places=tuple(places.place(error.target) for error in row.errors),
        values=tuple(places.values(body, "case")),
        body=body,
        history=tuple(steps_of(view, row.id)),
        updates=tuple(updates),
        others=tuple(others_of(view, row)),
    )


def _read_body(body: str | None) -> dict[str, Any] | None:
    return None if body is None else orjson.loads(body)


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
        key = f"custom_fields.{source.external_id_field}"
        fields = [
            (field.path[0], field.target.name, field.columns, field.path)
            for field in mapping.bind(source.columns).fields
        ]
        fields += [("case", key, mapping.key_columns, _KEY), ("source", "source.key", mapping.key_columns, _KEY)]
        for part, name, columns, path in fields:
            # Which of several notes of a mapping a note of the case is of, cannot be seen: all of them are named.
            known, places = self._known.get((part, name), ((), ""))
            folder, line, column = mapping.place(path).rsplit(":", 2)
            place = f"{Path(folder).name}:{line}:{column}"
            places = f"{places}, or of the note at {place}" if places else place
            self._known[part, name] = tuple(dict.fromkeys((*known, *columns))), places

    def place(self, field: str | None) -> str | None:
        """``file:line:column`` of the field that an error is about."""
        parts = ("case", "after_create", "source")
        return next((self._known[part, field][1] for part in parts if (part, field) in self._known), None)

    def values(self, body: dict[str, Any] | None, part: str) -> list[MappedValue]:
        """The values of a body, each with the columns and the line of the mapping that it is of."""
        flat: list[tuple[str, Any]] = []
        for name, value in (body or {}).items():
            if name == "custom_fields":
                # a custom field of an update is an object with its value
                plain = ((key, it["value"] if isinstance(it, dict) else it) for key, it in value.items())
                flat += [(f"{name}.{key}", custom) for key, custom in plain]
            elif name == "notes":
                flat += [(f"notes.{key}", text) for note in value for key, text in note.items()]
            else:
                flat.append((name, value))
        found = []
        for name, value in flat:
            place = self._known.get((part, name)) or self._known.get(("case", name))
            found.append(MappedValue(name, value, *place) if place else MappedValue(name, value))
        return found


explain_async = in_thread(explain)
