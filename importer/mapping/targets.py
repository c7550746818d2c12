"""The fields of a case that a mapping can fill: what each takes. Limits are those of the model of the case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from importer.mapping.field_errors import from_pydantic
from importer.talkdesk.payloads import (
    CUSTOM_FIELD_TYPES,
    CaseCreate,
    Check,
    NoteCreate,
    choices,
    custom_field_prefix,
    field_types,
    longest,
    value_check,
)

if TYPE_CHECKING:
    from importer.mapping.custom_fields import Options
    from importer.talkdesk.fields import FieldDefinition


@dataclass(frozen=True, slots=True)
class Target:
    """One field of a case.

    Attributes:
        name: As it is called in messages, such as ``custom_fields.date1``.
        validate: What the model of the case says about a value.
        type: The type that a value has if the mapping names none.
        takes: What a type may yield to be taken here, see :class:`importer.mapping.converters.ValueType`.
        one_line: Whether a text is one line, which has its spaces and line breaks put in order by default.
        limit: How many characters a text may have, if that is known.
        required: Whether a case without it is invalid.
        choices: What it takes, if that is one of a few words.
        options: What can be chosen, if the definition of the field is known: a text is then the label of an option.
    """

    name: str
    validate: Check
    type: str = "text"
    takes: frozenset[str] = frozenset({"text", "instant"})
    one_line: bool = True
    limit: int | None = None
    required: bool = False
    choices: tuple[str, ...] = ()
    options: Options | None = None

    def check(self, value: Any) -> None:
        """Lets the model of the case check a value. Raises :class:`CellError`."""
        try:
            self.validate(value)
        except ValidationError as error:
            raise from_pydantic(error.errors(include_url=False)[0]) from None


_BOOLEAN = {"type": "boolean", "takes": frozenset({"boolean"})}
_OPTION = {"takes": frozenset({"text", "instant", "integer"})}
#: Field, or kind of a custom field → what differs from a text of one line.
_WHAT: Mapping[str, dict[str, Any]] = MappingProxyType(
    {
        "description": {"one_line": False},
        "requester_email": {"type": "email"},
        "note_body": {"one_line": False},
        "public": _BOOLEAN,
        "checkbox": _BOOLEAN,
        "date": {"type": "datetime", "takes": frozenset({"instant"})},
        "decimal": {"type": "decimal", "takes": frozenset({"integer", "decimal"})},
        "dependent_field": {"type": "list", "takes": frozenset({"list", "path"})},
        "drop_down": _OPTION,
        "dropdown": _OPTION,
        "multi_line_text": {"one_line": False},
        "multi_select": {"type": "list", "takes": frozenset({"list"})},
        "numeric": {"type": "integer", "takes": frozenset({"integer"})},
    }
)
#: What a value is for by which notes are sorted.
ORDER = Target("notes.order", validate=lambda _: None, takes=frozenset({"text", "instant", "integer", "decimal"}))


def case_target(name: str) -> Target:
    """The target of a plain field of the case, such as ``title``."""
    annotation, required = field_types(CaseCreate)[name]
    return _target(name, name, annotation, required=required)


def note_target(name: str) -> Target:
    """The target of a field of a note, such as ``note_body``."""
    annotation, required = field_types(NoteCreate)[name]
    is_needed = required and name != "note_body"  # without a body there is no note, which is not an error
    return _target(f"notes.{name}", name, annotation, required=is_needed)


def custom_target(key: str, definition: FieldDefinition | None, options: Options | None) -> Target | None:
    """The target of a custom field; None if neither its key nor its definition says of what kind it is."""
    kind = definition.kind if definition else custom_field_prefix(key)
    if kind is None:
        return None
    target = _target(f"custom_fields.{key}", kind, CUSTOM_FIELD_TYPES[kind])
    if options is not None and kind == "dependent_field":  # which options there are depends on those before
        return replace(target, options=options, type="path", takes=frozenset({"path"}))
    return replace(target, options=options) if kind in ("drop_down", "dropdown", "multi_select") else target


def _target(name: str, kind: str, annotation: Any, *, required: bool = False) -> Target:
    return Target(
        name,
        value_check(annotation),
        limit=longest(annotation),
        required=required,
        choices=choices(annotation),
        **_WHAT.get(kind, {}),
    )
