"""Where quotes open and close: what is needed to name the place of a quote that was never closed."""

from __future__ import annotations

import re
from collections.abc import Iterable

_TO_CLOSING = re.compile(r'(?:[^"]|"")*+"')


def opening_line(lines: Iterable[str], first: int, delimiter: str) -> int:
    """The line on which the quote opens that spoils a record.

    Args:
        lines: The record's first line and all that follow. Not taken further than needed.
        first: Number of that first line.
        delimiter: What separates the cells.

    Returns:
        The line of the quote that is closed in front of other text, or else of the last one that opened.
    """
    opened, inside = first, False
    for number, line in enumerate(lines, first):
        at = 0
        while at >= 0:
            if inside:
                at = _after_closing(line, at)
                inside = at < 0
                if not inside and line[at : at + 1] not in (delimiter, "\r", "\n", ""):
                    return opened
            elif (at := _after_opening(line, at, delimiter)) >= 0:
                inside, opened = True, number
    return opened


def _after_closing(line: str, at: int) -> int:
    """Position after the quote that closes the cell in which ``at`` lies; -1 if none does on this line."""
    found = _TO_CLOSING.match(line, at)
    return found.end() if found else -1


def _after_opening(line: str, at: int, delimiter: str) -> int:
    """Position after the next quote that opens a cell; -1 if there is none on this line."""
    if at == 0 and line.startswith('"'):
        return 1
    found = line.find(delimiter + '"', at)
    return found + 2 if found >= 0 else -1
