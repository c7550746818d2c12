"""When the next request may leave: one rate limiter for all that talk to the API.

``AsyncLimiter`` does the waiting. Around it: a gate that is closed while the server wants quiet, probes during an
outage, and the rate itself, which falls when the server says "too fast" and comes back. The limiter stands behind a
lock, so that after a change nobody goes on at the old rate. All times are those of the running event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque

from aiolimiter import AsyncLimiter

#: No rate is lowered below this; requests a second.
LOWEST_RATE = 0.2
#: Where ``auto`` begins; it doubles each second until the server says "too fast".
FIRST_RATE = 5.0
#: Share of the rate that is left after "too fast", and if it is heard again while the rate is coming back.
AFTER_ONE, AFTER_MORE = 0.9, 0.5
#: Seconds in which the rate comes back; the same where nobody gave one, on this machine only.
BACK_IN, BACK_SOON = 60.0, 5.0
#: A rate that had to be found goes on growing by this share in the same time again, for the limit may have grown.
GROWTH = 0.1
#: During an outage one request probes the service in so many seconds.
PROBE_EVERY = 30.0
#: Seconds of quiet after a "too fast" that names none, at most.
_QUIET = 1.0
#: Up to this rate requests are spread evenly; above it timers are too coarse, and a few may leave together.
_EVENLY_UP_TO = 50.0
#: A hair above one request. With exactly 1 a request comes too early by a rounding error, and ``AsyncLimiter`` spins
#: until the clock of uvloop, which counts milliseconds, moves on.
_ONE = 1 + 1e-6
#: A new rate is taken over when it differs by this share.
_STEP = 0.02


def limiter_for(rate: float) -> AsyncLimiter:
    """A limiter that never lets more than ``rate`` requests through in any sliding second: ``b`` at once, and the rest
    evenly."""
    if rate <= _EVENLY_UP_TO:
        return AsyncLimiter(_ONE, _ONE / rate)
    burst = max(2, rate // 100)
    return AsyncLimiter(burst, burst / (rate - burst))


class RateLimiter:
    """How fast requests may leave. Belongs to one event loop.

    Args:
        rate: Requests in any second that are never exceeded; None for none, until the server says "too fast".
        auto: Find the limit of the server instead: begin with little and double it each second.
        reserve: Share of the rate that is left to others, 0 to below 1.
    """

    def __init__(self, rate: float | None, *, auto: bool = False, reserve: float = 0.0) -> None:
        self._top = FIRST_RATE if auto else rate
        self._is_growing = auto
        self._is_found = rate is None
        self._factor = 1.0 if self._is_found else 1 - reserve
        self._reserve = reserve
        self._back_in = BACK_SOON if rate is None and not auto else BACK_IN
        self._grown_at = self._fell_at = float("-inf")
        self._fallen: float | None = None
        self._limiter: AsyncLimiter | None = None
        self._limiter_rate = 0.0
        self._turn = asyncio.Lock()
        self._quiet_until = self._probe_at = float("-inf")
        self._is_outage = False
        self._is_stopped = False
        self._changed = asyncio.Event()
        self._waiting: set[asyncio.Timeout] = set()
        self._starts: deque[float] = deque()  # of the last second

    @property
    def is_stopped(self) -> bool:
        """Whether nothing may leave any more."""
        return self._is_stopped

    @property
    def rate(self) -> float | None:
        """Requests a second at the moment; None for no limit."""
        if self._top is None:
            return None
        top = self._top * self._factor
        if self._fallen is None:
            return top
        elapsed = _now() - self._fell_at
        rate = self._fallen + (top - self._fallen) * min(1.0, elapsed / self._back_in)
        return rate * (1 + GROWTH * max(0.0, elapsed / self._back_in - 1)) if self._is_found else rate

    async def acquire(self) -> bool:
        """Wait until a request may leave; it must leave at once. False: the run is stopping, so it must not leave."""
        if self._is_stopped:
            return False
        if self._top is None and not self._is_outage and self.closed_for <= 0:
            self._note_start()
            return True
        scope = asyncio.timeout(None)
        try:
            async with scope:
                self._waiting.add(scope)
                async with self._turn:
                    await self._wait_for_turn()
        except TimeoutError:
            return False
        finally:
            self._waiting.discard(scope)
        return True

    async def _wait_for_turn(self) -> None:
        while True:
            while (wait := self.closed_for) > 0:
                self._changed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._changed.wait()
            self._grow()
            if (rate := self.rate) is not None:
                await self._follow(rate)
            if self._limiter is not None:
                await self._limiter.acquire()
            if self.closed_for <= 0:
                break
        if self._is_outage:
            self._probe_at = _now() + PROBE_EVERY
        self._note_start()

    async def _follow(self, rate: float) -> None:
        """Take over a rate, unless it is much the same as the one before."""
        if self._limiter is not None and abs(rate - self._limiter_rate) <= _STEP * self._limiter_rate:
            return
        self._limiter, self._limiter_rate = limiter_for(rate), rate
        if self._starts:  # a change of rate is no reason for a burst: what leaves now follows what has left
            await self._limiter.acquire(self._limiter.max_rate)

    def _note_start(self) -> None:
        now = _now()
        self._starts.append(now)
        while self._starts[0] <= now - 1.0:
            self._starts.popleft()

    def _grow(self) -> None:
        """Double a rate that is to be found, if it was used: a rate that nobody uses says nothing about the server."""
        now = _now()
        if self._is_growing and self._top is not None and now >= self._grown_at + 1.0:
            if len(self._starts) >= self._top / 2:
                self._top *= 2
            self._grown_at = now

    @property
    def closed_for(self) -> float:
        """Seconds until the next request may leave, if the server wants quiet or is away; 0 or less if it may."""
        return max(self._quiet_until, self._probe_at) - _now()

    def pause(self, seconds: float) -> None:
        """Let nobody through for ``seconds`` from now; a longer wait that is already on stays."""
        self._quiet_until = max(self._quiet_until, _now() + seconds)

    def give_back(self) -> None:
        """The turn that was just had is not used: if it was a probe, the next one in line is the probe."""
        if self._is_outage:
            self._probe_at = float("-inf")

    def throttled(self, wait: float | None, *, sent_at: float) -> None:
        """The server said "too fast" to a request that left at ``sent_at``, and asked for such a wait, if it did.

        What was under way when the rate fell says nothing about the new rate.
        """
        self.pause(random.random() * _QUIET if wait is None else wait)
        if sent_at <= self._fell_at:
            return
        rate, is_again = self.rate, _now() - self._fell_at < self._back_in
        if self._is_found:  # the limit is what left in the last second: the server has just said that it is too much
            used = max(FIRST_RATE, float(len(self._starts)))
            self._top = (used if rate is None else min(rate, used)) / self._factor
            self._factor, self._is_growing = 1 - self._reserve, False
        assert self._top is not None
        rate = self._top * self._factor if rate is None else min(rate, self._top * self._factor)
        self._fallen = min(rate, max(LOWEST_RATE, rate * (AFTER_MORE if is_again else AFTER_ONE)))
        self._fell_at = _now()

    def outage(self, *, is_on: bool) -> None:
        """Let one request through in :data:`PROBE_EVERY` seconds, or all of them again."""
        if is_on and not self._is_outage:
            self._probe_at = _now() + PROBE_EVERY
        elif not is_on and self._is_outage:
            self._probe_at = float("-inf")
            self._changed.set()
        self._is_outage = is_on

    def stop(self) -> None:
        """Nothing leaves any more: all who wait are told so."""
        self._is_stopped = True
        for scope in self._waiting:
            scope.reschedule(_now())


def _now() -> float:
    return asyncio.get_running_loop().time()
