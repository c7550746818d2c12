"""A run in a model: workers that send evenly as fast as they are let, and a server that takes so many in a second."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from random import Random

from importer.delivery.speed import Speed

#: Seconds from the first request → requests a second; None for no limit.
LimitAt = Callable[[float], float | None]


@dataclass
class Server:
    """Takes so many requests in a second.

    Args:
        limit: How many.
        by_clock: Counts from one full second to the next, else in any second.
        whim: Share of requests that are refused for reasons that have nothing to do with speed.
    """

    limit: LimitAt
    by_clock: bool = False
    whim: float = 0.0
    lots: Random = field(default_factory=lambda: Random(1))
    _passed: deque[float] = field(default_factory=deque)

    def takes(self, now: float, began: float) -> bool:
        if self.lots.random() < self.whim:
            return False
        most = self.limit(now - began)
        if most is None:
            return True
        while self._passed and (int(self._passed[0]) < int(now) if self.by_clock else self._passed[0] <= now - 1.0):
            self._passed.popleft()
        if len(self._passed) >= most:
            return False
        self._passed.append(now)
        return True


@dataclass
class Ran:
    """What a run came to; times are seconds from the first request.

    Attributes:
        taken: When requests were taken.
        refused: When "too fast" was heard.
    """

    taken: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)

    def used(self, limit: float, start: float, end: float) -> float:
        """Share of a limit that was used in a span."""
        return sum(start <= time < end for time in self.taken) / (limit * (end - start))

    def objections(self, start: float = 1.0, end: float = float("inf")) -> list[float]:
        """Seconds in which "too fast" was heard, one for each pause that followed."""
        heard: list[float] = []
        for time in self.refused:
            if start <= time < end and (not heard or time >= heard[-1] + 1.0):
                heard.append(time)
        return heard


def run(
    speed: Speed,
    server: Server,
    seconds: float,
    *,
    workers: int = 64,
    way: float = 0.004,
    fastest: float = 9000.0,
    retry_after: float = 1.0,
    began: float = 0.3,
) -> Ran:
    """Send for so many seconds.

    Args:
        speed: Says how fast.
        server: Where to.
        seconds: How long.
        workers: Requests at once.
        way: Seconds to the server and back.
        fastest: Requests a second that this machine manages.
        retry_after: Seconds of quiet that a refusal asks for.
        began: Time of the first request.
    """
    ran, now, quiet_until, last = Ran(), began, 0.0, -1.0
    under_way: list[tuple[float, int, float, bool]] = []
    numbers: Iterator[int] = count()
    while now < began + seconds:
        rate = speed.rate(now)
        next_at = max(now, quiet_until, last + max(1 / fastest, 1.005 / rate if rate else 0.0))
        if under_way and (len(under_way) == workers or under_way[0][0] <= next_at):
            now, _, sent_at, is_taken = heapq.heappop(under_way)
            if is_taken:
                ran.taken.append(now - began)
                speed.accepted(now, sent_at=sent_at)
            else:
                ran.refused.append(now - began)
                speed.too_fast(now, sent_at=sent_at)
                quiet_until = max(quiet_until, now + retry_after)
        elif next_at > now + 0.02:  # the rate may be another by then
            now += 0.02
        else:
            now = last = next_at
            is_taken = server.takes(now + way / 2, began)
            heapq.heappush(under_way, (now + way, next(numbers), now, is_taken))
    return ran
