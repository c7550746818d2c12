"""How a delimited text file is laid out: its delimiter and its header, found in the first block of lines."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from importer.errors import EmptySourceError, SourceError
from importer.source.limits import LONGEST_CELL
from importer.source.titles import title_lines

if TYPE_CHECKING:
    from _csv import Reader

#: Delimiters that are looked for, and what messages call them.
CANDIDATES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
#: Rarer ones: never taken unasked, but a reason not to take the file for a single column.
RARE = ("^", "~", ":", "¦", "\x01", "\x1e", "\x1f", "§")

_SAMPLE_RECORDS = 200
_CONFIRMED = 0.9  # share of the rows that must have the width of the header
_SEP_LINE = re.compile(r'"?sep=(.)"?[\r\n]*', re.IGNORECASE)
_SPELLED = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}


@dataclass(frozen=True)
class Layout:
    """The layout of a delimited text file.

    Attributes:
        delimiter: One character.
        header: The header cells.
        header_line: The line on which the header begins, 1-based.
        skipped: How many records :mod:`csv` reads up to and including the header.
        titles: The records above the header that are not blank.
        rows_follow: Whether rows stand below the header, as far as the first block tells.
        rows_fit: Whether one of the first rows is as wide as the header.
    """

    delimiter: str
    header: tuple[str, ...]
    header_line: int
    skipped: int
    titles: tuple[tuple[str, ...], ...]
    rows_follow: bool
    rows_fit: bool


def strict_reader(lines: Iterable[str], delimiter: str) -> Reader:
    """The one place where CSV text is parsed, and where the process-wide limit on a cell's length is set."""
    csv.field_size_limit(LONGEST_CELL)
    return csv.reader(lines, delimiter=delimiter, strict=True)


def find_layout(block: Sequence[str], *, given: str | None, complete: bool, name: str) -> Layout:
    """The layout of the file that begins with ``block``.

    Args:
        block: The first lines.
        given: The delimiter the user named, which wins.
        complete: Whether the block is the whole file.
        name: How messages call the file.

    Raises:
        SourceError: No header, a broken one, or no way to tell the delimiter.
    """
    excel = _SEP_LINE.fullmatch(block[0]) if block else None
    body = block[1:] if excel else block
    wanted = given or (excel and excel[1])
    delimiter = named_delimiter(wanted, name) if wanted else _found(body, complete, name)
    lead = len(block) - len(body)
    records = _sample(body, delimiter, complete)
    titles = title_lines(records)
    header_line, header, skipped = _header(body, delimiter, lead, name, titles)
    below = records[titles + 1 :]
    rows = [cells for cells in below if cells]
    if rows and all(_ends_with_surplus(cells, len(header)) for cells in rows):
        header.append("")
    rows_follow = bool(below) or not complete
    rows_fit = not rows or any(len(cells) == len(header) for cells in rows)
    above = tuple(map(tuple, records[:titles]))
    return Layout(delimiter, tuple(header), header_line, skipped, above, rows_follow, rows_fit)


def named_delimiter(given: str, name: str) -> str:
    """The delimiter a user means; ``tab`` and ``\\t`` are words for the tab.

    Raises:
        SourceError: It is not one character, or one that cannot separate cells.
    """
    delimiter = _SPELLED.get(given.lower(), given)
    if len(delimiter) != 1 or delimiter in '"\r\n\0':
        hint = "give one character, such as --delimiter ';', or the word tab"
        raise SourceError(f"{given!r} cannot separate cells", where=name, hint=hint)
    return delimiter


def _found(body: Sequence[str], complete: bool, name: str) -> str:
    """The delimiter that splits the header, and splits the rows alike; lines above the header only if need be."""
    ranked = _ranked(body, complete)
    if not (ranked and ranked[0][0] >= _CONFIRMED * ranked[0][1]):
        ranked = _ranked(body, complete, below_titles=True) or ranked
    if not ranked:
        return _single_column(body, complete, name)
    if len(ranked) > 1 and ranked[0][:2] == ranked[1][:2]:
        either = " or ".join(CANDIDATES[delimiter] for *_, delimiter in ranked[:2])
        hint = f"say which it is: --delimiter {ranked[0][2]!r} or --delimiter {ranked[1][2]!r}"
        raise SourceError(f"the cells may be separated by {either}", where=f"{name}:1", hint=hint)
    return ranked[0][2]


