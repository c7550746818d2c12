"""The request rate of the account: strict, over every sliding window of one second."""

from __future__ import annotations

from collections import deque

WINDOW_S = 1.0


class Window:
    """Admits at most ``limit`` requests in any window of one second; None admits all.

    The times come from the caller (a monotonic clock), so that the rule can be tested without waiting.
    Only admitted requests fill the window: who keeps knocking is not locked out for ever.
    """

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self.peak = 0
        self._admitted: deque[float] = deque()

    def wait(self, now: float) -> float:
        """0.0 if the request of this moment is admitted, else the seconds until a place is free."""
        admitted = self._admitted
        while admitted and now - admitted[0] >= WINDOW_S:
            admitted.popleft()
        if self.limit is not None and len(admitted) >= self.limit:
            return max(WINDOW_S - (now - admitted[0]), 1e-9)
        admitted.append(now)
        self.peak = max(self.peak, len(admitted))
        return 0.0
