"""What may stand in the body of a create, an update and a note edit (Talkdesk reference and OpenAPI bundle).

Each body has a shape: field name → check. A check answers with the problems it finds, so that one refusal names all
of them. Writes take upper-case words only; ``Contact`` is the one exception.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from importer.sandbox.answers import Problem, Refusal
from importer.sandbox.cases import custom_entry
from importer.sandbox.fields import Definition

PRIORITIES = ("LOW", "NORMAL", "HIGH", "URGENT")
TYPES = ("QUESTION", "INCIDENT", "PROBLEM", "TASK")
STATUSES = ("NEW", "OPEN", "PENDING", "ON_HOLD", "RESOLVED", "CLOSED")
# The bundle's enum says ON_HOLD, the sample of the update page sends ON-HOLD: both are taken.
_WRITABLE_STATUSES = (*STATUSES, "ON-HOLD")

ID_LIMIT = 255
UPDATE_TITLE_LIMIT = 150
UPDATE_TEXT_LIMIT = 2000
NOTE_TITLE_LIMIT = 255

Check = Callable[[str, Any], Iterator[Problem]]
Shape = Mapping[str, Check]


class Rules(NamedTuple):
    """What a sandbox may be told to be strict about.

    Attributes:
        definitions: Custom fields by key.
        title_limit: Longest title on create; None, as in the bundle, sets no limit.
        description_limit: Longest description on create; None sets no limit.
        refuse_unknown: Refuse fields the API does not know, instead of ignoring them.
    """

    definitions: Mapping[str, Definition]
    title_limit: int | None
    description_limit: int | None
    refuse_unknown: bool


class Bodies:
    """Reads bodies: bytes in, checked JSON object out, or a 400 that names every problem."""

    def __init__(self, rules: Rules) -> None:
        self._definitions = rules.definitions
        self._refuse_unknown = rules.refuse_unknown
        self._create: Shape = {
            "title": _text(rules.title_limit, least=1),
            "description": _text(rules.description_limit, least=1),
            "parent_id": _text(),
            "owner_id": _text(ID_LIMIT),
            "priority": _one_of(PRIORITIES),
            "custom_fields": self._bare_fields,
            "notes": self._notes,
            "requester_email": _text(),
            "requester_name": _text(),
            "requester_type": _one_of(("Contact",)),
        }
        self._update: Shape = {
            "title": _text(UPDATE_TITLE_LIMIT),
            "description": _text(UPDATE_TEXT_LIMIT),
            "parent_id": _text(ID_LIMIT),
            "owner_id": _text(ID_LIMIT),
            "priority": _one_of(PRIORITIES),
            "type": _one_of(TYPES),
            "status": _one_of(_WRITABLE_STATUSES),
            "resolution": _text(UPDATE_TEXT_LIMIT),
            "custom_fields": self._wrapped_fields,
            "notes": self._notes,
            "group_id": _text(ID_LIMIT),
        }
        self._note: Shape = {"note_title": _text(NOTE_TITLE_LIMIT), "note_body": _text()}
        self._note_item: Shape = {"note_title": _text(), "note_body": _text(), "public": _boolean}

    def create(self, body: Any) -> dict[str, Any]:
        """A body for POST /cm/core/va/cases; title and description are required."""
        return self._read(body, self._create, required=("title", "description"))

    def update(self, body: Any) -> dict[str, Any]:
        """A body for PATCH /cm/core/va/cases/{id}; every field is optional."""
        return self._read(body, self._update)

    def note(self, body: Any) -> dict[str, Any]:
        """A body for PATCH /cm/core/va/notes/{note_id}."""
        return self._read(body, self._note)

    def created_fields(self, bare: Mapping[str, Any]) -> dict[str, Any]:
        """Checked custom fields of a create, as they are stored."""
        return {key: custom_entry(self._definitions[key], value) for key, value in bare.items()}

    def updated_fields(self, wrapped: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Checked custom fields of an update, as they are stored; a null value clears, so it stands as None."""
        return {
            key: None if entry["value"] is None else custom_entry(self._definitions[key], entry["value"])
            for key, entry in wrapped.items()
        }

    def _read(self, body: Any, shape: Shape, *, required: tuple[str, ...] = ()) -> dict[str, Any]:
        if not isinstance(body, dict):
            raise Refusal(400, Problem("body", "must be a JSON object"))
        problems = [Problem(name, "is required") for name in required if name not in body]
        problems += self._unknown(body, shape)
        problems += _found(body, shape)
        if problems:
            raise Refusal(400, *problems)
        return body

    def _unknown(self, body: Mapping[str, Any], shape: Shape) -> list[Problem]:
        if not self._refuse_unknown:
            return []
        return [Problem(name, "is not a field of this request") for name in body if name not in shape]

    def _bare_fields(self, name: str, value: Any) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield Problem(name, "must be an object")
            return
        for key, bare in value.items():
            why = self._why_not(key, bare)
            if why is not None:
                yield Problem(f"{name}.{key}", why)

    def _wrapped_fields(self, name: str, value: Any) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield Problem(name, "must be an object")
            return
        for key, entry in value.items():
            if not isinstance(entry, dict) or "value" not in entry:
                yield Problem(f"{name}.{key}", 'must be an object with "value", on update')
                continue
            why = self._why_not(key, entry["value"], clearable=True)
            if why is not None:
                yield Problem(f"{name}.{key}", why)

    def _why_not(self, key: str, value: Any, *, clearable: bool = False) -> str | None:
        definition = self._definitions.get(key)
        if definition is None:
            return "no such custom field"
        if value is None and clearable:
            return None
        return definition.problem(value)

    def _notes(self, name: str, value: Any) -> Iterator[Problem]:
        if not isinstance(value, list):
            yield Problem(name, "must be an array")
            return
        for number, note in enumerate(value):
            place = f"{name}[{number}]"
            if not isinstance(note, dict):
                yield Problem(place, "must be an object")
                continue
            problems = self._unknown(note, self._note_item) + _found(note, self._note_item)
            yield from (Problem(f"{place}.{problem.name}", problem.description) for problem in problems)


def parsed(body: bytes, content_type: str) -> Any:
    """The JSON of a request.

    Raises:
        Refusal: 400; the content type is another, or the body is not JSON.
    """
    if content_type != "application/json":
        raise Refusal(400, Problem("Content-Type", "must be application/json"))
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as problem:
        raise Refusal(400, Problem("body", f"is not JSON (at byte {problem.pos})")) from problem


def _found(body: Mapping[str, Any], shape: Shape) -> list[Problem]:
    return [
        problem
        for name, value in body.items()
        if (check := shape.get(name)) is not None
        for problem in check(name, value)
    ]


def _text(limit: int | None = None, *, least: int = 0) -> Check:
    def check(name: str, value: Any) -> Iterator[Problem]:
        if not isinstance(value, str):
            yield Problem(name, "must be a string")
        elif len(value) < least:
            yield Problem(name, "must not be empty")
        elif limit is not None and len(value) > limit:
            yield Problem(name, f"must be at most {limit} characters, has {len(value)}")

    return check


def _one_of(words: tuple[str, ...]) -> Check:
    def check(name: str, value: Any) -> Iterator[Problem]:
        if value not in words:
            yield Problem(name, f"must be one of {', '.join(words)}")

    return check


def _boolean(name: str, value: Any) -> Iterator[Problem]:
    if not isinstance(value, bool):
        yield Problem(name, "must be true or false")
