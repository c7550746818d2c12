"""How much trouble a run can afford."""

from __future__ import annotations


class RetryBudget:
    """At most a tenth of all requests may be retries, so that trouble is never multiplied.

    Every first attempt pays in a tenth of a retry; a few are there from the start, for small files. Beside these, each
    worker may be told "too fast" once: a limit that nobody knew may refuse all that is under way together.

    Args:
        workers: Requests at once.
        start: Retries that are there from the start.
        share: Retries that a first attempt pays in.
    """

    def __init__(self, workers: int = 0, *, start: float = 10.0, share: float = 0.10) -> None:
        self._left = start
        self._left_too_fast = workers
        self._share = share

    def first_attempt(self) -> None:
        """A record is sent for the first time in this run."""
        self._left += self._share

    def take_retry(self, *, too_fast: bool = False) -> bool:
        """Whether one more retry can be afforded; if so, it is spent.

        Args:
            too_fast: The server refused the request for nothing but its limit.
        """
        if too_fast and self._left_too_fast > 0:
            self._left_too_fast -= 1
            return True
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
