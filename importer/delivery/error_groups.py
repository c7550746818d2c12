"""One cause, many refusals: rows that would only be refused for the same reason again are suppressed.

Refusals are grouped by status, code, and the field that the server names. When one group has refused too many rows, the
rows that carry a value that was refused are not sent, and all others go on. Suppressed rows stay pending until somebody
has looked.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from typing import Any

import orjson

from importer.delivery.response_policy import Verdict
from importer.models import State, shown

#: A group is too frequent when it has refused so many rows …
MOST = 200
#: … or so many of the last attempts.
MOST_OF_LAST, LAST = 20, 1000


@dataclasses.dataclass(slots=True)
class ErrorGroup:
    """All that is known of the refusals with one cause: status, code, and the field that the server names, if any."""

    status: int
    code: str
    field: str  #: empty if the server names none
    refused: int = 0
    values: set[str] = dataclasses.field(default_factory=set)
    created_with_field: int = 0
    is_frequent: bool = False

    def __str__(self) -> str:
        place = f" in {self.field}" if self.field else ""
        return f"HTTP {self.status}, code {self.code}{place}"

    def explains(self, body: dict[str, Any]) -> bool:
        """Whether a row with this body would be refused for this cause, as far as anybody can tell.

        It would if it carries a value that was refused. If every row was refused that has the field at all, whatever
        its value, the field itself is the cause.
        """
        value = value_of(body, self.field)
        if value is None:
            return not self.field and self.created_with_field == 0
        return value in self.values or (self.refused >= MOST and self.created_with_field == 0)


class ErrorGroups:
    """Counts refusals by cause, and says which rows to leave alone."""

    def __init__(self) -> None:
        self._groups: dict[tuple[int, str, str], ErrorGroup] = {}
        self._last: deque[tuple[int, str, str] | None] = deque(maxlen=LAST)  # the causes of the last attempts

    def record(self, verdict: Verdict, body: bytes) -> ErrorGroup | None:
        """Take a verdict into account; returns a group that has just become too frequent."""
        if verdict.state is State.REFUSED:
            return self._record_refused(verdict, orjson.loads(body))
        if verdict.state is State.CREATED:
            self._last.append(None)
            content = orjson.loads(body) if self._groups else {}
            for group in self._groups.values():
                value = value_of(content, group.field)
                if value is not None or not group.field:
                    group.created_with_field += 1
                    group.values.discard(value or "")
        return None

    def _record_refused(self, verdict: Verdict, body: dict[str, Any]) -> ErrorGroup | None:
        cause = (verdict.outcome.http_status or 0, verdict.outcome.code or "", verdict.field)
        group = self._groups.setdefault(cause, ErrorGroup(*cause))
        group.refused += 1
        value = value_of(body, group.field)
        if value is not None and len(group.values) < LAST:
            group.values.add(value)
        self._last.append(cause)
        if group.is_frequent or (group.refused < MOST and self._last.count(cause) < MOST_OF_LAST):
            return None
        group.is_frequent = True
        return group

    def suppressing(self, body: bytes) -> ErrorGroup | None:
        """The group for whose cause a row with this body would only be refused again; None if it may be sent."""
        frequent = [group for group in self._groups.values() if group.is_frequent]
        content = orjson.loads(body) if frequent else {}
        return next((group for group in frequent if group.explains(content)), None)


def value_of(body: dict[str, Any], field: str) -> str | None:
    """What ``body`` holds in the field that a server named, as text; None if it has no such field.

    Servers name custom fields with or without what they are in: ``text9`` and ``custom_fields.text9`` are one.
    """
    name = field.rsplit(".", 1)[-1]
    value = body.get(name, body.get("custom_fields", {}).get(name))
    return None if value is None else shown(orjson.dumps(value).decode())
