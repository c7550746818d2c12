"""Definitions of the custom fields of an account, as ``GET /cm/meta/va/fields`` gives them.

Source: Talkdesk reference, "Get a list of case fields", and the OpenAPI bundle. The one shows an array, the other a
single object, and lists elsewhere are wrapped in ``_embedded``: all three are taken. The label of an option is called
``text``, ``value`` or ``lable`` there. Only two type codes are documented; else the prefix of the key tells the kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from importer.models import clean
from importer.talkdesk.payloads import CUSTOM_FIELD_TYPES, custom_field_prefix

_KINDS_OF_CODES: Mapping[str, str] = MappingProxyType({"001": "drop_down", "002": "dependent_field"})
_LABEL_MAX = 10_000
_LABELS = ("text", "value", "label", "lable")


class UnreadableFieldsError(ValueError):
    """This is not a list of custom field definitions."""


class Option(NamedTuple):
    """An option of a field. The key is what is sent, the label is what people see."""

    key: str
    label: str
    children: tuple[Option, ...] = ()


class FieldDefinition(NamedTuple):
    """A custom field of an account.

    Attributes:
        key: As it is called in requests, such as ``drop_down1``.
        name: As people call it.
        type: The code of its type, or the name of its kind.
        active: Whether it is in use. Others should not be sent.
        options: What can be chosen; dependent fields have options within options.
        required: Whether a case cannot be solved without it.
    """

    key: str
    name: str
    type: str = ""
    active: bool = True
    options: tuple[Option, ...] = ()
    required: bool = False

    @property
    def kind(self) -> str | None:
        """One of :data:`importer.talkdesk.payloads.CUSTOM_FIELD_TYPES`; None if nothing says which."""
        if kind := custom_field_prefix(self.key) or _KINDS_OF_CODES.get(self.type):
            return kind
        if self.type in CUSTOM_FIELD_TYPES:
            return self.type
        if any(option.children for option in self.options):
            return "dependent_field"
        return "drop_down" if self.options else None


def as_answer(definitions: Iterable[FieldDefinition]) -> list[dict[str, Any]]:
    """The definitions as ``GET /cm/meta/va/fields`` gives them; the type is the name of the kind, if that is known."""
    return [
        {
            "key": definition.key,
            "name": definition.name,
            "type": definition.kind or definition.type,
            "dict_list": _dict_list(definition.options),
            "required": definition.required,
            "active": definition.active,
        }
        for definition in definitions
    ]


def _dict_list(options: tuple[Option, ...]) -> list[dict[str, Any]]:
    return [{"key": key, "value": label, "children": _dict_list(children)} for key, label, children in options]


def read_definitions(content: Any) -> tuple[FieldDefinition, ...]:
    """The definitions in the JSON of an answer.

    Raises:
        UnreadableFieldsError: it is not of any of the known forms.
    """
    if isinstance(content, dict):
        inner = content.get("_embedded", content)
        lists = [value for value in inner.values() if isinstance(value, list)] if isinstance(inner, dict) else []
        content = [content] if "key" in content else lists[0] if len(lists) == 1 else None
    if not isinstance(content, list):
        raise UnreadableFieldsError("it has no list of fields")
    return tuple(_definition(entry) for entry in content)


def _definition(entry: Any) -> FieldDefinition:
    if not isinstance(entry, dict) or not entry.get("key"):
        raise UnreadableFieldsError("a field in it has no key")
    key = str(entry["key"])
    return FieldDefinition(
        key,
        name=clean(str(entry.get("name") or key)),
        type=str(entry.get("type") or ""),
        active=entry.get("active") is not False,
        options=_options(entry.get("dict_list") or []),
        required=entry.get("required") is True,
    )


def _options(entries: Any) -> tuple[Option, ...]:
    if not isinstance(entries, list):
        raise UnreadableFieldsError("the options of a field in it are not a list")
    options = []
    for entry in entries:
        if not isinstance(entry, dict) or entry.get("key") in (None, ""):
            raise UnreadableFieldsError("an option in it has no key")
        key = str(entry["key"])
        label = next((str(entry[name]) for name in _LABELS if entry.get(name) is not None), key)
        options.append(Option(key, clean(label, _LABEL_MAX), _options(entry.get("children") or [])))
    return tuple(options)
