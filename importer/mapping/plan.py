"""A checked mapping file → the plan of a case: everything about it that needs no columns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from importer.mapping.dates import ISO, has_offset
from importer.mapping.document import Problems
from importer.mapping.notes import Note, compile_note
from importer.mapping.overflow import Overflow, overflows
from importer.mapping.problems import listed, nearest
from importer.mapping.spec import CaseForm, MappingForm, SourceForm, ValueForm
from importer.mapping.targets import case_target, custom_target
from importer.mapping.types import TYPES
from importer.mapping.values import Value, compile_value
from importer.records import shown
from importer.talkdesk.case import CASE_FIELDS, CUSTOM_FIELD_TYPES

_STAMP = re.compile("(multi_line_)?text[0-9]+")


class Plan(NamedTuple):
    """What a case is made of.

    Attributes:
        source: What the export means.
        stamp: Custom field that receives the key; None for none.
        fields: Plain fields of the case.
        custom_fields: Custom fields by their keys.
        notes: Notes, in order.
        overflows: Texts that become a note if they are too long for their fields.
    """

    source: SourceForm
    stamp: str | None
    fields: dict[str, Value]
    custom_fields: dict[str, Value]
    notes: list[Note]
    overflows: list[Overflow]


def make_plan(form: MappingForm, problems: Problems) -> Plan:
    """The plan of a mapping. What does not fit together goes to ``problems``."""
    _check_stamp(form, problems)
    notes = [
        compile_note(note, path=("case", "notes", number), problems=problems)
        for number, note in enumerate(form.case.notes)
    ]
    fields, custom_fields = _fields(form.case, problems), _custom_fields(form.case, problems)
    long_texts = list(overflows([*fields.values(), *custom_fields.values()], problems))
    return Plan(form.source, form.stamp, fields, custom_fields, notes, long_texts)


def assumptions(plan: Plan) -> Iterator[str]:
    """What the mapping leaves open and is therefore assumed; a person should know."""
    for value in (*plan.fields.values(), *plan.custom_fields.values()):
        form = value.form
        open_format = not all(has_offset(pattern) for pattern in form.format or (ISO,))
        if value.kind is TYPES["datetime"] and form.timezone is None and form.value is None and open_format:
            yield f"{value.target.name}: no `timezone:` given, so times without an offset are read as UTC"


def _check_stamp(form: MappingForm, problems: Problems) -> None:
    stamp = form.stamp
    if stamp is None:
        return
    if not _STAMP.fullmatch(stamp):
        problems.add(("stamp",), f"{shown(stamp)!r} cannot be a stamp", "name a text field, such as text1")
    if stamp in form.case.custom_fields:
        cure = "the stamp is set from `source.key`; remove one of the two"
        problems.add(("case", "custom_fields", stamp), f"{stamp!r} is the stamp already", cure, key=True)


def _fields(form: CaseForm, problems: Problems) -> dict[str, Value]:
    fields = {}
    for name in CASE_FIELDS:
        value = getattr(form, name)
        if not isinstance(value, ValueForm):
            continue
        compiled = compile_value(value, path=("case", name), target=case_target(name), problems=problems)
        if compiled:
            fields[name] = compiled
    return fields


def _custom_fields(form: CaseForm, problems: Problems) -> dict[str, Value]:
    fields = {}
    for key, value in form.custom_fields.items():
        path = ("case", "custom_fields", key)
        if target := custom_target(key):
            if compiled := compile_value(value, path=path, target=target, problems=problems):
                fields[key] = compiled
        else:
            prefix = key.rstrip("0123456789")
            otherwise = f"a key is a number after one of {listed(CUSTOM_FIELD_TYPES)}"
            cure = nearest(prefix, CUSTOM_FIELD_TYPES, otherwise=otherwise)
            problems.add(path, f"{shown(key)!r} is no key of a custom field", cure, key=True)
    return fields
