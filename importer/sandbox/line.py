"""The connection under a request: answers as aiohttp sends them, and as no HTTP library would."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Sequence
from email.utils import formatdate
from http import HTTPStatus
from typing import Literal

from aiohttp import web

from importer.sandbox.answers import Answer

Close = Literal["fin", "rst"]

_LINGER_ZERO = struct.pack("ii", 1, 0)


class Line:
    """One request's way back to its client.

    Args:
        request: The request to be answered.
        closing: Set when the sandbox closes; waits on the line end then.
    """

    def __init__(self, request: web.BaseRequest, closing: asyncio.Event) -> None:
        self._request = request
        self._closing = closing

    def respond(self, answer: Answer) -> web.Response:
        """The answer as aiohttp sends it, with its length."""
        headers = {"Content-Type": answer.content_type, **answer.headers}
        return web.Response(status=answer.status, body=answer.body, headers=headers)

    async def send_now(self, answer: Answer) -> web.StreamResponse:
        """Send the answer at once; what is written afterwards follows it on the wire."""
        response = self.respond(answer)
        await response.prepare(self._request)
        await response.write_eof()
        return response

    def write(self, octets: bytes) -> None:
        """Put octets on the wire as they are. Nothing happens if the client is gone."""
        transport = self._request.transport
        if transport is not None and not transport.is_closing():
            transport.write(octets)

    def write_later(self, octets: bytes, *, delay_s: float) -> None:
        """As :meth:`write`, some time after this request is over."""
        asyncio.get_running_loop().call_later(delay_s, self.write, octets)

    def end(self, how: Close = "fin") -> web.Response:
        """Close the connection after what was written, by FIN, or cut it by RST.

        Returns:
            A response for aiohttp to hold; it finds the connection closed and sends nothing.
        """
        transport = self._request.transport
        if transport is not None and how == "rst":
            _reset_on_close(transport)
            transport.abort()
        elif transport is not None:
            transport.close()
        return web.Response(status=HTTPStatus.INTERNAL_SERVER_ERROR)

    @property
    def gone(self) -> bool:
        """True when the client has closed the connection."""
        return self._request.transport is None

    async def wait(self, seconds: float) -> None:
        """Do nothing for some time, or until the sandbox closes."""
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            pass


def rendered(answer: Answer, *, framing: Sequence[str] | None = None) -> bytes:
    """The octets of a whole HTTP/1.1 answer.

    Args:
        answer: What to render; its body stands as it is.
        framing: Header lines that tell where the body ends; by default its Content-Length.
    """
    lines = [
        f"HTTP/1.1 {answer.status} {_reason(answer.status)}",
        f"Content-Type: {answer.content_type}",
        *(f"{name}: {value}" for name, value in answer.headers.items()),
        *((f"Content-Length: {len(answer.body)}",) if framing is None else framing),
        f"Date: {formatdate(usegmt=True)}",
        "Server: sandbox",
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + answer.body


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _reset_on_close(transport: asyncio.Transport) -> None:
    """Make closing send RST. Through a copy of the descriptor, because not every event loop lends its socket."""
    lent = transport.get_extra_info("socket")
    if lent is not None:
        with socket.socket(fileno=os.dup(lent.fileno())) as copy:
            copy.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
