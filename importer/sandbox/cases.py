"""A case as it is stored, and the four shapes in which the API shows it.

The shapes differ on purpose, as they do in the Talkdesk reference: create and update answer ``owner_id``, upper-case
words, ``note_title`` and an object of custom fields; the list answers ``agent_id``, capitalised words, ``notes_title``
and the custom fields as a *string* of JSON; get-one mixes the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any, NamedTuple

import orjson

from importer.sandbox.fields import Definition, Kind

DEFAULT_GROUP = "agents"
FORM_NAME = "Default Case Form"
MOST_NOTES = 4096
_FIRST_NOTE_ID = 1_592_529_126_028_390_402


class Place(IntEnum):
    """Where a case is: on the desk, in the Trash, or gone for good (kept only as the sandbox's own truth)."""

    LIVE = 0
    TRASH = 1
    PURGED = 2


class Case(NamedTuple):
    """One row of the store, in the order of its columns.

    Attributes:
        custom_fields: JSON object, field key → ``{"value", "label"?}``.
        notes: JSON array of ``{"id", "note_title", "note_body", "public"}``.
    """

    id: int
    created_ms: int
    updated_ms: int
    place: int
    title: str
    description: str
    parent_id: str | None
    owner_id: str | None
    priority: str | None
    type: str | None
    status: str
    resolution: str | None
    group_id: str
    requester_id: str
    requester_name: str
    requester_email: str
    custom_fields: str
    notes: str


def note_id(case_id: int, position: int) -> str:
    """The id of a note; it tells the case and the place in it, so that a note is found without an index."""
    return str(_FIRST_NOTE_ID + case_id * MOST_NOTES + position)


def place_of_note(text: str) -> tuple[int, int] | None:
    """Case id and position behind a note id, or None if it is no note id of ours."""
    if not text.isascii() or not text.isdigit() or len(text) > 19:
        return None
    case_id, position = divmod(int(text) - _FIRST_NOTE_ID, MOST_NOTES)
    return (case_id, position) if case_id > 0 else None


def custom_entry(definition: Definition, value: Any) -> dict[str, Any]:
    """A custom field as create and update answer it: the label only where there are options."""
    label = definition.label(value)
    return {"value": value} if label is None else {"value": value, "label": label}


def as_created(case: Case) -> dict[str, Any]:
    """The answer to POST; optional parts only if they were given."""
    shape: dict[str, Any] = {
        "id": str(case.id),
        "title": case.title,
        "description": case.description,
        "status": case.status,
        "requester_id": case.requester_id,
        "requester_name": case.requester_name,
        "requester_email": case.requester_email,
        "requester_type": "Contact",
    }
    return shape | _given(parent_id=case.parent_id, owner_id=case.owner_id, priority=case.priority) | _extras(case)


def as_updated(case: Case) -> dict[str, Any]:
    """The answer to PATCH; it names no requester."""
    shape: dict[str, Any] = {
        "id": str(case.id),
        "title": case.title,
        "description": case.description,
        "status": case.status,
        "group_id": case.group_id,
    }
    optional = _given(
        parent_id=case.parent_id,
        owner_id=case.owner_id,
        priority=case.priority,
        type=case.type,
        resolution=case.resolution,
    )
    return shape | optional | _extras(case)


def _extras(case: Case) -> dict[str, Any]:
    """Custom fields and notes, passed through as the JSON they are stored as."""
    extras: dict[str, Any] = {}
    if case.custom_fields != "{}":
        extras["custom_fields"] = orjson.Fragment(case.custom_fields)
    if case.notes != "[]":
        extras["notes"] = orjson.Fragment(case.notes)
    return extras


class Reader:
    """Turns stored cases into what the reading operations answer.

    Args:
        definitions: Custom fields by key.
        agent_names: User id → name.
        escaped: Write the string of custom fields with back-slashes before its quotes, as the samples of the
            reference show it.
    """

    def __init__(
        self, definitions: Mapping[str, Definition], *, agent_names: Mapping[str, str], escaped: bool = False
    ) -> None:
        self._definitions = definitions
        self._agent_names = agent_names
        self._escaped = escaped

    def listed(self, case: Case) -> dict[str, Any]:
        """A case as an item of the list, and as GET /cases/info answers it."""
        shape: dict[str, Any] = {
            "id": str(case.id),
            "title": case.title,
            "description": case.description,
            "requester_id": case.requester_id,
            "requester_name": case.requester_name,
            "requester_integration": "{}",
            "group_id": case.group_id,
            "group_name": case.group_id,
            "form_name": FORM_NAME,
            "status": _capitalised(case.status),
            "create_at": shown_time(case.created_ms),
            "update_at": shown_time(case.updated_ms),
            "custom_fields": self._custom_text(case, named=True),
            "notes": _notes_read(case),
        }
        return shape | _given(
            requester_email=case.requester_email or None,
            agent_id=case.owner_id,
            agent_name=self._agent_names.get(case.owner_id or ""),
            priority=_capitalised(case.priority),
            type=_capitalised(case.type),
        )

    def detailed(self, case: Case) -> dict[str, Any]:
        """A case as GET /cases/{id} answers it: the union of what page and bundle list, and no timestamps."""
        shape: dict[str, Any] = {
            "id": str(case.id),
            "title": case.title,
            "description": case.description,
            "requester_id": case.requester_id,
            "requester_name": case.requester_name,
            "requester_email": case.requester_email,
            "group_id": case.group_id,
            "form_name": FORM_NAME,
            "status": case.status,
            "custom_fields": self._custom_text(case, named=False),
            "notes": _notes_read(case),
        }
        return shape | _given(
            owner_id=case.owner_id,
            agent_id=case.owner_id,
            agent_name=self._agent_names.get(case.owner_id or ""),
            priority=case.priority,
            type=case.type,
            resolution=case.resolution,
        )

    def _custom_text(self, case: Case, *, named: bool) -> str:
        entries = orjson.loads(case.custom_fields)
        read = {key: self._read_entry(key, entry, named=named) for key, entry in entries.items()}
        text = orjson.dumps(read).decode()
        return orjson.dumps(text).decode()[1:-1] if self._escaped else text

    def _read_entry(self, key: str, entry: Mapping[str, Any], *, named: bool) -> dict[str, Any]:
        definition = self._definitions.get(key)
        read = {"label": _label_read(definition, entry), "value": entry["value"]}
        return read | {"name": definition.name} if named and definition else read


def _label_read(definition: Definition | None, entry: Mapping[str, Any]) -> Any:
    """In reads, check boxes and dates repeat their value as label, and texts and numbers have none (samples)."""
    if definition is not None and definition.kind in (Kind.CHECKBOX, Kind.DATE):
        return entry["value"]
    return entry.get("label")


def _notes_read(case: Case) -> list[dict[str, Any]]:
    return [
        {
            "id": note["id"],
            "notes_title": note["note_title"],
            "notes_body": note["note_body"],
            "public": note["public"],
        }
        for note in orjson.loads(case.notes)
    ]


def _given(**optional: Any) -> dict[str, Any]:
    return {name: value for name, value in optional.items() if value is not None}


def _capitalised(word: str | None) -> str | None:
    return None if word is None else word.replace("_", " ").title()


def shown_time(milliseconds: int) -> str:
    """A time as answers show it, to the second."""
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def as_truth(case: Case) -> dict[str, Any]:
    """A case as ``/_sandbox/cases.ndjson`` tells it: everything, values bare, deleted ones included."""
    truth = case._asdict()
    entries = orjson.loads(case.custom_fields)
    truth["id"] = str(case.id)
    truth["created"] = datetime.fromtimestamp(case.created_ms / 1000, UTC).isoformat(timespec="milliseconds")
    truth["deleted"] = {Place.LIVE: False, Place.TRASH: "trash", Place.PURGED: "purged"}[Place(case.place)]
    truth["custom_fields"] = {key: entry["value"] for key, entry in entries.items()}
    truth["notes"] = orjson.loads(case.notes)
    del truth["place"], truth["created_ms"], truth["updated_ms"]
    return truth
