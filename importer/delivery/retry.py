"""When to try again: what servers ask for, what we choose ourselves, and what a run can afford.

Sources: RFC 9110 §10.2.3 (Retry-After); the three-header form of draft-ietf-httpapi-ratelimit-headers; the Talkdesk
OpenAPI shows a hint inside the error body (``fields[].name == "retry-after"``).
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Collection, Hashable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from importer.errors import ConfigError
from importer.models import State

if TYPE_CHECKING:
    from importer.delivery.response_policy import Verdict

#: No server can put us to sleep for longer than this; seconds.
LONGEST_WAIT = 3600.0
#: Requests for one record in one run; after that it stays pending, and the run says "temporary".
MAX_ATTEMPTS = 3
#: Seconds: first back-off after trouble on the way, after "too fast", of a read, and the longest of all.
_BASE, _BASE_THROTTLED, _BASE_READ, _CAP = 0.05, 1.0, 0.5, 20.0

_SECONDS = re.compile(r"[0-9]{1,6}", re.ASCII)


def asked_wait(headers: Mapping[str, str], hint: str | None) -> float | None:
    """Seconds that an answer asks to wait, between 0 and :data:`LONGEST_WAIT`; None if it does not ask.

    Retry-After wins over rate-limit headers, these over the hint in the body. What is malformed is ignored.
    """
    waits = (_retry_after(headers), rate_limit_wait(headers), _seconds(hint))
    return next((min(max(wait, 0.0), LONGEST_WAIT) for wait in waits if wait is not None), None)


def rate_limit_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds to the next window, at most :data:`LONGEST_WAIT`, if the headers say that this one is used up."""
    for prefix in ("RateLimit", "X-RateLimit"):
        if headers.get(f"{prefix}-Remaining", "").strip() == "0":
            wait = _seconds(headers.get(f"{prefix}-Reset"))  # seven digits and more are a date: ignored
            return None if wait is None else min(wait, LONGEST_WAIT)
    return None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """A date counts from the server's own clock: ours may be wrong by hours."""
    text, date = headers.get("Retry-After"), headers.get("Date")
    if text is None:
        return None
    if (seconds := _seconds(text)) is not None:
        return seconds
    then, now = _http_date(text), datetime.now(UTC) if date is None else _http_date(date)
    return None if then is None or now is None else (then - now).total_seconds()


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and _SECONDS.fullmatch(text.strip()) else None


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def backoff(attempt: int, *, base: float = _BASE_READ, cap: float = _CAP) -> float:
    """Seconds before attempt ``attempt + 1``: full jitter, ``random() · min(cap, base · 2^(attempt-1))``."""
    return random.random() * min(cap, base * 2.0 ** (attempt - 1))


class ReadError(Exception):
    """Something could not be read; this says nothing about any case."""

    def __init__(self, message: str, *, is_final: bool = False, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status  #: HTTP status of the answer that said so; None if it was something else
        self.is_final = is_final  #: asking again in this run would not help


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


_RETRYABLE = frozenset({State.REFUSED, State.PENDING, State.INVALID, State.SKIPPED})
#: What only another mapping can change; of skipped rows, those that the mapping filtered.
_OF_MAPPING = frozenset({State.INVALID, State.SKIPPED})


def retryable(states: Collection[State] | None, *, has_mapping: bool) -> frozenset[State]:
    """The states whose rows are sent again: those that a person names, or all that may be.

    Raises:
        ConfigError: rows in one of these states cannot be sent again, or not without a new mapping.
    """
    if states is None:
        return _RETRYABLE if has_mapping else _RETRYABLE - _OF_MAPPING
    wanted = frozenset(states)
    if wanted - _RETRYABLE:
        names = ", ".join(sorted(wanted - _RETRYABLE))
        raise ConfigError(
            f"rows in state {names} cannot be retried",
            hint="retry accepts refused, pending, invalid, and skipped (rows filtered by the mapping)",
        )
    if wanted & _OF_MAPPING and not has_mapping:
        names = " and ".join(sorted(wanted & _OF_MAPPING))
        raise ConfigError(f"{names} rows stay {names} with the same mapping", hint="pass a new mapping with --mapping")
    return wanted
