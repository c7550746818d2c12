"""Custom field definitions of the sandbox account, and what each kind of field takes as a value.

Kinds, key prefixes and value forms are those of the Talkdesk reference (create-a-new-case,
get-a-list-of-case-fields): a bare value on create, ``{"value", "label"?}`` on update and in answers. Option keys are
written, never option labels.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

from importer.errors import ConfigError

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_DEFINED_AT = "2021-05-26T13:17:58.000+00:00"
_FIRST_FIELD_ID = 1_397_421_734_151_344_130
MAX_LEVELS = 3


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
_TYPE_CODES: Mapping[Kind, str] = MappingProxyType(
    {
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
)
_KINDS_OF_CODES = {"001": Kind.DROP_DOWN, "002": Kind.DEPENDENT_FIELD}


class Option(NamedTuple):
    """An option of a drop-down, multi-select or dependent field. ``key`` is what requests carry."""

    key: str
    text: str
    children: tuple[Option, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The option as an item of ``dict_list``."""
        return {"key": self.key, "value": self.text, "children": [child.as_json() for child in self.children]}


@dataclass(frozen=True)
class Definition:
    """One custom field of the account. Its key is a plain word: letters, digits and underscores."""

    key: str
    kind: Kind
    name: str
    options: tuple[Option, ...] = ()
    required: bool = False
    active: bool = True

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise ValueError(f"{self.key!r} is not the key of a custom field")

    @cached_property
    def labels(self) -> dict[str, str]:
        """Option key → label, over all levels."""
        return {option.key: option.text for option in _flattened(self.options)}

    def problem(self, value: Any) -> str | None:
        """Why ``value`` (bare) is no value of this field, or None if it is one."""
        if not self.active:
            return "the field is not active"
        return _CHECKS[self.kind](self, value)

    def label(self, value: Any) -> Any:
        """The label of a valid value: option texts for choices, else None."""
        if self.kind is Kind.DROP_DOWN:
            return self.labels.get(value)
        if self.kind in (Kind.MULTI_SELECT, Kind.DEPENDENT_FIELD):
            return [self.labels.get(key) for key in value]
        return None

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


def _flattened(options: Iterable[Option]) -> Iterable[Option]:
    for option in options:
        yield option
        yield from _flattened(option.children)


def _check_boolean(definition: Definition, value: Any) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def _check_text(definition: Definition, value: Any) -> str | None:
    return None if isinstance(value, str) else "must be a string"


def _check_whole(definition: Definition, value: Any) -> str | None:
    return None if type(value) is int else "must be a whole number"


def _check_number(definition: Definition, value: Any) -> str | None:
    return None if type(value) in (int, float) else "must be a number"


def _check_date(definition: Definition, value: Any) -> str | None:
    if isinstance(value, str) and _DATE.fullmatch(value) and _is_real(value):
        return None
    return "must be a date-time such as 2022-04-21T06:30:21Z"


def _is_real(text: str) -> bool:
    try:
        datetime.fromisoformat(text[:19])
    except ValueError:
        return False
    return True


def _check_choice(definition: Definition, value: Any) -> str | None:
    if isinstance(value, str) and value in definition.labels:
        return None
    return "must be the key of an option, not its label"


def _check_choices(definition: Definition, value: Any) -> str | None:
    if not isinstance(value, list) or not all(isinstance(key, str) and key in definition.labels for key in value):
        return "must be a list of option keys"
    return None if len(set(value)) == len(value) else "names an option twice"


def _check_path(definition: Definition, value: Any) -> str | None:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_LEVELS:
        return f"must be a list of 1 to {MAX_LEVELS} option keys, root first"
    level: Sequence[Option] = definition.options
    for key in value:
        chosen = next((option for option in level if option.key == key), None)
        if chosen is None:
            return "must lead from a root option through its children"
        level = chosen.children
    return None


