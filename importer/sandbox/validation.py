"""What the account takes: its custom fields, the bodies of requests, and what an update may change.

Kinds, key prefixes and value forms are those of the Talkdesk reference (create-a-new-case, get-a-list-of-case-fields)
and the OpenAPI bundle. Writes take upper-case words only; ``Contact`` is the one exception. A refusal names every
problem of the body. Where the documentation is silent the sandbox takes the strict side: a solved case takes no new
properties (help article on field changes), and solving needs a resolution and a value in each required field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal, Required, TypeVar

import orjson
from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from importer.sandbox.answers import ApiError, Problem
from importer.sandbox.storage import Case

Priority = Literal["LOW", "NORMAL", "HIGH", "URGENT"]
Type = Literal["QUESTION", "INCIDENT", "PROBLEM", "TASK"]
# The bundle's enum says ON_HOLD, the sample of the update page sends ON-HOLD: both are taken.
Status = Literal["NEW", "OPEN", "PENDING", "ON_HOLD", "ON-HOLD", "RESOLVED", "CLOSED"]
SomeText = Annotated[str, Field(min_length=1)]
Text150 = Annotated[str, Field(max_length=150)]
Text255 = Annotated[str, Field(max_length=255)]
Text2000 = Annotated[str, Field(max_length=2000)]

SOLVED = ("RESOLVED", "CLOSED")
_TAKEN_WHEN_SOLVED = frozenset({"status", "notes", "resolution"})
_CLEARABLE = ("parent_id", "owner_id", "priority", "type", "resolution")
# A base of which ids of notes are counted, so that they look like those of the samples.
_FIRST_NOTE_ID = 1_592_529_126_028_390_402
_NOTES_OF_A_CASE = 1_000_000
_FIRST_FIELD_ID = 1_397_421_734_151_344_130
_DEFINED_AT = "2021-05-26T13:17:58.000+00:00"
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}", re.ASCII)
_DROP_DOWN = re.compile(r"\Adrop_?down(?=\d+\Z)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)


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


# "001" and "002" are documented; the other codes are our own, because the reference does not list them.
_TYPE_CODES = {kind: f"{number:03}" for number, kind in enumerate(Kind, start=1)}
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

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Option:
        """The option in an item of ``dict_list``."""
        return cls(entry["key"], entry["value"], tuple(map(cls.of, entry["children"])))

    def all_levels(self) -> Iterator[Option]:
        """It, and what is below it."""
        yield self
        for child in self.children:
            yield from child.all_levels()


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
        return {each.key: each.text for option in self.options for each in option.all_levels()}

    @cached_property
    def values(self) -> TypeAdapter[Any]:
        """What it takes: a bare value, as a create has it."""
        types: dict[Kind, Any] = {
            Kind.CHECKBOX: bool,
            Kind.TEXT: str,
            Kind.MULTI_LINE_TEXT: str,
            Kind.NUMERIC: int,
            Kind.DECIMAL: int | float,
            Kind.DATE: Annotated[str, AfterValidator(_check_date)],
            Kind.DROP_DOWN: Annotated[SomeText | int, AfterValidator(self._check_choice)],
            Kind.MULTI_SELECT: Annotated[list[SomeText], AfterValidator(self._check_choices)],
            Kind.DEPENDENT_FIELD: Annotated[list[SomeText], Field(min_length=1, max_length=3),
                                            AfterValidator(self._check_path)],
        }  # fmt: skip
        return TypeAdapter(types[self.kind], config=ConfigDict(strict=True))

    def problem(self, value: Any) -> str | None:
        """Why ``value`` (bare) is no value of this field, or None if it is one."""
        if not self.active:
            return "the field is not active"
        try:
            self.values.validate_python(value)
        except ValidationError as error:
            return error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        return None

    def _check_choice(self, value: str | int) -> str | int:
        if self.options and self._option_key(value) not in self.labels:
            raise ValueError("must be the key of an option, not its label")
        return value

    def _check_choices(self, value: list[str]) -> list[str]:
        if self.options and not self.labels.keys() >= set(value):
            raise ValueError("must be a list of option keys")
        if len(set(value)) != len(value):
            raise ValueError("names an option twice")
        return value

    def _check_path(self, value: list[str]) -> list[str]:
        level = {option.key: option for option in self.options}
        for key in value if self.options else ():
            if key not in level:
                raise ValueError("must lead from a root option through its children")
            level = {option.key: option for option in level[key].children}
        return value

    def entry(self, value: Any) -> dict[str, Any]:
        """A valid value as it is stored and answered: with a label only where there are options."""
        label: Any = None
        if self.kind is Kind.DROP_DOWN:
            label = self.labels.get(self._option_key(value))
        elif self.kind in (Kind.MULTI_SELECT, Kind.DEPENDENT_FIELD) and self.options:
            label = [self.labels.get(key) for key in value]
        return {"value": value} if label is None else {"value": value, "label": label}

    def _option_key(self, value: str | int) -> str:
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


def _check_date(value: str) -> str:
    if not _DATE.fullmatch(value):
        raise ValueError("must be a date-time such as 2022-04-21T06:30:21Z")
    datetime.fromisoformat(value[:19])  # raises if there is no such day or hour
    return value


def by_key(definitions: Iterable[Definition]) -> dict[str, Definition]:
    """The fields by all keys that requests may name them by."""
    fields = {definition.key: definition for definition in definitions}
    return {spelling: field for field in fields.values() for spelling in field.spellings} | fields


def definitions_of(answer: Iterable[Mapping[str, Any]]) -> tuple[Definition, ...]:
    """The fields in a whole answer of GET /cm/meta/va/fields; its types may be kinds too, instead of codes.

    A field whose kind is shown neither by its key nor by its type is not among them: its values cannot be checked.
    """
    return tuple(
        Definition(
            item["key"], kind, item["name"], tuple(map(Option.of, item["dict_list"])), item["required"], item["active"]
        )
        for item in answer
        if _KEY.fullmatch(item["key"])
        and (kind := _KINDS.get(item["key"].rstrip("0123456789")) or _KINDS.get(item["type"]))
    )


@with_config(ConfigDict(strict=True))
class NoteBody(TypedDict, total=False):
    """A note in a create or an update; the bundle states no limits."""

    note_title: str
    note_body: str
    public: bool


@with_config(ConfigDict(strict=True))
class CreateBody(TypedDict, total=False):
    """The body of POST /cm/core/va/cases; the bundle sets no limit to title and description."""

    title: Required[SomeText]
    description: Required[SomeText]
    parent_id: str
    owner_id: Text255
    priority: Priority
    custom_fields: dict[str, Any]
    notes: list[NoteBody]
    requester_email: str
    requester_name: str
    requester_type: Literal["Contact"]


@with_config(ConfigDict(strict=True))
class UpdateBody(TypedDict, total=False):
    """The body of PATCH /cm/core/va/cases/{id}."""

    title: Text150
    description: Text2000
    parent_id: Text255
    owner_id: Text255
    priority: Priority
    type: Type
    status: Status
    resolution: Text2000
    custom_fields: dict[str, Any]
    notes: list[NoteBody]
    group_id: Text255


Body = TypeVar("Body", CreateBody, UpdateBody)
_CREATE = TypeAdapter(CreateBody)
_UPDATE = TypeAdapter(UpdateBody)


def create_body(content: Any, definitions: Mapping[str, Definition]) -> CreateBody:
    """The checked body of a create; custom fields are bare values.

    Raises:
        ApiError: 400, naming every problem.
    """
    return _checked(_CREATE, content, definitions)


def update_body(content: Any, definitions: Mapping[str, Definition]) -> UpdateBody:
    """The checked body of an update; custom fields are ``{"value": …}``, and null clears one.

    Raises:
        ApiError: 400, naming every problem.
    """
    return _checked(_UPDATE, content, definitions)


def _checked(kind: TypeAdapter[Body], content: Any, definitions: Mapping[str, Definition]) -> Body:
    problems = []
    try:
        body = kind.validate_python(content)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        problems = [Problem(_name_of(entry["loc"]), entry["msg"]) for entry in found]
    fields = content.get("custom_fields") if isinstance(content, dict) else None
    for key, value in fields.items() if isinstance(fields, dict) else ():
        if why := _why_not(definitions.get(key), value, is_update=kind is _UPDATE):
            problems.append(Problem(f"custom_fields.{key}", why))
    if problems:
        raise ApiError(400, *problems)
    return body


def _why_not(definition: Definition | None, value: Any, *, is_update: bool) -> str | None:
    if definition is None:
        return "is not a custom field of this account"
    if not is_update:
        return definition.problem(value)
    if not isinstance(value, dict) or "value" not in value:
        return 'must be an object with "value", on update'
    return None if value["value"] is None else definition.problem(value["value"])


def _name_of(place: tuple[str | int, ...]) -> str:
    """``notes[0].public`` for the place of a problem in a body."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in place]
    return "".join(parts).removeprefix(".") or "body"


