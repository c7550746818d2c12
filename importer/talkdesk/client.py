"""The wire: one method per call of the Case API, and the only border to aiohttp's client.

Answers go up as values, whatever their status; what is not a whole answer goes up as one of two exceptions,
:class:`NotSent` or :class:`NoAnswer`. Nothing here retries, follows redirects, keeps cookies, or decides.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Mapping
from functools import lru_cache
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import quote

import aiohttp
from aiohttp.http import HttpProcessingError
from yarl import URL

from importer.talkdesk.answers import ANSWER_LIMIT, Answer, HeldBack, Leave, NoAnswer, NotSent
from importer.talkdesk.connections import Connections, Deadlines, says_more
from importer.talkdesk.proxy import Proxy, lead_through, without_tunnel
from importer.talkdesk.regions import CASES_PATH
from importer.version import __version__

#: Seconds to get a connection: in all, and for each address that the server's name has.
_TO_CONNECT = aiohttp.ClientTimeout(connect=30.0, sock_connect=10.0)
#: Seconds from when a request leaves until its whole answer must be there.
_TO_ANSWER = 60.0

#: Seconds to listen for a second answer behind a refusal on a connection that was used before.
_LISTEN = 1.0

_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",  # no answer can swell
    "User-Agent": f"case-importer/{__version__}",
}
_UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_QUERY = re.compile(r"[!$-~]*")  # no blank, no end of a line, no fragment


class _Route(NamedTuple):
    """What all requests with one method to one address have in common.

    Attributes:
        request: Where to, for aiohttp's pool; never sent itself.
        target: The first line of the request as far as its query.
        head: The lines that follow it.
    """

    request: aiohttp.ClientRequest
    target: bytes
    head: bytes


class HttpClient:
    """One pool of connections for one run. Use as an async context manager.

    No proxy and no password is taken from the environment: target and way come from the settings alone.

    Args:
        concurrency: Requests at once; the pool is as large, so that no request waits for a connection.
        fresh_connections: Use each connection for one request only.
        ca_file: Certificates to trust instead of the system's.
        proxy: Make every connection through it; only https addresses can be reached then.
    """

    def __init__(
        self, *, concurrency: int, fresh_connections: bool, ca_file: str | None = None, proxy: Proxy | None = None
    ) -> None:
        self._connections = Connections(
            limit=concurrency + 4,  # workers, look-ups and the token never wait for each other
            force_close=fresh_connections,
            ttl_dns_cache=10,
            ssl=ssl.create_default_context(cafile=ca_file),
        )
        self._headers = _HEADERS | ({"Connection": "close"} if fresh_connections else {})
        self._proxy = proxy
        self._route = lru_cache(maxsize=16)(self._new_route)
        self._head = lru_cache(maxsize=16)(_head)
        self._deadlines = Deadlines(_TO_ANSWER)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._deadlines.close()
        await self._connections.close()

    async def exchange(
        self,
        method: str,
        url: URL,
        *,
        headers: Mapping[str, str],
        query: str = "",
        body: bytes | None = None,
        doubts_refusal: bool = False,
        leave: Leave | None = None,
    ) -> Answer:
        """Send one request once and read its whole answer.

        Args:
            method: HTTP method.
            url: Where to.
            query: A query, percent-encoded. Not a part of ``url``: what an address needs is worked out once.
            headers: Beside those that all requests have.
            body: The bytes to send.
            doubts_refusal: Keep the connection of a refusal that may be somebody else's, for :meth:`is_followed`.
            leave: The last permission, waited for when the connection is there; nothing is between it and the request.

        Raises:
            HeldBack: ``leave`` said no.
            NotSent: no connection was had for it.
            NoAnswer: it may have left, and no whole answer came.
        """
        # Never aiohttp's error itself: its text may hold the request's headers, token included.
        try:
            route = self._route(method, url)
            wire = _wire(_target(route, query), self._head(route.head, tuple(headers.items())), body)
            connection, is_reused = await self._connections.take(route.request, _TO_CONNECT, leave)
        except HeldBack:
            raise
        except Exception as error:
            raise _not_sent(error, self._proxy) from None
        try:
            answer = await self._converse(connection.protocol, wire)
        except BaseException as error:
            connection.close()
            if isinstance(error, Exception) and not isinstance(error, NoAnswer):
                raise _no_answer(error) from None
            raise
        if doubts_refusal and is_reused and 400 <= answer.status < 500:
            return answer._replace(connection=connection)
        if connection.transport is None or connection.transport.get_write_buffer_size():
            connection.close()  # it was answered before it had left
        else:
            connection.release()
        return answer

    async def _converse(self, protocol: Any, wire: bytes) -> Answer:
        """Write a request to a connection and read its whole answer."""
        protocol.set_response_params(read_until_eof=True)  # a new parser: nothing that came before can be in it
        if protocol.transport is None or protocol.transport.is_closing():
            raise aiohttp.ClientConnectionError
        self._deadlines.begin(protocol)
        try:
            protocol.transport.write(wire)
            message, content = await protocol.read()
            while 100 <= message.code < 200 and message.code != 101:  # early hints
                message, content = await protocol.read()
            return Answer(message.code, message.headers, await _whole_body(message, content))
        except Exception:
            if self._deadlines.end(protocol):
                raise NoAnswer("timeout", "no answer in time") from None
            raise
        finally:
            self._deadlines.end(protocol)

    def _new_route(self, method: str, url: URL) -> _Route:
        request = aiohttp.ClientRequest(method, url, headers=self._headers, loop=asyncio.get_running_loop())
        if self._proxy is not None:
            lead_through(self._proxy, request)
        request.headers.pop("Content-Length", None)  # said for each request anew
        lines = [f"{name}: {value}\r\n" for name, value in request.headers.items()]
        return _Route(
            request, f"{method} {request.url.raw_path_qs}".encode(), f" HTTP/1.1\r\n{''.join(lines)}".encode()
        )

    async def is_followed(self, answer: Answer) -> bool:
        """Whether a second answer comes behind ``answer`` on its kept connection, which is closed afterwards."""
        return await says_more(answer.connection, within=_LISTEN)


def _target(route: _Route, query: str) -> bytes:
    """The first line of a request as far as its address goes."""
    if not query:
        return route.target
    if not _QUERY.fullmatch(query):
        raise ValueError("a query that is not percent-encoded")
    return b"%b?%b" % (route.target, query.encode())


def _head(begin: bytes, headers: tuple[tuple[str, str], ...]) -> bytes:
    """The rest of the head, up to what its body decides; the same for a million cases, but for the token."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    if _UNSAFE.search(lines.replace("\r\n", "", len(headers))):
        raise ValueError("a header with control characters")
    return begin + lines.encode()


