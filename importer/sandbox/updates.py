"""What an update makes of a case: pure, from the stored case and a checked body.

Where the documentation is silent the sandbox takes the strict side, so that a rehearsal shows what might be refused:
a solved case takes no new properties (help article on field changes), and solving needs a resolution and a value in
each required field (Talkdesk reference, update-a-case and get-a-list-of-case-fields).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from importer.sandbox.answers import Problem, Refusal
from importer.sandbox.cases import MOST_NOTES, Case, note_id
from importer.sandbox.fields import Definition

SOLVED = ("RESOLVED", "CLOSED")
_TAKEN_WHEN_SOLVED = frozenset({"status", "notes", "resolution"})
_CLEARABLE = ("parent_id", "owner_id", "priority", "type", "resolution")


def updated(case: Case, body: Mapping[str, Any], *, fields: Mapping[str, Any], now_ms: int) -> Case:
    """``case`` after a PATCH.

    Args:
        case: The case as it is.
        body: The checked body.
        fields: The body's custom fields as they are to be stored; None clears one. They are merged into the old ones.
        now_ms: The time of the update.
    """
    plain = {name: body[name] for name in ("title", "description", "group_id") if name in body}
    plain |= {name: body[name] or None for name in _CLEARABLE if name in body}
    merged = orjson.loads(case.custom_fields) | fields
    return case._replace(
        **plain,
        status=status_after(case, body),
        custom_fields=dumped({key: entry for key, entry in merged.items() if entry is not None}),
        notes=dumped(orjson.loads(case.notes) + stored_notes(body, case_id=case.id, first=_note_count(case))),
        updated_ms=now_ms,
    )


def status_after(case: Case, body: Mapping[str, Any]) -> str:
    """The status asked for, or the one that assigning and unassigning brings with it."""
    if "status" in body:
        return str(body["status"]).replace("-", "_")
    if "owner_id" in body and case.status not in SOLVED:
        if not body["owner_id"]:
            return "NEW"
        return "OPEN" if case.status == "NEW" else case.status
    return case.status


def check_transition(before: Case, body: Mapping[str, Any], *, after: Case, required: Iterable[Definition]) -> None:
    """Refuse what a solved case does not take, and solving without what solving needs."""
    problems: list[Problem] = []
    if before.status in SOLVED and after.status in SOLVED:
        locked = sorted(set(body) - _TAKEN_WHEN_SOLVED)
        problems += [Problem(name, "cannot be changed once the case is resolved or closed") for name in locked]
    if after.status in SOLVED and before.status not in SOLVED:
        problems += _missing_for_solving(after, required)
    if problems:
        raise Refusal(400, *problems)


def _missing_for_solving(after: Case, required: Iterable[Definition]) -> list[Problem]:
    held = orjson.loads(after.custom_fields)
    missing = [
        Problem(f"custom_fields.{definition.key}", "is required to solve a case")
        for definition in required
        if definition.spellings.isdisjoint(held)
    ]
    if not after.resolution:
        missing.insert(0, Problem("resolution", "is required to solve a case"))
    return missing


def stored_notes(body: Mapping[str, Any], *, case_id: int, first: int = 0) -> list[dict[str, Any]]:
    """The notes of a checked body as they are stored, numbered from ``first``."""
    notes = body.get("notes") or ()
    if first + len(notes) > MOST_NOTES:
        raise Refusal(400, Problem("notes", f"a case holds at most {MOST_NOTES} notes here"))
    return [
        {
            "id": note_id(case_id, position),
            "note_title": note.get("note_title", ""),
            "note_body": note.get("note_body", ""),
            "public": note.get("public", False),
        }
        for position, note in enumerate(notes, start=first)
    ]


def _note_count(case: Case) -> int:
    return len(orjson.loads(case.notes))


def dumped(content: Any) -> str:
    """JSON text for the store."""
    return orjson.dumps(content).decode()
