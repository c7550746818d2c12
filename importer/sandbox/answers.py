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
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Literal

import orjson
from aiohttp import web

from importer.sandbox.storage import Case, Place

if TYPE_CHECKING:
    from importer.sandbox.validation import Definition

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
    response = error_response(status, problems=[Problem("retry-after", str(whole))] if form == "body" else ())
    if form in ("date", "seconds"):
        response.headers["Retry-After"] = formatdate(now + whole, usegmt=True) if form == "date" else str(whole)
    return response


def created(case: Case) -> dict[str, Any]:
    """The answer to POST; optional parts only if they were given."""
    names = ("title", "description", "status", "requester_id", "requester_name", "requester_email")
    optional = ("parent_id", "owner_id", "priority")
    return _parts(case, *names, *optional) | {"requester_type": "Contact"} | _written_extras(case)


def updated(case: Case) -> dict[str, Any]:
    """The answer to PATCH; it names no requester."""
    names = ("title", "description", "status", "group_id")
    optional = ("parent_id", "owner_id", "priority", "type", "resolution")
    return _parts(case, *names, *optional) | _written_extras(case)


def listed(case: Case, *, definitions: Mapping[str, Definition], agent_name: str | None) -> dict[str, Any]:
    """An item of the list."""
    words = {name: word.replace("_", " ").title() for name, word in _parts(case, "status", "priority", "type").items()}
    email = {"requester_email": case.requester_email} if case.requester_email else {}
    shape = _parts(case, "title", "description", "requester_id", "requester_name", "group_id") | {
        "group_name": case.group_id,
        "requester_integration": "{}",
        "create_at": shown_time(case.created_ms),
        "update_at": shown_time(case.updated_ms),
    }
    return words | shape | email | _read_extras(case, definitions, agent_name, named=True)


def detailed(case: Case, *, definitions: Mapping[str, Definition], agent_name: str | None) -> dict[str, Any]:
    """The answer of GET /cases/{id}: the union of what page and bundle list, and no timestamps."""
    names = ("title", "description", "requester_id", "requester_name", "requester_email", "group_id", "status")
    optional = ("owner_id", "priority", "type", "resolution")
    return _parts(case, *names, *optional) | _read_extras(case, definitions, agent_name, named=False)


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


def _parts(case: Case, *names: str) -> dict[str, Any]:
    """The id and these columns, as far as the case has them."""
    values = {name: getattr(case, name) for name in names}
    return {"id": str(case.id)} | {name: value for name, value in values.items() if value is not None}


def _written_extras(case: Case) -> dict[str, Any]:
    """Custom fields and notes as the JSON that they are stored as, if there are any."""
    stored = {"custom_fields": case.custom_fields, "notes": case.notes}
    return {name: orjson.Fragment(text) for name, text in stored.items() if text not in ("{}", "[]")}


def _read_extras(
    case: Case, definitions: Mapping[str, Definition], agent_name: str | None, *, named: bool
) -> dict[str, Any]:
    """What only reads answer. Check boxes and dates repeat their value as label, texts and numbers have none."""
    fields: dict[str, Any] = {}
    for key, entry in orjson.loads(case.custom_fields).items():
        definition = definitions.get(key)
        repeats = definition is not None and definition.kind in ("checkbox", "date")
        fields[key] = {"label": entry["value"] if repeats else entry.get("label"), "value": entry["value"]}
        if named and definition is not None:
            fields[key]["name"] = definition.name
    agent = {"agent_id": case.owner_id, "agent_name": agent_name}
    return {name: value for name, value in agent.items() if value is not None} | {
        "form_name": "Default Case Form",
        "custom_fields": orjson.dumps(fields).decode(),
        "notes": [
            {
                "id": note["id"],
                "notes_title": note["note_title"],
                "notes_body": note["note_body"],
                "public": note["public"],
            }
            for note in orjson.loads(case.notes)
        ],
    }
