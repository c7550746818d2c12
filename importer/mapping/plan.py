"""A checked mapping file → the plan of a case: everything about it that needs no columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from importer.mapping.dates import ISO, has_offset
from importer.mapping.document import Problems
from importer.mapping.fields_file import Definitions, definition_of
from importer.mapping.lookup_table import LookupTable
from importer.mapping.notes import Note, compile_note
from importer.mapping.overflow import Overflow, overflows
from importer.mapping.parent import check_parent
from importer.mapping.problems import listed, nearest
from importer.mapping.spec import SourceForm, ValueForm
from importer.mapping.spec_case import CaseForm, MappingForm
from importer.mapping.targets import case_target, custom_target
from importer.mapping.types import TYPES
from importer.mapping.values import Value, compile_value
from importer.mapping.yaml_nodes import NodePath
from importer.models import shown
from importer.talkdesk.case import CASE_FIELDS, CUSTOM_FIELD_TYPES, custom_field_prefix
from importer.talkdesk.fields import FieldDefinition


class Plan(NamedTuple):
    """What a case is made of.

    Attributes:
        source: What the export means.
        stamp: Custom field that receives the key; None for none.
        fields: Plain fields of the case.
        custom_fields: Custom fields by their keys.
        notes: Notes, in order.
        definitions: The custom fields of the account; if they are not known, those that the mapping names.
        kinds: Prefix of the kind of each custom field, stamp included, whose key does not show it.
        tables: Look-up tables by the paths of the values that use them.
        overflows: Texts that become a note if they are too long for their fields.
        notes_per_call: How many notes one call carries; the others follow.
        parent: Names the row above; None if rows are not linked.
    """

    source: SourceForm
    stamp: str | None
    fields: dict[str, Value]
    custom_fields: dict[str, Value]
    notes: list[Note]
    overflows: list[Overflow]
    notes_per_call: int
    definitions: tuple[FieldDefinition, ...]
    kinds: dict[str, str]
    tables: dict[NodePath, LookupTable]
    parent: ValueForm | None = None


def make_plan(
    form: MappingForm, problems: Problems, *, definitions: Definitions | None, tables: dict[NodePath, LookupTable]
) -> Plan:
    """The plan of a mapping. What does not fit together goes to ``problems``.

    Args:
        form: The mapping.
        problems: Where problems go.
        definitions: The custom fields of the account, if they are known.
        tables: The look-up tables.
    """
    _check_stamp(form, problems, definitions)
    notes = [
        compile_note(note, path=("case", "notes", number), source=form.source, problems=problems)
        for number, note in enumerate(form.case.notes)
    ]
    fields, custom_fields = _fields(form.case, problems), _custom_fields(form.case, problems, definitions)
    long_texts = list(overflows([*fields.values(), *custom_fields.values()], problems))
    return Plan(
        source=form.source,
        stamp=form.stamp,
        fields=fields,
        custom_fields=custom_fields,
        notes=notes,
        overflows=long_texts,
        notes_per_call=form.notes_per_call,
        definitions=_named(form) if definitions is None else tuple(definitions.values()),
        kinds=_kinds(form, definitions or {}),
        tables=tables,
        parent=check_parent(form.case, problems),
    )


def assumptions(plan: Plan) -> Iterator[str]:
    """What the mapping leaves open and is therefore assumed; a person should know."""
    for value in (*plan.fields.values(), *plan.custom_fields.values()):
        form = value.form
        open_format = not all(has_offset(pattern) for pattern in form.format or (ISO,))
        if value.kind is TYPES["datetime"] and form.timezone is None and form.value is None and open_format:
            yield f"{value.target.name}: no `timezone:` given, so times without an offset are read as UTC"


def _kinds(form: MappingForm, definitions: Definitions) -> dict[str, str]:
    known = {key: definition_of(key, definitions) for key in _keys(form)}
    return {key: kind for key, definition in known.items() if definition and (kind := definition.kind)}


def _named(form: MappingForm) -> tuple[FieldDefinition, ...]:
    return tuple(FieldDefinition(key, name=key) for key in _keys(form))


def _keys(form: MappingForm) -> list[str]:
    return [*form.case.custom_fields, *filter(None, [form.stamp])]


def _check_stamp(form: MappingForm, problems: Problems, definitions: Definitions | None) -> None:
    stamp = form.stamp
    if stamp is None:
        return
    if definitions is not None:
        _is_usable(stamp, definitions, path=("stamp",), problems=problems)
    known = definitions.get(stamp) if definitions else None
    if (known.kind if known else custom_field_prefix(stamp)) not in ("text", "multi_line_text"):
        problems.add(("stamp",), f"{shown(stamp)!r} cannot be a stamp", "name a text field, such as text1")
    if stamp in form.case.custom_fields:
        hint = "the stamp is set from `source.key`; remove one of the two"
        problems.add(("case", "custom_fields", stamp), f"{stamp!r} is the stamp already", hint, key=True)


def _fields(form: CaseForm, problems: Problems) -> dict[str, Value]:
    fields = {}
    for name in CASE_FIELDS:
        value = getattr(form, name)
        if not isinstance(value, ValueForm) or (name == "parent_id" and value.origin == "record"):
            continue
        compiled = compile_value(value, path=("case", name), target=case_target(name), problems=problems)
        if compiled:
            fields[name] = compiled
    return fields


def _custom_fields(form: CaseForm, problems: Problems, definitions: Definitions | None) -> dict[str, Value]:
    fields = {}
    for key, value in form.custom_fields.items():
        path = ("case", "custom_fields", key)
        if definitions is not None and not _is_usable(key, definitions, path=path, problems=problems):
            continue
        definition = definition_of(key, definitions or {})
        if target := custom_target(key, definition):
            if compiled := compile_value(value, path=path, target=target, problems=problems):
                fields[key] = compiled
        else:
            problems.add(path, *_no_kind(key, definition), key=True)
    return fields


def _no_kind(key: str, definition: FieldDefinition | None) -> tuple[str, str]:
    if definition:
        what = f"the definition of {shown(key)!r} does not say of what kind it is (type {definition.type!r})"
        return what, f"write its `type:` into the file of fields: one of {listed(CUSTOM_FIELD_TYPES)}"
    otherwise = f"a key is a number after one of {listed(CUSTOM_FIELD_TYPES)}"
    hint = nearest(key.rstrip("0123456789"), CUSTOM_FIELD_TYPES, otherwise=otherwise)
    return f"{shown(key)!r} is no key of a custom field", hint


def _is_usable(key: str, definitions: Definitions, *, path: NodePath, problems: Problems) -> bool:
    """Whether the account has this field, and uses it."""
    is_key = path != ("stamp",)
    definition = definition_of(key, definitions)
    if definition is None:
        names = [known for known in definitions.values() if known.name.casefold() == key.strip().casefold()]
        hint = (
            f"that is the name of {listed(known.key for known in names)}" if names else _nearest_key(key, definitions)
        )
        problems.add(path, f"the account has no custom field {shown(key)!r}", hint, key=is_key)
    elif not definition.active:
        what = f"the custom field {shown(key)!r} ({definition.name}) is not active"
        problems.add(path, what, "activate it in Talkdesk and save the fields again, or leave it out", key=is_key)
    return definition is not None and definition.active


def _nearest_key(key: str, definitions: Definitions) -> str:
    has = listed(f"{known.key} ({known.name})" for known in definitions.values() if known.active)
    return nearest(key, definitions, otherwise=f"it has: {has}")
