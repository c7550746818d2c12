"""A server that does with every byte exactly what its script says, on a real socket, in the loop of the test.

::

    async with RawServer(reply(http(201, {"id": "1"})), drop(), hang()) as server:
        ...  # first request: answered; second: dropped after it was read; every further one: no answer
    server.requests

Each request meets the next step of the script, whatever connection it came on; the last step stays. A step is a
coroutine function of the connection and the request, so a test may write its own.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, NamedTuple, Self

import orjson


class Request(NamedTuple):
    """A request as it came in, whole."""

    connection: int  #: on which connection, counted from 1
    method: str
    target: str
    headers: dict[str, str]  #: names in lower case
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


class Line:
    """One accepted connection."""

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.number = number
        self._reader = reader
        self._writer = writer

    async def receive(self) -> Request | None:
        """The next request; None when the client has gone."""
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
            pairs = (line.split(":", 1) for line in lines)
            headers = {name.lower(): value.strip() for name, value in pairs}
            body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        method, target, _ = first.split(" ", 2)
        return Request(self.number, method, target, headers, body)

    async def hear(self) -> bytes:
        """Whatever comes next."""
        return await self._reader.read(1 << 16)

    async def send(self, octets: bytes) -> None:
        if self._writer.is_closing():
            raise ConnectionResetError("the client has gone")
        self._writer.write(octets)
        await self._writer.drain()

    @property
    def descriptor(self) -> int:
        """Of its socket, to send what no loop has a part in."""
        return int(self._writer.get_extra_info("socket").fileno())

    async def lead_to(self, host: str, port: int, *, seen: bytearray | None = None) -> None:
        """Pass everything on to this address and back, until one side ends.

        Args:
            host: Where to.
            port: Where to.
            seen: Gets what the client sends.
        """
        reader, writer = await asyncio.open_connection(host, port)
        pumps = {
            asyncio.ensure_future(_pump(self._reader, writer, seen)),
            asyncio.ensure_future(_pump(reader, self._writer)),
        }
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            writer.close()
            self._writer.close()
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def ended(self) -> None:
        """Close with a FIN, and wait until it has left."""
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()

    def end(self) -> None:
        """Close with a FIN, behind everything that was sent."""
        self._writer.close()

    def reset(self) -> None:
        """Close with a RST."""
        handle = self._writer.get_extra_info("socket")
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, seen: bytearray | None = None) -> None:
    while octets := await source.read(1 << 16):
        if seen is not None:
            seen += octets
        sink.write(octets)
        await sink.drain()


Step = Callable[[Line, Request], Awaitable[None]]


class RawServer:
    """A scripted server. Use as an async context manager.

    Args:
        script: One step for each request; the last one stays.
        greeting: Is called with each new connection before anything is read from it.
        tls: Speak TLS.
    """

    def __init__(
        self,
        *script: Step,
        greeting: Callable[[Line], Awaitable[None]] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._script = list(script)
        self._greeting = greeting
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures: list[Exception] = []
        self._arrived = asyncio.Condition()
        self.connections = 0
        self.requests: list[Request] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls, limit=1 << 24)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        mistakes = [failure for failure in self._failures if not isinstance(failure, ConnectionError)]
        if mistakes and error is None:
            raise mistakes[0]

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    async def received(self, count: int) -> None:
        """Wait until so many requests have come in whole."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self.requests) >= count)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            await self._serve(Line(self.connections, reader, writer))
        except asyncio.CancelledError:
            pass  # the server ends
        except Exception as failure:
            self._failures.append(failure)
        finally:
            if not writer.is_closing():
                writer.transport.abort()

    async def _serve(self, line: Line) -> None:
        if self._greeting is not None:
            await self._greeting(line)
        while (request := await line.receive()) is not None:
            step = self._script[min(len(self.requests), len(self._script) - 1)]
            async with self._arrived:
                self.requests.append(request)
                self._arrived.notify_all()
            await step(line, request)


# -- answers --------------------------------------------------------------------------------------------


def http(status: int, content: Any = b"", *headers: str, length: bool = True) -> bytes:
    """The bytes of an answer; ``content`` is bytes, or anything that becomes JSON."""
    body = content if isinstance(content, bytes) else orjson.dumps(content)
    lines = [f"HTTP/1.1 {status} Said So", *headers]
    if not isinstance(content, bytes):
        lines.append("Content-Type: application/json")
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


# -- steps ----------------------------------------------------------------------------------------------


def reply(octets: bytes) -> Step:
    """Send exactly this and keep the connection."""

    async def step(line: Line, request: Request) -> None:
        await line.send(octets)

    return step


def cut(octets: bytes, at: int, *, rst: bool = False) -> Step:
    """Send the first ``at`` bytes, then close."""

    async def step(line: Line, request: Request) -> None:
        if at:
            await line.send(octets[:at])
        line.reset() if rst else line.end()

    return step


def drop(*, rst: bool = False) -> Step:
    """Close without a word, after the request was read."""
    return cut(b"", 0, rst=rst)


def hang(octets: bytes = b"") -> Step:
    """Send this, then nothing more, for ever."""

    async def step(line: Line, request: Request) -> None:
        await line.send(octets)
        await asyncio.Event().wait()

    return step


def drip(octets: bytes, *, every: float) -> Step:
    """One byte at a time."""

    async def step(line: Line, request: Request) -> None:
        for octet in octets:
            await line.send(bytes([octet]))
            await asyncio.sleep(every)

    return step


def reply_and(octets: bytes, stray: bytes, *, when: asyncio.Event) -> Step:
    """Answer, and answer once more on the same connection when told to."""

    async def step(line: Line, request: Request) -> None:
        await line.send(octets)
        await when.wait()
        await line.send(stray)

    return step
