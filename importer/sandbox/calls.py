"""One request as the operations see it."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any

from aiohttp import web
from multidict import MultiMapping

from importer.sandbox.bodies import parsed
from importer.sandbox.conditions import ListMode

_LOOPBACK = re.compile(r"(?:127(?:\.\d{1,3}){3}|localhost|\[::1\])(?::\d{1,5})?", re.ASCII | re.IGNORECASE)


class Call:
    """A request on its way to an operation.

    Attributes:
        name: Name of the operation, such as ``create``.
        ident: The id at the end of the path, or "".
        body: The whole body, once it was read.
        mode: How truthfully a list shall answer this call.
    """

    def __init__(self, request: web.BaseRequest, *, name: str, ident: str = "") -> None:
        self.request = request
        self.name = name
        self.ident = ident
        self.body = b""
        self.mode = ListMode()

    @property
    def query(self) -> MultiMapping[str]:
        """The query string, decoded."""
        return self.request.query

    @property
    def authorization(self) -> str | None:
        """The Authorization header."""
        return self.request.headers.get("Authorization")

    @property
    def content_type(self) -> str:
        """Media type of the body, lower-case and without parameters; "" if none is given."""
        return self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    @property
    def origin(self) -> str:
        """Scheme and host as the client spelt them, for links in answers."""
        return f"http://{self.request.headers.get('Host', '')}"

    @cached_property
    def json(self) -> Any:
        """The JSON of the body.

        Raises:
            Refusal: 400; it is none, or the content type says so.
        """
        return parsed(self.body, self.content_type)

    def link(self, **query: str | int) -> dict[str, str]:
        """A link to this very request with some of its query replaced."""
        return {"href": self.origin + str(self.request.rel_url.update_query(query))}


def is_loopback(host: str) -> bool:
    """True if a Host header names this machine. Pages of other sites must not read the sandbox through a browser."""
    return _LOOPBACK.fullmatch(host) is not None
