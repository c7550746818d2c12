"""What a spreadsheet program shows otherwise than it is read: hidden and filtered rows, merged cells, hidden sheets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from importer.source.checkup.finding import ROWS_NAMED, Finding
from importer.source.header import column_letters
from importer.source.scan.xlsx_layout import SheetLayout, sheet_layout

_LAST_COLUMN = 16_384


def sheet_findings(path: Path, sheet: str, *, first_row: int) -> Iterator[Finding]:
    """The findings about one sheet of an .xlsx workbook.

    Args:
        path: The workbook.
        sheet: Name of the sheet.
        first_row: Row of the header; what lies above it is not read.

    Raises:
        SourceError: The workbook is damaged.
    """
    try:
        layout = sheet_layout(path, sheet)
    except LookupError:
        return
    yield from _hidden_rows(layout, first_row)
    yield from _hidden_columns(layout)
    yield from _merged(layout, first_row)
    if layout.hidden_sheets:
        names = ", ".join(map(repr, layout.hidden_sheets))
        what, hint = "sheets are hidden, and not read", "name one with --sheet if its rows are wanted"
        yield Finding("hidden_sheets", None, len(layout.hidden_sheets), "sheet", (), names, what, hint)


def _hidden_rows(layout: SheetLayout, first_row: int) -> Iterator[Finding]:
    rows = [row for row in layout.hidden_rows if row > first_row]
    if rows:
        what = f"rows are {'filtered out' if layout.filtered else 'hidden'}, and are read all the same"
        hint = "show them and see whether they are wanted; delete those that are not"
        yield Finding("hidden_rows", None, len(rows), "row", tuple(rows[:ROWS_NAMED]), "", what, hint)


def _hidden_columns(layout: SheetLayout) -> Iterator[Finding]:
    ranges = [(first, last) for first, last in layout.hidden_columns if last < _LAST_COLUMN]
    if ranges:
        count = sum(last - first + 1 for first, last in ranges)
        letters = ", ".join(_letters(first, last) for first, last in ranges)
        what, hint = "columns are hidden, and are read all the same", "look whether what they hold may be sent"
        yield Finding("hidden_columns", None, count, "column", (), letters, what, hint)


def _letters(first: int, last: int) -> str:
    begin, end = column_letters(first - 1), column_letters(last - 1)
    return begin if begin == end else f"{begin} to {end}"


def _merged(layout: SheetLayout, first_row: int) -> Iterator[Finding]:
    below = [(_last_row(ref), ref) for ref in layout.merged if _last_row(ref) >= first_row]
    if below:
        rows = tuple(sorted({_first_row(ref) for _, ref in below})[:ROWS_NAMED])
        what = "ranges of cells are merged; only the first cell of each has the value, the others are empty"
        hint = "undo the merging, and fill the cells"
        yield Finding(
            "merged_cells", None, len(below), "range", rows, ", ".join(ref for _, ref in below[:4]), what, hint
        )


def _first_row(reference: str) -> int:
    return int("".join(filter(str.isdecimal, reference.partition(":")[0])) or 0)


def _last_row(reference: str) -> int:
    return int("".join(filter(str.isdecimal, reference.rpartition(":")[2])) or 0)
