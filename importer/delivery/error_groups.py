"""One cause, many refusals: rows that would only be refused for the same reason again are suppressed.

Refusals are grouped by status, code, and the field that the server names. When one group has refused too many rows, the
rows that carry a value that was refused are not sent, and all others go on; having no such field is a value too: what
servers refuse most is a row without a field that the account requires. Suppressed rows stay pending until somebody has
looked.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict, deque
from typing import Any

import orjson

from importer.delivery.verdicts import Verdict
from importer.models import State
from importer.text.safe import shown

#: A group is too frequent when it has refused so many rows …
MOST = 200
#: … or so many of the last attempts.
MOST_OF_LAST, LAST = 20, 1000
#: Codes for one status and field that are told apart: a server that has more gives each refusal its own.
MOST_CODES = 20


@dataclasses.dataclass(slots=True)
class ErrorGroup:
    """All that is known of the refusals with one cause: status, code, and the field that the server names, if any."""

    status: int
    code: str  #: empty for all codes beyond the first :data:`MOST_CODES`
    field: str  #: empty if the server names none
    refused: int = 0
    refused_with_field: int = 0
    created_with_field: int = 0
    values: set[str | None] = dataclasses.field(default_factory=set)  #: that were refused; None: without the field
    accepted: set[str | None] = dataclasses.field(default_factory=set)  #: those of them that were accepted as well
    is_frequent: bool = False
    is_told: bool = False  #: somebody knows that rows are suppressed for it

    def __str__(self) -> str:
        code = f"code {self.code}" if self.code else "various codes"
        place = f" in {self.field}" if self.field else ""
        return f"HTTP {self.status}, {code}{place}"

    def explains(self, body: dict[str, Any]) -> bool:
        """Whether a row with this body would be refused for this cause, as far as anybody can tell.

        It would if it carries a value that was refused and never accepted. If every row was refused that has the field
        at all, whatever its value, the field itself is the cause.
        """
        value = value_of(body, self.field)
        if value in self.values and value not in self.accepted:
            return True
        return value is not None and self.refused_with_field >= MOST and self.created_with_field == 0

    def note_refused(self, value: str | None) -> None:
        """Another row was refused."""
        self.refused += 1
        self.refused_with_field += value is not None
        if len(self.values) < LAST:
            self.values.add(value)

    def note_created(self, value: str | None) -> None:
        """A row was created."""
        self.created_with_field += value is not None
        if value is None or value in self.values:
            self.accepted.add(value)


class ErrorGroups:
    """Counts refusals by cause, and says which rows to leave alone."""

    def __init__(self) -> None:
        self._groups: dict[tuple[int, str, str], ErrorGroup] = {}
        self._codes = defaultdict[tuple[int, str], set[str]](set)  # by status and field
        self._last: deque[ErrorGroup | None] = deque(maxlen=LAST)  # the causes of the last attempts

    def record(self, verdict: Verdict, body: bytes) -> None:
        """Take a verdict into account."""
        if verdict.state is State.REFUSED:
            group = self._group_of(verdict)
            group.note_refused(value_of(orjson.loads(body), group.field))
            self._last.append(group)
            is_many = group.refused >= MOST or sum(last is group for last in self._last) >= MOST_OF_LAST
            group.is_frequent = group.is_frequent or is_many
        elif verdict.state is State.CREATED:
            self._last.append(None)
            content = orjson.loads(body) if self._groups else {}
            for group in self._groups.values():
                group.note_created(value_of(content, group.field))

    def _group_of(self, verdict: Verdict) -> ErrorGroup:
        status, code, field = verdict.outcome.http_status or 0, verdict.outcome.code or "", verdict.field
        if len(self._codes) >= LAST and (status, field) not in self._codes:  # names of fields that mean nothing either
            field = ""
        codes = self._codes[status, field]
        if len(codes) < MOST_CODES:
            codes.add(code)
        cause = (status, code if code in codes else "", field)
        return self._groups.setdefault(cause, ErrorGroup(*cause))

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
