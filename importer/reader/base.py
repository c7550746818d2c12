"""What every reader hands out: chunks of rows as DataFrames of text, and what was wrong on the way.

A cell is the text that a person sees. Spreadsheets know floats only: whole numbers lose their ``.0``, since ``12.0``
would be another key than ``12``; other numbers have 15 significant digits, as in Excel, which stores 19.99 as
19.989999999999998. Number formats are not applied but zeros (``000000``): 25 % is ``0.25``, an amount has no currency.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from heapq import merge
from itertools import repeat
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from importer.models import FieldError, ReadingOptions, Row
from importer.text.safe import shown
from importer.text.wording import listed

if TYPE_CHECKING:
    import pandas as pd

#: Whole numbers from here on are not all representable: the one in the cell may not be the one that was entered.
_INEXACT_FROM = 2.0**53
_WRITTEN_OUT = 1e21


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some consecutive rows."""

    #: The rows that fit the header: dtype ``object``, every cell a Python ``str`` (never NaN: an empty one is ``""``),
    #: the columns of the header with repeats kept. The index, ``row``, is the row of the file: the line on which the
    #: row begins in a text file, the sheet row in a workbook, the position from 1 in a DataFrame.
    frame: pd.DataFrame
    bad_rows: list[Row]  #: Rows that do not fit, such as one with too many fields: the cells as read, and the reason.
    #: By row of the file, what is wrong with single cells of ``frame``; each names its column.
    cell_problems: dict[int, tuple[FieldError, ...]]
    progress: float  #: Share of the file (0 to 1) that had been read when this chunk was complete.
    blank_rows: int = 0  #: How many blank rows were skipped on the way.

    def rows(self) -> Iterator[Row]:
        """All rows in file order, the bad ones included. By position, so that columns may share a name."""
        numbers = self.frame.index.tolist()
        cells = map(tuple, self.frame.to_numpy().tolist())
        problems = [self.cell_problems.get(number, ()) for number in numbers] if self.cell_problems else repeat(())
        good = map(Row, numbers, cells, problems)
        return merge(good, self.bad_rows, key=attrgetter("number")) if self.bad_rows else good


@dataclass
class ChunkBuilder:
    """A chunk while it is being filled."""

    columns: Sequence[str]
    numbers: list[int] = field(default_factory=list)
    rows: list[Sequence[str]] = field(default_factory=list)
    bad_rows: list[Row] = field(default_factory=list)
    cell_problems: dict[int, tuple[FieldError, ...]] = field(default_factory=dict)
    blank_rows: int = 0

    @property
    def taken(self) -> int:
        """How many rows went into it, blank ones included."""
        return len(self.rows) + len(self.bad_rows) + self.blank_rows

    def add(self, number: int, cells: Sequence[str]) -> None:
        """Add a row that fits the header."""
        self.numbers.append(number)
        self.rows.append(cells)

    def add_problem(self, number: int, problem: FieldError) -> None:
        """Add a problem of a cell in row ``number``."""
        self.cell_problems[number] = (*self.cell_problems.get(number, ()), problem)

    def add_inexact(self, number: int, values: Sequence[object], texts: Sequence[str]) -> None:
        """Add problems of the numbers in a row that are so large that a float may not be exact."""
        for column, value, text in zip(self.columns, values, texts, strict=True):
            if isinstance(value, float) and abs(value) >= _INEXACT_FROM:
                rule = "is a number with more than 15 digits; the last ones may be wrong"
                hint = "export this column as text"
                self.add_problem(number, FieldError("inexact_number", column, shown(text), rule, hint))

    def build(self, progress: float) -> Chunk:
        """The finished chunk."""
        frame = text_frame(self.columns, self.numbers, self.rows)
        return Chunk(frame, self.bad_rows, self.cell_problems, min(progress, 1.0), self.blank_rows)


def text_frame(columns: Sequence[str], numbers: Sequence[int], rows: Sequence[Sequence[str]]) -> pd.DataFrame:
    """A DataFrame of Python texts: ``dtype=object`` keeps pandas from inferring types and from strings of its own."""
    import pandas as pd  # a third of a second: --help must not wait for it

    index = pd.Index(list(numbers), dtype="int64", name="row")
    return pd.DataFrame(rows, index=index, columns=pd.Index(list(columns), dtype=object), dtype=object)


