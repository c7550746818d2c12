"""The fields of a case that a mapping can fill: what each takes, and how a value is checked against the model."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import ValidationError

from importer.mapping.cell_errors import CellError, bad_text, from_validation
from importer.mapping.options import Options
from importer.talkdesk.case import (
    CUSTOM_FIELD_TYPES,
    DESCRIPTION_MAX,
    NOTE_TITLE_MAX,
    OWNER_ID_MAX,
    TITLE_MAX,
    Check,
    Description,
    NoteTitle,
    OwnerId,
    Priority,
    RequesterType,
    Text,
    Title,
    custom_field_prefix,
    value_check,
)
from importer.talkdesk.fields import FieldDefinition

NUL = "\x00"


class Target(NamedTuple):
    """One field of a case.

    Attributes:
        name: As it is called in messages, such as ``custom_fields.date1``.
        type: The type that a value has if the mapping names none.
        takes: What a type may yield to be taken here, see :class:`importer.mapping.types.ValueType`.
        check: What the case itself demands of the value.
        one_line: Whether a text is one line, which has its blanks and line breaks put in order by default.
        limit: How many characters a text may have, if that is known.
        required: Whether a case without it is invalid.
        options: What can be chosen, if that is known: a text is then the label of an option.
        free: Whether any text will do that is not too long.
    """

    name: str
    type: str
    takes: frozenset[str]
    check: Check
    one_line: bool = True
    limit: int | None = None
    required: bool = False
    options: Options | None = None
    free: bool = True

    def problem(self, value: Any) -> CellError | None:
        """What the case says against ``value``; None if it is good."""
        if any(NUL in text for text in _texts(value)):
            return bad_text()
        try:
            self.check(value)
        except ValidationError as error:
            return from_validation(error, value)
        return None


def _texts(value: Any) -> list[str]:
    return [text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]


class _Kind(NamedTuple):
    type: str = "text"
    takes: frozenset[str] = frozenset({"text", "instant"})
    one_line: bool = True
    limit: int | None = None
    required: bool = False
    free: bool = True


_TEXT = _Kind()
_WORD = _Kind(free=False)
_BOOLEAN = _Kind("boolean", frozenset({"boolean"}))
_LIST = _Kind("list", frozenset({"list"}))
_OPTION = _Kind(takes=frozenset({"text", "instant", "integer"}))

#: Field → what pydantic checks, and what a mapping may put there.
_CASE: Mapping[str, tuple[Any, _Kind]] = MappingProxyType(
    {
        "title": (Title, _Kind(limit=TITLE_MAX, required=True)),
        "description": (Description, _Kind(one_line=False, limit=DESCRIPTION_MAX, required=True)),
        "parent_id": (Text, _TEXT),
        "owner_id": (OwnerId, _Kind(limit=OWNER_ID_MAX)),
        "priority": (Priority, _WORD),
        "requester_email": (Text, _Kind("email")),
        "requester_name": (Text, _TEXT),
        "requester_type": (RequesterType, _WORD),
    }
)
_NOTE: Mapping[str, tuple[Any, _Kind]] = MappingProxyType(
    {
        "note_title": (NoteTitle, _Kind(limit=NOTE_TITLE_MAX)),
        "note_body": (Text, _Kind(one_line=False)),
        "public": (bool, _BOOLEAN._replace(required=True)),
    }
)
_CUSTOM: Mapping[str, _Kind] = MappingProxyType(
    {
        "checkbox": _BOOLEAN,
        "date": _Kind("datetime", frozenset({"instant"})),
        "decimal": _Kind("decimal", frozenset({"integer", "decimal"})),
        "dependent_field": _Kind("list", frozenset({"list", "path"})),
        "drop_down": _OPTION,
        "dropdown": _OPTION,
        "multi_line_text": _Kind(one_line=False),
        "multi_select": _LIST,
        "numeric": _Kind("integer", frozenset({"integer"})),
        "text": _TEXT,
    }
)
_WITH_OPTIONS = frozenset({"dependent_field", "drop_down", "dropdown", "multi_select"})


def case_target(name: str) -> Target:
    """The target of a plain field of the case, such as ``title``."""
    annotation, kind = _CASE[name]
    return _target(name, annotation, kind)


def note_target(name: str) -> Target:
    """The target of a field of a note, such as ``note_body``."""
    annotation, kind = _NOTE[name]
    return _target(f"notes.{name}", annotation, kind)


def custom_target(key: str, definition: FieldDefinition | None = None) -> Target | None:
    """The target of a custom field; None if neither its key nor its definition says of what kind it is."""
    kind = definition.kind if definition else custom_field_prefix(key)
    if kind is None:
        return None
    target = _target(f"custom_fields.{key}", CUSTOM_FIELD_TYPES[kind], _CUSTOM[kind])
    if definition is None or kind not in _WITH_OPTIONS:
        return target
    return _with_options(target, kind=kind, options=Options(definition))


def _with_options(target: Target, *, kind: str, options: Options) -> Target:
    if kind == "dependent_field":  # which options there are depends on those before
        return target._replace(options=options, type="path", takes=frozenset({"path"}))
    return target._replace(options=options)


def _target(name: str, annotation: Any, kind: _Kind) -> Target:
    return Target(name, check=value_check(annotation), **kind._asdict())
