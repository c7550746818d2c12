"""HTTP: one request, one whole answer. The only module that holds an aiohttp session.

Answers go up as values, whatever their status; what is not a whole answer goes up as one of two exceptions.
:class:`NotSent` is an allow-list: aiohttp documents these errors as raised before there is a connection. Everything
else is :class:`NoAnswer`, for the request may have been acted upon. Nothing here retries, follows redirects or keeps
cookies, and aiohttp repeats only what may be repeated (GET and DELETE, on a connection that was used before).
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson
from yarl import URL

from importer.regions import Proxy
from importer.version import __version__

#: No answer of the Case API comes near this size; a larger one is not read further.
ANSWER_LIMIT = 1 << 20
#: Seconds: to get a connection; to each address of the server; from there to the next byte; for the whole request.
TIMEOUT = aiohttp.ClientTimeout(connect=30.0, sock_connect=10.0, sock_read=60.0, total=90.0)

_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",  # no answer can swell
    "User-Agent": f"case-importer/{__version__}",
}
_QUERY = re.compile(r"[!$-~]*")  # no blank, no end of a line, no fragment
_ASK_FOR_CREDENTIALS = "give user and password with CASE_IMPORTER_PROXY or --proxy: http://user:password@host:port"
_ASK_FOR_CONNECT = "ask who runs the proxy to allow CONNECT to the hosts of the API and of the token endpoint"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole, well-formed HTTP answer.

    Attributes:
        status: HTTP status code.
        headers: Header fields, names in any case.
        body: The bytes of the body, all of them.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        """The body as JSON, or None if it is none."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None


