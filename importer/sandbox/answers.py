"""What the sandbox says: a whole answer as a value, and refusals in the error envelope of the API.

The envelope is ``{"code", "message", "description"?, "fields"?}``; its codes are strings. Codes and messages of
each family of operations are those of Talkdesk's OpenAPI bundle. Codes that begin with ``sandbox.`` are ours, for
answers the bundle does not declare (no such route, body too large and so on).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, get_args

import orjson

JSON = "application/json"
HTML = "text/html; charset=utf-8"

Codes = Mapping[int, tuple[str, str]]
RetryForm = Literal["seconds", "date", "date_rfc850", "date_asctime", "body"]

CASE_CODES: Codes = MappingProxyType(
    {
        400: ("1520005", "Bad Request."),
        401: ("1520006", "Unauthorized."),
        403: ("1520007", "Forbidden."),
        404: ("1520008", "Connection not found."),
        500: ("1520000", "System error."),
    }
)
USER_CODES: Codes = MappingProxyType(
    {
        400: ("0040001", "Bad request"),
        401: ("0040002", "Unauthorized"),
        403: ("0040003", "Forbidden access"),
        404: ("0040000", "User not found"),
    }
)
GATEWAY_CODES: Codes = MappingProxyType(
    {
        404: ("sandbox.no_route", "No route matches this path."),
        405: ("sandbox.no_method", "This path does not know this method."),
        408: ("sandbox.timeout", "Request Timeout."),
        413: ("sandbox.too_large", "Request body too large."),
        421: ("sandbox.host", "This sandbox answers on loopback addresses only."),
        429: ("0012001", "API rate limit exceeded"),
        502: ("sandbox.bad_gateway", "Bad Gateway."),
        503: ("sandbox.unavailable", "Service Unavailable."),
        504: ("sandbox.gateway_timeout", "Gateway Timeout."),
    }
)

_DATE_FORMS: Mapping[str, str] = MappingProxyType(
    {
        "date": "%a, %d %b %Y %H:%M:%S GMT",
        "date_rfc850": "%A, %d-%b-%y %H:%M:%S GMT",
        "date_asctime": "%a %b %e %H:%M:%S %Y",
    }
)
RETRY_FORMS: tuple[str, ...] = get_args(RetryForm)


class Answer(NamedTuple):
    """An answer before it becomes bytes on a connection.

    Attributes:
        status: HTTP status.
        body: The body as it will be sent; its length becomes Content-Length.
        content_type: Media type of the body.
        headers: Further headers.
    """

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = MappingProxyType({})

    def adding(self, headers: Mapping[str, str]) -> Answer:
        """The same answer with further headers."""
        return self._replace(headers={**self.headers, **headers})


class Problem(NamedTuple):
    """One thing wrong with a request: an entry of ``fields`` in the envelope."""

    name: str
    description: str


class Refusal(Exception):
    """The request is answered with an error. Carries everything the envelope needs, except the family's codes."""

    def __init__(
        self,
        status: int,
        *problems: Problem,
        code: tuple[str, str] | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(status)
        self.status = status
        self.problems = problems
        self.code = code
        self.headers = headers

    def answer(self, codes: Codes) -> Answer:
        """The envelope of this refusal with the codes of the operation it happened in."""
        answer = envelope(self.status, codes=codes, problems=self.problems, code=self.code)
        return answer.adding(self.headers)


def json_answer(status: int, content: Any) -> Answer:
    """``content`` as JSON; it must not hold text that UTF-8 cannot carry."""
    return Answer(status, orjson.dumps(content))


def envelope(
    status: int,
    *,
    codes: Codes = CASE_CODES,
    problems: Iterable[Problem] = (),
    code: tuple[str, str] | None = None,
) -> Answer:
    """An error answer: the family's code for ``status``, else the gateway's, else one of ours."""
    known = code or codes.get(status) or GATEWAY_CODES.get(status) or (f"sandbox.{status}", f"Status {status}.")
    content: dict[str, Any] = {"code": known[0], "message": known[1]}
    fields = [problem._asdict() for problem in problems]
    if fields:
        content["fields"] = fields
    return json_answer(status, content)


def with_retry_hint(answer: Answer, *, seconds: float, form: RetryForm, now: float) -> Answer:
    """``answer`` with a hint when to come back, in one of the forms seen in the wild.

    ``body`` puts the hint into ``fields`` under the name ``retry-after``, as the bundle declares it for
    POST /calls/callback. The date forms are the three that RFC 9110 makes every recipient accept.
    """
    whole = str(max(1, round(seconds + 0.499)))
    if form == "seconds":
        return answer.adding({"Retry-After": whole})
    if form in _DATE_FORMS:
        when = datetime.fromtimestamp(now + int(whole), UTC)
        return answer.adding({"Retry-After": when.strftime(_DATE_FORMS[form])})
    content = orjson.loads(answer.body)
    return json_answer(answer.status, content | {"fields": [{"name": "retry-after", "description": whole}]})
