"""Custom field definitions of the sandbox account, and what each kind of field takes as a value.

Kinds, key prefixes and value forms are those of the Talkdesk reference (create-a-new-case,
get-a-list-of-case-fields): a bare value on create, ``{"value", "label"?}`` on update and in answers. Option keys are
written, never option labels.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}", re.ASCII)
_DROP_DOWN = re.compile(r"\Adrop_?down(?=\d+\Z)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_DEFINED_AT = "2021-05-26T13:17:58.000+00:00"
_FIRST_FIELD_ID = 1_397_421_734_151_344_130
_MAX_LEVELS = 3


class Kind(StrEnum):
    """Kinds of custom field; the value is the prefix of their keys."""

    CHECKBOX = "checkbox"
    DROP_DOWN = "drop_down"
    TEXT = "text"
    MULTI_LINE_TEXT = "multi_line_text"
    DEPENDENT_FIELD = "dependent_field"
    DATE = "date"
    NUMERIC = "numeric"
    DECIMAL = "decimal"
    MULTI_SELECT = "multi_select"


# "001" and "002" are documented; the other codes are our own, because the reference does not list them.
_TYPE_CODES = {
    Kind.DROP_DOWN: "001",
    Kind.DEPENDENT_FIELD: "002",
    Kind.MULTI_SELECT: "003",
    Kind.TEXT: "004",
    Kind.MULTI_LINE_TEXT: "005",
    Kind.CHECKBOX: "006",
    Kind.DATE: "007",
    Kind.NUMERIC: "008",
    Kind.DECIMAL: "009",
}
#: What tells the kind of a field: the prefix of its key, or its type.
_KINDS = {kind.value: kind for kind in Kind} | {
    "dropdown": Kind.DROP_DOWN,
    "001": Kind.DROP_DOWN,
    "002": Kind.DEPENDENT_FIELD,
}


@dataclass(frozen=True)
class Option:
    """An option of a drop-down, multi-select or dependent field. ``key`` is what requests carry."""

    key: str
    text: str
    children: tuple[Option, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The option as an item of ``dict_list``."""
        return {"key": self.key, "value": self.text, "children": [child.as_json() for child in self.children]}


@dataclass(frozen=True)
class Definition:
    """One custom field of the account. Its key is a plain word: letters, digits and underscores.

    A drop-down, multi-select or dependent field without options takes any key: its options are not known.
    """

    key: str
    kind: Kind
    name: str
    options: tuple[Option, ...] = ()
    required: bool = False
    active: bool = True

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise ValueError(f"{self.key!r} is not the key of a custom field")

    @property
    def spellings(self) -> frozenset[str]:
        """The keys by which requests name it: the reference calls a drop-down ``drop_down1`` and ``dropdown1``."""
        if self.kind is not Kind.DROP_DOWN:
            return frozenset({self.key})
        return frozenset({self.key, _DROP_DOWN.sub("drop_down", self.key), _DROP_DOWN.sub("dropdown", self.key)})

    @cached_property
    def labels(self) -> dict[str, str]:
        """Option key → label, over all levels."""
        return {option.key: option.text for option in _flattened(self.options)}

    def problem(self, value: Any) -> str | None:
        """Why ``value`` (bare) is no value of this field, or None if it is one."""
        if not self.active:
            return "the field is not active"
        if self.kind in _TYPES:
            types, why = _TYPES[self.kind]
            return None if type(value) in types else why
        return _CHECKS[self.kind](self, value)

    def label(self, value: Any) -> Any:
        """The label of a valid value: option texts for choices, else None."""
        if self.kind is Kind.DROP_DOWN:
            return self.labels.get(self.option_key(value))
        if self.kind in (Kind.MULTI_SELECT, Kind.DEPENDENT_FIELD) and self.options:
            return [self.labels.get(key) for key in value]
        return None

    def option_key(self, value: str | int) -> str:
        """The key of the option that a drop-down is given: the key itself, or its number, as 1 for ``001``."""
        if isinstance(value, str):
            return value
        return next((key for key in self.labels if (key.lstrip("0") or "0") == str(value)), "")

    def as_json(self, number: int) -> dict[str, Any]:
        """The definition as GET /cm/meta/va/fields gives it; ``number`` is its place in the list."""
        return {
            "id": str(_FIRST_FIELD_ID + number),
            "name": self.name,
            "key": self.key,
            "type": _TYPE_CODES[self.kind],
            "description": self.name,
            "dict_list": [option.as_json() for option in self.options],
            "required": self.required,
            "active": self.active,
            "create_at": _DEFINED_AT,
            "update_at": _DEFINED_AT,
        }


def _flattened(options: Iterable[Option]) -> Iterator[Option]:
    for option in options:
        yield option
        yield from _flattened(option.children)


def _check_date(definition: Definition, value: Any) -> str | None:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            datetime.fromisoformat(value[:19])
        except ValueError:
            return "is not a date that exists"
        return None
    return "must be a date-time such as 2022-04-21T06:30:21Z"


def _check_choice(definition: Definition, value: Any) -> str | None:
    if type(value) not in (str, int) or value == "":
        return "must be the key of an option, as text or as a number"
    if definition.options and definition.option_key(value) not in definition.labels:
        return "must be the key of an option, not its label"
    return None


