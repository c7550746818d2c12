"""Which sheet of a workbook is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from importer.errors import EmptySourceError, SourceError


class Sheet(NamedTuple):
    """A sheet of a workbook.

    Attributes:
        name: What its tab says.
        position: Its place among all sheets, 0-based.
        visible: Whether its tab is shown.
    """

    name: str
    position: int
    visible: bool


def choose_sheet(
    sheets: Sequence[Sheet], wanted: str | int | None, *, shape: Callable[[Sheet], tuple[int, int]], where: str
) -> tuple[Sheet, list[str]]:
    """The sheet to read, and notes about those that are not.

    Args:
        sheets: The worksheets of the workbook, in its order.
        wanted: Name of a sheet (hidden ones included), or its number among the tabs that are shown, 1-based;
            None for the first one that is shown and holds a table, of at least three columns and two rows; if there
            is none, the first one that is shown and has cells.
        shape: How many rows and columns of a sheet are in use.
        where: How messages call the workbook.

    Raises:
        SourceError: There is no such sheet, or nothing to choose from.
    """
    shown = [sheet for sheet in sheets if sheet.visible]
    if wanted is not None:
        return _named(sheets, shown, wanted, where), []
    if not shown:
        hint = f"name the one to read: --sheet {sheets[0].name!r}" if sheets else "export again"
        raise SourceError(
            f"all sheets are hidden: {_names(sheets)}" if sheets else "it has no sheets", where=where, hint=hint
        )
    filled = (sheet for sheet in shown if all(shape(sheet)))
    chosen = next((sheet for sheet in shown if _is_table(*shape(sheet))), None) or next(filled, None)
    if chosen is None:
        what = "the sheet is empty" if len(shown) == 1 else f"all sheets are empty: {_names(shown)}"
        raise EmptySourceError(what, where=where, hint="export again, or name a hidden sheet with --sheet")
    return chosen, _notes(sheets, chosen)


def _is_table(rows: int, columns: int) -> bool:
    """Not a cover with a title and an author, as people put in front."""
    return rows >= 2 and columns >= 3


def _named(sheets: Sequence[Sheet], shown: Sequence[Sheet], wanted: str | int, where: str) -> Sheet:
    text = str(wanted)
    for same in (str.__str__, lambda name: name.strip().casefold()):
        for sheet in sheets:
            if same(sheet.name) == same(text):
                return sheet
    if text.isdecimal() and 1 <= int(text) <= len(shown):
        return shown[int(text) - 1]
    hidden = [sheet for sheet in sheets if not sheet.visible]
    also = f" (hidden: {_names(hidden)})" if hidden else ""
    raise SourceError(f"there is no sheet {wanted!r}", where=where, hint=f"it has: {_names(shown)}{also}")


def _notes(sheets: Sequence[Sheet], chosen: Sheet) -> list[str]:
    others = [sheet for sheet in sheets if sheet.visible and sheet is not chosen]
    hidden = [sheet for sheet in sheets if not sheet.visible]
    notes = []
    if others:
        notes.append(f"only the sheet {chosen.name!r} is read, not {_names(others)} (--sheet NAME reads another one)")
    if hidden:
        notes.append(f"hidden, and left out: {_names(hidden)}")
    return notes


def _names(sheets: Sequence[Sheet]) -> str:
    return ", ".join(repr(sheet.name) for sheet in sheets)
