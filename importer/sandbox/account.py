"""What an account has: its custom fields with the values that they take, and its users.

Kinds, key prefixes and value forms are those of the Talkdesk reference (create-a-new-case, get-a-list-of-case-fields)
and the OpenAPI bundle.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import orjson
from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

_FIRST_FIELD_ID = 1_397_421_734_151_344_130
_DEFINED_AT = "2021-05-26T13:17:58.000+00:00"
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}", re.ASCII)
_DROP_DOWN = re.compile(r"\Adrop_?down(?=\d+\Z)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_NAMES = ("Ana Almeida", "Bruno Becker", "Chloé Costa", "David Dubois", "Elif Evans", "Farid Ferreira", "Grace García")
_INACTIVE_EVERY = 10
#: The owner of the case in the samples of the reference, so that these can be sent unchanged.
_SAMPLE_USER = "61036b508ff57b5578f25a10"

SomeText = Annotated[str, Field(min_length=1)]


class Kind(StrEnum):
    """Kinds of custom field; the value is the prefix of their keys."""

    DROP_DOWN = "drop_down"
    DEPENDENT_FIELD = "dependent_field"
    MULTI_SELECT = "multi_select"
    TEXT = "text"
    MULTI_LINE_TEXT = "multi_line_text"
    CHECKBOX = "checkbox"
    DATE = "date"
    NUMERIC = "numeric"
    DECIMAL = "decimal"


_CHOICES = (Kind.DROP_DOWN, Kind.DEPENDENT_FIELD, Kind.MULTI_SELECT)
# "001" and "002" are documented; the other codes are our own, because the reference does not list them.
_TYPE_CODES = {kind: f"{number:03}" for number, kind in enumerate(Kind, start=1)}
#: What tells the kind of a field: the prefix of its key, or its type.
_KINDS = {kind.value: kind for kind in Kind} | {
    "dropdown": Kind.DROP_DOWN,
    "001": Kind.DROP_DOWN,
    "002": Kind.DEPENDENT_FIELD,
}


def _check_date(value: str) -> str:
    if not _DATE.fullmatch(value):
        raise ValueError("must be a date-time such as 2022-04-21T06:30:21Z")
    datetime.fromisoformat(value[:19])  # raises if there is no such day or hour
    return value


#: What each kind takes, as a create has it.
_TYPES: dict[Kind, Any] = {
    Kind.CHECKBOX: bool,
    Kind.TEXT: str,
    Kind.MULTI_LINE_TEXT: str,
    Kind.NUMERIC: int,
    Kind.DECIMAL: int | float,
    Kind.DATE: Annotated[str, AfterValidator(_check_date)],
    Kind.DROP_DOWN: SomeText | int,
    Kind.MULTI_SELECT: list[SomeText],
    Kind.DEPENDENT_FIELD: Annotated[list[SomeText], Field(min_length=1, max_length=3)],
}
_VALUES = {kind: TypeAdapter(taken, config=ConfigDict(strict=True)) for kind, taken in _TYPES.items()}


@dataclass(frozen=True)
class Option:
    """An item of the ``dict_list`` of a drop-down, multi-select or dependent field; requests carry its key."""

    key: str
    value: str
    children: tuple[Option, ...] = ()


@dataclass(frozen=True)
class Definition:
    """One custom field of the account. Its key is a plain word: letters, digits and underscores.

    A drop-down, multi-select or dependent field without options takes any key: its options are not known.
    """

    key: Annotated[str, Field(pattern=f"^{_KEY.pattern}$")]
    kind: Kind
    name: str
    options: tuple[Option, ...] = ()
    _: KW_ONLY
    required: bool = False
    active: bool = True

    @property
    def spellings(self) -> frozenset[str]:
        """The keys by which requests name it: the reference calls a drop-down ``drop_down1`` and ``dropdown1``."""
        if self.kind is not Kind.DROP_DOWN:
            return frozenset({self.key})
        return frozenset({self.key, _DROP_DOWN.sub("drop_down", self.key), _DROP_DOWN.sub("dropdown", self.key)})

    @cached_property
    def labels(self) -> dict[str, str]:
        """Option key → label, over all levels."""
        labels, waiting = {}, list(self.options)
        for option in waiting:  # which grows meanwhile
            labels[option.key] = option.value
            waiting += option.children
        return labels

    def problem(self, value: Any) -> str | None:
        """Why ``value`` (bare, as a create has it) is no value of this field, or None if it is one."""
        if not self.active:
            return "the field is not active"
        try:
            _VALUES[self.kind].validate_python(value)
        except ValidationError as error:
            return error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        if self.kind is Kind.MULTI_SELECT and len(set(value)) != len(value):
            return "names an option twice"
        keys = self._keys(value)
        if not self.labels.keys() >= set(keys):
            return "must name options of the field by their keys, not by their labels"
        level = self.options
        for key in keys if self.kind is Kind.DEPENDENT_FIELD else ():
            if key not in (children := {option.key: option.children for option in level}):
                return "must lead from a root option through its children"
            level = children[key]
        return None

    def entry(self, value: Any) -> dict[str, Any]:
        """A valid value as it is stored and answered: with a label only where there are options."""
        labels = [self.labels.get(key) for key in self._keys(value)]
        if not labels:
            return {"value": value}
        return {"value": value, "label": labels[0] if self.kind is Kind.DROP_DOWN else labels}

    def _keys(self, value: Any) -> list[str]:
        """The keys of the options that a value names, if they are known; a drop-down also takes 1 for ``001``."""
        if not self.options or self.kind not in _CHOICES:
            return []
        if isinstance(value, int):
            return [next((key for key in self.labels if (key.lstrip("0") or "0") == str(value)), "")]
        return [value] if isinstance(value, str) else value

    def as_json(self, number: int) -> dict[str, Any]:
        """The definition as GET /cm/meta/va/fields gives it; ``number`` is its place in the list."""
        return {
            "id": str(_FIRST_FIELD_ID + number),
            "name": self.name,
            "key": self.key,
            "type": _TYPE_CODES[self.kind],
            "description": self.name,
            "dict_list": self.options,
            "required": self.required,
            "active": self.active,
            "create_at": _DEFINED_AT,
            "update_at": _DEFINED_AT,
        }


def by_key(definitions: Iterable[Definition]) -> dict[str, Definition]:
    """The fields by all keys that requests may name them by."""
    fields = {definition.key: definition for definition in definitions}
    return {spelling: field for field in fields.values() for spelling in field.spellings} | fields


def definitions_of(answer: Iterable[Mapping[str, Any]]) -> tuple[Definition, ...]:
    """The fields in a whole answer of GET /cm/meta/va/fields; its types may be kinds too, instead of codes.

    A field whose kind is shown neither by its key nor by its type is not among them: its values cannot be checked.
    """
    return tuple(
        Definition(item["key"], kind, item["name"], item["dict_list"], required=item["required"], active=item["active"])
        for item in answer
        if _KEY.fullmatch(item["key"])
        and (kind := _KINDS.get(item["key"].rstrip("0123456789")) or _KINDS.get(item["type"]))
    )


DEFINITION = TypeAdapter(Definition)


def default_fields() -> tuple[Definition, ...]:
    """A plausible account: each kind of field, one inactive field, one key that breaks the prefix rule."""
    fields = orjson.loads(Path(__file__).with_name("default_fields.json").read_bytes())
    return tuple(map(DEFINITION.validate_python, fields))


def users_of(seed: int, count: int) -> dict[str, dict[str, Any]]:
    """``count`` users by id, as GET /users shows them but for their links; every tenth is inactive."""
    users = {}
    for number in range(1, count + 1):
        user_id = _SAMPLE_USER if number == 1 else id_of(seed, f"user {number}")
        users[user_id] = {
            "id": user_id,
            "email": f"agent.{number}@agents.example",
            "name": _NAMES[number % len(_NAMES)],
            "active": number % _INACTIVE_EVERY != 0,
            "created_at": "2021-01-04T09:00:00Z",
        }
    return users


def id_of(seed: int, person: str) -> str:
    """An id in the form of Talkdesk's: 24 hexadecimal digits."""
    return hashlib.md5(f"{seed} {person}".encode(), usedforsecurity=False).hexdigest()[:24]