def _check_choices(definition: Definition, value: Any) -> str | None:
    if not isinstance(value, list) or not all(_is_option_key(definition, key) for key in value):
        return "must be a list of option keys"
    return None if len(set(value)) == len(value) else "names an option twice"


def _is_option_key(definition: Definition, key: Any) -> bool:
    return isinstance(key, str) and (key in definition.labels if definition.options else key != "")


def _check_path(definition: Definition, value: Any) -> str | None:
    if not isinstance(value, list) or not 1 <= len(value) <= _MAX_LEVELS:
        return f"must be a list of 1 to {_MAX_LEVELS} option keys, root first"
    if not definition.options:
        return None if all(_is_option_key(definition, key) for key in value) else "must be a list of option keys"
    level = definition.options
    for key in value:
        chosen = next((option for option in level if option.key == key), None)
        if chosen is None:
            return "must lead from a root option through its children"
        level = chosen.children
    return None


_TYPES: Mapping[Kind, tuple[tuple[type, ...], str]] = {
    Kind.CHECKBOX: ((bool,), "must be true or false"),
    Kind.TEXT: ((str,), "must be a string"),
    Kind.MULTI_LINE_TEXT: ((str,), "must be a string"),
    Kind.NUMERIC: ((int,), "must be a whole number"),
    Kind.DECIMAL: ((int, float), "must be a number"),
}
_CHECKS: Mapping[Kind, Callable[[Definition, Any], str | None]] = {
    Kind.DROP_DOWN: _check_choice,
    Kind.DEPENDENT_FIELD: _check_path,
    Kind.DATE: _check_date,
    Kind.MULTI_SELECT: _check_choices,
}


def default_definitions() -> tuple[Definition, ...]:
    """A plausible account: each kind of field, one inactive field, one key that breaks the prefix rule."""
    counts = {
        Kind.CHECKBOX: ("Check box", 3),
        Kind.TEXT: ("Text", 10),
        Kind.MULTI_LINE_TEXT: ("Long text", 3),
        Kind.DATE: ("Date", 3),
        Kind.NUMERIC: ("Number", 3),
        Kind.DECIMAL: ("Decimal", 3),
    }
    plain = [
        Definition(f"{kind}{number}", kind, f"{name} {number}")
        for kind, (name, count) in counts.items()
        for number in range(1, count + 1)
    ]
    return (
        *plain,
        Definition("drop_down1", Kind.DROP_DOWN, "Colour", _options("Red", "Green", "Blue")),
        Definition("drop_down2", Kind.DROP_DOWN, "Channel", _options("Email", "Phone", "Chat", "Web")),
        Definition("multi_select1", Kind.MULTI_SELECT, "Products", _options("Desk", "Phone", "Flow", "Copilot")),
        Definition("dependent_field1", Kind.DEPENDENT_FIELD, "Place", _PLACES),
        Definition("assign_reason", Kind.DROP_DOWN, "Assign reason", _options("high", "low")),
        Definition("text11", Kind.TEXT, "Old reference", active=False),
    )


def _options(*texts: str) -> tuple[Option, ...]:
    return tuple(Option(f"{number:03}", text) for number, text in enumerate(texts, start=1))


#: The ids of the path in the samples of the reference, and a sibling on each level.
_CITIES = (
    Option("e9e3c93a-1b28-489a-96fe-6b3e9ca60976", "Cupertino"),
    Option("5d0e2c1b-7c55-4a39-9d0b-6f2f3f1f6a10", "San Jose"),
)
_PLACES = (
    Option(
        "3a20c48f-3e33-49b0-af22-63eba6fa4cc3",
        "California",
        (Option("bbb2a5e7-6190-4eb1-b889-ec37e0badd0b", "Santa Clara", _CITIES),),
    ),
    Option("9f1f0a44-0f4c-4d5e-8a3a-0c3a5bb6d2f1", "Oregon"),
)


def by_key(definitions: Iterable[Definition]) -> dict[str, Definition]:
    """The fields by all keys that requests may name them by."""
    fields = {definition.key: definition for definition in definitions}
    return {spelling: field for field in fields.values() for spelling in field.spellings} | fields


def definitions_of(answer: Iterable[Mapping[str, Any]]) -> tuple[Definition, ...]:
    """The fields in a whole answer of GET /cm/meta/va/fields; its types may be kinds too, instead of codes.

    Fields whose kind neither key nor type tells are left out: their values cannot be checked.
    """
    found = [(item, _kind_of(item)) for item in answer if _KEY.fullmatch(item["key"])]
    return tuple(_definition(item, kind) for item, kind in found if kind is not None)


def _kind_of(item: Mapping[str, Any]) -> Kind | None:
    return _KINDS.get(item["key"].rstrip("0123456789")) or _KINDS.get(item["type"])


def _definition(item: Mapping[str, Any], kind: Kind) -> Definition:
    return Definition(
        key=item["key"],
        kind=kind,
        name=item["name"],
        options=tuple(_option(entry) for entry in item["dict_list"]),
        required=item["required"],
        active=item["active"],
    )


def _option(entry: Mapping[str, Any]) -> Option:
    return Option(entry["key"], entry["value"], children=tuple(_option(child) for child in entry["children"]))
