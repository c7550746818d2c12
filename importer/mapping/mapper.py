"""A checked mapping file → what a case is made of, and bound to the columns of an export: rows become payloads, or
field errors.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from importer.mapping.case_schema import CaseForm, MappingForm
from importer.mapping.conditions import RowFilter
from importer.mapping.converters import TYPES
from importer.mapping.custom_fields import Definitions, Options, check_usable, definition_of
from importer.mapping.dates import ISO, has_offset
from importer.mapping.field_errors import Document, Problems, from_pydantic, listed, nearest
from importer.mapping.lookups import LookupTable
from importer.mapping.notes import Companion, LongText, MadeNote, Note, Notes, compile_note, long_texts
from importer.mapping.parent_links import KEY_TARGET, ParentLink, bind_name, check_parent
from importer.mapping.schema import ValueForm
from importer.mapping.targets import case_target, custom_target
from importer.mapping.value_sources import Binding, Cells, Header
from importer.mapping.values import Field, Value, compile_value
from importer.models import FieldError, Link, Mapped, Row, shown
from importer.talkdesk.fields import FieldDefinition
from importer.talkdesk.payloads import CASE_FIELDS, CUSTOM_FIELD_TYPES, case_check, custom_field_prefix
from importer.yaml_places import NodePath

#: Rows that are mapped together. Of more, so many objects live at once that the garbage collector costs a fifth.
_AT_ONCE = 50
_CUSTOM, _NOTES = "custom_fields", "notes"

# -- what a case is made of ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plan:
    """What a case is made of: everything about a mapping that needs no columns.

    Attributes:
        definitions: The custom fields of the account; if they are not known, those that the mapping names.
        kinds: The kind of each custom field of the mapping, external id included, whose definition is known.
        tables: Lookup tables by the paths of the values that use them.
        parent: Names the parent row; None if rows are not linked.
    """

    form: MappingForm
    fields: dict[str, Value]
    custom_fields: dict[str, Value]
    notes: list[Note]
    long_texts: list[LongText]
    definitions: tuple[FieldDefinition, ...]
    kinds: dict[str, str]
    tables: dict[NodePath, LookupTable]
    parent: ValueForm | None = None


def make_plan(
    form: MappingForm, problems: Problems, *, definitions: Definitions | None, tables: dict[NodePath, LookupTable]
) -> Plan:
    """The plan of a mapping. What does not fit together, or not to the fields of the account, goes to ``problems``."""
    _check_external_id(form, problems, definitions)
    fields: dict[str, Value] = {}
    for name in CASE_FIELDS:
        value = getattr(form.case, name)
        if isinstance(value, ValueForm) and (name, value.origin) != ("parent_id", "record"):
            compiled = compile_value(value, path=("case", name), target=case_target(name), problems=problems)
            fields |= {name: compiled} if compiled else {}
    custom_fields = _custom_fields(form.case, problems, definitions)
    keys = [*form.case.custom_fields, *filter(None, [form.external_id_field])]
    known = {key: definition_of(key, definitions or {}) for key in keys}
    named = (FieldDefinition(key, name=key) for key in keys)
    return Plan(
        form,
        fields,
        custom_fields,
        notes=[
            compile_note(note, path=("case", _NOTES, number), source=form.source, problems=problems)
            for number, note in enumerate(form.case.notes)
        ],
        long_texts=long_texts([*fields.values(), *custom_fields.values()], problems),
        definitions=tuple(named if definitions is None else definitions.values()),
        kinds={key: kind for key, definition in known.items() if definition and (kind := definition.kind)},
        tables=tables,
        parent=check_parent(form.case, problems),
    )


def assumptions(plan: Plan) -> Iterator[str]:
    """What the mapping does not say and is therefore assumed; a person should know."""
    for value in (*plan.fields.values(), *plan.custom_fields.values()):
        form = value.form
        is_open = not all(has_offset(pattern) for pattern in form.format or (ISO,))
        if value.kind is TYPES["datetime"] and form.timezone is None and form.value is None and is_open:
            yield f"{value.target.name}: no `timezone:` set, so times without an offset are read as UTC"


def _check_external_id(form: MappingForm, problems: Problems, definitions: Definitions | None) -> None:
    key, path = form.external_id_field, ("external_id_field",)
    if key is None:
        return
    if definitions is not None:
        check_usable(key, definitions, path=path, problems=problems)
    known = definitions.get(key) if definitions else None
    if (known.kind if known else custom_field_prefix(key)) not in ("text", "multi_line_text"):
        what = f"{shown(key)!r} cannot be used for the external id"
        problems.add(path, what, "use a text field, such as text1")
    if key in form.case.custom_fields:
        hint = "it is filled from `source.key`; remove it here, or set another `external_id_field`"
        what = f"{key!r} is already used for the external id"
        problems.add(("case", _CUSTOM, key), what, hint, key=True)


def _custom_fields(form: CaseForm, problems: Problems, definitions: Definitions | None) -> dict[str, Value]:
    fields = {}
    for key, value in form.custom_fields.items():
        path = ("case", _CUSTOM, key)
        if definitions is not None and not check_usable(key, definitions, path=path, problems=problems):
            continue
        definition = definition_of(key, definitions or {})
        target = custom_target(key, definition, Options(definition) if definition else None)
        if target:
            if compiled := compile_value(value, path=path, target=target, problems=problems):
                fields[key] = compiled
        elif definition:
            what = f"the definition of {shown(key)!r} has an unknown type {definition.type!r}"
            hint = f"set its `type:` in the fields file to one of {listed(CUSTOM_FIELD_TYPES)}"
            problems.add(path, what, hint, key=True)
        else:
            kinds = f"a key is one of {listed(CUSTOM_FIELD_TYPES)} followed by a number, such as text1"
            hint = nearest(key.rstrip("0123456789"), CUSTOM_FIELD_TYPES, otherwise=kinds)
            problems.add(path, f"{shown(key)!r} is not a custom field key", hint, key=True)
    return fields


# -- rows ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Draft:
    """A row on its way.

    Attributes:
        found: What the reader found wrong with cells that the mapping reads.
        errors: What the mapping finds wrong.
        filtered_by: Why it is filtered.
        payload: The values of its case, which are sent if nothing is wrong; None if no case is to be made.
    """

    row: Row
    found: list[FieldError]
    key: str = ""
    link: Link | None = None
    errors: list[FieldError] = field(default_factory=list)
    filtered_by: str | None = None
    payload: dict[str, Any] | None = None


class RowMapper:
    """Maps the rows of one export. Pure: the same row gives the same bytes, whatever rows are mapped with it.

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
        problems, source = Problems(document), plan.form.source
        empty = frozenset({"", *(text.strip() for text in source.empty)})
        binding = Binding(Header(columns, problems), empty, plan.tables, companions)
        self._width = len(columns)
        self._key = bind_name(source.key, ("source", "key"), source, binding, is_key=True)
        self._filter = RowFilter(source, binding)
        self._fields = {name: value.bind(binding) for name, value in plan.fields.items()}
        self._custom_fields = {key: value.bind(binding) for key, value in plan.custom_fields.items()}
        self._notes = Notes(plan.notes, plan.long_texts, binding)
        self._parent = ParentLink(plan.parent, source, binding) if plan.parent else None
        of_notes = [value.bind(binding) for note in plan.notes if not note.each for value in note.values.values()]
        problems.raise_if_any()
        self._external_id_field = plan.form.external_id_field
        self._check = case_check([*plan.custom_fields, *filter(None, [self._external_id_field])], plan.kinds)
        self._notes_per_call = plan.form.notes_per_call
        custom = [f"{_CUSTOM}.{key}" for key in self._custom_fields]
        in_order = [name for field in CASE_FIELDS for name in (custom if field == _CUSTOM else [field])]
        self._ranks = {name: rank for rank, name in enumerate(in_order)}
        self.columns_used = frozenset(binding.header.used)
        self.fields: tuple[Field, ...] = (*self._fields.values(), *self._custom_fields.values(), *of_notes)

    def apply(self, row: Row) -> Mapped:
        """What :meth:`apply_all` makes of one row."""
        return self.apply_all([row])[0]

    def apply_all(self, rows: Sequence[Row]) -> list[Mapped]:
        """For each row a body to send, all that is wrong with it, or why it is filtered.

        Never raises: what the reader found wrong, or what cannot be sent, comes back as field errors.
        """
        mapped: list[Mapped] = []
        for first in range(0, len(rows), _AT_ONCE):
            drafts = [self._draft(row) for row in rows[first : first + _AT_ONCE]]
            self._fill([draft for draft in drafts if draft.payload is not None])
            mapped += map(self._mapped, drafts)
        return mapped

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

    def _draft(self, row: Row) -> _Draft:
        """What a row says about itself; without a payload if no case is to be made of it."""
        used = self.columns_used
        found = (
            [error for error in row.problems if error.column is None or error.column in used] if row.problems else []
        )
        draft = _Draft(row, found)
        if len(row.cells) != self._width:  # nobody knows which cell belongs to which column, the key included
            if not any(error.column is None for error in found):
                rule = f"row has {len(row.cells)} cells, but the header has {self._width}"
                hint = "check the quotes and delimiters in this row"
                found.insert(0, FieldError("field_count", None, "", rule, hint))
            return draft
        spoiled = {error.column for error in found}
        draft.key = self.key(row, draft.errors)
        draft.filtered_by = self._filter.reason(row.cells, spoiled, draft.errors)
        if draft.filtered_by is None:
            draft.link = self.link(row, draft.errors)
            if None not in spoiled:
                draft.payload = {}
        return draft

    def _fill(self, drafts: Sequence[_Draft]) -> None:
        """Makes the payloads, each checked by the model of the case; one that has errors is not sent."""
        rows, errors = [draft.row.cells for draft in drafts], [draft.errors for draft in drafts]
        columns = {name: field.collect(rows, errors) for name, field in self._fields.items()}
        custom = {key: field.collect(rows, errors) for key, field in self._custom_fields.items()}
        if self._external_id_field is not None:
            custom[self._external_id_field] = [draft.key or None for draft in drafts]
        columns[_CUSTOM] = [values or None for values in _by_row(custom)] if custom else [None] * len(rows)
        notes = self._notes.collect(rows, errors)
        columns[_NOTES] = [[note.body for note in made] or None for made in notes]
        in_order = {name: columns[name] for name in CASE_FIELDS if name in columns}
        for draft, payload, made in zip(drafts, _by_row(in_order), notes, strict=True):
            draft.payload = payload
            try:
                self._check(payload)
            except ValidationError as error:
                self._add_errors(error, draft, made)

    def _add_errors(self, error: ValidationError, draft: _Draft, notes: Sequence[MadeNote]) -> None:
        """Adds what the model of the case found; of what could not be read at all, nothing more is said."""
        known = {found.target for found in draft.errors}
        for detail in error.errors(include_url=False):
            located, is_of_note = self._located(detail, draft.row.cells, notes), detail["loc"][0] == _NOTES
            if (detail["type"] != "missing") if is_of_note else (located.target not in known):
                known.add(located.target)
                draft.errors.append(located)

    def _located(self, detail: ErrorDetails, cells: Cells, notes: Sequence[MadeNote]) -> FieldError:
        error = from_pydantic(detail)
        match detail["loc"]:
            case ("notes", int(number), str(name), *_):
                return notes[number].located(name, error)
            case ("custom_fields", str(name), *_) if name in self._custom_fields:
                return self._custom_fields[name].located(error, cells)
            case (str(name), *_) if name in self._fields:
                return self._fields[name].located(error, cells)
        return error.at(None, "", target=".".join(map(str, detail["loc"])))

    def _mapped(self, draft: _Draft) -> Mapped:
        if draft.filtered_by is not None:
            return Mapped(draft.key, None, filtered_by=draft.filtered_by)
        if not draft.found and not draft.errors and draft.payload is not None:
            return self._sent(draft.key, draft.payload, draft.link)
        spoiled = {error.column for error in draft.found}
        said = [error for error in dict.fromkeys(draft.errors) if error.column not in spoiled]
        if None in spoiled:
            said = [error for error in said if error.target == KEY_TARGET]
        return Mapped(draft.key, None, (*draft.found, *sorted(said, key=self._rank)), link=draft.link)

    def _sent(self, key: str, payload: dict[str, Any], link: Link | None) -> Mapped:
        notes, most = payload.get(_NOTES, ()), self._notes_per_call
        if len(notes) <= most:
            return Mapped(key, orjson.dumps(payload), link=link)
        updates = [orjson.dumps({_NOTES: notes[first : first + most]}) for first in range(most, len(notes), most)]
        return Mapped(key, orjson.dumps(payload | {_NOTES: notes[:most]}), case_updates=tuple(updates), link=link)

    def _rank(self, error: FieldError) -> int:
        """Errors are listed in the order of the case; those of the key and of conditions come first."""
        target = error.target or ""
        return self._ranks.get(target, self._ranks.get(target.partition(".")[0], -1))


def _by_row(columns: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    """The values of each row by their names, without those that it does not have."""
    for values in zip(*columns.values(), strict=True):
        yield {name: value for name, value in zip(columns, values, strict=True) if value is not None}


def _is_spoiled(row: Row, columns: Collection[str]) -> bool:
    return any(error.column in columns for error in row.problems) if row.problems else False
