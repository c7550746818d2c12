"""Connections whose history is known: the one place that reaches into aiohttp's pool.

Two questions decide whether a row may be sent again, and a session of aiohttp answers neither: did the request get a
connection at all, and could the answer that came back belong to somebody else? So requests are written to connections
of aiohttp's pool, without its sessions. That also costs a third of the processor time.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import aiohttp

from importer.talkdesk.answers import HeldBack, Leave


class Connections:
    """A pool that knows which connections were used before, and never hands out one with leftovers.

    aiohttp (3.14) parses and keeps bytes that arrive on an idle connection and gives them to the next request
    as its answer. Here a connection on which anything arrived, or waits unread in the socket, is closed instead.
    An answer that arrives while the next request is under way cannot be seen here. If it claims success, the judge
    sees another row's echo; if it is a refusal, :func:`says_more` listens for the true answer behind it.

    Args:
        options: Those of :class:`aiohttp.TCPConnector`.
    """

    def __init__(self, **options: Any) -> None:
        self._connector = aiohttp.TCPConnector(**options)
        #: Every connection that was handed out, and how to look into its socket.
        self._used: WeakKeyDictionary[Any, Callable[[], bool]] = WeakKeyDictionary()

    async def take(
        self,
        request: aiohttp.ClientRequest,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  # aiohttp's way
        leave: Leave | None = None,
    ) -> tuple[Any, bool]:
        """A connection for ``request``, and whether it was used before. Nothing has left on it yet.

        Whoever takes it must write to it at once, and call its ``release()`` or ``close()`` afterwards.

        Args:
            request: Where to.
            timeout: How long to try.
            leave: Waited for when the connection is there.

        Raises:
            HeldBack: ``leave`` said no.
        """
        while True:
            connection = await self._connector.connect(request, [], timeout)
            is_readable = self._used.get(connection.protocol)
            try:
                is_fit = await _is_fit(connection.protocol, is_readable, leave)
            except BaseException:
                connection.close()
                raise
            if is_fit:
                if is_readable is None:
                    self._used[connection.protocol] = _watch(connection.transport)
                return connection, is_readable is not None
            connection.close()

    async def close(self) -> None:
        """Close them all."""
        await self._connector.close()


async def says_more(connection: Any, *, within: float) -> bool:
    """Whether another answer comes on a connection that should have nothing left to say; closes it.

    A refusal that came on a connection used before may be a late second answer to somebody else. Then the true
    answer is still to come, right behind it.

    Args:
        connection: One that was taken and not given back.
        within: Seconds to listen.
    """
    protocol = connection.protocol
    loop = asyncio.get_running_loop()
    until = loop.time() + within
    try:
        while not protocol.should_close and loop.time() < until:
            await asyncio.sleep(within / 20)
        return len(protocol) > 0
    finally:
        connection.close()


def has_leftovers(protocol: Any, is_readable: Callable[[], bool]) -> bool:
    """Whether anything came on an idle connection: an answer to nobody, or its end."""
    return protocol.should_close or is_readable()


async def _is_fit(protocol: Any, is_readable: Callable[[], bool] | None, leave: Leave | None) -> bool:
    """Wait for permission to write to a connection; False if anything came on it before that."""
    if is_readable is not None and protocol.should_close:  # no permission is spent on what the loop knows to be over
        return False
    if leave is not None and not await leave():
        raise HeldBack
    if is_readable is not None:
        return not has_leftovers(protocol, is_readable)
    if protocol.should_close:  # new, and ended before anything was asked; another one would be no better
        raise aiohttp.ServerDisconnectedError
    return True


def _watch(transport: Any) -> Callable[[], bool]:
    """A look for bytes in the socket that the event loop has not seen yet; made once, because it is needed often."""
    socket = None if transport is None else transport.get_extra_info("socket")
    if socket is None or not hasattr(select, "poll"):  # Windows
        return lambda: transport is None
    poll = select.poll()
    poll.register(socket.fileno(), select.POLLIN)
    return lambda: bool(poll.poll(0))


class Deadlines:
    """One timer for all requests under way: they are equally patient, so the oldest is the first to run out.

    Args:
        patience: Seconds from when a request leaves until its whole answer must be there.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._due: dict[Any, float] = {}  # the oldest first
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, protocol: Any) -> None:
        """A request leaves on this connection."""
        self._due[protocol] = self._loop.time() + self._patience
        if self._timer is None:
            self._timer = self._loop.call_later(self._patience, self._look)

    def end(self, protocol: Any) -> bool:
        """Nothing is awaited on this connection any more; says whether its time had run out, so that it was cut."""
        return self._due.pop(protocol, None) is None

    def _look(self) -> None:
        now = self._loop.time()
        while self._due:
            protocol, due = next(iter(self._due.items()))
            if due > now:
                self._timer = self._loop.call_at(due, self._look)
                return
            del self._due[protocol]
            if protocol.transport is not None:
                protocol.transport.abort()  # the protocol's own abort would tell nobody who reads a body
        self._timer = None

    def close(self) -> None:
        """Stop watching."""
        if self._timer is not None:
            self._timer.cancel()
