"""How the sandbox answers: JSON, and refusals in the error envelope of the API.

The envelope is ``{"code", "message", "fields"?}``; its codes are strings. Codes and messages of each family of
operations are those of Talkdesk's OpenAPI bundle. Codes that begin with ``sandbox.`` are ours, for answers that the
bundle does not declare (no such route, body too large and so on).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web
from multidict import MultiMapping

Codes = Mapping[int, tuple[str, str]]
#: What is wrong with a request: the name of a field, and why.
Problems = Mapping[str, str]

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
    404: ("sandbox.no_route", "No route matches this path."),
    405: ("sandbox.no_method", "This path does not have this method."),
    413: ("sandbox.too_large", "Request body too large."),
    421: ("sandbox.host", "This sandbox answers on loopback addresses only."),
    429: ("0012001", "API rate limit exceeded"),
}


class ApiError(Exception):
    """The request is refused; ``code`` and its message stand in for those that the operation has for the status."""

    def __init__(self, status: int, problems: Problems | None = None, *, code: tuple[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.problems = problems
        self.code = code

    def response(self, path: str) -> web.Response:
        """The answer to a request for this path."""
        codes = USER_CODES if path.startswith("/users") else CASE_CODES
        return error_response(self.status, self.problems, codes={self.status: self.code} if self.code else codes)


def json_response(status: int, content: Any) -> web.Response:
    """``content`` as JSON."""
    return web.Response(status=status, body=orjson.dumps(content), content_type="application/json")


def error_response(status: int, problems: Problems | None = None, *, codes: Codes = CASE_CODES) -> web.Response:
    """An error: the code of the operation for ``status``, else that of the gateway, else one of ours."""
    code, message = codes.get(status) or GATEWAY_CODES.get(status) or (f"sandbox.{status}", f"Status {status}.")
    content: dict[str, Any] = {"code": code, "message": message}
    if problems:
        content["fields"] = [{"name": name, "description": why} for name, why in problems.items()]
    return json_response(status, content)


def number_in(query: MultiMapping[str], name: str, *, default: int, most: int) -> int:
    """A whole number from 1 to ``most`` in a query string; an ApiError if it is none."""
    text = query.get(name) or str(default)
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(most)) else 0
    if not 1 <= number <= most:
        raise ApiError(400, {name: f"must be a whole number from 1 to {most}"})
    return number
