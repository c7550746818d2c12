"""What is wrong with the rows, by cause: one group for each kind of error, column and field."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from importer.models import FieldError, State
from importer.reader.checkup.finding import Tally


class Group(NamedTuple):
    """Rows that stand in one state for one cause.

    Attributes:
        state: ``invalid`` or ``skipped``.
        code: Stable word for machines.
        column: Column of the export; None if the whole row is meant.
        target: Field of the case; None if no certain one is meant.
        records: How many rows.
        rows: The first of them.
        example: The text of one cell, shortened.
        rule: What is wrong.
        hint: What the person can do.
    """

    state: State
    code: str
    column: str | None
    target: str | None
    records: int
    rows: tuple[int, ...]
    example: str
    rule: str
    hint: str


class CauseSurvey:
    """Groups the field errors of invalid rows."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str | None, str | None], tuple[Tally, FieldError]] = {}

    def take(self, errors: Iterable[tuple[int, Sequence[FieldError]]]) -> None:
        """Count the errors of some rows, which come with their numbers."""
        for number, found in errors:
            for place, error in {(error.code, error.column, error.target): error for error in found}.items():
                self._groups.setdefault(place, (Tally(), error))[0].add(number, error.value)

    def groups(self) -> list[Group]:
        """All groups, the largest first."""
        found = [
            Group(State.INVALID, *place, tally.count, tuple(tally.rows), tally.example, error.rule, error.hint)
            for place, (tally, error) in self._groups.items()
        ]
        return sorted(found, key=lambda group: -group.records)
