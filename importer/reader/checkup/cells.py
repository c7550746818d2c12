"""What the reader found wrong with single cells: error values, formulas without a value, numbers that are not exact."""

from __future__ import annotations

from collections.abc import Iterator

from importer.models import FieldError
from importer.reader.checkup.finding import Batch, Finding, Tally


class CellCheck:
    """Counts the problems that come with the rows, by kind and column.

    A problem that a sheet has at one cell names it ("… (cell C7)"): the place is left to the row numbers.
    """

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._tallies: dict[tuple[str, str], tuple[Tally, FieldError]] = {}

    def take(self, batch: Batch) -> None:
        """Look at the next rows."""
        for number, _, problems in batch.rows:
            for problem in problems:
                if problem.column is not None:
                    place = (problem.code, problem.column)
                    self._tallies.setdefault(place, (Tally(), problem))[0].add(number, problem.value)

    def findings(self) -> Iterator[Finding]:
        """One a column and kind."""
        for (code, column), (tally, first) in self._tallies.items():
            rule = first.rule.partition(" (cell ")[0]
            yield tally.finding(code, column, what=f"each {rule}", hint=first.hint)
