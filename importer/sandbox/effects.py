"""What a fault does to an operation and to its answer: one small frozen class each.

An effect may change how often an operation runs, how truthfully a list answers, what is answered, and how the answer
reaches the client. Effects that end a connection in the middle, or send what is not HTTP, write to
``request.transport``: no response of an HTTP library does that.
"""

# ruff: noqa: D102 (the methods are described once, in Effect)

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any, ClassVar, Literal

import orjson
from aiohttp import web

from importer.sandbox.answers import RetryForm, error_response, json_response, throttled_response
from importer.sandbox.search import ListMode
from importer.sandbox.storage import Case

Close = Literal["fin", "rst"]

LOGIN_PATH = "/_sandbox/login"
_LOGIN_PAGE = "<!doctype html><title>Log in</title><h1>Please log in</h1>"
_LINGER_ZERO = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Context:
    """What an effect may look at or touch.

    Attributes:
        now: Seconds since the epoch.
        before: The case created before the one with this id, if there is one.
        expire_tokens: Ends every issued token.
    """

    now: float
    before: Callable[[int], Case | None]
    expire_tokens: Callable[[], None]


@dataclass(frozen=True)
class Effect:
    """No fault: the operation runs once, and its answer is sent."""

    #: What plans and counts call it.
    name: ClassVar[str] = ""
    #: The operation that a rule means if it names none.
    operation: ClassVar[str] = "create"
    # Attributes of some effects, and what the others have instead.
    save = True
    delay_ms = 0.0

    def runs(self) -> int:
        """How often the operation runs before it is answered; 0 if the case is not to be made."""
        return int(self.save)

    def listing(self, mode: ListMode) -> ListMode:
        """How truthfully a list answers, given how it would."""
        return mode

    def change(self, answer: web.Response, context: Context) -> web.Response:
        """What is answered instead of ``answer``, which means nothing if the operation did not run."""
        return answer

    async def send(self, request: web.Request, answer: web.Response) -> web.StreamResponse:
        """Bring the answer to the client, or fail to."""
        return answer


@dataclass(frozen=True)
class Slow(Effect):
    """Hold the operation back; a client that gives up earlier still gets its case made."""

    name = "slow"
    delay_ms: float = 2000


@dataclass(frozen=True)
class Status(Effect):
    """Answer with a status, before or after the work was done.

    Attributes:
        status: The status.
        save: Do the work first: the answer then lies about a case that exists.
        retry_after: Seconds of a hint when to come back; None gives no hint.
        form: How that hint is written.
    """

    name = "status"
    status: int = 503
    save: bool = False
    retry_after: float | None = None
    form: RetryForm = "seconds"

    def change(self, answer: web.Response, context: Context) -> web.Response:
        if self.retry_after is None:
            return error_response(self.status)
        return throttled_response(status=self.status, seconds=self.retry_after, form=self.form, now=context.now)


@dataclass(frozen=True)
class Html(Effect):
    """A page instead of JSON, as a proxy or a log-in page answers."""

    name = "html"
    status: int = 200
    save: bool = True

    def change(self, answer: web.Response, context: Context) -> web.Response:
        return login_page(self.status)


@dataclass(frozen=True)
class Redirect(Effect):
    """Send the client elsewhere. The default place answers a log-in page with 200."""

    name = "redirect"
    status: int = 307
    location: str = LOGIN_PATH
    save: bool = False

    def change(self, answer: web.Response, context: Context) -> web.Response:
        return web.Response(status=self.status, headers={"Location": self.location})


@dataclass(frozen=True)
class ExpireTokens(Effect):
    """End every issued token now, the one of this request included: nothing is saved, 401."""

    name = "expire_tokens"
    save = False

    def change(self, answer: web.Response, context: Context) -> web.Response:
        context.expire_tokens()
        return error_response(401)


@dataclass(frozen=True)
class SaveTwice(Effect):
    """Do the work twice, as when a balancer repeats the request; the second answer is sent."""

    name = "save_twice"

    def runs(self) -> int:
        return 2


@dataclass(frozen=True)
class WithoutId(Effect):
    """A true answer, but for the missing id."""

    name = "without_id"

    def change(self, answer: web.Response, context: Context) -> web.Response:
        case = _case_in(answer)
        return json_response(answer.status, {name: case[name] for name in case if name != "id"}) if case else answer


@dataclass(frozen=True)
class RepeatId(Effect):
    """The id of the case created just before, which another row already has."""

    name = "repeat_id"

    def change(self, answer: web.Response, context: Context) -> web.Response:
        case = _case_in(answer)
        before = context.before(int(case["id"])) if case else None
        return answer if before is None else json_response(answer.status, {**case, "id": str(before.id)})