class TransportError(Exception):
    """There is no whole answer. Deliberately without a status: a library may invent one for a garbled answer.

    Args:
        code: Stable word, such as ``unreachable`` or ``timeout``.
        message: For a person.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class NotSent(TransportError):
    """The request is proven not to have left: no connection was ever had for it.

    Args:
        code: See :class:`TransportError`.
        message: See there.
        fatal: Trying again cannot help (a certificate that is not trusted, say): the run must stop.
        hint: What a person can do about it, if that is known here.
    """

    def __init__(self, code: str, message: str, *, fatal: bool = False, hint: str = "") -> None:
        super().__init__(code, message)
        self.fatal = fatal
        self.hint = hint


class NoAnswer(TransportError):
    """The request may have been acted upon, and no whole answer says what became of it."""


class Transport:
    """The connections of one run. Use as an async context manager.

    No proxy and no password is taken from the environment: target and way come from the settings alone.

    Args:
        force_close: Use each connection for one request only, so that no answer can be taken for another one's.
        ca_file: Certificates to trust instead of the system's.
        proxy: Make every connection through it; only https addresses can be reached then.
    """

    def __init__(self, *, force_close: bool, ca_file: str | None = None, proxy: Proxy | None = None) -> None:
        self._proxy = proxy
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,  # the workers are the limit: no request ever waits for a connection
                force_close=force_close,
                ttl_dns_cache=10,
                ssl=ssl.create_default_context(cafile=ca_file),
            ),
            headers=_HEADERS | ({"Connection": "close"} if force_close else {}),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=TIMEOUT,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._session.close()

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], query: str = "", body: bytes | None = None
    ) -> Answer:
        """Send one request once and read its whole answer.

        Args:
            method: HTTP method.
            url: Where to, percent-encoded.
            headers: Beside those that all requests have.
            query: A percent-encoded query.
            body: The bytes to send.

        Raises:
            NotSent: no connection was had for it.
            NoAnswer: it may have left, and no whole answer came.
        """
        address = _address(url, query)
        if self._proxy is not None and address.scheme != "https":  # without a tunnel the proxy would read it
            raise NotSent("invalid_request", "only https addresses are asked for through a proxy", fatal=True)
        try:
            async with self._session.request(
                method,
                address,
                data=body,
                headers=headers,
                allow_redirects=False,
                proxy=self._proxy.url if self._proxy else None,
                proxy_headers=self._proxy.headers if self._proxy else None,
            ) as response:
                return Answer(response.status, response.headers, await _whole_body(response))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise self._translated(error) from None  # its own text may hold the request's headers, token included

    def _translated(self, error: Exception) -> TransportError:
        if isinstance(error, aiohttp.ClientHttpProxyError) and self._proxy is not None:
            return _refused_by_proxy(error.status, self._proxy)
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            hint = "check the address; if your company uses its own certificate, pass it with --ca-file"
            return NotSent("certificate", "the server's certificate is not trusted", fatal=True, hint=hint)
        if isinstance(error, aiohttp.InvalidURL):
            return NotSent("invalid_request", "the address of the request is not valid", fatal=True)
        if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
            return NotSent("unreachable", _describe_unreachable(error, self._proxy))
        return _no_answer(error)


def _address(url: str, query: str) -> URL:
    try:
        if not _QUERY.fullmatch(query):
            raise ValueError("a query that is not percent-encoded")
        address = URL(url)
        return URL(f"{address}?{query}", encoded=True) if query else address
    except ValueError:
        raise NotSent("invalid_request", "the address of the request is not valid", fatal=True) from None


async def _whole_body(response: aiohttp.ClientResponse) -> bytes:
    """The body, if it is known to be whole and is not absurdly large."""
    if 300 <= response.status < 400:  # never followed, so what it shows beside is of no interest
        return b""
    says_where_it_ends = (
        "Content-Length" in response.headers or response.headers.get("Transfer-Encoding", "").lower() == "chunked"
    )
    if not says_where_it_ends and response.status != 204:  # aiohttp would call it whole wherever it breaks off
        raise NoAnswer("cut_answer", f"the answer (HTTP {response.status}) does not say where it ends")
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > ANSWER_LIMIT:
            raise NoAnswer("huge_answer", f"the answer (HTTP {response.status}) is larger than {ANSWER_LIMIT} bytes")
    return bytes(body)


def _no_answer(error: Exception) -> NoAnswer:
    if isinstance(error, TimeoutError):
        return NoAnswer("timeout", "no answer in time")
    if isinstance(error, aiohttp.ClientPayloadError):
        return NoAnswer("cut_answer", "the answer broke off")
    if isinstance(error, aiohttp.ClientResponseError):
        return NoAnswer("garbled_answer", "the answer is not valid HTTP")
    if isinstance(error, OSError | aiohttp.ClientConnectionError):
        return NoAnswer("connection_lost", "the connection was lost before the answer came")
    return NoAnswer("no_answer", f"no answer ({type(error).__name__})")


def _refused_by_proxy(status: int, proxy: Proxy) -> NotSent:
    """The proxy's own answer to CONNECT, which is whole: nothing went any further."""
    if status == 407:
        what = "refuses this user and password" if proxy.authorization else "wants a user and a password"
        message = f"the proxy {proxy.name} {what} (HTTP 407)"
        return NotSent("proxy_refused", message, fatal=True, hint=_ASK_FOR_CREDENTIALS)
    if status in (403, 405):
        message = f"the proxy {proxy.name} does not allow this connection (HTTP {status})"
        return NotSent("proxy_refused", message, fatal=True, hint=_ASK_FOR_CONNECT)
    return NotSent("unreachable", f"the proxy {proxy.name} made no connection (HTTP {status})")


def _describe_unreachable(error: Exception, proxy: Proxy | None) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        name = f"the name of the proxy {proxy.name}" if proxy else "the server's name"
        return f"{name} cannot be resolved"
    is_proxy = isinstance(error, aiohttp.ClientProxyConnectionError)
    way = f" through the proxy {proxy.name}" if proxy and not is_proxy else ""
    if isinstance(error, aiohttp.ClientConnectorError):
        who = f"the proxy {proxy.name}" if proxy and is_proxy else "the server"
        return f"{who} cannot be reached{way}: {error.os_error.strerror or type(error.os_error).__name__}"
    return f"the server did not accept a connection in time{way}"
