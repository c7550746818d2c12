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
        self._kept: WeakSet[Any] = WeakSet()

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

    def keep(self, protocol: Any) -> None:
        """Give this connection to nobody else when its answer is complete; :meth:`says_more` will close it."""
        self._kept.add(protocol)
        for key, idle in list(self._conns.items()):
            for entry in [entry for entry in idle if entry[0] is protocol]:
                idle.remove(entry)
            if not idle:
                del self._conns[key]

    def _release(self, key: Any, protocol: Any, *, should_close: bool = False) -> None:
        if protocol in self._kept and not self._closed:
            self._release_acquired(key, protocol)
        else:
            super()._release(key, protocol, should_close=should_close)

    async def says_more(self, protocol: Any, *, within: float) -> bool:
        """Whether another answer comes on a kept connection, which should have nothing left to say; closes it.

        A refusal that came on a connection used before may be a late second answer to somebody else. Then the true
        answer is still to come, right behind it.

        Args:
            protocol: The connection.
            within: Seconds to listen.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + within
        try:
            while not protocol.should_close and loop.time() < until:
                await asyncio.sleep(within / 20)
            return len(protocol) > 0
        finally:
            self._kept.discard(protocol)
            protocol.close()


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
