"""What a spreadsheet program shows otherwise than it is read: hidden and filtered rows, merged cells, hidden sheets."""

from __future__ import annotations

from collections.abc import Iterator

from importer.reader.base import SheetLayout, column_letters
from importer.reader.checkup.finding import ROWS_NAMED, Finding


def sheet_findings(layout: SheetLayout) -> Iterator[Finding]:
    """The findings about one sheet of a workbook."""
    yield from _hidden_rows(layout)
    yield from _hidden_columns(layout)
    yield from _merged(layout)
    if layout.hidden_sheets:
        names = ", ".join(map(repr, layout.hidden_sheets))
        what, hint = "hidden sheets are not read", "name one with --sheet if its rows are wanted"
        yield Finding("hidden_sheets", None, len(layout.hidden_sheets), "sheet", (), names, what, hint)


def _hidden_rows(layout: SheetLayout) -> Iterator[Finding]:
    if rows := layout.hidden_rows:
        what = f"rows hidden{' by a filter' if layout.filtered else ''} are imported too"
        hint = "unhide and review them; delete those you do not want"
        yield Finding("hidden_rows", None, len(rows), "row", tuple(rows[:ROWS_NAMED]), "", what, hint)


def _hidden_columns(layout: SheetLayout) -> Iterator[Finding]:
    if ranges := layout.hidden_columns:
        count = sum(last - first + 1 for first, last in ranges)
        letters = ", ".join(_letters(first, last) for first, last in ranges)
        what, hint = "hidden columns are imported too", "check that their content may be sent"
        yield Finding("hidden_columns", None, count, "column", (), letters, what, hint)


def _letters(first: int, last: int) -> str:
    begin, end = column_letters(first - 1), column_letters(last - 1)
    return begin if begin == end else f"{begin} to {end}"


def _merged(layout: SheetLayout) -> Iterator[Finding]:
    if merged := layout.merged:
        rows = tuple(sorted({_first_row(cells) for cells in merged})[:ROWS_NAMED])
        what = "merged cells: only the first cell of each range has a value"
        hint = "unmerge the cells and fill them in"
        yield Finding("merged_cells", None, len(merged), "range", rows, ", ".join(merged[:4]), what, hint)


def _first_row(reference: str) -> int:
    return int("".join(filter(str.isdecimal, reference.partition(":")[0])) or 0)