@dataclass(frozen=True)
class IndexLag(Effect):
    """The list does not show cases younger than this."""

    name = "index_lag"
    operation = "list"
    seconds: float = 60

    def listing(self, mode: ListMode) -> ListMode:
        return ListMode(lag_ms=int(self.seconds * 1000))


@dataclass(frozen=True)
class FuzzyFilter(Effect):
    """The list finds texts that merely contain what is asked for."""

    name = "fuzzy_filter"
    operation = "list"

    def listing(self, mode: ListMode) -> ListMode:
        return ListMode(lag_ms=mode.lag_ms, fuzzy=True)


@dataclass(frozen=True)
class IgnoreFilter(Effect):
    """The list ignores its filters and answers with everything."""

    name = "ignore_filter"
    operation = "list"

    def listing(self, mode: ListMode) -> ListMode:
        return ListMode(lag_ms=mode.lag_ms, ignores=True)


@dataclass(frozen=True)
class Drop(Effect):
    """Close the connection without an answer, before or after the work was done."""

    name = "drop"
    save: bool = True
    how: Close = "fin"

    async def send(self, request: web.Request, answer: web.Response) -> web.StreamResponse:
        return _close(request, how=self.how)


@dataclass(frozen=True)
class Cut(Effect):
    """Send exactly the first bytes of the true answer, then close. A negative number counts from its end."""

    name = "cut"
    at: int = 0
    how: Close = "fin"

    async def send(self, request: web.Request, answer: web.Response) -> web.StreamResponse:
        _write(request, _rendered(answer)[: self.at])
        return _close(request, how=self.how)


@dataclass(frozen=True)
class Hang(Effect):
    """Send the first bytes of the true answer (none by default), then nothing for a long time, then close."""

    name = "hang"
    save: bool = True
    at: int = 0
    seconds: float = 3600

    async def send(self, request: web.Request, answer: web.Response) -> web.StreamResponse:
        _write(request, _rendered(answer)[: self.at])
        await asyncio.sleep(self.seconds)
        return _close(request)


@dataclass(frozen=True)
class Garbage(Effect):
    """Bytes that are not HTTP."""

    name = "garbage"

    async def send(self, request: web.Request, answer: web.Response) -> web.StreamResponse:
        _write(request, b"\x16\x03\x01 this is not HTTP\r\n\r\n")
        return _close(request)


EFFECTS: Mapping[str, type[Effect]] = {
    kind.name: kind
    for kind in (
        Slow,
        Status,
        Html,
        Redirect,
        Drop,
        Cut,
        Hang,
        Garbage,
        WithoutId,
        RepeatId,
        SaveTwice,
        ExpireTokens,
        IndexLag,
        FuzzyFilter,
        IgnoreFilter,
    )
}


def login_page(status: int = 200) -> web.Response:
    """A page that asks to log in."""
    return web.Response(status=status, text=_LOGIN_PAGE, content_type="text/html")


def _body_of(answer: web.Response) -> bytes:
    return answer.body if isinstance(answer.body, bytes) else b""


def _case_in(answer: web.Response) -> dict[str, Any]:
    """The case that an answer shows; empty if it is an error."""
    content = orjson.loads(_body_of(answer)) if answer.status < 300 else {}
    return content if "id" in content else {}


def _rendered(answer: web.Response) -> bytes:
    """The bytes of a whole HTTP/1.1 answer."""
    body = _body_of(answer)
    headers = {**answer.headers, "Content-Length": len(body), "Date": formatdate(usegmt=True)}
    lines = [f"HTTP/1.1 {answer.status} {answer.reason}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def _write(request: web.Request, octets: bytes) -> None:
    """Put bytes on the wire as they are. Nothing happens if the client is gone."""
    if request.transport is not None and not request.transport.is_closing():
        request.transport.write(octets)


def _close(request: web.Request, *, how: Close = "fin") -> web.Response:
    """Close the connection behind what was written, by FIN, or cut it by RST.

    Returns:
        A response that the server needs; it finds the connection closed and sends nothing.
    """
    transport = request.transport
    if transport is not None and how == "rst":
        _reset_on_close(transport)
        transport.abort()
    elif transport is not None:
        transport.close()
    return web.Response(status=500)


def _reset_on_close(transport: asyncio.Transport) -> None:
    """Make closing send RST. Through a copy of the descriptor, because not every event loop lends its socket."""
    lent = transport.get_extra_info("socket")
    if lent is not None:
        with socket.socket(fileno=os.dup(lent.fileno())) as copy:
            copy.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
