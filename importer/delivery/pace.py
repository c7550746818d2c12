"""When the next request may leave: one pace for all workers.

Three things in a row. *Turns* follow each other evenly (aiolimiter). The *gate* is closed for everybody while the
server wants quiet. The *ceiling* is the promise: when the fence is up and the connection is there, right before the
request leaves, it makes sure that no sliding second ever holds more requests than the rate, however the workers
bunched up until then.

How fast "the rate" is at a moment says :mod:`importer.delivery.speed`.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable

from aiolimiter import AsyncLimiter

from importer.delivery.ceiling import MARGIN, Ceiling, Departure
from importer.delivery.speed import Speed

#: During an outage one request probes the service in so many seconds.
PROBE_EVERY = 30.0
#: Seconds for which the workers may have been held up without losing their turns; the ceiling sees to it that they do
#: not catch up too fast.
_CATCHES_UP = 0.2
#: Nobody who waits for a turn looks again sooner, in seconds. An event loop whose timers count in milliseconds rounds
#: the last part of a wait to nothing, and would look a hundred times for each turn.
_TICK = 0.001
#: A new rate is taken over when it differs by this share; a limiter cannot change its rate, so it is made anew.
_STEP = 0.02


class Pace:
    """How fast requests may leave. Belongs to one event loop.

    Args:
        speed: The rate that is wanted at any moment.
        clock: Monotonic seconds.
    """

    def __init__(self, speed: Speed, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._speed = speed
        self._clock = clock
        self._open_at = 0.0
        self._probe_at: float | None = None
        self._is_back = asyncio.Event()
        self._turns_at: float | None = None
        self._turns: AsyncLimiter | None = None
        self._next_turn = -math.inf
        self._ceiling: Ceiling | None = None
        self._first = asyncio.Lock()
        self._last = asyncio.Lock()

    @property
    def rate(self) -> float | None:
        """Requests a second at the moment; None for no limit."""
        return self._speed.rate(self._clock())

    async def turn(self) -> None:
        """Wait for a turn; call before the fence. Cancelling it costs nothing."""
        if self.rate is None:
            self._turns = self._turns_at = self._ceiling = None
            if self._probe_at is None and self.closed_for == 0:
                return  # nothing that could be waited for
        await self._gate()
        await self._spread()
        await self._gate()
        await self._probe()

    async def _spread(self) -> None:
        """Wait for the next turn: one after the other, so that a new rate counts for all but the first who waits."""
        async with self._first:
            if (rate := self.rate) is not None:
                await self._follow(rate)
            if self._turns is not None:
                await self._take(self._turns)

    async def _take(self, turns: AsyncLimiter, count: float = 1.0) -> None:
        """Take turns. When the next one is there is known, so nobody has to rely on the timers of the limiter.

        Turns that were not taken are there at once, up to the capacity of the limiter; then one follows the other.
        """
        while not turns.has_capacity(count):
            await asyncio.sleep(max(_TICK, self._next_turn - self._clock()))
        await turns.acquire(count)
        each = turns.time_period / turns.max_rate
        self._next_turn = max(self._next_turn, self._clock() - each * (turns.max_rate - 1.0)) + each * count

    async def _follow(self, rate: float) -> None:
        """Take over a rate, unless it is much the same as the one before."""
        if self._turns_at is not None and abs(rate - self._turns_at) <= _STEP * self._turns_at:
            return
        # A little slower than the ceiling wants, so that nobody waits there, with the fence up.
        most = max(1.0, rate * _CATCHES_UP)
        turns, is_first = AsyncLimiter(most, most * (1.0 + MARGIN) / rate), self._turns_at is None
        self._turns, self._turns_at, self._next_turn = turns, rate, -math.inf
        if self._ceiling is None:
            self._ceiling = Ceiling(rate)
        else:
            self._ceiling.set_rate(rate)
        # Takes no time, for it is empty: neither the start nor a change of rate is a reason for a burst.
        await self._take(turns, most - 1.0 if is_first else most)

    async def leave(self, departure: Departure) -> bool:
        """Wait for the last permission; call when the fence is up and the connection is there, and send at once.

        Args:
            departure: The request; is told when it leaves.

        Returns:
            False if the gate was closed in the meantime: the request must not leave.
        """
        if (ceiling := self._ceiling) is not None:
            async with self._last:  # one after the other: if all slept, all would wake for each that may leave
                while self.closed_for == 0 and (wait := ceiling.wait(self._clock())) > 0:
                    await asyncio.sleep(wait)
                if self.closed_for == 0:
                    departure.sent_at = self._clock()
                    ceiling.note(departure)
                    return True
            return False
        departure.sent_at = self._clock()
        return departure.sent_at >= self._open_at

    async def _gate(self) -> None:
        while (wait := self._open_at - self._clock()) > 0:
            await asyncio.sleep(wait)

    async def _probe(self) -> None:
        """During an outage, let one request through in :data:`PROBE_EVERY` seconds."""
        while self._probe_at is not None:
            wait = self._probe_at - self._clock()
            if wait <= 0:
                self._probe_at = self._clock() + PROBE_EVERY
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._is_back.wait()

    def outage(self, *, is_on: bool) -> None:
        """Switch to probing, or back to the normal pace."""
        if is_on and self._probe_at is None:
            self._probe_at = self._clock() + PROBE_EVERY
            self._is_back.clear()
        elif not is_on and self._probe_at is not None:
            self._probe_at = None
            self._is_back.set()

    @property
    def closed_for(self) -> float:
        """Seconds until the gate opens; 0 if it is open."""
        return max(0.0, self._open_at - self._clock()) if self._open_at else 0.0  # few runs are ever asked to wait

    def close_gate(self, seconds: float) -> None:
        """Let nobody through for ``seconds`` from now; a longer wait that is already on stays."""
        self._open_at = max(self._open_at, self._clock() + seconds)

    def answered(self, departure: Departure) -> None:
        """The whole answer to a request is there, or never comes."""
        departure.answered_at = self._clock()

    def accepted(self, departure: Departure) -> None:
        """The server took a request."""
        self._speed.accepted(self._clock(), sent_at=departure.sent_at)
        if self._ceiling is not None:
            self._ceiling.accepted(departure)

    def slow_down(self, departure: Departure) -> None:
        """The server said "too fast" to a request."""
        self._speed.too_fast(self._clock(), sent_at=departure.sent_at)
