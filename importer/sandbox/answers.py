"""What the sandbox answers: refusals in the error envelope of the API, and cases in the shapes of each operation.

The envelope is ``{"code", "message", "fields"?}``; its codes are strings. Codes and messages of each family of
operations are those of Talkdesk's OpenAPI bundle. Codes that begin with ``sandbox.`` are ours, for answers that the
bundle does not declare (no such route, body too large and so on).

The shapes of a case differ on purpose, as they do in the Talkdesk reference: create and update answer ``owner_id``,
upper-case words, ``note_title`` and an object of custom fields; the list answers ``agent_id``, capitalised words,
``notes_title`` and the custom fields as a *string* of JSON; get-one mixes the two.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
from aiohttp import web

from importer.sandbox.custom_fields import Definition, Kind
from importer.sandbox.storage import Case, Place

RetryForm = Literal["none", "seconds", "date", "body"]
Codes = Mapping[int, tuple[str, str]]

CASE_CODES: Codes = {
    400: ("1520005", "Bad Request."),
    401: ("1520006", "Unauthorized."),
    403: ("1520007", "Forbidden."),
    404: ("1520008", "Connection not found."),
    500: ("1520000", "System error."),
}
USER_CODES: Codes = {
    400: ("0040001", "Bad request"),
    401: ("0040002", "Unauthorized"),
    403: ("0040003", "Forbidden access"),
    404: ("0040000", "User not found"),
}
GATEWAY_CODES: Codes = {
    403: ("sandbox.token", "This page of the sandbox needs its token."),
    404: ("sandbox.no_route", "No route matches this path."),
    405: ("sandbox.no_method", "This path does not have this method."),
    408: ("sandbox.timeout", "Request Timeout."),
    413: ("sandbox.too_large", "Request body too large."),
    421: ("sandbox.host", "This sandbox answers on loopback addresses only."),
    429: ("0012001", "API rate limit exceeded"),
    502: ("sandbox.bad_gateway", "Bad Gateway."),
    503: ("sandbox.unavailable", "Service Unavailable."),
    504: ("sandbox.gateway_timeout", "Gateway Timeout."),
}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a request: an entry of ``fields`` in the envelope."""

    name: str
    description: str