_CHECKS = MappingProxyType(
    {
        Kind.CHECKBOX: _check_boolean,
        Kind.DROP_DOWN: _check_choice,
        Kind.TEXT: _check_text,
        Kind.MULTI_LINE_TEXT: _check_text,
        Kind.DEPENDENT_FIELD: _check_path,
        Kind.DATE: _check_date,
        Kind.NUMERIC: _check_whole,
        Kind.DECIMAL: _check_number,
        Kind.MULTI_SELECT: _check_choices,
    }
)


def default_definitions() -> tuple[Definition, ...]:
    """A plausible account: each kind of field, one inactive field, one key that breaks the prefix rule."""
    colours = (Option("001", "Red"), Option("002", "Green"), Option("003", "Blue"))
    numbered = [
        *_numbered(Kind.CHECKBOX, "Check box", count=3),
        *_numbered(Kind.TEXT, "Text", count=10),
        *_numbered(Kind.MULTI_LINE_TEXT, "Long text", count=3),
        *_numbered(Kind.DATE, "Date", count=3),
        *_numbered(Kind.NUMERIC, "Number", count=3),
        *_numbered(Kind.DECIMAL, "Decimal", count=3),
    ]
    return (
        *numbered,
        Definition("drop_down1", Kind.DROP_DOWN, "Colour", options=colours),
        Definition("drop_down2", Kind.DROP_DOWN, "Channel", options=_options("Email", "Phone", "Chat", "Web")),
        Definition(
            "multi_select1", Kind.MULTI_SELECT, "Products", options=_options("Desk", "Phone", "Flow", "Copilot")
        ),
        Definition("dependent_field1", Kind.DEPENDENT_FIELD, "Place", options=_places()),
        Definition("assign_reason", Kind.DROP_DOWN, "Assign reason", options=_options("high", "low")),
        Definition("text11", Kind.TEXT, "Old reference", active=False),
    )


def _numbered(kind: Kind, name: str, *, count: int) -> list[Definition]:
    return [Definition(f"{kind}{number}", kind, f"{name} {number}") for number in range(1, count + 1)]


def _options(*texts: str) -> tuple[Option, ...]:
    return tuple(Option(f"{number:03}", text) for number, text in enumerate(texts, start=1))


def _places() -> tuple[Option, ...]:
    santa_clara = Option("bbb2a5e7-6190-4eb1-b889-ec37e0badd0b", "Santa Clara", children=_cities())
    return (
        Option("3a20c48f-3e33-49b0-af22-63eba6fa4cc3", "California", children=(santa_clara,)),
        Option("9f1f0a44-0f4c-4d5e-8a3a-0c3a5bb6d2f1", "Oregon"),
    )


def _cities() -> tuple[Option, ...]:
    return (
        Option("e9e3c93a-1b28-489a-96fe-6b3e9ca60976", "Cupertino"),
        Option("5d0e2c1b-7c55-4a39-9d0b-6f2f3f1f6a10", "San Jose"),
    )


def load_definitions(path: Path) -> tuple[Definition, ...]:
    """Definitions from a JSON file in the form of GET /cm/meta/va/fields, say saved from a real account.

    Raises:
        ConfigError: The file cannot be read, is not such a list, or holds a kind of field the sandbox cannot tell.
    """
    try:
        content = orjson.loads(path.read_bytes())
        if not isinstance(content, list):
            raise TypeError("it is no array")
        return tuple(map(_definition, content))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        hint = "Give a JSON array as GET /cm/meta/va/fields answers it."
        raise ConfigError(f"not a list of field definitions ({problem})", where=str(path), hint=hint) from problem


def _definition(item: Mapping[str, Any]) -> Definition:
    key = str(item["key"])
    return Definition(
        key=key,
        kind=_KINDS_OF_CODES.get(item["type"]) or Kind(re.sub(r"\d+\Z", "", key)),
        name=str(item["name"]),
        options=tuple(_option(entry) for entry in item.get("dict_list") or ()),
        required=bool(item.get("required", False)),
        active=bool(item.get("active", True)),
    )


def _option(entry: Mapping[str, Any]) -> Option:
    text = entry["value"] if "value" in entry else entry["lable"]  # the reference spells it both ways
    return Option(str(entry["key"]), str(text), children=tuple(_option(child) for child in entry.get("children") or ()))
