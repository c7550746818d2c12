"""How long to wait: what servers ask for, and what we choose ourselves. Pure functions.

Sources: RFC 9110 §10.2.3 (Retry-After); draft-ietf-httpapi-ratelimit-headers and its older three-header form; the
Talkdesk OpenAPI shows a hint inside the error body (``fields[].name == "retry-after"``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

#: No server can put us to sleep for longer than this; seconds.
LONGEST_WAIT = 3600.0

_OLDER_FIELDS = (("RateLimit-Remaining", "RateLimit-Reset"), ("X-RateLimit-Remaining", "X-RateLimit-Reset"))
_SECONDS = re.compile(r"[0-9]{1,6}", re.ASCII)
_POLICIES = re.compile(r"(?:\"[^\"]*\"|[^,\"])+")
_REMAINING = re.compile(r"(?:^|;)\s*r=(\d{1,9})\s*(?=;|$)", re.ASCII)
_RESET = re.compile(r"(?:^|;)\s*t=(\d{1,6})\s*(?=;|$)", re.ASCII)


def asked_wait(headers: Mapping[str, str], hint: str | None) -> float | None:
    """Seconds that an answer asks to wait, between 0 and :data:`LONGEST_WAIT`; None if it does not ask.

    Retry-After wins over rate-limit headers, these over the hint in the body. What is malformed is ignored.
    """
    for wait in (_retry_after(headers), _rate_limit(headers), _seconds(hint)):
        if wait is not None:
            return _clamped(wait)
    return None


def rate_limit_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds to the next window, if the headers of a successful answer say that this one is used up."""
    wait = _rate_limit(headers)
    return None if wait is None else _clamped(wait)


def _clamped(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST_WAIT)


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and _SECONDS.fullmatch(text.strip()) else None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    text = headers.get("Retry-After")
    if text is None:
        return None
    seconds = _seconds(text)
    return seconds if seconds is not None else _until(text, headers.get("Date"))


def _until(text: str, date: str | None) -> float | None:
    """Seconds from the server's own clock to the HTTP-date ``text``: our clock may be wrong by hours."""
    then = _http_date(text)
    now = _http_date(date) if date is not None else datetime.now(UTC)
    return None if then is None or now is None else (then - now).total_seconds()


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _rate_limit(headers: Mapping[str, str]) -> float | None:
    """Seconds to the next window, if the headers say that this one is used up."""
    field = headers.get("RateLimit")
    if field is not None:
        return max(filter(None, map(_used_up, _POLICIES.findall(field))), default=None)
    for remaining, reset in _OLDER_FIELDS:
        if headers.get(remaining, "").strip() == "0":
            return _seconds(headers.get(reset))  # seven digits and more are a date, not a wait: ignored
    return None


def _used_up(policy: str) -> float | None:
    """Seconds until a policy of the RateLimit field opens again, if nothing of it remains."""
    remaining, reset = _REMAINING.search(policy), _RESET.search(policy)
    return float(reset[1]) if remaining and reset and int(remaining[1]) == 0 else None


def backoff(attempt: int, *, base: float, cap: float, random: Callable[[], float]) -> float:
    """Seconds before attempt ``attempt + 1``: full jitter, ``random() · min(cap, base · 2^(attempt-1))``."""
    return random() * min(cap, base * 2.0 ** (attempt - 1))
