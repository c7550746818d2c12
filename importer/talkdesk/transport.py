"""HTTP: one request, one whole answer. The only module that holds an aiohttp session.

Answers go up as values, whatever their status; what is not a whole answer goes up as one of two exceptions.
:class:`NotSent` is an allow-list: aiohttp documents these errors as raised before there is a connection. Everything
else is :class:`NoAnswer`, for the request may have been acted upon. Nothing here retries, follows redirects or keeps
cookies, and aiohttp repeats only what may be repeated (GET and DELETE, on a connection that was used before).
"""

from __future__ import annotations

import codecs
import errno
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp
import orjson
from yarl import URL

from importer.errors import CaseImporterError, ConfigError, TargetError, no_descriptors
from importer.talkdesk.addresses import Proxy
from importer.version import __version__

#: Bytes. No answer about one case comes near this size; a larger one is not read further.
ANSWER_LIMIT = 1 << 20
#: Bytes of a page of a list: 500 cases with long descriptions and notes.
LIST_LIMIT = 32 << 20
#: Seconds: to get a connection; to each address of the server; for the whole request. A limit for each read would set
#: and cancel two more timers a request, and end little sooner.
TIMEOUT = aiohttp.ClientTimeout(connect=30.0, sock_connect=10.0, total=90.0)

#: Characters. To take out shorter texts would only garble messages.
_SECRET_MIN = 4

_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",  # no answer can swell
    "User-Agent": f"case-importer/{__version__}",
}
_QUERY = re.compile(r"[!$-~]*")  # no space, no line break, no fragment


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole, well-formed HTTP answer; names of headers have no case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    secrets: frozenset[str] = field(default=frozenset(), repr=False)  #: what no message may repeat of it

    def json(self) -> Any:
        """The body as JSON, or None if it is none."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None


class TransportError(Exception):
    """There is no whole answer. Deliberately without a status: a library may invent one for a garbled answer.

    ``code`` is a stable word, such as ``unreachable``; ``stops`` is the error to end the run with if trying again
    cannot help (a certificate that is not trusted, say).
    """

    def __init__(self, code: str, message: str, *, stops: CaseImporterError | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.stops = stops


class NotSent(TransportError):
    """The request is proven not to have left: there never was a connection for it."""


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
        self._secrets: frozenset[str] = frozenset()
        self.keep_secret(*(proxy.secrets if proxy else ()))
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

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    def keep_secret(self, *texts: str) -> None:
        """From now on no message repeats these texts, should a server send them back."""
        self._secrets |= {text for text in texts if len(text) >= _SECRET_MIN}

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        query: str = "",
        body: bytes | None = None,
        limit: int = ANSWER_LIMIT,
    ) -> Answer:
        """Send one request once and read its whole answer, of at most ``limit`` bytes, in UTF-8.

        ``url`` and ``query`` are percent-encoded.

        Raises:
            NotSent: there was no connection for it.
            NoAnswer: it may have left, and no whole answer came.
        """
        proxy = self._proxy
        try:
            if not _QUERY.fullmatch(query):
                raise ValueError("a query that is not percent-encoded")
            address = URL(f"{URL(url)}?{query}", encoded=True) if query else URL(url)
            where = str(address.origin())
        except ValueError:
            raise _hopeless("invalid_request", "the address of the request is not valid") from None
        if proxy is not None and address.scheme != "https":  # without a tunnel the proxy would read it
            raise _hopeless("invalid_request", "only https addresses are allowed through a proxy", where=where)
        try:
            async with self._session.request(
                method,
                address,
                data=body,
                headers=headers,
                allow_redirects=False,
                proxy=proxy.url if proxy else None,
                proxy_headers=proxy.headers if proxy else None,
            ) as response:
                content = _in_utf8(await _whole_body(response, limit), response.charset)
                return Answer(response.status, response.headers, content, self._secrets)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            # its own text may hold the request's headers, token included
            raise _not_sent(error, proxy, where) or _no_answer(error) from None


def check_ca_file(path: Path) -> None:
    """Refuse a file that no connection could be made with.

    Raises:
        ConfigError: it cannot be read, or contains no certificate in PEM form.
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:  # an OSError too, so it comes first
        hint = "--ca-file needs PEM text with lines such as -----BEGIN CERTIFICATE-----"
        raise ConfigError("the CA file contains no PEM certificate", where=str(path), hint=hint) from None
    except OSError as error:
        hint = "check the path and permissions of --ca-file"
        raise ConfigError(f"cannot read the CA file: {error.strerror}", where=str(path), hint=hint) from None


