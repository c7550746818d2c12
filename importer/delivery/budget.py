"""How much trouble a run can afford."""

from __future__ import annotations


class RetryBudget:
    """At most a tenth of all requests may be retries, so that trouble is never multiplied.

    Every first attempt pays in a tenth of a retry; a few are there from the start, for small files.
    """

    def __init__(self, *, start: float = 10.0, share: float = 0.10) -> None:
        self._left = start
        self._share = share

    def first_attempt(self) -> None:
        """A record is sent for the first time in this run."""
        self._left += self._share

    def take_retry(self) -> bool:
        """Whether one more retry can be afforded; if so, it is spent."""
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
