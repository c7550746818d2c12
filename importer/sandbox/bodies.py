"""Cases: the bodies that make and change them, and the shapes in which each operation answers them.

Writes take upper-case words only; ``Contact`` is the one exception. A refusal names every problem of the body. Where
the documentation is silent the sandbox takes the strict side: a solved case takes no new properties (help article on
field changes), and solving needs a resolution and a value in each required field.

The shapes of a case differ on purpose, as they do in the Talkdesk reference: create and update answer ``owner_id``,
upper-case words, ``note_title`` and an object of custom fields; the list answers ``agent_id``, capitalised words,
``notes_title`` and the custom fields as a *string* of JSON; get-one mixes the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Required, TypeVar

import orjson
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from importer.sandbox.account import Definition, Kind, SomeText, id_of
from importer.sandbox.answers import ApiError
from importer.sandbox.case import Case, Place

Priority = Literal["LOW", "NORMAL", "HIGH", "URGENT"]
Type = Literal["QUESTION", "INCIDENT", "PROBLEM", "TASK"]
# The bundle's enum says ON_HOLD, the sample of the update page sends ON-HOLD: both are taken.
Status = Literal["NEW", "OPEN", "PENDING", "ON_HOLD", "ON-HOLD", "RESOLVED", "CLOSED"]
#: Reference page and bundle describe the answer of get-one differently; which of them is right is confirmed nowhere.
Dialect = Literal["both", "spec", "page"]
Text150 = Annotated[str, Field(max_length=150)]
Text255 = Annotated[str, Field(max_length=255)]
Text2000 = Annotated[str, Field(max_length=2000)]

_SOLVED = ("RESOLVED", "CLOSED")
_TAKEN_WHEN_SOLVED = {"status", "notes", "resolution"}
#: What an empty text takes away.
_CLEARABLE = ("parent_id", "owner_id", "priority", "type", "resolution")
_CREATED = ("title", "description", "status", "requester_id", "requester_name", "requester_email", "parent_id",
            "owner_id", "priority", "custom_fields", "notes")  # fmt: skip
_UPDATED = ("title", "description", "status", "group_id", "parent_id", "owner_id", "priority", "type", "resolution",
            "custom_fields", "notes")  # fmt: skip
_LISTED = ("status", "priority", "type", "title", "description", "requester_id", "requester_name", "group_id")
_DETAILED_BY_SPEC = ("title", "description", "status", "owner_id", "priority", "type", "resolution")
_DETAILED_BY_PAGE = ("title", "description", "status", "group_id", "priority", "type", "requester_id",
                     "requester_name", "requester_email")  # fmt: skip
_DETAILED = tuple(dict.fromkeys(_DETAILED_BY_SPEC + _DETAILED_BY_PAGE))


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
    """The body of PATCH /cm/core/va/cases/{id}; its custom fields are ``{"value": …}``, and null clears one."""

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
CREATE = TypeAdapter(CreateBody)
UPDATE = TypeAdapter(UpdateBody)


def checked(kind: TypeAdapter[Body], content: Any, definitions: Mapping[str, Definition]) -> Body:
    """The body of a create or an update.

    Raises:
        ApiError: 400, naming every problem.
    """
    problems = {}
    try:
        body = kind.validate_python(content)
    except ValidationError as error:
        for found in error.errors(include_url=False, include_context=False, include_input=False):
            parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in found["loc"]]
            problems["".join(parts).removeprefix(".") or "body"] = found["msg"]  # by names such as notes[0].public
    fields = content.get("custom_fields") if isinstance(content, dict) else None
    for key, value in fields.items() if isinstance(fields, dict) else ():
        why: str | None
        if key not in definitions:
            why = "is not a custom field of this account"
        elif kind is CREATE:
            why = definitions[key].problem(value)
        elif not isinstance(value, dict) or "value" not in value:
            why = 'must be an object with "value", on update'
        else:
            why = None if value["value"] is None else definitions[key].problem(value["value"])
        if why:
            problems[f"custom_fields.{key}"] = why
    if problems:
        raise ApiError(400, problems)
    return body


def new_case(body: CreateBody, definitions: Mapping[str, Definition], *, case_id: int, now_ms: int, seed: int) -> Case:
    """The case that a create makes.

    An owner opens the case, as in the user interface. What the real service does with an unknown e-mail address or
    with none is documented nowhere; here each address (ignoring case) is one contact, made on first sight, and a case
    without any is that of the API client.
    """
    email, name = body.get("requester_email", ""), body.get("requester_name", "")
    if not email and not name:
        email, name = "api-client@sandbox.example", "API client"
    given = ("title", "description", "parent_id", "owner_id", "priority")
    content = {key: value for key, value in body.items() if key in given and value} | {
        "status": "OPEN" if body.get("owner_id") else "NEW",
        "group_id": "agents",
        "requester_id": id_of(seed, email.lower() or name),
        "requester_name": name or email,
        "requester_email": email,
        "custom_fields": {key: definitions[key].entry(value) for key, value in body.get("custom_fields", {}).items()},
        "notes": _numbered(body.get("notes", []), case_id=case_id, first=0),
    }
    return Case(id=case_id, created_ms=now_ms, updated_ms=now_ms, place=Place.LIVE, content=content)


def _numbered(notes: Iterable[NoteBody], *, case_id: int, first: int) -> list[dict[str, Any]]:
    return [
        {"id": f"{case_id}{number:06}", "note_title": "", "note_body": "", "public": False, **note}
        for number, note in enumerate(notes, start=first)
    ]


def after_update(
    case: Case, body: UpdateBody, definitions: Mapping[str, Definition], *, now_ms: int, is_strict: bool = False
) -> Case:
    """``case`` after an update: custom fields are merged, notes are appended.

    Raises:
        ApiError: 400: a solved case does not take this, or it is not ready to be solved. If ``is_strict`` also: a case
            is closed that is not resolved, or changed when it is closed.
    """
    before, changed = case.content["status"], edited(case, body, definitions, now_ms=now_ms)
    after = changed.content["status"]
    problems = {}
    if is_strict and before == "CLOSED":
        problems = dict.fromkeys(sorted(body), "cannot be changed once the case is closed")
    elif is_strict and body.get("status") == "CLOSED" and before != "RESOLVED":
        problems = {"status": "must be RESOLVED before it can be CLOSED"}
    elif before in _SOLVED and after in _SOLVED:
        locked = sorted(set(body) - _TAKEN_WHEN_SOLVED)
        problems = dict.fromkeys(locked, "cannot be changed once the case is resolved or closed")
    elif after in _SOLVED:
        required = {field.key: field for field in definitions.values() if field.required and field.active}
        given = changed.content["custom_fields"].keys()
        names = [f"custom_fields.{key}" for key, field in required.items() if field.spellings.isdisjoint(given)]
        names += ["resolution"] * (not changed.content["resolution"])
        problems = dict.fromkeys(names, "is required to solve a case")
    if problems:
        raise ApiError(400, problems)
    return changed


def edited(case: Case, body: UpdateBody, definitions: Mapping[str, Definition], *, now_ms: int) -> Case:
    """``case`` as an agent or an automation of the account leaves it: the same without any rule for updates."""
    content = case.content | dict(body)
    for name in _CLEARABLE:
        content[name] = content.get(name) or None
    fields = dict(case.content["custom_fields"])
    for key, entry in body.get("custom_fields", {}).items():
        if key in definitions:
            fields[key] = None if entry["value"] is None else definitions[key].entry(entry["value"])
    content["custom_fields"] = {key: entry for key, entry in fields.items() if entry is not None}
    notes = case.content["notes"]
    content["notes"] = notes + _numbered(body.get("notes", []), case_id=case.id, first=len(notes))
    if "status" in body:
        content["status"] = body["status"].replace("-", "_")
    elif "owner_id" in body and content["status"] not in _SOLVED:
        is_new = not body["owner_id"]  # assigning opens a new case, and unassigning makes it new again
        content["status"] = "NEW" if is_new else content["status"].replace("NEW", "OPEN")
    return replace(case, content=content, updated_ms=now_ms)


def created(case: Case) -> dict[str, Any]:
    """The answer to POST; optional parts only if they were given."""
    return _parts(case, _CREATED) | {"requester_type": "Contact"}


def updated(case: Case) -> dict[str, Any]:
    """The answer to PATCH; it names no requester."""
    return _parts(case, _UPDATED)


def listed(case: Case, definitions: Mapping[str, Definition], agent_name: str | None) -> dict[str, Any]:
    """An item of the list."""
    shown = _parts(case, _LISTED)
    shown |= {name: shown[name].replace("_", " ").title() for name in ("status", "priority", "type") if name in shown}
    if case.content["requester_email"]:
        shown["requester_email"] = case.content["requester_email"]
    create_at, update_at = (datetime.fromtimestamp(ms // 1000, UTC) for ms in (case.created_ms, case.updated_ms))
    return shown | {
        "group_name": case.content["group_id"],
        "requester_integration": "{}",
        "create_at": f"{create_at:%Y-%m-%dT%H:%M:%SZ}",
        "update_at": f"{update_at:%Y-%m-%dT%H:%M:%SZ}",
        **_agent(case, agent_name),
        **_read_by_spec(case, definitions, named=True),
    }


def detailed(
    case: Case, definitions: Mapping[str, Definition], agent_name: str | None, dialect: Dialect
) -> dict[str, Any]:
    """The answer of GET /cases/{id}, without timestamps: what page and bundle list, or what one of them lists."""
    if dialect == "spec":
        return _parts(case, _DETAILED_BY_SPEC) | _read_by_spec(case, definitions)
    if dialect == "page":
        shown = {"custom_fields": _labelled(case, definitions), "notes": case.content["notes"]}
        return _parts(case, _DETAILED_BY_PAGE) | _agent(case, agent_name) | shown
    return _parts(case, _DETAILED) | _agent(case, agent_name) | _read_by_spec(case, definitions)


def exported(case: Case) -> dict[str, Any]:
    """A line of ``/_sandbox/cases.ndjson``: everything, custom fields as bare values, deleted cases included."""
    return {
        **dict.fromkeys(_CREATED + _UPDATED),
        **case.content,
        "id": str(case.id),
        "created": datetime.fromtimestamp(case.created_ms / 1000, UTC).isoformat(timespec="milliseconds"),
        "deleted": False if case.place == Place.LIVE else case.place,
        "custom_fields": {key: entry["value"] for key, entry in case.content["custom_fields"].items()},
    }


def _parts(case: Case, names: Iterable[str]) -> dict[str, Any]:
    """The id and these parts, as far as the case has them."""
    parts = {name: case.content.get(name) for name in names}
    return {"id": str(case.id)} | {name: value for name, value in parts.items() if value not in (None, {}, [])}


def _agent(case: Case, name: str | None) -> dict[str, Any]:
    owner = case.content.get("owner_id")
    return {"agent_id": owner} | ({"agent_name": name} if name else {}) if owner else {}


def _read_by_spec(case: Case, definitions: Mapping[str, Definition], *, named: bool = False) -> dict[str, Any]:
    """What only reads answer, as the bundle has it: custom fields as JSON in a text, and notes by other names."""
    notes = [
        {"id": note["id"], "notes_title": note["note_title"], "notes_body": note["note_body"], "public": note["public"]}
        for note in case.content["notes"]
    ]
    fields = orjson.dumps(_labelled(case, definitions, named=named)).decode()
    return {"form_name": "Default Case Form", "custom_fields": fields, "notes": notes}


def _labelled(case: Case, definitions: Mapping[str, Definition], *, named: bool = False) -> dict[str, dict[str, Any]]:
    """Custom fields as reads have them; check boxes and dates repeat their value as label."""
    fields = {}
    for key, entry in case.content["custom_fields"].items():
        fields[key] = {"label": entry.get("label"), "value": entry["value"]}
        if definition := definitions.get(key):
            if definition.kind in (Kind.CHECKBOX, Kind.DATE):
                fields[key]["label"] = entry["value"]
            if named:
                fields[key]["name"] = definition.name
    return fields