def _wire(target: bytes, head: bytes, body: bytes | None) -> bytes:
    """All bytes of a request."""
    if body is None:
        return b"%b%b\r\n" % (target, head)
    return b"%b%bContent-Length: %d\r\n\r\n%b" % (target, head, len(body), body)


async def _whole_body(message: Any, content: aiohttp.StreamReader) -> bytes:
    """The body, if it is known to be whole and is not absurdly large."""
    status, headers = message.code, message.headers
    if 300 <= status < 400:  # never followed, so what it shows beside is of no interest
        return b""
    if "Content-Length" not in headers and headers.get("Transfer-Encoding", "").lower() != "chunked":
        if status in (204, 304):
            return b""
        raise NoAnswer("cut_answer", f"the answer (HTTP {status}) does not say where it ends")
    body = await content.readany()
    while not content.at_eof():
        body += await content.readany()
        if len(body) > ANSWER_LIMIT:
            raise NoAnswer("huge_answer", f"the answer (HTTP {status}) is larger than {ANSWER_LIMIT} bytes")
    return body


def _not_sent(error: Exception, proxy: Proxy | None = None) -> NotSent:
    if proxy is not None and (trouble := without_tunnel(error, proxy)) is not None:
        return trouble
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        hint = "check the address; if your company uses its own certificate, pass it with --ca-file"
        return NotSent("certificate", "the server's certificate is not trusted", fatal=True, hint=hint)
    if isinstance(error, aiohttp.InvalidURL | ValueError):
        return NotSent("invalid_request", f"the request could not be built ({type(error).__name__})", fatal=True)
    return NotSent("unreachable", _describe_unreachable(error))


