"""The sandbox as something that runs: inside a test or a rehearsal, or as a command of its own."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

from importer.errors import ConfigError
from importer.sandbox.app import App
from importer.sandbox.cases import as_truth
from importer.sandbox.faults import FaultPlan
from importer.sandbox.grants import TOKEN_PATH
from importer.sandbox.options import SandboxOptions
from importer.sandbox.store import Store

MOST_BODY = 16 * 1024 * 1024
_GRACE_S = 2.0


class Sandbox:
    """A local Talkdesk Case API on a loopback socket, from ``async with`` to its end.

    It serves the Case API, the users, the custom field definitions and POST /oauth/token under one address, and the
    truth about itself under ``/_sandbox/``. It shares no code with the client of this project.

    Args:
        options: What account to be, and how honest.
        clock: Seconds since the epoch.

    Raises:
        ConfigError: On entering: the port is taken, or the store cannot be used.
    """

    def __init__(self, options: SandboxOptions | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self.options = options or SandboxOptions()
        self._clock = clock

    async def __aenter__(self) -> Self:
        options = self.options
        self._store = Store(options.store, first_case_id=options.first_case_id)
        self._app = App(options, store=self._store, clock=self._clock)
        server = web.Server(self._app, request_factory=_request, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=_GRACE_S)
        try:
            await self._runner.setup()
            # "localhost" may stand for two addresses, which would get two different free ports.
            address = "127.0.0.1" if options.host == "localhost" else options.host
            await web.TCPSite(self._runner, address, options.port).start()
        except OSError as problem:
            await self._close()
            hint = "Take another port, or 0 for a free one."
            raise ConfigError(
                f"cannot listen: {problem}", where=f"{options.host}:{options.port}", hint=hint
            ) from problem
        self.port: int = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def _close(self) -> None:
        self._app.closing.set()
        await self._runner.cleanup()
        self._store.close()

    @property
    def base_url(self) -> str:
        """Where the Case API is; paths of the reference follow it."""
        host = self.options.host
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def token_url(self) -> str:
        """Where tokens are issued; also the audience of assertions."""
        return self.base_url + TOKEN_PATH

    @property
    def id(self) -> str:
        """Identity of the store: the same file has the same id, whoever serves it."""
        return self._store.id

    @property
    def client_id(self) -> str:
        """The client that the token endpoint knows."""
        return self.options.client_id

    @property
    def client_secret(self) -> str:
        """The secret of that client."""
        return self.options.client_secret

    def play(self, plan: FaultPlan) -> None:
        """Begin a fault plan from its start, in place of the one being played."""
        self._app.play(plan)

    def state(self) -> dict[str, Any]:
        """What ``/_sandbox/state`` shows."""
        return self._app.state()

    def cases(self) -> Iterator[dict[str, Any]]:
        """What ``/_sandbox/cases.ndjson`` shows: every case ever created, oldest first."""
        for chunk in self._store.chunks():
            yield from map(as_truth, chunk)


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    """A request whose body may be larger than aiohttp's default of one mebibyte."""
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=MOST_BODY)


def serve(
    options: SandboxOptions,
    *,
    announce: Callable[[str], object] = print,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> None:
    """Run a sandbox until SIGINT or SIGTERM.

    Args:
        options: What account to be, and how honest.
        announce: Is told, line by line, where the sandbox is and how to get in. The first line is the base URL alone.
        loop_factory: Makes the event loop; None takes that of asyncio.

    Raises:
        ConfigError: The port is taken, or the store cannot be used.
    """
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(_serve(options, announce))


async def _serve(options: SandboxOptions, announce: Callable[[str], object]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError):  # Windows: there Ctrl-C ends the loop
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
    async with Sandbox(options) as sandbox:
        for text in _announcement(sandbox):
            announce(text)
        await stop.wait()


def _announcement(sandbox: Sandbox) -> Iterator[str]:
    options = sandbox.options
    yield sandbox.base_url
    yield f"token URL      {sandbox.token_url}"
    yield f"client id      {sandbox.client_id}"
    yield f"client secret  {sandbox.client_secret}"
    yield f"store          {options.store or 'in memory'} ({sandbox.id})"
    yield f"fault plan     {options.faults.name}"
    yield "Stop with Ctrl-C."