def stored_notes(notes: Iterable[NoteBody], *, case_id: int, first: int = 0) -> list[dict[str, Any]]:
    """Notes as they are stored, numbered from ``first``."""
    base = _FIRST_NOTE_ID + case_id * _NOTES_OF_A_CASE
    return [
        {"id": str(base + number), "note_title": "", "note_body": "", "public": False} | dict(note)
        for number, note in enumerate(notes, start=first)
    ]


def after_update(case: Case, body: UpdateBody, definitions: Mapping[str, Definition], *, now_ms: int) -> Case:
    """``case`` after an update: custom fields are merged, notes are appended."""
    changes: dict[str, Any] = {
        name: value for name, value in body.items() if name in ("title", "description", "group_id")
    }
    changes |= {name: value or None for name, value in body.items() if name in _CLEARABLE}
    fields = orjson.loads(case.custom_fields)
    for key, entry in body.get("custom_fields", {}).items():
        fields[key] = None if entry["value"] is None else definitions[key].entry(entry["value"])
    notes = orjson.loads(case.notes)
    notes += stored_notes(body.get("notes", []), case_id=case.id, first=len(notes))
    changes["custom_fields"] = orjson.dumps({key: fields[key] for key in fields if fields[key] is not None}).decode()
    changes["notes"] = orjson.dumps(notes).decode()
    return replace(case, **changes, status=_status_after(case, body), updated_ms=now_ms)


def _status_after(case: Case, body: UpdateBody) -> str:
    """The status asked for, or the one that assigning and unassigning brings with it."""
    if "status" in body:
        return body["status"].replace("-", "_")
    if "owner_id" not in body or case.status in SOLVED:
        return case.status
    if not body["owner_id"]:
        return "NEW"
    return "OPEN" if case.status == "NEW" else case.status


def check_transition(before: Case, body: UpdateBody, after: Case, *, required: Iterable[Definition]) -> None:
    """Refuse what a solved case does not take, and solving without what solving needs."""
    problems: list[Problem] = []
    if before.status in SOLVED and after.status in SOLVED:
        locked = sorted(set(body) - _TAKEN_WHEN_SOLVED)
        problems = [Problem(name, "cannot be changed once the case is resolved or closed") for name in locked]
    if before.status not in SOLVED and after.status in SOLVED:
        present = orjson.loads(after.custom_fields)
        missing = [f"custom_fields.{field.key}" for field in required if field.spellings.isdisjoint(present)]
        missing += [] if after.resolution else ["resolution"]
        problems = [Problem(name, "is required to solve a case") for name in missing]
    if problems:
        raise ApiError(400, *problems)
