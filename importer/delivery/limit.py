"""What a server takes in a second, if it does not say so: learned from what it took when it said "too fast".

The rate stays a little below the limit that was met, touches it after some time, and then goes beyond it, in case it
has grown (the idea of TCP CUBIC, RFC 9438). Each time that the limit is met where it was before, it is trusted for
twice as long. What contradicts what the server took a moment ago is an accident: once it says nothing. Pure arithmetic;
the clock is an argument.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

#: Share of the limit that is given up at first, and how steeply the rate leaves it in the end.
_FALL, _RISE = 0.05, 0.4
#: Seconds until the rate is back at the limit: if nobody knows, if it was likely one, if it was surely one; at most.
_FIRST_SPAN, _LIKELY_SPAN, _SURE_SPAN, _LONGEST_SPAN = 16.0, 60.0, 120.0, 300.0
#: Requests that were under way and were all refused make it sure.
_MANY = 3
#: Requests taken in a row after which "too fast" is hardly an accident.
_MUCH = 100
#: From this share of the span on the rate is so close to the limit that it may be met again.
_NEAR = 0.4
#: By what share a limit may differ and still be the same; how much above the speed a rate may be and still be used.
_SAME, _USED = 0.1, 1.25
#: Fewer requests in a second agree by chance.
_FEW = 10
#: What was taken in a second is remembered for so many; who took less than this share of it has not reached a limit.
#: Within the same time a second accident is none.
_REMEMBERED, _LESS = 5.0, 0.8
#: A limit has grown if so many times as much was taken; the span with which it is looked for then.
_GROWN, _HURRY_SPAN = 1.05, 8.0
#: A rate is proven by this share of it, taken in two seconds; what is given up of one that is not.
_PROOF, _UNPROVEN_FALL = 0.9, 0.15
#: Less time tells nothing about a speed; seconds.
_INSTANT = 0.05


class Curve:
    """How a rate falls and climbs back.

    Args:
        fall: Share of the rate that is given up after "too fast".
        span: Seconds until the rate is back where it met the limit.
        rise: How steeply it goes on from there; by default as it came.
    """

    def __init__(self, *, fall: float, span: float, rise: float | None = None) -> None:
        self.fall = fall
        self.span = span
        self.rise = fall if rise is None else rise

    def at(self, since: float, met: float) -> float:
        """The rate ``since`` seconds after the limit was met at the rate ``met``."""
        beyond = since / self.span - 1
        return met * (1 + (self.fall if beyond < 0 else self.rise) * beyond**3)


class _Seconds:
    """Counts what was taken: in the last second, in the last two, and in the best of the last few."""

    def __init__(self) -> None:
        self._last: deque[float] = deque()
        self._before: deque[float] = deque()
        self.best = 0
        self._best_at = -math.inf

    def add(self, now: float) -> int:
        """One more; gives the count of the last second."""
        self._last.append(now)
        count, _ = self.counts(now)
        if count >= self.best or now - self._best_at > _REMEMBERED:
            self.best, self._best_at = count, now
        return count

    def counts(self, now: float) -> tuple[int, int]:
        """In the last second, and in the one before."""
        while self._last and self._last[0] <= now - 1.0:
            self._before.append(self._last.popleft())
        while self._before and self._before[0] <= now - 2.0:
            self._before.popleft()
        return len(self._last), len(self._before)

    def forget_best(self, now: float) -> None:
        """What was taken until now proves nothing any more."""
        self.best, self._best_at = 0, now


@dataclass(slots=True)
class _Burst:
    """A "too fast" that was heard while requests left as fast as they could.

    A second that is full takes nothing more: what is under way is refused as well. A server that refuses one request
    for another reason takes the rest.

    Attributes:
        sent_at: When the request left that was refused first.
        count: What was taken in the second before.
        seconds: For how long requests had been leaving, at most one.
        says_nothing: Whether it is no news, unless the second was full.
        refused: Requests under way that were refused as well.
        taken: Those that were taken.
        taken_before: Those of them that had left before the first that was refused.
    """

    sent_at: float
    count: int
    seconds: float
    says_nothing: bool
    refused: int = 0
    taken: int = 0
    taken_before: int = 0

    @property
    def is_full(self) -> bool:
        """Whether the second was full. If nothing was under way, it was as long as so much was taken before."""
        return self.refused >= max(1, self.taken) or (self.taken == 0 and self.count >= _MUCH)

    @property
    def limit(self) -> float | None:
        """Requests a second; None if it says nothing."""
        if self.is_full:
            return max(1.0, self.count + self.taken_before)
        return None if self.says_nothing else max(1.0, (self.count + self.taken) / self.seconds)

    @property
    def span(self) -> float:
        """For how long the limit can be trusted."""
        if not self.is_full:
            return _FIRST_SPAN
        return _SURE_SPAN if self.refused >= _MANY else _LIKELY_SPAN

    def hear(self, sent_at: float, *, refused: bool) -> None:
        """The answer to a request that was under way."""
        if refused:
            self.refused += 1
        else:
            self.taken += 1
            self.taken_before += sent_at <= self.sent_at


class Limit:
    """The limit of a server, as far as it has shown.

    Args:
        share: Share of it that may be used.

    Attributes:
        met: Requests a second that the server took when it objected; None as long as no limit is known.
    """

    def __init__(self, share: float = 1.0) -> None:
        self.met: float | None = None
        self._share = share
        self._curve = Curve(fall=_FALL, span=_FIRST_SPAN, rise=_RISE)
        self._met_at = self._heard_at = self._accident_at = -math.inf
        self._accident_speed = 0.0
        self._leaving_since = math.inf
        self._burst: _Burst | None = None
        self._taken = _Seconds()

    def rate(self, now: float) -> float | None:
        """Requests a second that are right at ``now``; None as long as no limit is known."""
        if self.met is None:
            return None
        wanted = self._curve.at(now - self._met_at, self.met)
        if wanted < self.met:  # for the ceiling a part of a request that is given up is a whole one
            wanted = self.met - math.floor(self.met - wanted)
        return wanted * self._share

    def taken(self, now: float) -> int:
        """Requests that the server took in the last second."""
        return self._taken.counts(now)[0]

    def accepted(self, now: float, *, sent_at: float) -> None:
        """The server took a request."""
        count = self._taken.add(now)
        if sent_at < self._heard_at:
            self._hear_under_way(sent_at, refused=False)
            return
        self._leaving_since = min(self._leaving_since, sent_at)
        if self.met is not None and count > _GROWN * self.met and self._progress(now) > 1.0:
            self._hurry(now)

    def too_fast(self, now: float, *, sent_at: float, rate: float | None, speed: float) -> None:
        """The server said "too fast".

        Args:
            now: The clock.
            sent_at: When the request left. What was under way when this was last heard belongs to that.
            rate: What the rate is at the moment; None for no limit.
            speed: Requests a second that the server takes at the moment.
        """
        if sent_at < self._heard_at:
            self._hear_under_way(sent_at, refused=True)
            return
        self._heard_at = now
        self._burst = None
        if rate is None:
            self._begin_burst(now, sent_at, speed)
        else:
            self._weigh(now, rate, speed)
        self._leaving_since = math.inf

    def _begin_burst(self, now: float, sent_at: float, speed: float) -> None:
        if self._took_more(speed):
            return
        seconds = min(1.0, max(_INSTANT, now - self._leaving_since))
        self._burst = _Burst(sent_at, self.taken(now), seconds, self._is_accident(now, speed))
        self._accident_at = now  # another one soon would be none
        self._believe(now, self._burst.limit, self._burst.span)

    def _hear_under_way(self, sent_at: float, *, refused: bool) -> None:
        if self._burst is not None:
            self._burst.hear(sent_at, refused=refused)
            self._believe(self._met_at, self._burst.limit, self._burst.span)

    def _weigh(self, now: float, rate: float, speed: float) -> None:
        """What "too fast" means at a rate that was chosen: accidents that agree about the speed are none."""
        is_exact = self._agrees(now, speed)
        met = min(rate, speed if is_exact else max(speed, rate / 2))
        if self.met is None:
            self._believe(now, met, _FIRST_SPAN)
        elif self._progress(now) >= _NEAR and not self._took_more(speed):
            is_confirmed = self._is_same(met) and rate <= _USED * speed
            self._believe(now, met, min(_LONGEST_SPAN, 2 * self._curve.span) if is_confirmed else _FIRST_SPAN)
        elif self._is_accident(now, speed) and not is_exact:
            self._accident_at, self._accident_speed = now, speed
        else:
            self._fall(now, met, rate)

    def _took_more(self, speed: float) -> bool:
        """Whether the server took more than that a moment ago."""
        return speed < _LESS * self._taken.best

    def _is_accident(self, now: float, speed: float) -> bool:
        return self._took_more(speed) or now - self._accident_at > _REMEMBERED

    def _agrees(self, now: float, speed: float) -> bool:
        """Whether the server took as much when it objected a moment ago."""
        is_same = speed >= _FEW and abs(speed - self._accident_speed) <= _SAME * speed
        return is_same and now - self._accident_at <= _REMEMBERED

    def _fall(self, now: float, met: float, rate: float) -> None:
        """The limit is lower than it was taken for."""
        # One second is no proof: it may be made of the parts of two that the server counts.
        if sum(self._taken.counts(now)) < math.floor(2 * _PROOF * rate):
            met = min(met, (1 - _UNPROVEN_FALL) * rate)
        self._believe(now, met, max(_FIRST_SPAN, self._curve.span / 2) if self._is_same(met) else _FIRST_SPAN)

    def _is_same(self, met: float) -> bool:
        return self.met is not None and abs(met - self.met) <= _SAME * self.met

    def _believe(self, now: float, met: float | None, span: float) -> None:
        self.met, self._met_at, self._accident_speed = met, now, 0.0
        self._curve = Curve(fall=_FALL, span=span, rise=_RISE)
        if met is not None:
            self._taken.forget_best(now)

    def _progress(self, now: float) -> float:
        """How far the rate is on its way back to the limit: 1 there, more beyond."""
        return (now - self._met_at) / self._curve.span

    def _hurry(self, now: float) -> None:
        """The limit has grown: look for it quickly, from where the rate is."""
        if self._curve.span > _HURRY_SPAN:
            self._met_at = now - self._progress(now) * _HURRY_SPAN
            self._curve = Curve(fall=_FALL, span=_HURRY_SPAN, rise=_RISE)
