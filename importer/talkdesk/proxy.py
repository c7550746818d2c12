"""The way out through an HTTP proxy: its address, and what it means when it does not let us through.

Only tunnels are used (CONNECT, then TLS with the server itself): a proxy sees host names, and never a token or a case.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from importer.talkdesk.answers import NotSent

_NOT_BARE = re.compile(r"[\s\x00-\x1f\x7f?#\\]")
_NO_CREDENTIALS = "give user and password with CASE_IMPORTER_PROXY or --proxy: http://user:password@host:port"
_NOT_ALLOWED = "ask who runs the proxy to allow CONNECT to the hosts of the API and of the token endpoint"


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy.

    Attributes:
        url: Its address, without user and password.
        authorization: What proves to it who we are, as the value of a header; None if it need not know.
    """

    url: URL
    authorization: str | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """Host and port, for messages."""
        return f"{self.url.host_subcomponent}:{self.url.port}"


def read_proxy(text: str) -> Proxy:
    """The proxy at ``http://host:port`` or ``http://user:password@host:port``.

    Raises:
        ValueError: it is not written like that; the error does not repeat it, as it may hold a password.
    """
    try:
        url = URL(text)
        user, password, port = url.user, url.password, url.explicit_port
    except ValueError:
        raise ValueError("not an address") from None
    if url.scheme != "http" or not url.host or not port or url.path not in ("", "/") or _NOT_BARE.search(text):
        raise ValueError("not the address of an HTTP proxy")
    bare = URL.build(scheme="http", host=url.host, port=port)
    if user is None and password is None:
        return Proxy(bare)
    if ":" in (user or ""):
        raise ValueError("no user name may hold a colon")
    pair = f"{user or ''}:{password or ''}".encode()
    return Proxy(bare, "Basic " + b64encode(pair).decode())


def lead_through(proxy: Proxy, request: aiohttp.ClientRequest) -> None:
    """Have the connection for ``request`` made through ``proxy``.

    Raises:
        ValueError: it is not for https; without a tunnel the proxy would read it.
    """
    if not request.is_ssl():
        raise ValueError("plain http through a proxy")
    headers = {
        # The pool knows a tunnel by these headers, and aiohttp adds this one after the first look into the pool.
        "Host": request.headers["Host"],
        "User-Agent": request.headers["User-Agent"],
        "Connection": "keep-alive",  # of the tunnel, whatever becomes of the requests inside
    }
    if proxy.authorization is not None:
        # Not as aiohttp's proxy_auth, which stands in the text form of every connection.
        headers["Proxy-Authorization"] = proxy.authorization
    request.update_proxy(proxy.url, None, headers)


def without_tunnel(error: Exception, proxy: Proxy) -> NotSent | None:
    """What an error on the way through ``proxy`` means; None if it is not about the way."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return _answered(error.status, proxy)
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return None
    if isinstance(error, aiohttp.ClientError | TimeoutError):
        return NotSent("unreachable", _describe(error, proxy))
    return None


def _answered(status: int, proxy: Proxy) -> NotSent:
    """The proxy's own answer to CONNECT, which is whole: nothing went any further."""
    if status == 407:
        does = "refuses this user and password" if proxy.authorization else "wants a user and a password"
        return NotSent("proxy_refused", f"the proxy {proxy.name} {does} (HTTP 407)", fatal=True, hint=_NO_CREDENTIALS)
    if status in (403, 405):
        what = f"the proxy {proxy.name} does not allow this connection (HTTP {status})"
        return NotSent("proxy_refused", what, fatal=True, hint=_NOT_ALLOWED)
    return NotSent("unreachable", f"the proxy {proxy.name} made no connection (HTTP {status})")


def _describe(error: Exception, proxy: Proxy) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"the name of the proxy {proxy.name} cannot be resolved"
    if isinstance(error, TimeoutError):
        return f"no connection was had through the proxy {proxy.name} in time"
    if isinstance(error, aiohttp.ClientConnectorError):
        is_proxy = isinstance(error, aiohttp.ClientProxyConnectionError)
        who = f"the proxy {proxy.name} cannot be reached" if is_proxy else "the server cannot be reached"
        way = "" if is_proxy else f" through the proxy {proxy.name}"
        return f"{who}{way}: {error.os_error.strerror or type(error.os_error).__name__}"
    if isinstance(error, aiohttp.ClientResponseError):
        return f"the answer of the proxy {proxy.name} is not valid HTTP"
    return f"the proxy {proxy.name} broke the connection off"
