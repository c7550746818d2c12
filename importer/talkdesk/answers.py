"""What came back from the API, and the ways in which nothing came back."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import orjson

#: No answer of the Case API comes near this size; a larger one is not read further.
ANSWER_LIMIT = 1 << 20

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


class Answer(NamedTuple):
    """A whole, well-formed HTTP answer.

    Attributes:
        status: HTTP status code.
        headers: Header fields, names in any case.
        body: The bytes of the body, all of them.
        connection: Set if this refusal came on a connection that was used before, so that it may be somebody else's:
            for :meth:`importer.talkdesk.client.CaseApi.is_followed`, which must be called then.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    connection: Any = None

    def json(self) -> Any:
        """The body as JSON, or None if it is none."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None


class NotSent(Exception):
    """The request is proven not to have left: no connection was ever had for it.

    Args:
        code: Stable word, such as ``unreachable`` or ``certificate``.
        message: For a person.
        fatal: Trying again cannot help (a certificate that is not trusted, say): the run must stop.
        hint: What a person can do about it, if that is known here.
    """

    def __init__(self, code: str, message: str, *, fatal: bool = False, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.fatal = fatal
        self.hint = hint


class HeldBack(Exception):
    """The request was not allowed to leave when its connection was there, so it has not."""


#: Waits until a request may leave, and says whether it may.
Leave = Callable[[], Awaitable[bool]]


class NoAnswer(Exception):
    """The request may have been acted upon, and no whole answer says what became of it.

    Deliberately without a status: a client library may invent one for a garbled answer.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ErrorBody(NamedTuple):
    """The error envelope of Talkdesk's APIs (OpenAPI: ``code``, ``message``, ``description``, ``fields``)."""

    code: str | None
    text: str
    retry_hint: str | None
    field: str = ""


def clean(text: str, limit: int = 400) -> str:
    """Text from a server or a file, safe for one line of a terminal or a log."""
    text = _CONTROL.sub(" ", text).strip()
    return text if len(text) <= limit else text[: limit - 1] + "…"


def error_body(answer: Answer) -> ErrorBody:
    """What the answer says is wrong. Codes stay text: they have leading zeros."""
    content = answer.json()
    if not isinstance(content, dict):
        return ErrorBody(None, "", None)
    code = content.get("code")
    parts = [str(content[name]) for name in ("message", "description") if content.get(name)]
    hint = None
    first = ""
    fields = content.get("fields")
    for field in fields if isinstance(fields, list) else []:
        if isinstance(field, dict):
            name, description = str(field.get("name", "")), str(field.get("description", ""))
            if name.lower() == "retry-after":
                hint = description
            first = first or name
            parts.append(f"{name}: {description}")
    return ErrorBody(
        clean(code, 40) if isinstance(code, str) else None, clean("; ".join(parts)), hint, clean(first, 80)
    )


def custom_fields(case: Mapping[str, Any]) -> dict[str, Any]:
    """Custom fields of a case by key, bare values, however they are packed.

    Lists give them as a JSON string, the sample of which is even escaped twice (Talkdesk reference, "Get case
    list"); create and update give an object of ``{value, label}``.
    """
    fields: Any = case.get("custom_fields")
    for _ in range(2):
        if isinstance(fields, str):
            fields = Answer(200, {}, fields.encode("utf-8", "replace")).json() or _unescaped(fields)
    if not isinstance(fields, dict):
        return {}
    return {key: value.get("value") if isinstance(value, dict) else value for key, value in fields.items()}


def _unescaped(text: str) -> Any:
    try:
        return orjson.loads(text.replace('\\"', '"'))
    except orjson.JSONDecodeError:
        return None


def note_texts(case: Mapping[str, Any]) -> list[str] | None:
    """The texts of the notes of a case, or of a body, in order; None if it does not say.

    Reads name them ``notes_body``, create and update ``note_body`` (Talkdesk OpenAPI); both are understood everywhere.
    """
    notes = case.get("notes")
    if not isinstance(notes, list) or not all(isinstance(note, dict) for note in notes):
        return None
    return [str(note.get("note_body") or note.get("notes_body") or "") for note in notes]
