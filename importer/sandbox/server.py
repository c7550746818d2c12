"""The sandbox as something that runs: inside a test or a rehearsal, or as a command of its own.

The order is that of a gateway in front of a service: host, token, rate, scope; then the fault plan; then latency; then
the operation, which validates and commits; then the answer, as far as the fault plan lets it through.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
import signal
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Self

import orjson
from aiohttp import web
from jinja2 import Environment, FileSystemLoader

from importer.errors import ConfigError
from importer.sandbox.answers import GATEWAY_CODES, ApiError, error_response, json_response
from importer.sandbox.auth import TOKEN_PATH, Tokens
from importer.sandbox.bodies import exported
from importer.sandbox.faults import FaultPlan, FaultScript, OperationName
from importer.sandbox.operations import FAULT, OPERATIONS, Handlers, Operation
from importer.sandbox.options import _KNOWN_SECRET, SandboxOptions
from importer.sandbox.storage import Storage

#: The only address that is listened on: a sandbox may have the tickets of a rehearsal.
_HOST = "127.0.0.1"
_MOST_BODY = 16 * 1024 * 1024
_SHUTDOWN_S = 0.5
_LOOPBACK = re.compile(r"(?:127(?:\.\d{1,3}){3}|localhost|\[::1\])(?::\d{1,5})?", re.ASCII | re.IGNORECASE)
_CASES_ON_PAGE = 50
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

log = logging.getLogger(__name__)
# What the HTTP library says about broken requests. They are no event on the terminal of a run.
_http_log = logging.getLogger("importer.sandbox.http")
_http_log.addHandler(logging.NullHandler())


class Sandbox:
    """A local Talkdesk Case API on a loopback socket, from ``async with`` to its end, tokens included.

    Args:
        options: What account to be, and how honest.
        clock: Seconds since the epoch.
        is_open: Anybody on this machine may look into it: it has the page and the admin endpoints under
            ``/_sandbox/``. Otherwise not, because its cases may be the tickets of customers.

    Raises:
        ConfigError: On entering: the port is taken, or the store cannot be used.
    """

    def __init__(
        self, options: SandboxOptions | None = None, *, clock: Callable[[], float] = time.time, is_open: bool = False
    ) -> None:
        self.options = options or SandboxOptions()
        self.client_id: str = self.options.client_id
        self.client_secret: str = self.options.client_secret or secrets.token_urlsafe()
        self._clock = clock
        self._is_open = is_open
        self._tokens = Tokens(self.options, self.client_secret)
        self._rate = RateWindow(self.options.rate_limit)
        self._script = FaultScript(self.options.faults)
        self._requests: Counter[str] = Counter()
        self._answers: Counter[int] = Counter()

    async def __aenter__(self) -> Self:
        self._storage = Storage(self.options.store)
        self._handlers = Handlers(self.options, self._storage, self._tokens, self._script, self._clock)
        self._runner = web.AppRunner(
            self._application(), access_log=None, logger=_http_log, shutdown_timeout=_SHUTDOWN_S
        )
        try:
            await self._runner.setup()
            await web.TCPSite(self._runner, _HOST, self.options.port).start()
        except OSError as problem:
            await self.__aexit__()
            what, where = f"cannot listen on port {self.options.port}: {problem}", f"{_HOST}:{self.options.port}"
            raise ConfigError(what, where=where, hint="use another --port, or 0 for any free port") from problem
        self.port: int = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *problem: object) -> None:
        await self._runner.cleanup()
        self._storage.close()

    @property
    def base_url(self) -> str:
        """Where the Case API is; paths of the reference follow it."""
        return f"http://{_HOST}:{self.port}"

    @property
    def token_url(self) -> str:
        """Where tokens are issued; also the audience of assertions."""
        return self.base_url + TOKEN_PATH

    @property
    def id(self) -> str:
        """Identity of the store: the same file has the same id, whoever serves it."""
        return self._storage.id

    def play(self, plan: FaultPlan) -> None:
        """Begin a fault plan from its start, in place of the one in use."""
        self._script.begin(plan)

    def state(self) -> dict[str, Any]:
        """Counts that tests and people ask for; ``/_sandbox/state``."""
        return {
            "id": self.id,
            "plan": self._script.plan.name,
            "cases": self._storage.counts(),
            "requests": dict(self._requests),
            "answers": {str(status): count for status, count in sorted(self._answers.items())},
            "faults": dict(self._script.done),
            "mails": dict(self._handlers.mails),
        }

    def cases(self) -> Iterator[dict[str, Any]]:
        """Every case ever created, oldest first; ``/_sandbox/cases.ndjson``."""
        for chunk in self._storage.chunks():
            yield from map(exported, chunk)

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._gateway], client_max_size=_MOST_BODY)
        add = application.router.add_route
        for name, operation in OPERATIONS.items():
            add(operation.method, operation.path, partial(self._serve, name, operation))
        if self._is_open:
            add("GET", "/", self._show_page)
            add("GET", "/_sandbox/state", self._show_state)
            add("GET", "/_sandbox/cases.ndjson", self._show_cases)
        return application

    @web.middleware
    async def _gateway(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Let in who knows this machine by its name: pages of other sites must not read it through a browser."""
        answer: web.StreamResponse
        try:
            if not _LOOPBACK.fullmatch(request.headers.get("Host", "")):
                raise ApiError(421)
            answer = await handler(request)
        except ApiError as refused:
            answer = refused.response(request.path)
        except web.HTTPException as refused:  # by the router, or by the limit of a body
            answer = error_response(refused.status, codes=GATEWAY_CODES)
            if "Allow" in refused.headers:
                answer.headers["Allow"] = refused.headers["Allow"]
        self._answers[answer.status] += 1
        return answer

    async def _serve(self, name: OperationName, operation: Operation, request: web.Request) -> web.StreamResponse:
        """Serve one operation, if its request is admitted: run as often and answered as the fault plan wants it."""
        self._requests[name] += 1
        if operation.scope is not None:
            scopes = self._tokens.scopes_of(request.headers.get("Authorization", ""))
            if scopes is None:
                raise ApiError(401)
            if not self._rate.admits(time.monotonic()):
                raise ApiError(429)
            if operation.scope not in scopes:
                raise ApiError(403)
        try:
            body = await request.read()
        except (ConnectionError, web.RequestPayloadError) as problem:  # the client has gone: no answer reaches it
            raise web.HTTPBadRequest from problem
        fault = request[FAULT] = self._script.choose(name, request, body)
        if delay_ms := fault.delay_ms + self.options.latency_ms:
            await asyncio.sleep(delay_ms / 1000)
        answer = error_response(500)
        for _ in range(fault.runs()):
            try:
                answer = await operation.run(self._handlers, request)
            except ApiError as refused:
                answer = refused.response(request.path)
            except Exception:
                log.exception("operation failed: %s", name)
        answer = fault.change(answer, now=self._clock(), storage=self._storage, expire_tokens=self._tokens.expire_all)
        return await fault.send(request, answer)

    async def _show_page(self, request: web.Request) -> web.Response:
        templates = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
        latest = map(exported, self._storage.newest(_CASES_ON_PAGE))
        text = templates.get_template("page.html").render(state=self.state(), cases=latest)
        return web.Response(text=text, content_type="text/html", headers=_PAGE_HEADERS)

    async def _show_state(self, request: web.Request) -> web.Response:
        return json_response(200, self.state())

    async def _show_cases(self, request: web.Request) -> web.StreamResponse:
        """One JSON object per line; sent in chunks, since there may be many."""
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson", "Cache-Control": "no-store"})
        await response.prepare(request)
        for chunk in self._storage.chunks():
            await response.write(b"".join(orjson.dumps(exported(case)) + b"\n" for case in chunk))
        await response.write_eof()
        return response


