"""Connections whose history is known: the one place that reaches into aiohttp's pool.

Two questions decide whether a row may be sent again, and aiohttp answers neither: did the request get a
connection at all, and could the answer that came back belong to somebody else?
"""

from __future__ import annotations

import asyncio
import select
from contextvars import ContextVar
from typing import Any
from weakref import WeakSet

import aiohttp


class Phase:
    """How far one request got. Absent marks prove that nothing left; present ones prove nothing."""

    __slots__ = ("connected", "protocol", "reused")

    def __init__(self) -> None:
        self.connected = False
        self.reused = False
        self.protocol: Any = None


#: The phase of the request that the current task is making.
current_phase: ContextVar[Phase] = ContextVar("current_phase")


class WatchedConnector(aiohttp.TCPConnector):
    """A pool that notes when a request got its connection, and never hands out a connection with leftovers.

    aiohttp (3.14) parses and keeps bytes that arrive on an idle connection and gives them to the next request
    as its answer. Here a connection on which anything arrived, or waits unread in the socket, is closed instead.
    An answer that arrives while the next request is under way cannot be seen here. If it claims success, the judge
    sees another row's echo; if it is a refusal, :meth:`says_more` listens for the true answer behind it.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._used: WeakSet[Any] = WeakSet()

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:  # noqa: ASYNC109  # aiohttp's signature
        """As the parent's, plus the marks and the look for leftovers."""
        connection = await super().connect(req, traces, timeout)
        while connection.protocol in self._used and _has_leftovers(connection):
            connection.close()
            connection = await super().connect(req, traces, timeout)
        phase = current_phase.get(None)
        if phase is not None:
            phase.protocol = connection.protocol
            phase.reused = connection.protocol in self._used
            phase.connected = True
        self._used.add(connection.protocol)
        return connection

    async def says_more(self, protocol: Any, *, within: float) -> bool:
        """Whether another answer comes on a connection that should have nothing left to say; it is closed afterwards.

        A refusal that came on a connection used before may be a late second answer to somebody else. Then the true
        answer is still to come, right behind it.

        Args:
            protocol: The connection, back in the pool.
            within: Seconds to listen.
        """
        if not self._take_aside(protocol):
            return True  # somebody else has it already, so nobody can listen any more
        until = asyncio.get_running_loop().time() + within
        while not protocol.should_close and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(within / 10)
        has_said_more = len(protocol) > 0
        protocol.close()
        return has_said_more

    def _take_aside(self, protocol: Any) -> bool:
        """Take a connection out of the pool; also true if it is closed and so in nobody's hands."""
        for key, idle in list(self._conns.items()):
            for entry in idle:
                if entry[0] is protocol:
                    idle.remove(entry)
                    if not idle:
                        del self._conns[key]
                    return True
        return not protocol.is_connected()


def _has_leftovers(connection: Any) -> bool:
    """Whether anything came on an idle connection: an answer to nobody, or its end."""
    protocol = connection.protocol
    return bool(protocol.should_close) or _is_readable(protocol.transport)


def _is_readable(transport: Any) -> bool:
    """Whether bytes wait in the socket that the event loop has not seen yet."""
    socket = None if transport is None else transport.get_extra_info("socket")
    if socket is None or not hasattr(select, "poll"):  # Windows
        return transport is None
    poll = select.poll()
    poll.register(socket.fileno(), select.POLLIN)
    return bool(poll.poll(0))
