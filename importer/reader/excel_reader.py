"""Sheets of .xlsx, .xlsb, .xls and .ods workbooks, read by python-calamine.

Facts about it (version 0.9.1, measured): ``iter_rows`` begins with sheet row 1 and keeps blank rows, but skips blank
columns on the left (``start`` tells how many); whole numbers are floats; error values and formulas without a value read
as ``""`` (:mod:`importer.reader.sheet_scan` finds them in .xlsx and .ods); a sheet outlives its workbook; damaged .xls
files may end in a Rust panic, which is not an :class:`Exception`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
    load_workbook,
)

from importer.errors import EmptySourceError, SourceError
from importer.models import FieldError, ReadingOptions
from importer.reader import limits
from importer.reader.base import (
    Chunk,
    ChunkBuilder,
    SheetLayout,
    cell_text,
    column_letters,
    file_digest,
    named_columns,
)
from importer.reader.detect import USUAL_ENDINGS, Kind, damaged, file_name, password_protected
from importer.reader.dialect import TITLE_SAMPLE, title_notes, title_rows
from importer.reader.sheet_choice import SheetShape, choose_sheet, foreign, listed
from importer.reader.sheet_scan import SheetScan, scan_ods, scan_xlsx
from importer.text.wording import plural

_RULES = {
    "error_cell": ("is a spreadsheet error", "fix the formula, or clear the cell"),
    "formula_without_value": ("is a formula without a saved result", "open the workbook in Excel and save it"),
    "negative_date": ("is a negative number in a date format, which shows as #####", "fix the cell"),
    "lost_break": ("has a tab or line break that cannot be read from this kind of file", "save it as .xlsx or CSV"),
}
_ERRORS_UNSEEN = "error values such as #N/A cannot be distinguished from empty cells in this workbook"
_ISO_DURATION = re.compile(r"(-?)PT(\d+)H(\d+)M(\d+(?:[.,]\d+)?)S")


class ExcelReader:
    """Rows of one sheet. See :class:`importer.reader.base.Reader`.

    The sheet stays in memory (about 2 KiB for a row of 20 cells); its rows become text chunk by chunk.

    Raises:
        SourceError: The workbook is damaged, protected by a password, too large, or has no such sheet, or no header.
    """

    def __init__(self, path: Path, kind: Kind, reading: ReadingOptions, notes: Iterable[str]) -> None:
        wanted, header_row = reading.get("sheet"), reading.get("header_row")
        scan_sheet = _scanner(path, kind)
        with _opened(path, kind) as workbook:

            @lru_cache(maxsize=2)  # sheets are large
            def load(name: str) -> tuple[CalamineSheet, SheetScan | None]:
                scan = scan_sheet(name)  # before calamine takes room for the cells
                with _guarded(path):
                    return workbook.get_sheet_by_name(name), scan

            shown, hidden = _worksheets(workbook)
            if wanted is None:
                chosen, choice = choose_sheet(
                    shown, hidden, shape_of=lambda name: _shape(load(name)[0]), where=path.name
                )
            else:
                chosen, choice = _named(str(wanted), shown, hidden, where=path.name), []
            self._sheet, found = load(chosen)
        scan = found or SheetScan(chosen)
        self._path = path
        self._problems, self._padded = scan.problems, scan.padded
        self._is_ods = kind is Kind.ODS
        self._left = self._sheet.start[1] if self._sheet.start else 0
        self.name = f"{file_name(path)} [{chosen}]"
        self._header_row, header, titles = self._find_header(header_row)
        self.reading = ReadingOptions() if len(shown) + len(hidden) == 1 else ReadingOptions(sheet=chosen)
        if titles or header_row is not None:
            self.reading["header_row"] = self._header_row
        self.columns, unnamed = named_columns(header[: self._used_width(header)], self._left)
        unseen = () if found else (_ERRORS_UNSEEN,)
        self.notes = (*notes, *choice, *unseen, *self._header_notes(), *title_notes(titles), *unnamed)
        self.layout = SheetLayout(
            hidden_rows=[row for row in scan.hidden_rows if row > self._header_row],
            filtered=scan.filtered,
            hidden_columns=[(first, last) for first, last in scan.hidden_columns if last < limits.MOST_COLUMNS],
            merged=[cells for cells in scan.merged if _last_row(cells) >= self._header_row],
            hidden_sheets=[name for name in foreign(hidden, chosen) if name != chosen],
        )

    def fingerprint(self) -> str:
        """SHA-256 (hex) of the workbook as it is on the disk and the name of the sheet."""
        return file_digest(self._path, self._sheet.name)

    def chunks(self) -> Iterator[Chunk]:
        """Read from the start, in chunks of at most :data:`~importer.reader.limits.CHUNK_ROWS`."""
        height = max(self._sheet.end[0] + 1 if self._sheet.end else 0, *self._problems, 1)
        builder = ChunkBuilder(self.columns)
        for number, values in self._below_header():
            if builder.taken == limits.CHUNK_ROWS:
                yield builder.build((number - 1) / height)
                builder = ChunkBuilder(self.columns)
            self._add(builder, number, values[: len(self.columns)])
        if builder.taken:
            yield builder.build(1.0)

    def _add(self, builder: ChunkBuilder, number: int, values: Sequence[Any]) -> None:
        cells = self._texts(values)
        if self._padded:
            self._pad(number, values, cells)
        found = self._problems.get(number, ())
        if not found and not any(cells):
            builder.blank_rows += 1
            return
        builder.add(number, cells)
        for problem in found:
            position = problem.column - self._left
            if 0 <= position < len(self.columns):
                rule, hint = _RULES[problem.code]
                rule = f"{rule} (cell {column_letters(problem.column)}{number})"
                error = FieldError(problem.code, self.columns[position], problem.value, rule, hint)
                builder.add_problem(number, error)
        if cells != values:  # most rows are all text
            builder.add_inexact(number, values, cells)

    def _pad(self, number: int, values: Sequence[Any], cells: list[str]) -> None:
        """Whole numbers get the zeros that a number format such as 000000 shows in front of them."""
        for column, digits in self._padded.items():
            place = column - self._left
            is_here = number < len(digits) and 0 <= place < len(values)
            if is_here and type(values[place]) is float and cells[place].lstrip("-").isdecimal():
                cells[place] = cells[place].zfill(digits[number] + cells[place].startswith("-"))

    def _texts(self, values: Sequence[Any]) -> list[str]:
        texts = [value if type(value) is str else cell_text(value, ".15g") for value in values]
        if self._is_ods:  # where calamine reads durations of a day and more as a text: PT36H00M00S
            for place, text in enumerate(texts):
                if text.endswith("S") and (found := _ISO_DURATION.fullmatch(text)):
                    texts[place] = "{}{:0>2}:{:0>2}:{:0>2}".format(*found.groups())
        return texts

    def _find_header(self, wanted: int | None) -> tuple[int, list[str], list[list[str]]]:
        """The first row with anything in it, below the titles of the sheet, or the ``wanted`` one; and those titles."""
        if wanted == 0:
            return 0, [""] * self._sheet.width, []
        rows = ((number, self._texts(values)) for number, values in self._numbered())
        filled = (row for row in rows if row[0] in self._problems or any(cell.strip() for cell in row[1]))
        first = list(islice(filled, TITLE_SAMPLE))
        if not first:
            hint = "export again, or choose another one with --sheet"
            raise EmptySourceError("the sheet is empty", where=self.name, hint=hint)
        texts = [cells for _, cells in first]
        if wanted is None:
            titles = title_rows(texts)
        elif (titles := next((place for place, (number, _) in enumerate(first) if number == wanted), -1)) < 0:
            hint = "pass --header-row N with the number of the row that has the names, or 0 if there is none"
            raise SourceError(f"row {wanted} is empty or too far down to be the header", where=self.name, hint=hint)
        return *first[titles], texts[:titles]

    def _used_width(self, header: Sequence[str]) -> int:
        """Width without the columns on the right that have neither a name nor a cell below."""
        named = [place for place, cell in enumerate(header, 1) if cell.strip()]
        broken = [problem.column - self._left + 1 for found in self._problems.values() for problem in found]
        used = max([1, *named, *(place for place in broken if place <= len(header))])
        for _, values in self._below_header():
            if used == len(header):
                break
            used = next((width for width in range(len(header), used, -1) if values[width - 1] != ""), used)
        return used

    def _header_notes(self) -> Iterator[str]:
        header = f"header in row {self._header_row}" if self._header_row else "no header"
        yield f"read sheet {self._sheet.name!r}: {plural(len(self.columns), 'column')}, {header}"
        for problem in self._problems.get(self._header_row, ()):
            cell = f"{column_letters(problem.column)}{self._header_row}"
            yield f"header cell {cell} {_RULES[problem.code][0]} {problem.value}".rstrip()
        if not any(number in self._problems or any(values) for number, values in self._below_header()):
            yield "0 rows: there is nothing below the header"

    def _below_header(self) -> Iterator[tuple[int, Sequence[Any]]]:
        return islice(self._numbered(), self._header_row, None)

    def _numbered(self) -> Iterator[tuple[int, Sequence[Any]]]:
        """All rows of the sheet with their numbers. calamine does not report rows at the end that have only formulas
        without a value."""
        last = 0
        with _guarded(self._path):
            for last, values in enumerate(self._sheet.iter_rows(), 1):
                yield last, values
        blank = [""] * self._sheet.width
        for number in range(last + 1, min(max(self._problems, default=0), limits.MOST_ROWS) + 1):
            yield number, blank


def _shape(sheet: CalamineSheet) -> SheetShape:
    rows = [list(map(cell_text, values)) for values in islice(sheet.iter_rows(), TITLE_SAMPLE)]
    filled = [cells for cells in rows if any(cell.strip() for cell in cells)]
    titles = title_rows(filled)
    return SheetShape(filled[titles] if filled else (), max(sheet.height - titles - 1, 0), sheet.width)


def shown_sheets(path: Path, kind: Kind) -> list[str]:
    """The names of the worksheets that are shown.

    Raises:
        SourceError: The workbook is damaged, or protected by a password.
    """
    _scanner(path, kind)
    with _opened(path, kind) as workbook:
        return _worksheets(workbook)[0]


def _scanner(path: Path, kind: Kind) -> Callable[[str], SheetScan | None]:
    """What scans a sheet, by its name; what calamine would not survive is refused before it opens the file."""
    if kind is not Kind.XLS:
        limits.refuse_bomb(path)
    if kind is Kind.XLSX:
        return partial(scan_xlsx, path)
    if kind is Kind.ODS:
        return scan_ods(path).get
    limits.try_in_child(path)
    return lambda name: None


@contextmanager
def _opened(path: Path, kind: Kind) -> Iterator[CalamineWorkbook]:
    """By its path, if that does not mislead calamine: it believes the ending of a name, and knows Unicode only.

    Of a file that is handed to it open it loads all bytes into memory, besides the sheet.
    """
    is_unicode = str(path).encode(errors="ignore").decode() == str(path)
    by_path = is_unicode and path.suffix.lower() in USUAL_ENDINGS[kind]
    with _guarded(path), nullcontext(path) if by_path else path.open("rb") as file, load_workbook(file) as workbook:
        yield workbook


def _worksheets(workbook: CalamineWorkbook) -> tuple[list[str], list[str]]:
    """The names of the worksheets: those that are shown, and hidden ones."""
    sheets = [sheet for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
    shown = [sheet.name for sheet in sheets if sheet.visible == SheetVisibleEnum.Visible]
    return shown, [sheet.name for sheet in sheets if sheet.visible != SheetVisibleEnum.Visible]


def _named(wanted: str, shown: Sequence[str], hidden: Sequence[str], *, where: str) -> str:
    names = {name.strip().casefold(): name for name in reversed((*shown, *hidden))}
    if wanted in (*shown, *hidden):
        return wanted
    if name := names.get(wanted.strip().casefold()):
        return name
    if wanted.isdecimal() and 1 <= int(wanted) <= len(shown):
        return shown[int(wanted) - 1]
    also = f" (hidden: {listed(hidden)})" if hidden else ""
    raise SourceError(f"no sheet named {wanted!r}", where=where, hint=f"sheets: {listed(shown)}{also}")


def _last_row(cells: str) -> int:
    """The last sheet row of a range such as ``A2:A5``."""
    return int("".join(filter(str.isdecimal, cells.rpartition(":")[2])) or 0)


@contextmanager
def _guarded(path: Path) -> Iterator[None]:
    """Everything that goes wrong inside calamine becomes a :class:`SourceError`."""
    try:
        yield
    except PasswordError:
        raise password_protected(path.name) from None
    except (CalamineError, OSError) as error:
        raise damaged(path.name, error) from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # of pyo3, which offers no name to catch it by
            raise
        raise damaged(path.name) from None
