"""An HTTP proxy for tests, that makes tunnels (CONNECT) or does whatever its script says instead.

::

    async with ConnectProxy(refuse(502), leads) as proxy:
        ...  # the first tunnel is refused, every further one is made
    proxy.requests
"""

from __future__ import annotations

from servers import Line, RawServer, Request, Step, http, reply

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
USER, PASSWORD = "proxy-user", "pr0xy-p4ss:c4n@ry"
#: As it is written in an address, and as it is said to a proxy.
WRITTEN_PASSWORD = "pr0xy-p4ss%3Ac4n%40ry"
SAID = "cHJveHktdXNlcjpwcjB4eS1wNHNzOmM0bkByeQ=="


class ConnectProxy(RawServer):
    """A proxy that keeps what it saw.

    Args:
        script: One step for each CONNECT; the last one stays. Without any, every tunnel is made.
        wants_password: Answer 407 to who does not say the right user and password.

    Attributes:
        seen: All bytes that clients sent through its tunnels.
        tunnels: The connections that became tunnels.
    """

    def __init__(self, *script: Step | None, wants_password: bool = False) -> None:
        super().__init__(*(self._guarded if step is None else step for step in script or (None,)))
        self._wants_password = wants_password
        self.seen = bytearray()
        self.tunnels: list[Line] = []

    @property
    def address(self) -> str:
        """Its address, with user and password."""
        return f"http://{USER}:{WRITTEN_PASSWORD}@127.0.0.1:{self.port}"

    async def _guarded(self, line: Line, request: Request) -> None:
        said = request.headers.get("proxy-authorization")
        if self._wants_password and said != f"Basic {SAID}":
            await refuse(407)(line, request)
            return
        assert request.method == "CONNECT", "only tunnels may be asked for"
        host, _, port = request.target.rpartition(":")
        self.tunnels.append(line)
        await line.send(ESTABLISHED)
        await line.lead_to(host, int(port), seen=self.seen)


#: In a script: make the tunnel.
leads = None


def refuse(status: int) -> Step:
    """Answer with this status and a page."""
    wants = ["Proxy-Authenticate: Basic realm=acme"] if status == 407 else []
    return reply(http(status, b"<html>Access denied</html>", "Content-Type: text/html", *wants))


def establish(then: bytes, *, ends: bool) -> Step:
    """Say that the tunnel is there, and be the other end of it."""

    async def step(line: Line, request: Request) -> None:
        await line.send(ESTABLISHED)
        await line.hear()
        await line.send(then)
        if ends:
            line.end()

    return step