async def _whole_body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body, if it is known to be whole and is not absurdly large."""
    if 300 <= response.status < 400:  # never followed, so its body is of no interest
        return b""
    headers = response.headers
    has_end = "Content-Length" in headers or headers.get("Transfer-Encoding", "").lower() == "chunked"
    if not has_end and response.status != 204:  # aiohttp would call it whole wherever it breaks off
        message = f"the response (HTTP {response.status}) has no length, so it may be incomplete"
        raise NoAnswer("cut_answer", message)
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise NoAnswer("huge_answer", f"the response (HTTP {response.status}) is larger than {limit} bytes")
    return bytes(body)


def _in_utf8(body: bytes, charset: str | None) -> bytes:
    """JSON is UTF-8, but a server or a proxy may say otherwise, or put a byte order mark before it."""
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        charset = "utf-16"
    elif charset is None or charset.lower() in ("utf-8", "utf8", "us-ascii"):
        return body.removeprefix(codecs.BOM_UTF8)
    try:
        return body.decode(charset).encode()
    except (LookupError, UnicodeError):
        return body  # then it is no JSON either


def _hopeless(code: str, message: str, *, where: str = "", hint: str = "check --api-url and --auth-url") -> NotSent:
    return NotSent(code, message, stops=TargetError(message, where=where, hint=hint))


def _not_sent(error: Exception, proxy: Proxy | None, where: str) -> NotSent | None:
    """The proof in an error that nothing was sent to ``where``; None if it proves nothing."""
    through = f" through proxy {proxy.name}" if proxy else ""
    match error:
        case aiohttp.ClientHttpProxyError() if proxy is not None:
            return _refused_by_proxy(error.status, proxy, where)
        case aiohttp.ClientConnectorCertificateError():
            hint = "check the address; if your company uses its own certificate, pass it with --ca-file"
            return _hopeless("certificate", "the server's certificate is not trusted", where=where, hint=hint)
        case aiohttp.ClientConnectorError() if error.os_error.errno in (errno.EMFILE, errno.ENFILE):
            stops = no_descriptors()
            return NotSent("no_descriptors", stops.what, stops=stops)
        case aiohttp.InvalidURL():
            return _hopeless("invalid_request", "the address of the request is not valid", where=where)
        case aiohttp.ClientConnectorDNSError():
            whose = f"proxy {proxy.name}" if proxy else "the server"
            return NotSent("unreachable", f"cannot resolve the name of {whose}")
        case aiohttp.ClientConnectorError():
            reason = error.os_error.strerror or type(error.os_error).__name__
            is_proxy = proxy is not None and isinstance(error, aiohttp.ClientProxyConnectionError)
            whom = f"proxy {proxy.name}" if proxy and is_proxy else f"the server{through}"
            return NotSent("unreachable", f"cannot reach {whom}: {reason}")
        case aiohttp.ConnectionTimeoutError():
            return NotSent("unreachable", f"connecting to the server{through} timed out")
    return None


def _refused_by_proxy(status: int, proxy: Proxy, where: str) -> NotSent:
    """The proxy's own answer to CONNECT, which is whole: nothing went any further."""
    if status not in (403, 405, 407):
        return NotSent("unreachable", f"proxy {proxy.name} made no connection (HTTP {status})")
    what, hint = "refused the connection", "ask your proxy administrator to allow CONNECT to the API and token hosts"
    if status == 407:
        what = "rejected the user and password" if proxy.authorization else "requires a user and password"
        hint = "set them in CASE_IMPORTER_PROXY or --proxy: http://user:password@host:port"
    return _hopeless("proxy_refused", f"proxy {proxy.name} {what} (HTTP {status})", where=where, hint=hint)


def _no_answer(error: Exception) -> NoAnswer:
    if isinstance(error, TimeoutError):
        return NoAnswer("timeout", "the request timed out")
    if isinstance(error, aiohttp.ClientPayloadError):
        return NoAnswer("cut_answer", "the response was cut off")
    if isinstance(error, aiohttp.ClientResponseError):
        return NoAnswer("garbled_answer", "the response is not valid HTTP")
    if isinstance(error, OSError | aiohttp.ClientConnectionError):
        return NoAnswer("connection_lost", "the connection was lost before the response arrived")
    return NoAnswer("no_answer", f"no response ({type(error).__name__})")
