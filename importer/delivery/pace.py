"""When the next request may leave: one pace for all workers.

Three things in a row. The *limiter* (aiolimiter) spreads requests evenly. The *gate* is closed for everybody while
the server wants quiet. The *ceiling* is the promise: behind the fence, right before the request leaves, it makes sure
that no sliding second ever holds more requests than the rate, however the workers bunched up until then.

How fast "the rate" is at a moment says :mod:`importer.delivery.speed`.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import deque
from collections.abc import Callable

from aiolimiter import AsyncLimiter

from importer.delivery.speed import Speed

#: During an outage one request probes the service in so many seconds.
PROBE_EVERY = 30.0
#: Seconds added to the sliding second, for what the way to the server may add to the distance of two requests.
_MARGIN = 0.008
#: Seconds for which the workers may have been held up without losing their turns; the ceiling sees to it that they do
#: not catch up too fast.
_CATCHES_UP = 0.2
#: A new rate is taken over when it differs by this share; a limiter cannot change its rate, so it is made anew.
_STEP = 0.02


class Ceiling:
    """At most ``rate`` grants in any sliding second; below one a second, one grant in ``1 / rate`` seconds."""

    def __init__(self, rate: float) -> None:
        self._times: deque[float] = deque()
        self.set_rate(rate)

    def set_rate(self, rate: float) -> None:
        """Change the rate; what was granted so far still counts."""
        self._most = max(1, math.floor(rate))
        self._span = max(1.0, 1 / rate) + _MARGIN

    def wait(self, now: float) -> float:
        """Seconds until the next grant is allowed; 0 if now."""
        while len(self._times) > self._most:
            self._times.popleft()
        return max(0.0, self._times[0] + self._span - now) if len(self._times) == self._most else 0.0

    def note(self, now: float) -> None:
        """A request leaves now."""
        self._times.append(now)


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
        self._rate: float | None = None
        self._limiter: AsyncLimiter | None = None
        self._ceiling: Ceiling | None = None
        self._last = asyncio.Lock()

    def now(self) -> float:
        """The clock of this pace."""
        return self._clock()

    @property
    def rate(self) -> float | None:
        """Requests a second at the moment; None for no limit."""
        return self._speed.rate(self._clock())

    async def turn(self) -> None:
        """Wait for a turn; call before the fence. Cancelling it costs nothing."""
        if self._limiter is None and self._probe_at is None and self.rate is None and self.closed_for == 0:
            return  # nothing that could be waited for
        await self._gate()
        await self._follow_speed()
        if self._limiter is not None:
            await self._limiter.acquire()
        await self._gate()
        await self._probe()

    async def _follow_speed(self) -> None:
        wanted = self.rate
        if wanted is None or (self._rate is not None and abs(wanted - self._rate) <= _STEP * self._rate):
            return
        self._rate = wanted
        burst = max(1.0, wanted * _CATCHES_UP)
        limiter = AsyncLimiter(burst, burst / wanted)
        self._limiter = limiter
        if self._ceiling is None:
            self._ceiling = Ceiling(wanted)
        else:
            self._ceiling.set_rate(wanted)
        if burst > 1.0:  # at once: neither the start nor a change of rate is a reason for a burst
            await limiter.acquire(burst - 1.0)

    async def leave(self) -> bool:
        """Wait for the last permission; call behind the fence, and send at once afterwards.

        Returns:
            False if the gate was closed in the meantime: the request must not leave.
        """
        if self._ceiling is not None:
            async with self._last:  # one after the other: if all slept, all would wake for each that may leave
                while self.closed_for == 0 and (wait := self._ceiling.wait(self._clock())) > 0:
                    await asyncio.sleep(wait)
                if self.closed_for == 0:
                    self._ceiling.note(self._clock())
                    return True
        return self.closed_for == 0

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
        return max(0.0, self._open_at - self._clock())

    def close_gate(self, seconds: float) -> None:
        """Let nobody through for ``seconds`` from now; a longer wait that is already on stays."""
        self._open_at = max(self._open_at, self._clock() + seconds)

    def accepted(self) -> None:
        """The server took a request."""
        self._speed.accepted(self._clock())

    def slow_down(self, *, sent_at: float) -> None:
        """The server said "too fast" to a request that left at ``sent_at``."""
        self._speed.too_fast(self._clock(), sent_at=sent_at)
