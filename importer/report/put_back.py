"""Rows of a fixed failures file, without what the spreadsheet did to them: only what the user changed counts."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass

from importer.ledger.records import Original
from importer.models import FieldError, Row
from importer.report.spreadsheet import is_as_shown


@dataclass(frozen=True, slots=True)
class Corrected:
    """A row that the user has fixed, and how many of its cells were put back that only the spreadsheet had changed."""

    row: Row
    put_back: int = 0


def put_back(row: Row, columns: Sequence[str], original: Original, *, surplus: Sequence[str] = ()) -> Corrected:
    """Put cells of ``row`` back that are merely those of ``original`` as a spreadsheet shows them.

    In columns that the errors of the original name, the cell counts as it is: the user was asked to check it.

    Args:
        row: The user's own row of a failures file.
        columns: Its columns. They may have been moved or deleted since.
        original: The row as it was read the first time.
        surplus: Cells behind these columns, where the file has no column names.
    """
    places = _places(columns, original.columns)
    named = {error.column for error in original.errors}
    cells, restored, touched = list(row.cells), 0, set[str | None]([None])
    for at, (column, place) in enumerate(zip(columns, places, strict=True)):
        before = original.cells[place] if place is not None and place < len(original.cells) else ""
        now = cells[at] if at < len(cells) else ""
        if before and now != before and column not in named and is_as_shown(before, now):
            cells[at], restored = before, restored + 1
        elif not before or now != before:
            touched.add(column)
    problems = [error for error in row.problems if error.column in touched]
    # What the reader found in a cell is still true if the user has not changed it, however the number is written now.
    problems += [error for error in original.errors if _is_of_reader(error) and error.column not in touched]
    if any("\0" in cell for cell in cells):
        problems = list(_about_row(original))
    fitted = _fitted(Row(row.number, tuple(cells), tuple(problems)), places, original, surplus)
    return Corrected(fitted.row, restored + fitted.put_back)


def _places(columns: Sequence[str], originals: Sequence[str]) -> list[int | None]:
    """Where each of ``columns`` is among the original ones; of columns with one name, the first is the first."""
    waiting: dict[str, deque[int]] = defaultdict(deque)
    for place, column in enumerate(originals):
        waiting[column].append(place)
    return [waiting[column].popleft() if waiting[column] else None for column in columns]


def _fitted(row: Row, places: Sequence[int | None], original: Original, surplus: Sequence[str]) -> Corrected:
    """The row with as many cells as the user meant it to have: empty ones that a spreadsheet added do not count."""
    had, wanted, width = len(original.cells), len(places), len(row.cells)
    about_row = _about_row(original)
    if had > len(original.columns) and surplus:
        return Corrected(Row(row.number, (*row.cells, *surplus), about_row))
    if had < len(original.columns):
        missing = [at for at, place in enumerate(places) if place is not None and place >= had]
        if any(row.cells[at] for at in missing if at < width):
            return Corrected(row)
        first = wanted - len(missing)
        cells = row.cells[:first] if missing == list(range(first, wanted)) else row.cells
        return Corrected(Row(row.number, cells, about_row), sum(at < width for at in missing))
    # Some spreadsheets do not write the last cells of a row if they are empty.
    cut = [place for place in places[width:] if place is not None]
    if width >= wanted or any(original.cells[place] for place in cut):
        return Corrected(row)
    problems = tuple(error for error in row.problems if error.column is not None)
    return Corrected(Row(row.number, (*row.cells, *[""] * (wanted - width)), problems), len(cut))


def _about_row(original: Original) -> tuple[FieldError, ...]:
    return tuple(error for error in original.errors if error.column is None and _is_of_reader(error))


def _is_of_reader(error: FieldError) -> bool:
    """Whether the reader found it, not the mapping, which says for which field of a case a cell was meant."""
    return error.target is None and error.code != "missing_key"
