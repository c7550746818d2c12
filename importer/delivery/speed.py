"""Which rate is right at the moment: fixed by the user, or found by asking the server for a little more now and then.

After "too fast" a rate that the user ordered falls at once and climbs back along a cubic curve: quickly at first,
slowly towards the end. A rate that has to be found follows the :mod:`importer.delivery.limit` of the server. Pure
arithmetic; the clock is an argument.
"""

from __future__ import annotations

import math

from importer.delivery.limit import Curve, Limit

#: No rate is lowered below this; requests a second.
LOWEST_RATE = 0.2
#: Where ``auto`` begins, and the seconds in which it doubles until the server objects for the first time.
_FIRST_RATE, _DOUBLES_IN = 5.0, 1.0
#: The rate that a user ordered falls by this share after "too fast", twice as much each time that it is heard again
#: within so many seconds, and by the last share at most. From there it climbs for so many seconds.
_FIRST_FALL, _AGAIN_WITHIN, _DEEPEST_FALL, _LONGEST_CLIMB = 0.05, 120.0, 0.5, 60.0


def _curve_below_top(fall: float) -> Curve:
    """Once may have been an accident; whoever hears it over and over was given too high a rate."""
    return Curve(fall=fall, span=_LONGEST_CLIMB * fall / _DEEPEST_FALL)


class Ordered:
    """A rate that the user ordered: never exceeded, and lower only for some time after the server objected."""

    def __init__(self, top: float) -> None:
        self._top = top
        self._curve = _curve_below_top(_FIRST_FALL)
        self._met: float | None = None
        self._met_at = -math.inf

    def rate(self, now: float) -> float:
        """Requests a second that are right at ``now``."""
        if self._met is None:
            return self._top
        return min(self._top, max(LOWEST_RATE, self._curve.at(now - self._met_at, self._met)))

    def too_fast(self, now: float, *, sent_at: float) -> None:
        """See :meth:`Speed.too_fast`."""
        if sent_at < self._met_at:
            return
        self._met = self.rate(now)
        is_again = now - self._met_at < _AGAIN_WITHIN
        self._curve = _curve_below_top(min(_DEEPEST_FALL, 2 * self._curve.fall) if is_again else _FIRST_FALL)
        self._met_at = now

    def accepted(self, now: float, *, sent_at: float) -> None:
        """Says nothing that the user has not said."""


class Found:
    """A rate that is found: as fast as possible, or growing from little, until the server objects."""

    def __init__(self, *, grows: bool, reserve: float) -> None:
        self._grows = grows
        self._limit = Limit(1 - reserve)
        self._began: float | None = None
        self._used = _FIRST_RATE  # the most that the server took in a second since it last objected

    def rate(self, now: float) -> float | None:
        """Requests a second that are right at ``now``; None for no limit."""
        if self._began is None:
            self._began = now
        wanted = self._limit.rate(now)
        if wanted is None:
            if not self._grows:
                return None
            wanted = _FIRST_RATE * 2.0 ** min(30.0, (now - self._began) / _DOUBLES_IN)
        # A rate that the workers never used says nothing about the server.
        self._used = max(self._used, self._taken(now))
        return max(LOWEST_RATE, min(wanted, 2 * self._used))

    def accepted(self, now: float, *, sent_at: float) -> None:
        """See :meth:`Speed.accepted`."""
        self._limit.accepted(now, sent_at=sent_at)

    def too_fast(self, now: float, *, sent_at: float) -> None:
        """See :meth:`Speed.too_fast`."""
        rate = self.rate(now)
        speed = self._taken(now)
        self._limit.too_fast(now, sent_at=sent_at, rate=rate, speed=speed)
        self._used = max(_FIRST_RATE, self._limit.met or speed)

    def _taken(self, now: float) -> float:
        """Requests a second that the server took lately; in the first second as if it went on like that."""
        span = 1.0 if self._began is None else min(1.0, max(0.05, now - self._began))
        return max(1.0, self._limit.taken(now) / span)


class Speed:
    """The rate of one run.

    Args:
        top: Requests a second that are never exceeded; None if there is no such promise.
        auto: Find the server's limit; otherwise start at ``top`` and slow down only when the server objects.
        reserve: Share of the rate that is left to others, 0 to below 1.
    """

    def __init__(self, top: float | None, *, auto: bool = False, reserve: float = 0.0) -> None:
        self._way: Ordered | Found
        self._way = Found(grows=auto, reserve=reserve) if top is None else Ordered(top * (1 - reserve))

    def rate(self, now: float) -> float | None:
        """Requests a second that are right at ``now``; None for no limit."""
        return self._way.rate(now)

    def accepted(self, now: float, *, sent_at: float) -> None:
        """The server took a request that left at ``sent_at``."""
        self._way.accepted(now, sent_at=sent_at)

    def too_fast(self, now: float, *, sent_at: float) -> None:
        """The server said "too fast" to a request that left at ``sent_at``.

        Requests that were under way when this was last heard say nothing about another moment.
        """
        self._way.too_fast(now, sent_at=sent_at)
