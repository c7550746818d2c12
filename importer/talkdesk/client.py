"""The wire: one method per call of the Case API, and the only border to aiohttp's client.

Answers go up as values, whatever their status; what is not a whole answer goes up as one of two exceptions,
:class:`NotSent` or :class:`NoAnswer`. Nothing here retries, follows redirects, or decides.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from importer.talkdesk.answers import ANSWER_LIMIT, Answer, NoAnswer, NotSent
from importer.talkdesk.connections import Phase, WatchedConnector, current_phase
from importer.talkdesk.regions import CASES_PATH
from importer.version import __version__

#: Seconds. ``total`` bounds an endless drip; ``connect`` would count the wait for a free connection, so it is off.
_TIMEOUT = aiohttp.ClientTimeout(total=90.0, connect=None, sock_connect=10.0, sock_read=60.0)

#: Seconds to listen for a second answer behind a refusal on a connection that was used before.
_LISTEN = 1.0


class HttpClient:
    """One session, one pool, for one run. Use as an async context manager.

    Args:
        concurrency: Requests at once; the pool is as large, so that no request waits for a connection.
        fresh_connections: Use each connection for one request only.
        ca_file: Certificates to trust instead of the system's.
    """

    def __init__(self, *, concurrency: int, fresh_connections: bool, ca_file: str | None = None) -> None:
        self._connector = WatchedConnector(
            limit=concurrency + 4,  # workers, look-ups and the token never wait for each other
            force_close=fresh_connections,
            ttl_dns_cache=10,
            ssl=ssl.create_default_context(cafile=ca_file),
        )
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            cookie_jar=aiohttp.DummyCookieJar(),  # a server's cookie must not colour later requests
            trust_env=False,  # no proxy, no .netrc from the environment: the target comes from the settings alone
            timeout=_TIMEOUT,
            headers={
                "Accept": "application/json",
                "Accept-Encoding": "identity",  # no answer can swell
                "User-Agent": f"case-importer/{__version__}",
            },
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._session.close()

    async def exchange(
        self,
        method: str,
        url: URL,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        doubts_refusal: bool = False,
    ) -> Answer:
        """Send one request once and read its whole answer.

        Args:
            method: HTTP method.
            url: Where to.
            headers: Beside those of the session.
            body: The bytes to send.
            doubts_refusal: Keep the connection of a refusal that may be somebody else's, for :meth:`is_followed`.

        Raises:
            NotSent: no connection was had for it.
            NoAnswer: it may have left, and no whole answer came.
        """
        phase = Phase()
        mark = current_phase.set(phase)
        try:
            async with self._session.request(
                method, url, data=body, headers=headers, allow_redirects=False
            ) as response:
                is_kept = doubts_refusal and phase.reused and 400 <= response.status < 500
                if is_kept:  # before anything is awaited, or the connection may be in other hands
                    self._connector.keep(phase.protocol)
                content = await _whole_body(response)
                return Answer(response.status, response.headers, content, phase.protocol if is_kept else None)
        except (NoAnswer, asyncio.CancelledError):
            raise
        except Exception as error:
            # Never the error itself: its text may hold the request's headers, token included.
            raise _translated(error, phase) from None
        finally:
            current_phase.reset(mark)

    async def is_followed(self, answer: Answer) -> bool:
        """Whether a second answer comes behind ``answer`` on its kept connection, which is closed afterwards."""
        return await self._connector.says_more(answer.connection, within=_LISTEN)


async def _whole_body(response: aiohttp.ClientResponse) -> bytes:
    """The body, if it is known to be whole and is not absurdly large."""
    headers = response.headers
    if 300 <= response.status < 400:  # never followed, so what it shows beside is of no interest
        return b""
    if "Content-Length" not in headers and headers.get("Transfer-Encoding", "").lower() != "chunked":
        if response.status in (204, 304):
            return b""
        raise NoAnswer("cut_answer", f"the answer (HTTP {response.status}) does not say where it ends")
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > ANSWER_LIMIT:
            raise NoAnswer("huge_answer", f"the answer (HTTP {response.status}) is larger than {ANSWER_LIMIT} bytes")
    return bytes(content)


def _translated(error: Exception, phase: Phase) -> NotSent | NoAnswer:
    if phase.connected:
        return NoAnswer(*_describe_no_answer(error))
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return NotSent("certificate", "the server's certificate is not trusted", fatal=True)
    if isinstance(error, aiohttp.InvalidURL | ValueError):
        return NotSent("invalid_request", f"the request could not be built ({type(error).__name__})", fatal=True)
    return NotSent("unreachable", _describe_unreachable(error))


def _describe_no_answer(error: Exception) -> tuple[str, str]:
    if isinstance(error, TimeoutError):
        return "timeout", "no answer in time"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "cut_answer", "the answer broke off"
    if isinstance(error, aiohttp.ClientResponseError):
        return "garbled_answer", "the answer is not valid HTTP"
    if isinstance(error, aiohttp.ClientConnectionError | OSError):
        return "connection_lost", "the connection was lost before the answer came"
    return "no_answer", f"no answer ({type(error).__name__})"


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

    async def create(self, body: bytes, *, authorization: str) -> Answer:
        """POST one case; ``body`` is its JSON. Source: Talkdesk reference, "Create a new case".

        The authorization is an argument, so that waiting for a token never comes between the fence and the request.

        Raises:
            NotSent: no connection was had for it.
            NoAnswer: it may have been created, and no whole answer says so.
        """
        headers = {"Authorization": authorization, "Content-Type": "application/json"}
        return await self._http.exchange("POST", self._cases, headers=headers, body=body, doubts_refusal=True)

    async def is_followed(self, answer: Answer) -> bool:
        """Whether a second answer follows on the connection of ``answer``.

        A refusal that came on a connection used before may be a late second answer to another request; then the true
        answer is still to come, right behind it.
        """
        return await self._http.is_followed(answer)

    async def list_cases(self, query: str, *, authorization: str) -> Answer:
        """GET the list of cases with a ready-made, percent-encoded query string.

        Raises:
            NotSent: no connection was had for it.
            NoAnswer: no whole answer came.
        """
        url = URL(f"{self._cases}?{query}", encoded=True)
        return await self._http.exchange("GET", url, headers={"Authorization": authorization})

    async def get(self, path: str, query: str = "", *, authorization: str) -> Answer:
        """GET anything else of the API, with a ready-made, percent-encoded query string.

        Raises:
            NotSent: no connection was had for it.
            NoAnswer: no whole answer came.
        """
        url = URL(f"{self._api_url}{path}{'?' if query else ''}{query}", encoded=True)
        return await self._http.exchange("GET", url, headers={"Authorization": authorization})
