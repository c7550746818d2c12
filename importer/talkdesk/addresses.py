"""Where Talkdesk lives: API and identity hosts by region, and what an address must look like, a proxy's included.

Source: Talkdesk documentation, "How to guarantee your app works in all regions" (US, EU and Canada). Hosts of
other regions are documented contradictorily, so they are given with ``--api-url`` and ``--auth-url``.
"""

from __future__ import annotations

import ipaddress
import re
from base64 import b64encode
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

CASES_PATH = "/cm/core/va/cases"
FIELDS_PATH = "/cm/meta/va/fields"
USERS_PATH = "/users"

#: region → (API base, identity host)
REGIONS = {
    "us": ("https://api.talkdeskapp.com", "talkdeskid.com"),
    "eu": ("https://api.talkdeskapp.eu", "talkdeskid.eu"),
    "ca": ("https://api.talkdeskappca.com", "talkdeskidca.com"),
}

#: A path behind ``?`` or ``#`` is none; white space and control characters are read differently by every library.
_NOT_BARE = re.compile(r"[\s\x00-\x1f?#\\]")


def endpoints(region: str, account: str) -> tuple[str, str]:
    """The API's base and the token endpoint of ``account`` (the sub-domain used at login) in ``region``."""
    api_url, identity_host = REGIONS[region]
    return api_url, f"https://{account}.{identity_host}/oauth/token"


def is_loopback(url: str) -> bool:
    """Whether ``url`` can only mean this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_sandbox(target: str | None) -> bool:
    """Whether the target of a ledger is the embedded sandbox."""
    return (target or "").startswith("sandbox")


def is_trial(target: str | None) -> bool:
    """Whether the cases of a ledger are on this machine: in the embedded sandbox, or on a server of its own."""
    return is_sandbox(target) or is_loopback((target or "").partition(" ")[0])


def url_problem(url: str, *, flag: str) -> tuple[str, str] | None:
    """What is wrong with ``url``, and a hint; None if it can be the base of other addresses.

    It must be an absolute http(s) address without credentials or a query, and plain http leads to this machine only:
    tokens and customers' data never travel in the clear.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_url = False
    if not is_url:  # it may contain a password anywhere, so it is not repeated
        return f"{flag} is not a valid URL", "write it as https://host"
    if "@" in parts.netloc or _NOT_BARE.search(url):
        return f"{flag} must be a base URL", "remove user, password, ?, # and spaces"
    if parts.scheme == "http" and not is_loopback(url):
        what = f"{flag} would send the token and your customers' data unencrypted to {parts.hostname}"
        return what, "use https:// (plain http is accepted on this machine only)"
    return None


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy. Only tunnels are used (CONNECT, then TLS with the server): it sees host names and nothing else."""

    name: str  #: host and port, for messages
    authorization: str | None = field(default=None, repr=False)  #: value of a header; None if it need not know
    secrets: tuple[str, ...] = field(default=(), repr=False)  #: what no message may repeat

    @property
    def url(self) -> str:
        """Its address, without user and password."""
        return f"http://{self.name}"

    @property
    def headers(self) -> dict[str, str]:
        """What is said to it when a tunnel is asked for."""
        said = {} if self.authorization is None else {"Proxy-Authorization": self.authorization}
        return {"Connection": "keep-alive", **said}  # of the tunnel, whatever becomes of the requests inside


def read_proxy(text: str) -> Proxy:
    """The proxy at ``http://host:port`` or ``http://user:password@host:port``.

    Raises:
        ValueError: it is not written like that; the error does not repeat it, as it may hold a password.
    """
    try:
        parts = urlsplit(text)
        host, port, user, password = parts.hostname, parts.port, parts.username, parts.password
    except ValueError:
        raise ValueError("not an address") from None
    if parts.scheme != "http" or not host or not port or parts.path not in ("", "/") or _NOT_BARE.search(text):
        raise ValueError("not the address of an HTTP proxy")
    name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if user is None and password is None:
        return Proxy(name)
    written, user, password = password or "", unquote(user or ""), unquote(password or "")
    if ":" in user:
        raise ValueError("a user name must not contain a colon")
    basic = b64encode(f"{user}:{password}".encode()).decode()
    return Proxy(name, f"Basic {basic}", (written, password, basic))
