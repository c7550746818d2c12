"""How long a server asks to wait: Retry-After, and the headers of rate limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

#: No server can put us to sleep for longer than this; seconds.
LONGEST_WAIT = 3600.0


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
