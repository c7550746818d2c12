"""Names for the columns of an export, also for those whose header cell is blank."""

from __future__ import annotations

from collections.abc import Sequence


def column_letters(position: int) -> str:
    """Spreadsheet name of the column at ``position`` (0-based): A, B, …, Z, AA."""
    letters = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def name_columns(header: Sequence[str], first: int = 0) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns of an export, and the names that had to be made up.

    Texts are kept as they are, repeats and outer spaces included. A blank one becomes ``column C``, by its place in
    the sheet, so that the name stays the same from file to file.

    Args:
        header: The header cells.
        first: Position (0-based) of the first of them in the sheet.
    """
    taken = set(header)
    made_up = [
        "" if text.strip() else _free_name(column_letters(place), taken) for place, text in enumerate(header, first)
    ]
    columns = tuple(new or text for new, text in zip(made_up, header, strict=True))
    return columns, tuple(new for new in made_up if new)


def _free_name(letters: str, taken: set[str]) -> str:
    name = f"column {letters}"
    while name in taken:
        name += " (no name)"
    return name


def unnamed_note(made_up: Sequence[str]) -> list[str]:
    """A note about columns without a name; empty when there are none."""
    if not made_up:
        return []
    shown = ", ".join(repr(name) for name in made_up[:5]) + (", …" if len(made_up) > 5 else "")
    return [f"without a name in the header, called by their place: {shown}"]


def width_text(columns: Sequence[str]) -> str:
    """How many columns there are, in words."""
    return "1 column" if len(columns) == 1 else f"{len(columns)} columns"
