"""When to try again: what servers ask for, what we choose ourselves, and what a run can afford.

Sources: RFC 9110 §10.2.3 (Retry-After); the three-header form of draft-ietf-httpapi-ratelimit-headers; the Talkdesk
OpenAPI shows a hint inside the error body (``fields[].name == "retry-after"``).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Hashable
from typing import TYPE_CHECKING

from importer.models import State

if TYPE_CHECKING:
    from importer.delivery.verdicts import Verdict

#: Requests for one record in one run; after that it stays pending, and the run says "temporary".
MAX_ATTEMPTS = 3
#: Seconds: first back-off after trouble on the way, after "too fast", of a read, and the longest of all.
_BASE, _BASE_THROTTLED, _BASE_READ, _CAP = 0.05, 1.0, 0.5, 20.0


def backoff(attempt: int, *, base: float = _BASE_READ, cap: float = _CAP) -> float:
    """Seconds before attempt ``attempt + 1``: full jitter, ``random() · min(cap, base · 2^(attempt-1))``."""
    return random.random() * min(cap, base * 2.0 ** (attempt - 1))


class RetryBudget:
    """At most a tenth of all requests may be retries, so that trouble is never multiplied.

    Every first attempt pays in a tenth of a retry; a few are there from the start, for small files. In addition, each
    of the ``workers`` may be told "too fast" once: an unknown limit may refuse all that is under way together.
    """

    START, SHARE = 10.0, 0.10

    def __init__(self, workers: int = 0) -> None:
        self._left = self.START
        self._left_too_fast = workers
        self.attempts = Counter[Hashable]()  #: in this run, of what may be sent again

    def after(self, what: Hashable, verdict: Verdict) -> float | None:
        """Count an attempt; seconds until what it was for is sent again, None if it is not, or not in this run."""
        attempts = self.attempts.pop(what, 0) + 1
        if attempts == 1:
            self._left += self.SHARE
        if verdict.in_outage:  # the pause keeps its trouble small; and what never left was not even tried
            attempts -= verdict.state is State.PENDING
            self._left += attempts > 0
        if verdict.state in (State.PENDING, State.UNKNOWN):  # what is unknown may come back
            self.attempts[what] = attempts
        if verdict.is_unauthorized:  # about the token; unless it comes with each new one
            return None if attempts >= MAX_ATTEMPTS else 0.0 if attempts == 1 else backoff(attempts)
        if verdict.state is not State.PENDING or not self.allows(attempts, too_fast=verdict.is_too_fast):
            return None
        return backoff(max(1, attempts), base=_BASE_THROTTLED if verdict.is_too_fast else _BASE)

    def allows(self, attempts: int, *, too_fast: bool = False) -> bool:
        """Whether what was sent so many times in this run may be sent once more; if so, that is paid for.

        The first request needs no permission. ``too_fast``: the server refused the last one for nothing but its limit.
        """
        if attempts == 0:
            return True
        if attempts >= MAX_ATTEMPTS or (self._left < 1.0 and not (too_fast and self._left_too_fast)):
            return False
        if too_fast and self._left_too_fast:
            self._left_too_fast -= 1
        else:
            self._left -= 1.0
        return True
