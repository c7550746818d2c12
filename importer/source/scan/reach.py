"""How far the cells of a sheet reach, and whether that is too far."""

from __future__ import annotations

from typing import NamedTuple

from importer.errors import SourceError
from importer.source.damage import damaged
from importer.source.header import column_letters
from importer.source.limits import MOST_COLUMNS, MOST_ROWS, MOST_SPANNED_CELLS


class Reach(NamedTuple):
    """How far the cells of a sheet reach.

    Attributes:
        rows: The last row with a cell, 1-based.
        columns: The last column with a cell, 1-based.
        widest: The row in which that column is used, 1-based.
    """

    rows: int = 0
    columns: int = 0
    widest: int = 0

    def with_cell(self, row: int, columns: int) -> Reach:
        """This and a row whose last cell is in column ``columns`` (1-based)."""
        if columns > self.columns:
            return Reach(max(self.rows, row), columns, row)
        return self if row <= self.rows else Reach(row, self.columns, self.widest)


def refuse_sprawl(reach: Reach, name: str) -> None:
    """Refuse a sheet whose cells span too large a rectangle, mostly because of one stray cell.

    Raises:
        SourceError: They span more than :data:`MOST_SPANNED_CELLS`, or more than a sheet can have.
    """
    if reach.rows > MOST_ROWS or reach.columns > MOST_COLUMNS:
        raise damaged(name, f"a cell in row {reach.rows}, column {reach.columns}")
    if reach.rows * reach.columns > MOST_SPANNED_CELLS:
        cell = f"{column_letters(reach.columns - 1)}{reach.widest}"
        what = f"the cells span {reach.rows:,} rows and {reach.columns:,} columns (the farthest in {cell})"
        hint = "delete stray or merely formatted cells outside of the table, or save the sheet as CSV"
        raise SourceError(what, where=name, hint=hint)
