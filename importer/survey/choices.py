"""Conditions by which a mapping leaves rows out on purpose: how many each leaves out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ChoiceUse:
    """One condition.

    Attributes:
        condition: The condition, and how it must turn out for a row to be left out.
        rows: How many rows it leaves out.
    """

    condition: str
    rows: int

    def warning(self, rows: int) -> str:
        """What is odd about it, in an export of so many rows; empty if nothing is."""
        if rows and not self.rows:
            return "filters no row; check its spelling against the cells"
        return "filters every row; check that it is not inverted" if rows and self.rows == rows else ""


class ChoiceSurvey:
    """Counts the rows that are left out.

    Args:
        conditions: All that the mapping has.
    """

    def __init__(self, conditions: Sequence[str]) -> None:
        self._conditions = conditions
        self._left_out: Counter[str | None] = Counter()

    def take(self, left_out: Iterable[str | None]) -> None:
        """Look at the next rows, of which some have a condition by which they are left out."""
        if self._conditions:
            self._left_out.update(left_out)

    def uses(self) -> Iterator[ChoiceUse]:
        """All conditions, in the order of the mapping."""
        for condition in self._conditions:
            yield ChoiceUse(condition, self._left_out[condition])
