"""A search through a workbook before python-calamine reads it, for what that does not tell.

* It reads error values and formulas that were never computed as an empty text (its issue 105).
* It takes room at once for all texts and cells that a workbook announces, and 32 bytes for each cell of the rectangle
  that the cells of a sheet span. When there is not as much memory, the process ends without a word: one stray cell in
  the last corner of a sheet suffices.

In .xlsx a search for a few byte strings does for nearly every sheet; it is parsed cell by cell only if there is
something to find.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from importer.source.scan import ods, xls, xlsb, xlsx
from importer.source.scan.bomb import refuse_bomb
from importer.source.scan.problem import CellProblem, ProblemWalk, SheetProblems, no_problems
from importer.source.scan.reach import Reach, refuse_sprawl
from importer.source.sniff import Kind

__all__ = ["CellProblem", "SheetProblems", "SheetSearch", "no_problems", "refuse_sprawl", "sheet_search"]

#: Takes the name of a sheet and its place among all sheets (0-based), and finds how far its cells reach and what starts
#: a walk over its problems. Raises LookupError if the sheet is not where the format says it should be.
SheetSearch = Callable[[str, int], tuple[Reach, ProblemWalk]]


def sheet_search(path: Path, kind: Kind) -> SheetSearch:
    """What searches the sheets of a workbook. To be called before the workbook is opened by anything else.

    Raises:
        SourceError: The workbook is damaged, encrypted, or too large to be opened.
    """
    if kind is Kind.XLS:
        xls.check_sizes(path)
        return lambda _, position: xls.search_sheet(path, position)
    refuse_bomb(path)
    if kind is Kind.ODS:
        tables = ods.search_tables(path)
        for name, (reach, _) in tables.items():
            refuse_sprawl(reach, f"{path.name} [{name}]")
        return lambda name, _: tables[name]
    search = xlsb.search_sheet if kind is Kind.XLSB else xlsx.search_sheet
    return lambda name, _: search(path, name)
