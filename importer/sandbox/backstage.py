"""What the sandbox shows besides the API: the truth for tests, and a page for people. None of it needs a token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web

from importer.sandbox.answers import json_answer
from importer.sandbox.cases import Place, as_truth
from importer.sandbox.effects import LOGIN_PAGE, LOGIN_PATH
from importer.sandbox.line import Line
from importer.sandbox.page import SHOWN, page
from importer.sandbox.store import Store

Shown = Callable[[web.BaseRequest, Line], Awaitable[web.StreamResponse]]


class Backstage:
    """The pages outside the API.

    Args:
        store: The account's cases.
        state: Tells the state of the sandbox, as ``/_sandbox/state`` shows it.
    """

    def __init__(self, store: Store, state: Callable[[], dict[str, Any]]) -> None:
        self._store = store
        self._state = state
        self._pages: dict[tuple[str, str], Shown] = {
            ("GET", "/"): self._page,
            ("GET", "/_sandbox/state"): self._show_state,
            ("GET", "/_sandbox/cases.ndjson"): self._cases,
            ("GET", LOGIN_PATH): self._login,
        }

    def find(self, method: str, path: str) -> Shown | None:
        """What shows this path, if it is one of these pages."""
        return self._pages.get((method, path))

    async def _page(self, request: web.BaseRequest, line: Line) -> web.StreamResponse:
        state = self._state()
        counts = {place: state["cases"][place.name.lower()] for place in Place}
        cases = self._store.newest_first(SHOWN)
        return line.respond(page(account=state["id"], counts=counts, cases=cases, plan=state["plan"]))

    async def _show_state(self, request: web.BaseRequest, line: Line) -> web.StreamResponse:
        return line.respond(json_answer(200, self._state()))

    async def _login(self, request: web.BaseRequest, line: Line) -> web.StreamResponse:
        return line.respond(LOGIN_PAGE)

    async def _cases(self, request: web.BaseRequest, line: Line) -> web.StreamResponse:
        """Every case ever created, oldest first, one JSON object a line; sent in chunks, since there may be many."""
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson", "Cache-Control": "no-store"})
        await response.prepare(request)
        for cases in self._store.chunks():
            await response.write(b"".join(orjson.dumps(as_truth(case)) + b"\n" for case in cases))
        await response.write_eof()
        return response
