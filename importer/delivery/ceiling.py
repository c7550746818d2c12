"""The promise that no sliding second holds more requests than the rate: where the server counts them, not only here.

Two requests that leave a second apart may arrive closer to each other, if the first was held up on its way. Nobody
sees that, but it cannot be more than what the answer was late. So long such a request counts on.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

#: Seconds added to the sliding second, for what the way to the server may add that no answer shows.
MARGIN = 0.005
#: Most seconds that a request counts on because its answer is late.
_MOST_LATE = 0.25
#: What counts as usual is chosen so that this is what requests count on, in seconds, on an average of so many; it is
#: chosen anew after every few answers.
_ON_AVERAGE, _BEFORE, _FEW = 0.004, 100, 10


@dataclass(slots=True, eq=False)
class Departure:
    """One request.

    Attributes:
        sent_at: When it left; infinity if it did not.
        answered_at: When its answer was there, or when it was clear that none would come.
    """

    sent_at: float = math.inf
    answered_at: float | None = None


class Ceiling:
    """At most ``rate`` grants in any sliding second; below one a second, one grant in ``1 / rate`` seconds."""

    def __init__(self, rate: float) -> None:
        self._left: deque[Departure] = deque()
        self._took: deque[float] = deque(maxlen=_BEFORE)
        self._answers = 0
        self._usual = math.inf
        self.set_rate(rate)

    def set_rate(self, rate: float) -> None:
        """Change the rate; what was granted so far still counts."""
        self._most = max(1, math.floor(rate))
        self._span = max(1.0, 1 / rate) + MARGIN

    def wait(self, now: float) -> float:
        """Seconds until the next grant is allowed; 0 if now."""
        while len(self._left) > self._most:
            self._left.popleft()
        if len(self._left) < self._most:
            return 0.0
        oldest = self._left[0]
        return max(0.0, oldest.sent_at + self._late(oldest, now) + self._span - now)

    def _late(self, departure: Departure, now: float) -> float:
        """Seconds that a request may have been held up on its way."""
        took = (departure.answered_at or now) - departure.sent_at
        return min(_MOST_LATE, max(0.0, took - self._usual))

    def note(self, departure: Departure) -> None:
        """A request leaves now."""
        self._left.append(departure)

    def accepted(self, departure: Departure) -> None:
        """A request was answered as most are: what that took is what others are compared with."""
        if departure.answered_at is None:
            return
        self._took.append(departure.answered_at - departure.sent_at)
        self._answers += 1
        if self._answers % _FEW == 0:
            self._usual = _level(sorted(self._took, reverse=True), _ON_AVERAGE)


def _level(heights: list[float], above: float) -> float:
    """The level, not below the lowest, over which ``heights`` (the highest first) rise by ``above`` on an average."""
    level, total = heights[-1], 0.0
    for count, height in enumerate(heights, 1):
        total += height
        level = (total - above * len(heights)) / count
        if count == len(heights) or heights[count] <= level:
            break
    return max(level, heights[-1])