@dataclass(frozen=True)
class SheetLayout:
    """What a spreadsheet program hides, or shows otherwise than it is read; below the header only."""

    hidden_rows: Sequence[int] = ()  #: Sheet rows that are hidden, by hand or by a filter.
    filtered: bool = False  #: Whether a filter is set on a column.
    hidden_columns: Sequence[tuple[int, int]] = ()  #: First and last column of each hidden range, 1-based.
    merged: Sequence[str] = ()  #: Ranges of merged cells, such as ``A2:A5``.
    hidden_sheets: Sequence[str] = ()  #: Names of the sheets of the workbook that are hidden and not read.


class Reader(Protocol):
    """An export that can be read, as often as wanted, in chunks."""

    name: str  #: Its name in messages: ``tickets.csv``, ``incidents.xlsx [Sheet1]``, ``DataFrame``.
    #: The header texts in file order, repeats kept; a blank one is named by its place: ``column C``.
    columns: tuple[str, ...]
    notes: tuple[str, ...]  #: What the user should know about how it is read, a sentence each.
    layout: SheetLayout  #: What a spreadsheet program hides; nothing in a text file or a DataFrame.
    reading: ReadingOptions  #: What was chosen or found and is not the default: with it the file is read the same way.

    def fingerprint(self) -> str:
        """SHA-256 (hex) of what is read: the file as it is on the disk, and the name of the sheet if it has one."""
        ...

    def chunks(self) -> Iterator[Chunk]:
        """Read from the start.

        Raises:
            SourceError: The file as a whole turns out to be unreadable: encoding, unclosed quote, damage.
        """
        ...


def named_columns(header: Sequence[str], first: int = 0) -> tuple[tuple[str, ...], list[str]]:
    """The columns of an export, and a note about those without a name.

    Args:
        header: The header cells. They stay as they are, repeats and outer spaces included; a blank one is named by its
            place in the sheet, so that its name is the same from file to file.
        first: Position (0-based) of the first of them in the sheet.
    """
    columns: list[str] = []
    unnamed: list[str] = []
    names = set(header)
    for position, text in enumerate(header, first):
        if not text.strip():
            text = f"column {column_letters(position)}"
            while text in names:
                text += " (no name)"
            unnamed.append(shown(repr(text)))
        columns.append(text)
    return tuple(columns), [f"columns without a name, named by position: {listed(unnamed, most=5)}"] if unnamed else []


def column_letters(position: int) -> str:
    """Spreadsheet name of the column at ``position`` (0-based): A, B, …, Z, AA."""
    letters = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def file_digest(path: Path, sheet: str = "") -> str:
    """SHA-256 (hex) of a file, which is what ``sha256sum`` prints; with a sheet, of the file and the sheet's name."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    if sheet:
        digest.update(b"\0" + sheet.encode())
    return digest.hexdigest()


def cell_text(value: object, digits: str = "") -> str:
    """The text of a cell; ``digits`` is a format for floats that are not whole, such as ``.15g``.

    A date, or a date with time at midnight, is ``2024-03-01``; with another time of day ``2024-03-01 14:30:00``; a
    duration is ``36:00:00``.
    """
    match value:
        case str():
            return value
        case float():
            return number_text(value, digits)
        case bool():
            return "TRUE" if value else "FALSE"
        case dt.datetime() if value.tzinfo is None and value.time() == dt.time():
            return value.date().isoformat()
        case dt.datetime():
            return value.isoformat(" ")
        case dt.timedelta():
            minutes, seconds = divmod(abs(value).days * 86_400 + abs(value).seconds, 60)
            sign = "-" if value < dt.timedelta() else ""
            fraction = f".{abs(value).microseconds:06}" if value.microseconds else ""
            return f"{sign}{minutes // 60:02}:{minutes % 60:02}:{seconds:02}{fraction}"
    return str(value)


def number_text(value: float, digits: str = "") -> str:
    """A float: whole ones without ``.0``, others in full or with as many ``digits``, never with an exponent."""
    if value.is_integer() and abs(value) < _WRITTEN_OUT:
        return str(int(value))
    if value != value:
        return ""
    text = format(value, digits) if digits else str(value)
    return format(Decimal(text), "f") if "e-" in text else text