class ApiError(Exception):
    """The request is refused. Carries everything that the envelope needs, except the codes of the operation."""

    def __init__(self, status: int, *problems: Problem, code: tuple[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.problems = problems
        self.code = code

    def response(self, codes: Codes) -> web.Response:
        """The answer, with the codes of the operation."""
        return error_response(self.status, codes=codes, problems=self.problems, code=self.code)


def json_response(status: int, content: Any) -> web.Response:
    """``content`` as JSON."""
    return web.Response(status=status, body=orjson.dumps(content), content_type="application/json")


def error_response(
    status: int,
    *,
    codes: Codes = CASE_CODES,
    problems: Iterable[Problem] = (),
    code: tuple[str, str] | None = None,
) -> web.Response:
    """An error: the code of the operation for ``status``, else that of the gateway, else one of ours."""
    known = code or codes.get(status) or GATEWAY_CODES.get(status) or (f"sandbox.{status}", f"Status {status}.")
    content: dict[str, Any] = {"code": known[0], "message": known[1]}
    if fields := [asdict(problem) for problem in problems]:
        content["fields"] = fields
    return json_response(status, content)


def throttled_response(*, status: int, seconds: float, form: RetryForm, now: float) -> web.Response:
    """An error with a hint when to come back. ``body`` puts it where the bundle has it for POST /calls/callback."""
    whole = max(1, math.ceil(seconds))
    if form == "body":
        return error_response(status, problems=[Problem("retry-after", str(whole))])
    response = error_response(status)
    if form == "none":
        return response
    date = datetime.fromtimestamp(now + whole, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    response.headers["Retry-After"] = date if form == "date" else str(whole)
    return response


def created(case: Case) -> dict[str, Any]:
    """The answer to POST; optional parts only if they were given."""
    return _given(
        id=str(case.id),
        title=case.title,
        description=case.description,
        status=case.status,
        requester_id=case.requester_id,
        requester_name=case.requester_name,
        requester_email=case.requester_email,
        requester_type="Contact",
        parent_id=case.parent_id,
        owner_id=case.owner_id,
        priority=case.priority,
        custom_fields=_stored_json(case.custom_fields),
        notes=_stored_json(case.notes),
    )


def updated(case: Case) -> dict[str, Any]:
    """The answer to PATCH; it names no requester."""
    return _given(
        id=str(case.id),
        title=case.title,
        description=case.description,
        status=case.status,
        group_id=case.group_id,
        parent_id=case.parent_id,
        owner_id=case.owner_id,
        priority=case.priority,
        type=case.type,
        resolution=case.resolution,
        custom_fields=_stored_json(case.custom_fields),
        notes=_stored_json(case.notes),
    )


def listed(case: Case, *, definitions: Mapping[str, Definition], agent_name: str | None) -> dict[str, Any]:
    """An item of the list."""
    return _given(
        id=str(case.id),
        title=case.title,
        description=case.description,
        requester_id=case.requester_id,
        requester_name=case.requester_name,
        requester_email=case.requester_email or None,
        requester_integration="{}",
        group_id=case.group_id,
        group_name=case.group_id,
        agent_id=case.owner_id,
        agent_name=agent_name,
        form_name="Default Case Form",
        priority=_capitalised(case.priority),
        status=_capitalised(case.status),
        type=_capitalised(case.type),
        create_at=shown_time(case.created_ms),
        update_at=shown_time(case.updated_ms),
        custom_fields=_fields_as_text(case, definitions, named=True),
        notes=_notes_as_read(case),
    )


def detailed(case: Case, *, definitions: Mapping[str, Definition], agent_name: str | None) -> dict[str, Any]:
    """The answer of GET /cases/{id}: the union of what page and bundle list, and no timestamps."""
    return _given(
        id=str(case.id),
        title=case.title,
        description=case.description,
        requester_id=case.requester_id,
        requester_name=case.requester_name,
        requester_email=case.requester_email,
        group_id=case.group_id,
        form_name="Default Case Form",
        owner_id=case.owner_id,
        agent_id=case.owner_id,
        agent_name=agent_name,
        priority=case.priority,
        status=case.status,
        type=case.type,
        resolution=case.resolution,
        custom_fields=_fields_as_text(case, definitions, named=False),
        notes=_notes_as_read(case),
    )


def exported(case: Case) -> dict[str, Any]:
    """A line of ``/_sandbox/cases.ndjson``: everything, custom fields as bare values, deleted cases included."""
    hidden = ("place", "created_ms", "updated_ms")
    entries = orjson.loads(case.custom_fields)
    return {name: value for name, value in vars(case).items() if name not in hidden} | {
        "id": str(case.id),
        "created": datetime.fromtimestamp(case.created_ms / 1000, UTC).isoformat(timespec="milliseconds"),
        "deleted": {Place.LIVE: False, Place.TRASH: "trash", Place.PURGED: "purged"}[Place(case.place)],
        "custom_fields": {key: entry["value"] for key, entry in entries.items()},
        "notes": orjson.loads(case.notes),
    }


def shown_time(milliseconds: int) -> str:
    """A time as answers show it, to the second."""
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _given(**parts: Any) -> dict[str, Any]:
    return {name: value for name, value in parts.items() if value is not None}


def _stored_json(text: str) -> orjson.Fragment | None:
    """Custom fields or notes as the JSON that they are stored as; None if there are none."""
    return None if text in ("{}", "[]") else orjson.Fragment(text)


def _fields_as_text(case: Case, definitions: Mapping[str, Definition], *, named: bool) -> str:
    entries = orjson.loads(case.custom_fields)
    return orjson.dumps({key: _field_as_read(entries[key], definitions.get(key), named) for key in entries}).decode()


def _field_as_read(entry: Mapping[str, Any], definition: Definition | None, named: bool) -> dict[str, Any]:
    """In reads, check boxes and dates repeat their value as label, and texts and numbers have none (samples)."""
    repeats = definition is not None and definition.kind in (Kind.CHECKBOX, Kind.DATE)
    read = {"label": entry["value"] if repeats else entry.get("label"), "value": entry["value"]}
    return read | {"name": definition.name} if named and definition else read


def _notes_as_read(case: Case) -> list[dict[str, Any]]:
    return [
        {
            "id": note["id"],
            "notes_title": note["note_title"],
            "notes_body": note["note_body"],
            "public": note["public"],
        }
        for note in orjson.loads(case.notes)
    ]


def _capitalised(word: str | None) -> str | None:
    return None if word is None else word.replace("_", " ").title()
