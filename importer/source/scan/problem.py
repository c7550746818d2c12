"""Cells of a sheet that look blank and are not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

#: Bytes of a sheet that are searched at a time.
BLOCK_BYTES = 256 * 1024

#: Error values by the codes they have in binary workbooks. Source: [MS-XLS] section 2.5.10, BErr.
ERROR_TEXTS = {
    0x00: "#NULL!",
    0x07: "#DIV/0!",
    0x0F: "#VALUE!",
    0x17: "#REF!",
    0x1D: "#NAME?",
    0x24: "#NUM!",
    0x2A: "#N/A",
    0x2B: "#GETTING_DATA",
}


class CellProblem(NamedTuple):
    """A cell that holds an error value or a formula without a value.

    Attributes:
        row: Sheet row, 1-based.
        column: Sheet column, 0-based.
        code: ``error_cell`` or ``formula_without_value``.
        value: What the sheet shows there, such as ``#N/A``.
    """

    row: int
    column: int
    code: str
    value: str


#: Starts a walk over the problems of a sheet, by ascending rows.
ProblemWalk = Callable[[], Iterator[CellProblem]]


class SheetProblems:
    """The problems of one sheet. A walk may read the whole sheet, so the first row with one is remembered.

    Attributes:
        first_row: The first row with a problem, 0 if there is none.
    """

    def __init__(self, walk: ProblemWalk) -> None:
        self._walk = walk
        self.first_row = next((problem.row for problem in walk()), 0)

    def by_row(self) -> Iterator[tuple[int, list[CellProblem]]]:
        """The rows with problems, ascending, and the problems of each."""
        for row, problems in groupby(self._walk(), attrgetter("row")):
            yield row, list(problems)


def no_problems() -> Iterator[CellProblem]:
    """The walk over a sheet that has none."""
    return iter(())


def error_cell(row: int, column: int, value: str) -> CellProblem:
    """A cell with an error value."""
    return CellProblem(row, column, "error_cell", value)


def formula_without_value(row: int, column: int) -> CellProblem:
    """A cell with a formula that no program has computed yet."""
    return CellProblem(row, column, "formula_without_value", "")