def _no_answer(error: Exception) -> NoAnswer:
    if isinstance(error, aiohttp.ClientPayloadError):
        return NoAnswer("cut_answer", "the answer broke off")
    if isinstance(error, HttpProcessingError):
        return NoAnswer("garbled_answer", "the answer is not valid HTTP")
    if isinstance(error, aiohttp.ClientConnectionError | OSError):
        return NoAnswer("connection_lost", "the connection was lost before the answer came")
    return NoAnswer("no_answer", f"no answer ({type(error).__name__})")


def _describe_unreachable(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "the server's name cannot be resolved"
    if isinstance(error, TimeoutError):
        return "the server did not accept a connection in time"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"the server cannot be reached: {error.os_error.strerror or type(error.os_error).__name__}"
    return f"the server cannot be reached ({type(error).__name__})"


class CaseApi:
    """The calls of the Case API that an import needs.

    Args:
        http: The session to use.
        api_url: Base address, without a trailing slash.
    """

    def __init__(self, http: HttpClient, *, api_url: str) -> None:
        self._http = http
        self._api_url = api_url
        self._cases = URL(api_url + CASES_PATH)

    async def create(self, body: bytes, *, authorization: str, leave: Leave | None = None) -> Answer:
        """POST one case; ``body`` is its JSON. Source: Talkdesk reference, "Create a new case".

        The authorization is an argument, so that waiting for a token never comes between the fence and the request.

        Raises:
            HeldBack: ``leave`` said no.
            NotSent: no connection was had for it.
            NoAnswer: it may have been created, and no whole answer says so.
        """
        headers = {"Authorization": authorization, "Content-Type": "application/json"}
        return await self._http.exchange(
            "POST", self._cases, headers=headers, body=body, doubts_refusal=True, leave=leave
        )

    async def update(self, case_id: str, body: bytes, *, authorization: str, leave: Leave | None = None) -> Answer:
        """PATCH one case; ``body`` is its JSON. Source: Talkdesk reference, "Update a case".

        Notes in it are added to those of the case, so sending it twice adds them twice (our reading; the reference
        is silent), and there is no precondition header to prevent that.

        Raises:
            NotSent: no connection was had for it.
            NoAnswer: it may have been taken, and no whole answer says so.
        """
        headers = {"Authorization": authorization, "Content-Type": "application/json"}
        url = URL(f"{self._cases}/{quote(case_id, safe='')}", encoded=True)
        return await self._http.exchange("PATCH", url, headers=headers, body=body, doubts_refusal=True, leave=leave)

    async def is_followed(self, answer: Answer) -> bool:
        """Whether a second answer follows on the connection of ``answer``.

        A refusal that came on a connection used before may be a late second answer to another request; then the true
        answer is still to come, right behind it.
        """
        return await self._http.is_followed(answer)

    async def list_cases(self, query: str, *, authorization: str, leave: Leave | None = None) -> Answer:
        """GET the list of cases with a ready-made, percent-encoded query string.

        Raises:
            HeldBack: ``leave`` said no.
            NotSent: no connection was had for it.
            NoAnswer: no whole answer came.
        """
        headers = {"Authorization": authorization}
        return await self._http.exchange("GET", self._cases, query=query, headers=headers, leave=leave)

    async def get_case(self, case_id: str, *, authorization: str, leave: Leave | None = None) -> Answer:
        """GET one case. Source: Talkdesk reference, "Get case details"; it takes the scope ``cases-public:read``.

        Raises:
            NotSent: no connection was had for it.
            NoAnswer: no whole answer came.
        """
        return await self.get(f"{CASES_PATH}/{quote(case_id, safe='')}", authorization=authorization, leave=leave)

    async def get(self, path: str, query: str = "", *, authorization: str, leave: Leave | None = None) -> Answer:
        """GET anything else of the API, with a ready-made, percent-encoded query string.

        Raises:
            NotSent: no connection was had for it.
            NoAnswer: no whole answer came.
        """
        url = URL(self._api_url + path, encoded=True)
        headers = {"Authorization": authorization}
        return await self._http.exchange("GET", url, query=query, headers=headers, leave=leave)
