"""What a body may contain, and what an update may change (Talkdesk reference and OpenAPI bundle).

Writes take upper-case words only; ``Contact`` is the one exception. A refusal names every problem of the body. Where
the documentation is silent the sandbox takes the strict side, so that a rehearsal shows what might be refused: a solved
case takes no new properties (help article on field changes), and solving needs a resolution and a value in each
required field (update-a-case and get-a-list-of-case-fields).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, Required, TypeVar

import orjson
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from importer.sandbox.answers import ApiError, Problem
from importer.sandbox.custom_fields import Definition
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


def json_of(body: bytes, content_type: str) -> Any:
    """The JSON of a request.

    Raises:
        ApiError: 400; the content type is another, or the body is not JSON.
    """
    if content_type != "application/json":
        raise ApiError(400, Problem("Content-Type", "must be application/json"))
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as problem:
        raise ApiError(400, Problem("body", f"is not JSON (at byte {problem.pos})")) from problem


def create_body(content: Any, definitions: Mapping[str, Definition]) -> CreateBody:
    """The checked body of a create; custom fields are bare values.

    Raises:
        ApiError: 400, naming every problem.
    """
    return _checked(_CREATE, content, _problems_of_fields(content, definitions, is_update=False))


def update_body(content: Any, definitions: Mapping[str, Definition]) -> UpdateBody:
    """The checked body of an update; custom fields are ``{"value": …}``, and null clears one.

    Raises:
        ApiError: 400, naming every problem.
    """
    return _checked(_UPDATE, content, _problems_of_fields(content, definitions, is_update=True))


def _checked(kind: TypeAdapter[Body], content: Any, problems: list[Problem]) -> Body:
    try:
        body = kind.validate_python(content)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        problems = [Problem(_name_of(entry["loc"]), entry["msg"]) for entry in found] + problems
    if problems:
        raise ApiError(400, *problems)
    return body


def _name_of(place: tuple[str | int, ...]) -> str:
    """``notes[0].public`` for the place of a problem in a body."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in place]
    return "".join(parts).removeprefix(".") or "body"


def _problems_of_fields(content: Any, definitions: Mapping[str, Definition], *, is_update: bool) -> list[Problem]:
    fields = content.get("custom_fields") if isinstance(content, dict) else None
    if not isinstance(fields, dict):
        return []
    check = _why_not_updated if is_update else _why_not
    found = {key: check(definitions.get(key), value) for key, value in fields.items()}
    return [Problem(f"custom_fields.{key}", why) for key, why in found.items() if why is not None]


def _why_not(definition: Definition | None, value: Any) -> str | None:
    return "is not a custom field of this account" if definition is None else definition.problem(value)


def _why_not_updated(definition: Definition | None, entry: Any) -> str | None:
    if not isinstance(entry, dict) or "value" not in entry:
        return 'must be an object with "value", on update'
    if definition is not None and entry["value"] is None:
        return None
    return _why_not(definition, entry["value"])


def field_entry(definition: Definition, value: Any) -> dict[str, Any]:
    """A custom field as it is stored and answered: with a label only where there are options."""
    label = definition.label(value)
    return {"value": value} if label is None else {"value": value, "label": label}


def stored_notes(notes: Iterable[NoteBody], *, case_id: int, first: int = 0) -> list[dict[str, Any]]:
    """Notes as they are stored, numbered from ``first``."""
    base = _FIRST_NOTE_ID + case_id * _NOTES_OF_A_CASE
    return [
        {
            "id": str(base + number),
            "note_title": note.get("note_title", ""),
            "note_body": note.get("note_body", ""),
            "public": note.get("public", False),
        }
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
        fields[key] = None if entry["value"] is None else field_entry(definitions[key], entry["value"])
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