def _ranked(body: Sequence[str], complete: bool, *, below_titles: bool = False) -> list[tuple[float, int, str]]:
    """Points, width and delimiter, the best first; only tables that have titles above them, if so asked."""
    found = []
    for delimiter in CANDIDATES:
        records = _sample(body, delimiter, complete)
        titles = title_lines(records) if below_titles else 0
        width, share = _shape_of(records[titles:])
        if width > 1 and bool(titles) is below_titles:
            found.append((share * width, width, delimiter))
    return sorted(found, reverse=True)


def _single_column(body: Sequence[str], complete: bool, name: str) -> str:
    """A comma, unless the header or the rows plainly show that there is more than one column."""
    where = f"{name}:1"
    if not _shape(body, ",", complete)[0]:
        return ","  # the header itself is broken, which is said elsewhere
    for delimiter in RARE:
        width, share = _shape(body, delimiter, complete)
        if width > 1 and share >= _CONFIRMED and len(body) > 1:
            hint = f"if it separates the cells, add --delimiter {delimiter!r}; if not, --delimiter ','"
            raise SourceError(f"this looks like {width} columns separated by {delimiter!r}", where=where, hint=hint)
    for delimiter, called in CANDIDATES.items():
        width, share = _shape(body[1:], delimiter, complete)
        if width > 1 and share >= _CONFIRMED and len(body) > 2:
            what = f"the first line has one cell, the lines below have {width} separated by {called}"
            hint = f"remove the lines above the header; if it is one column, add --delimiter {_absent(body)!r}"
            raise SourceError(what, where=where, hint=hint)
    return ","


def _absent(body: Sequence[str]) -> str:
    """A delimiter that does not occur, so that each line is one cell."""
    return next((delimiter for delimiter in CANDIDATES if not any(delimiter in line for line in body)), "|")


def _shape(body: Sequence[str], delimiter: str, complete: bool) -> tuple[int, float]:
    """Width of the first record, and the share of the others that are as wide."""
    return _shape_of(_sample(body, delimiter, complete))


def _shape_of(records: Sequence[list[str]]) -> tuple[int, float]:
    header, *rows = records or [[]]
    alike = sum(len(cells) == len(header) or _ends_with_surplus(cells, len(header)) for cells in rows)
    return len(header), alike / len(rows) if rows else 1.0


def _ends_with_surplus(cells: list[str], width: int) -> bool:
    """Some programs end each row with a delimiter, but not the header."""
    return len(cells) == width + 1 and not cells[-1]


def _sample(body: Sequence[str], delimiter: str, complete: bool) -> list[list[str]]:
    """The first records: blank ones left out, a broken one without cells, the last not taken if it may be cut."""
    reader = strict_reader(body, delimiter)
    records: list[list[str]] = []
    while len(records) <= _SAMPLE_RECORDS:
        try:
            cells = next(reader)
        except StopIteration:
            return records if complete else records[:-1]
        except csv.Error:
            records.append([])
            continue
        if any(cell.strip() for cell in cells):
            records.append(cells)
    return records


def _header(body: Sequence[str], delimiter: str, lead: int, name: str, titles: int) -> tuple[int, list[str], int]:
    """Line, cells and count of records up to the header: the first record below the titles that is not blank."""
    reader = strict_reader(body, delimiter)
    start = 1
    try:
        for skipped, cells in enumerate(reader, lead + 1):
            if any(cell.strip() for cell in cells):
                if not titles:
                    return lead + start, cells, skipped
                titles -= 1
            start = reader.line_num + 1
    except csv.Error:
        what, hint = (
            "the quotes in the header are not closed, or text follows them",
            "correct the first line of the file",
        )
        raise SourceError(what, where=f"{name}:{lead + start}", hint=hint) from None
    raise EmptySourceError("the file has no header and no rows", where=f"{name}:1", hint="export again")
