"""A mapping bound to the columns of an export: rows become payloads, or field errors."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from importer.mapping.companion import Companion
from importer.mapping.conditions import RowFilter
from importer.mapping.field_errors import from_pydantic
from importer.mapping.notes import MadeNote, Notes, batched
from importer.mapping.parent_links import KEY_TARGET, bind_key, bind_parent
from importer.mapping.plan import Plan
from importer.mapping.problems import Document, Problems
from importer.mapping.sources import Binding, Cells, Header
from importer.mapping.values import Field
from importer.models import FieldError, Link, Mapped, Row
from importer.talkdesk.payloads import CASE_FIELDS, case_check

_CUSTOM, _NOTES = "custom_fields", "notes"


class RowMapper:
    """Maps the rows of one export. Pure: the same row gives the same bytes, whatever came before.

    Args:
        plan: What a case is made of.
        columns: The header of the export.
        document: The mapping file, for messages.
        companions: The companion files; None if their notes are not wanted.

    Attributes:
        columns_used: The columns that the mapping reads.
        fields: The fields that read the rows of the export, for statistics.

    Raises:
        MappingProblems: The mapping names columns that the export does not have, or has more than once.
    """

    def __init__(
        self, plan: Plan, columns: tuple[str, ...], document: Document, companions: Collection[Companion] | None = None
    ) -> None:
        problems = Problems(document)
        empty = frozenset({"", *(text.strip() for text in plan.source.empty)})
        binding = Binding(Header(columns, problems), empty, plan.tables, companions)
        self._width = len(columns)
        self._key = bind_key(plan.source, binding)
        self._filter = RowFilter(plan.source, binding)
        self._fields = {name: value.bind(binding) for name, value in plan.fields.items()}
        self._custom_fields = {key: value.bind(binding) for key, value in plan.custom_fields.items()}
        self._notes = _bind_notes(plan, binding)
        self._parent = bind_parent(plan.parent, plan.source, binding) if plan.parent else None
        of_notes = [value.bind(binding) for note in plan.notes for value in note.row_values]
        problems.raise_if_any()
        self._external_id_field = plan.external_id_field
        self._check = case_check(plan.custom_field_keys, plan.kinds)
        self._notes_per_call = plan.notes_per_call
        self._ranks = {name: rank for rank, name in enumerate(self._targets_in_order())}
        self.columns_used = frozenset(binding.header.used)
        self.fields: tuple[Field, ...] = (*self._fields.values(), *self._custom_fields.values(), *of_notes)

    def apply(self, row: Row) -> Mapped:
        """A body to send, all that is wrong with the row, or why it is filtered.

        Never raises: what the reader found wrong, or what cannot be sent, comes back as field errors.
        """
        cells = row.cells
        found = [error for error in row.problems if error.column is None or error.column in self.columns_used]
        if len(cells) != self._width:  # nobody knows which cell belongs to which column, the key included
            return Mapped("", None, tuple(self._with_wrong_width(found, cells)))
        errors: list[FieldError] = []
        spoiled = {error.column for error in found}
        key = self.key(row, errors)
        if reason := self._filter.reason(cells, spoiled, errors):
            return Mapped(key, None, left_out=reason)
        link = self.link(row, errors)
        payload = self._payload(cells, key, errors) if None not in spoiled else {}
        if found or errors:
            said = [error for error in dict.fromkeys(errors) if error.column not in spoiled]
            if None in spoiled:
                said = [error for error in said if error.target == KEY_TARGET]
            return Mapped(key, None, (*found, *sorted(said, key=self._rank)), link=link)
        return self._sent(key, payload, link)

    def key(self, row: Row, errors: list[FieldError] | None = None) -> str:
        """The key of a row, whatever else is wrong with it; empty if it has none, or if its cells are damaged."""
        if len(row.cells) != self._width:
            return ""
        key = self._key.read(row.cells, [] if errors is None else errors)
        return "" if _is_spoiled(row, self._key.columns) else key

    def link(self, row: Row, errors: list[FieldError] | None = None) -> Link | None:
        """What a row says about its parent row, whatever else is wrong with it."""
        if self._parent is None or len(row.cells) != self._width:
            return None
        link = self._parent.read(row.cells, [] if errors is None else errors)
        return None if _is_spoiled(row, self._parent.columns) else link

    def _payload(self, cells: Cells, key: str, errors: list[FieldError]) -> dict[str, Any]:
        """The payload of a row, checked by the model of the case; it is one only if there are no errors."""
        values: dict[str, Any] = {}
        for name, field in self._fields.items():
            values[name] = field.collect(cells, errors)
        custom = {}
        for name, field in self._custom_fields.items():
            if (value := field.collect(cells, errors)) is not None:
                custom[name] = value
        if self._external_id_field is not None and key:
            custom[self._external_id_field] = key
        notes = self._notes.read(cells, errors) if self._notes else []
        values[_CUSTOM], values[_NOTES] = custom or None, [note.body for note in notes] or None
        payload = {name: value for name in CASE_FIELDS if (value := values.get(name)) is not None}
        try:
            self._check(payload)
        except ValidationError as error:
            self._add_errors(error, cells, notes, errors)
        return payload

    def _add_errors(
        self, error: ValidationError, cells: Cells, notes: Sequence[MadeNote], errors: list[FieldError]
    ) -> None:
        """Adds what the model of the case found; of what could not be read at all, nothing more is said."""
        known = {found.target for found in errors}
        for detail in error.errors(include_url=False):
            located, is_of_note = self._located(detail, cells, notes), detail["loc"][0] == _NOTES
            if (detail["type"] != "missing") if is_of_note else (located.target not in known):
                known.add(located.target)
                errors.append(located)

    def _located(self, detail: ErrorDetails, cells: Cells, notes: Sequence[MadeNote]) -> FieldError:
        match detail["loc"]:
            case ("notes", int(number), str(name), *_):
                return notes[number].located(name, from_pydantic(detail))
            case ("custom_fields", str(name), *_) if name in self._custom_fields:
                return self._custom_fields[name].located(from_pydantic(detail), cells)
            case (str(name), *_) if name in self._fields:
                return self._fields[name].located(from_pydantic(detail), cells)
        return from_pydantic(detail).at(None, "", target=".".join(map(str, detail["loc"])))

    def _sent(self, key: str, payload: dict[str, Any], link: Link | None) -> Mapped:
        notes = payload.get(_NOTES, ())
        if len(notes) <= self._notes_per_call:
            return Mapped(key, orjson.dumps(payload), link=link)
        first, *others = batched(notes, self._notes_per_call)
        updates = tuple(orjson.dumps({_NOTES: part}) for part in others)
        return Mapped(key, orjson.dumps(payload | {_NOTES: first}), case_updates=updates, link=link)

    def _targets_in_order(self) -> list[str]:
        custom = [f"{_CUSTOM}.{name}" for name in self._custom_fields]
        return [name for field in CASE_FIELDS for name in (custom if field == _CUSTOM else [field])]

    def _rank(self, error: FieldError) -> int:
        """Errors are listed in the order of the case; those of the key and of conditions come first."""
        target = error.target or ""
        return self._ranks.get(target, self._ranks.get(target.partition(".")[0], -1))

    def _with_wrong_width(self, found: list[FieldError], cells: Cells) -> list[FieldError]:
        if any(error.column is None for error in found):
            return found
        rule = f"row has {len(cells)} cells, but the header has {self._width}"
        hint = "check the quotes and delimiters in this row"
        return [FieldError("field_count", None, "", rule, hint), *found]


def _is_spoiled(row: Row, columns: Collection[str]) -> bool:
    return any(error.column in columns for error in row.problems) if row.problems else False


def _bind_notes(plan: Plan, binding: Binding) -> Notes | None:
    if not plan.notes and not plan.overflows:
        return None
    fields = {**plan.fields, **plan.custom_fields}.values()
    limits = {value.path: value.form.max or value.target.limit or 0 for value in fields}
    long_texts = [(value.bind(binding), limits[value.path]) for value in plan.overflows]
    return Notes(plan.notes, long_texts, binding)
