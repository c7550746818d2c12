"""One cause, many refusals: rows that would only be refused for the same reason again are left alone.

A refusal is reduced to its signature: status, code, and the field that the server names. When one signature has refused
too many rows, the rows that carry what was refused are parked, and all others go on. Parked rows stay pending; they are
not sent until somebody has looked.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Any, NamedTuple

import orjson

from importer.delivery.judge import Verdict
from importer.models import State, shown

#: A cause is too frequent when it has refused so many rows …
MOST = 200
#: … or so many of the last attempts.
MOST_OF_LAST, LAST = 20, 1000


class Signature(NamedTuple):
    """What a refusal looks like; ``field`` is empty when the server names none."""

    status: int
    code: str
    field: str


class Cause:
    """All that is known of one signature."""

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self.refused = 0
        self.values: set[str] = set()
        self.created_with_field = 0
        self.is_frequent = False

    def explains(self, body: dict[str, Any]) -> bool:
        """Whether a row with this body would be refused for this cause, as far as anybody can tell.

        It would if it carries a value that was refused. If every row was refused that has the field at all, whatever
        its value, the field itself is the cause.
        """
        value = value_of(body, self.signature.field)
        if value is None:
            return not self.signature.field and self.created_with_field == 0
        return value in self.values or (self.refused >= MOST and self.created_with_field == 0)

    def __str__(self) -> str:
        field = f" in {self.signature.field}" if self.signature.field else ""
        return f"HTTP {self.signature.status}, code {self.signature.code}{field}"


class Causes:
    """Counts refusals by cause, and says which rows to leave alone."""

    def __init__(self) -> None:
        self._causes: dict[Signature, Cause] = {}
        self._last: deque[Signature | None] = deque(maxlen=LAST)
        self._in_last: Counter[Signature] = Counter()

    def hear(self, verdict: Verdict, body: bytes) -> Cause | None:
        """Take a verdict into account; returns a cause that has just become too frequent."""
        state = verdict.outcome.state
        if state is State.CREATED:
            self._remember(None)
            if self._causes:
                self._hear_created(orjson.loads(body))
        elif state is State.REFUSED:
            return self._hear_refused(verdict, orjson.loads(body))
        return None

    def _hear_created(self, body: dict[str, Any]) -> None:
        for cause in self._causes.values():
            value = value_of(body, cause.signature.field)
            if value is not None or not cause.signature.field:
                cause.created_with_field += 1
                cause.values.discard(value or "")

    def _hear_refused(self, verdict: Verdict, body: dict[str, Any]) -> Cause | None:
        outcome = verdict.outcome
        signature = Signature(outcome.http_status or 0, outcome.code or "", verdict.field)
        cause = self._causes.setdefault(signature, Cause(signature))
        cause.refused += 1
        value = value_of(body, signature.field)
        if value is not None and len(cause.values) < LAST:
            cause.values.add(value)
        self._remember(signature)
        if cause.is_frequent or (cause.refused < MOST and self._in_last[signature] < MOST_OF_LAST):
            return None
        cause.is_frequent = True
        return cause

    def _remember(self, signature: Signature | None) -> None:
        if len(self._last) == LAST and (oldest := self._last[0]) is not None:
            self._in_last[oldest] -= 1
        self._last.append(signature)
        if signature is not None:
            self._in_last[signature] += 1

    def parks(self, body: bytes) -> Cause | None:
        """The cause for which a row with this body would only be refused again; None if it may be sent."""
        if not self._causes:
            return None
        frequent = [cause for cause in self._causes.values() if cause.is_frequent]
        if not frequent:
            return None
        content = orjson.loads(body)
        return next((cause for cause in frequent if cause.explains(content)), None)


def value_of(body: dict[str, Any], field: str) -> str | None:
    """What ``body`` holds in the field that a server named, as text; None if it has no such field.

    Servers name custom fields with or without what they are in: ``text9`` and ``custom_fields.text9`` are one.
    """
    name = field.rsplit(".", 1)[-1]
    value = body.get(name, body.get("custom_fields", {}).get(name))
    return None if value is None else shown(orjson.dumps(value).decode())