class RateWindow:
    """Admits at most ``limit`` requests in any second, or all if that is None; what it refuses does not count."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._latest: deque[float] = deque(maxlen=limit or 0)

    def admits(self, now: float) -> bool:
        """Whether a request at this moment is admitted."""
        if self._limit is not None and len(self._latest) == self._limit and now - self._latest[0] < 1:
            return False
        self._latest.append(now)
        return True


def serve(
    options: SandboxOptions,
    *,
    announce: Callable[[str], object] = print,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> None:
    """Run a sandbox until SIGINT or SIGTERM. Its pages are open, and it has a secret that everybody knows.

    ``announce`` is told, line by line, where the sandbox is and how to get in; the first line is the base URL alone.

    Raises:
        ConfigError: The port is taken, or the store cannot be used.
    """
    options = replace(options, client_secret=options.client_secret or _KNOWN_SECRET)

    async def until_stopped() -> None:
        stop = asyncio.Event()
        with contextlib.suppress(NotImplementedError):  # Windows: there Ctrl-C ends the loop
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with Sandbox(options, is_open=True) as sandbox:
            announce(sandbox.base_url)
            announce(f"token URL      {sandbox.token_url}")
            announce(f"client id      {sandbox.client_id}")
            announce(f"client secret  {sandbox.client_secret}")
            announce(f"cases          {options.store or 'in memory (lost on exit)'}")
            announce(f"fault plan     {options.faults.name}")
            announce("Press Ctrl-C to stop.")
            await stop.wait()

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(until_stopped())
