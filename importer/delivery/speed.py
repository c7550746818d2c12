"""Which rate is right at the moment: fixed by the user, or found by asking the server for a little more now and then.

After "too fast" the rate falls at once and climbs back along a cubic curve: quickly at first, slowly where the limit
was met last, then on beyond it, in case the limit has grown (the idea of TCP CUBIC, RFC 9438). Pure arithmetic; the
clock is an argument.
"""

from __future__ import annotations

import math
from collections import deque

#: No rate is lowered below this; requests a second.
LOWEST_RATE = 0.2
#: Where ``auto`` begins, and the seconds in which it doubles until the server objects for the first time.
_FIRST_RATE, _DOUBLES_IN = 5.0, 1.0


class Curve:
    """How a rate falls and climbs back.

    Args:
        fall: Share of the rate that is given up after "too fast".
        span: Seconds until the rate is back where it met the limit.
    """

    def __init__(self, *, fall: float, span: float) -> None:
        self.fall = fall
        self.span = span

    def at(self, since: float, met: float) -> float:
        """The rate ``since`` seconds after the limit was met at the rate ``met``."""
        return met * (1 - self.fall * (1 - since / self.span) ** 3)


#: The rate that a user ordered falls by this share after "too fast", twice as much each time that it is heard again
#: within so many seconds, and by the last share at most. From there it climbs for so many seconds.
_FIRST_FALL, _AGAIN_WITHIN, _DEEPEST_FALL, _LONGEST_CLIMB = 0.05, 120.0, 0.5, 60.0


def _curve_below_top(fall: float) -> Curve:
    """Once may have been an accident; whoever hears it over and over was given too high a rate."""
    return Curve(fall=fall, span=_LONGEST_CLIMB * fall / _DEEPEST_FALL)


def _curve(*, auto: bool, has_top: bool, share: float) -> Curve:
    """Whoever has no rate of his own must find the limit again soon."""
    if auto:
        return Curve(fall=0.1, span=20.0 / share)
    return _curve_below_top(_FIRST_FALL) if has_top else Curve(fall=0.3, span=12.0)


class Speed:
    """The rate of one run.

    Args:
        top: Requests a second that are never exceeded; None if there is no such promise.
        auto: Find the server's limit; otherwise start at ``top`` and slow down only when the server objects.
        reserve: Share of the rate that is left to others, 0 to below 1.
    """

    def __init__(self, top: float | None, *, auto: bool = False, reserve: float = 0.0) -> None:
        self._top = None if top is None else top * (1 - reserve)
        self._auto = auto
        self._share = 1 - reserve
        self._curve = _curve(auto=auto, has_top=top is not None, share=self._share)
        self._began: float | None = None
        self._met: float | None = None
        self._met_at = -math.inf
        self._accepted: deque[float] = deque()  # of the last second
        self._used = _FIRST_RATE  # the most that the server took in a second since it last objected

    def rate(self, now: float) -> float | None:
        """Requests a second that are right at ``now``; None for no limit."""
        if self._began is None:
            self._began = now
        if self._met is not None:
            wanted = self._curve.at(now - self._met_at, self._met) * (self._share if self._auto else 1.0)
        elif self._auto:
            wanted = _FIRST_RATE * 2.0 ** min(30.0, (now - self._began) / _DOUBLES_IN)
        else:
            return self._top
        if self._auto:  # a rate that the workers never used says nothing about the server
            self._used = max(self._used, self._taken(now) or 0.0)
            wanted = min(wanted, 2 * self._used)
        wanted = max(LOWEST_RATE, wanted)
        return wanted if self._top is None else min(wanted, self._top)

    def accepted(self, now: float) -> None:
        """The server took a request."""
        if self._top is None:
            self._accepted.append(now)
            if self._accepted[0] <= now - 1.0:  # as fast as it grows, it forgets
                self._accepted.popleft()

    def too_fast(self, now: float, *, sent_at: float) -> None:
        """The server said "too fast" to a request that left at ``sent_at``.

        Requests that were under way when this was last heard say nothing new.
        """
        if sent_at < self._met_at:
            return
        rate = self.rate(now)
        taken = self._taken(now)
        self._met = taken if rate is None else rate if taken is None else min(rate, max(taken, rate / 2))
        if not self._auto and self._top is not None:
            is_again = now - self._met_at < _AGAIN_WITHIN
            self._curve = _curve_below_top(min(_DEEPEST_FALL, 2 * self._curve.fall) if is_again else _FIRST_FALL)
        self._met_at = now
        self._used = max(_FIRST_RATE, self._met or 0.0)

    def _taken(self, now: float) -> float | None:
        """Requests a second that the server took lately, where that is counted."""
        if self._top is not None or self._began is None:
            return None
        span = min(1.0, max(0.05, now - self._began))
        while self._accepted and self._accepted[0] <= now - span:
            self._accepted.popleft()
        return max(1.0, len(self._accepted) / span)
