"""A checked mapping file → what a case is made of: everything about it that needs no columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from importer.mapping.case_schema import CaseForm, MappingForm
from importer.mapping.converters import TYPES
from importer.mapping.custom_fields import Definitions, Options, definition_of
from importer.mapping.dates import ISO, has_offset
from importer.mapping.lookups import LookupTable
from importer.mapping.notes import Note, compile_note, overflows
from importer.mapping.parent_links import check_parent
from importer.mapping.problems import Problems, listed, nearest
from importer.mapping.schema import SourceForm, ValueForm
from importer.mapping.targets import case_target, custom_target
from importer.mapping.values import Value, compile_value
from importer.models import shown
from importer.talkdesk.fields import FieldDefinition
from importer.talkdesk.payloads import CASE_FIELDS, CUSTOM_FIELD_TYPES, custom_field_prefix
from importer.yaml_places import NodePath


@dataclass(frozen=True, slots=True)
class Plan:
    """What a case is made of.

    Attributes:
        source: What the export means.
        external_id_field: Custom field that receives the key; None for none.
        fields: Plain fields of the case.
        custom_fields: Custom fields by their keys.
        notes: Notes, in order.
        overflows: Texts that become a note if they are too long for their fields.
        notes_per_call: How many notes one call carries; the others follow.
        definitions: The custom fields of the account; if they are not known, those that the mapping names.
        kinds: The kind of each custom field of the mapping, external id included, whose definition is known.
        tables: Lookup tables by the paths of the values that use them.
        parent: Names the parent row; None if rows are not linked.
    """

    source: SourceForm
    external_id_field: str | None
    fields: dict[str, Value]
    custom_fields: dict[str, Value]
    notes: list[Note]
    overflows: list[Value]
    notes_per_call: int
    definitions: tuple[FieldDefinition, ...]
    kinds: dict[str, str]
    tables: dict[NodePath, LookupTable]
    parent: ValueForm | None = None

    @property
    def custom_field_keys(self) -> list[str]:
        """All custom fields that a case may have."""
        return [*self.custom_fields, *filter(None, [self.external_id_field])]


def make_plan(
    form: MappingForm, problems: Problems, *, definitions: Definitions | None, tables: dict[NodePath, LookupTable]
) -> Plan:
    """The plan of a mapping. What does not fit together goes to ``problems``.

    Args:
        form: The mapping.
        problems: Where problems go.
        definitions: The custom fields of the account, if they are known.
        tables: The lookup tables.
    """
    _check_external_id(form, problems, definitions)
    notes = [
        compile_note(note, path=("case", "notes", number), source=form.source, problems=problems)
        for number, note in enumerate(form.case.notes)
    ]
    fields, custom_fields = _fields(form.case, problems), _custom_fields(form.case, problems, definitions)
    return Plan(
        source=form.source,
        external_id_field=form.external_id_field,
        fields=fields,
        custom_fields=custom_fields,
        notes=notes,
        overflows=list(overflows([*fields.values(), *custom_fields.values()], problems)),
        notes_per_call=form.notes_per_call,
        definitions=_named(form) if definitions is None else tuple(definitions.values()),
        kinds=_kinds(form, definitions or {}),
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


def _keys(form: MappingForm) -> Sequence[str]:
    return [*form.case.custom_fields, *filter(None, [form.external_id_field])]


def _kinds(form: MappingForm, definitions: Definitions) -> dict[str, str]:
    known = {key: definition_of(key, definitions) for key in _keys(form)}
    return {key: kind for key, definition in known.items() if definition and (kind := definition.kind)}


def _named(form: MappingForm) -> tuple[FieldDefinition, ...]:
    return tuple(FieldDefinition(key, name=key) for key in _keys(form))


def _check_external_id(form: MappingForm, problems: Problems, definitions: Definitions | None) -> None:
    key, path = form.external_id_field, ("external_id_field",)
    if key is None:
        return
    if definitions is not None:
        _is_usable(key, definitions, path=path, problems=problems)
    known = definitions.get(key) if definitions else None
    if (known.kind if known else custom_field_prefix(key)) not in ("text", "multi_line_text"):
        what = f"{shown(key)!r} cannot be used for the external id"
        problems.add(path, what, "use a text field, such as text1")
    if key in form.case.custom_fields:
        hint = "it is filled from `source.key`; remove it here, or set another `external_id_field`"
        what = f"{key!r} is already used for the external id"
        problems.add(("case", "custom_fields", key), what, hint, key=True)


def _fields(form: CaseForm, problems: Problems) -> dict[str, Value]:
    fields = {}
    for name in CASE_FIELDS:
        value = getattr(form, name)
        if not isinstance(value, ValueForm) or (name == "parent_id" and value.origin == "record"):
            continue
        if compiled := compile_value(value, path=("case", name), target=case_target(name), problems=problems):
            fields[name] = compiled
    return fields


def _custom_fields(form: CaseForm, problems: Problems, definitions: Definitions | None) -> dict[str, Value]:
    fields = {}
    for key, value in form.custom_fields.items():
        path = ("case", "custom_fields", key)
        if definitions is not None and not _is_usable(key, definitions, path=path, problems=problems):
            continue
        definition = definition_of(key, definitions or {})
        target = custom_target(key, definition, Options(definition) if definition else None)
        if target is None:
            problems.add(path, *_no_kind(key, definition), key=True)
        elif compiled := compile_value(value, path=path, target=target, problems=problems):
            fields[key] = compiled
    return fields


def _no_kind(key: str, definition: FieldDefinition | None) -> tuple[str, str]:
    if definition:
        what = f"the definition of {shown(key)!r} has an unknown type {definition.type!r}"
        return what, f"set its `type:` in the fields file to one of {listed(CUSTOM_FIELD_TYPES)}"
    otherwise = f"a key is one of {listed(CUSTOM_FIELD_TYPES)} followed by a number, such as text1"
    hint = nearest(key.rstrip("0123456789"), CUSTOM_FIELD_TYPES, otherwise=otherwise)
    return f"{shown(key)!r} is not a custom field key", hint


def _is_usable(key: str, definitions: Definitions, *, path: NodePath, problems: Problems) -> bool:
    """Whether the account has this field, and uses it."""
    is_key = path[0] == "case"
    definition = definition_of(key, definitions)
    if definition is None:
        keys = [known.key for known in definitions.values() if known.name.casefold() == key.strip().casefold()]
        hint = f"this is the name of {listed(keys)}; use the key" if keys else _nearest_key(key, definitions)
        problems.add(path, f"the account has no custom field {shown(key)!r}", hint, key=is_key)
    elif not definition.active:
        what = f"the custom field {shown(key)!r} ({definition.name}) is not active"
        hint = "activate it in Talkdesk and run case-importer fields again, or remove it"
        problems.add(path, what, hint, key=is_key)
    return definition is not None and definition.active


def _nearest_key(key: str, definitions: Definitions) -> str:
    has = listed(f"{known.key} ({known.name})" for known in definitions.values() if known.active)
    return nearest(key, definitions, otherwise=f"custom fields: {has}")
