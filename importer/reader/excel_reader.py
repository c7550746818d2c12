"""Sheets of .xlsx, .xlsb, .xls and .ods workbooks, read by python-calamine.

Facts about it (version 0.9.1, measured): ``iter_rows`` begins with sheet row 1 and keeps blank rows, but leaves out
blank columns on the left (``start`` tells how many); whole numbers are floats; error values and formulas without a
value read as ``""`` (:mod:`importer.reader.sheet_scan` finds them in .xlsx and .ods); a sheet outlives its workbook;
damaged .xls files may end in a Rust panic, which is not an :class:`Exception`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

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
from importer.models import FieldError
from importer.reader import limits
from importer.reader.base import Chunk, ChunkBuilder, Header, SheetLayout, column_letters, file_digest
from importer.reader.cell_text import cell_texts, duration_as_shown, inexact_number, is_inexact
from importer.reader.detect import USUAL_ENDINGS, Kind, damaged, file_name, password_protected
from importer.reader.dialect import TITLE_SAMPLE, title_notes, title_rows
from importer.reader.sheet_scan import CellProblem, SheetScan, scan_ods, scan_xlsx

_RULES = {
    "error_cell": ("is a spreadsheet error", "fix the formula, or clear the cell"),
    "formula_without_value": ("is a formula without a saved result", "open the workbook in Excel and save it"),
}
_ERRORS_UNSEEN = "error values such as #N/A cannot be distinguished from empty cells in this workbook"


class Sheet(NamedTuple):
    """A sheet of a workbook: its name, and whether its tab is shown."""

    name: str
    visible: bool


class ExcelReader:
    """Rows of one sheet. See :class:`importer.reader.base.Reader`.

    The sheet stays in memory (about 2 KiB for a row of 20 cells); its rows become text chunk by chunk.

    Args:
        path: The workbook.
        sheet: The sheet as calamine read it.
        scan: What calamine does not tell about it.
        kind: What the workbook is.
        hidden_sheets: Names of its hidden sheets.
        notes: What is already known to be worth telling.
        chunk_rows: Most rows of a chunk.

    Raises:
        SourceError: There is no header.
    """

    def __init__(
        self,
        path: Path,
        sheet: CalamineSheet,
        scan: SheetScan,
        *,
        kind: Kind,
        hidden_sheets: Sequence[str],
        notes: Iterable[str],
        chunk_rows: int,
    ) -> None:
        self._path = path
        self._sheet = sheet
        self._scan = scan
        self._opendocument = kind is Kind.ODS
        self._chunk_rows = chunk_rows
        self._left = sheet.start[1] if sheet.start else 0
        self.name = f"{file_name(path)} [{sheet.name}]"
        self._header_row, texts, titles = self._find_header()
        header = Header(texts[: self._used_width(texts)], self._left)
        self.columns = header.columns
        self.notes = (*notes, *self._header_notes(header), *title_notes(titles), *header.notes())
        self._hidden_sheets = [name for name in hidden_sheets if name != sheet.name]

    @property
    def layout(self) -> SheetLayout:
        """Hidden and filtered rows, hidden columns and sheets, merged cells; of .ods documents the rows only."""
        scan = self._scan
        return SheetLayout(
            hidden_rows=[row for row in scan.hidden_rows if row > self._header_row],
            filtered=scan.filtered,
            hidden_columns=[(first, last) for first, last in scan.hidden_columns if last < limits.MOST_COLUMNS],
            merged=[cells for cells in scan.merged if _last_row(cells) >= self._header_row],
            hidden_sheets=self._hidden_sheets,
        )

    def fingerprint(self) -> str:
        """SHA-256 (hex) of the workbook as it is on the disk and the name of the sheet."""
        return file_digest(self._path, self._sheet.name)

    def chunks(self) -> Iterator[Chunk]:
        """Read from the start, in chunks of at most as many rows as was asked for."""
        height = max(self._sheet.end[0] + 1 if self._sheet.end else 0, *self._scan.problems, 1)
        builder, number = ChunkBuilder(self.columns), 0
        for number, values in self._below_header():
            if builder.taken == self._chunk_rows:
                yield builder.build((number - 1) / height)
                builder = ChunkBuilder(self.columns)
            self._add(builder, number, values)
        if builder.taken:
            yield builder.build(1.0)

    def _add(self, builder: ChunkBuilder, number: int, values: Sequence[Any]) -> None:
        values = values[: len(self.columns)]
        cells = self._texts(values)
        found = self._scan.problems.get(number, ())
        if not found and not any(cells):
            builder.blank_rows += 1
            return
        builder.add(number, cells)
        for problem in self._named(number, found):
            builder.add_problem(number, problem)
        if cells != values:  # most rows are all text
            for name, value, cell in zip(self.columns, values, cells, strict=True):
                if is_inexact(value):
                    builder.add_problem(number, inexact_number(name, cell))

    def _texts(self, values: Sequence[Any]) -> list[str]:
        texts = cell_texts(values)
        return [duration_as_shown(text) for text in texts] if self._opendocument else texts

    def _named(self, row: int, problems: Iterable[CellProblem]) -> Iterator[FieldError]:
        for problem in problems:
            position = problem.column - self._left
            if 0 <= position < len(self.columns):
                rule, hint = _RULES[problem.code]
                place = f"{rule} (cell {column_letters(problem.column)}{row})"
                yield FieldError(problem.code, self.columns[position], problem.value, place, hint)

    def _find_header(self) -> tuple[int, list[str], list[list[str]]]:
        """The first row with anything in it, below the titles of the sheet; and those titles."""
        rows = ((number, self._texts(values)) for number, values in self._numbered())
        filled = (row for row in rows if row[0] in self._scan.problems or any(cell.strip() for cell in row[1]))
        first = list(islice(filled, TITLE_SAMPLE))
        if not first:
            hint = "export again, or name another one with --sheet"
            raise EmptySourceError("the sheet is empty", where=self.name, hint=hint)
        texts = [cells for _, cells in first]
        titles = title_rows(texts)
        return *first[titles], texts[:titles]

    def _used_width(self, header: Sequence[str]) -> int:
        """Width without the columns on the right that have no name and nothing below."""
        problems = (problem for found in self._scan.problems.values() for problem in found)
        places = {problem.column - self._left + 1 for problem in problems}
        used = max(1, *(place for place in places if place <= len(header)), *_filled(header))
        for _, values in self._below_header():
            if used >= len(header):
                break
            used = next((width for width in range(len(header), used, -1) if values[width - 1] != ""), used)
        return used

    def _header_notes(self, header: Header) -> Iterator[str]:
        yield f"read sheet {self._sheet.name!r}: {header.width}, header in row {self._header_row}"
        for problem in self._scan.problems.get(self._header_row, ()):
            cell = f"{column_letters(problem.column)}{self._header_row}"
            yield f"header cell {cell} {_RULES[problem.code][0]} {problem.value}".rstrip()
        if not any(number in self._scan.problems or any(values) for number, values in self._below_header()):
            yield "0 rows: there is nothing below the header"

    def _below_header(self) -> Iterator[tuple[int, Sequence[Any]]]:
        return islice(self._numbered(), self._header_row, None)

    def _numbered(self) -> Iterator[tuple[int, Sequence[Any]]]:
        """All rows of the sheet with their numbers; calamine does not know of rows at the end that have nothing but
        formulas without a value."""
        last = 0
        with _guarded(self._path):
            for last, values in enumerate(self._sheet.iter_rows(), 1):
                yield last, values
        blank = [""] * self._sheet.width
        for number in range(last + 1, min(max(self._scan.problems, default=0), limits.MOST_ROWS) + 1):
            yield number, blank


def open_workbook(
    path: Path, kind: Kind, *, sheet: str | int | None, notes: Sequence[str], chunk_rows: int
) -> ExcelReader:
    """The workbook at ``path``, one sheet of it.

    Raises:
        SourceError: It is damaged, protected by a password, too large, or has no such sheet.
    """
    find = _scanner(path, kind)
    with _guarded(path), _opened(path, kind) as workbook:

        @cache
        def load(sheet: Sheet) -> tuple[CalamineSheet, SheetScan | None]:
            scan = find(sheet.name)  # before calamine takes room for the cells
            return workbook.get_sheet_by_name(sheet.name), scan

        sheets = _worksheets(workbook)
        chosen, choice = _choose(sheets, sheet, load=lambda sheet: load(sheet)[0], where=path.name)
        cells, scan = load(chosen)
    return ExcelReader(
        path,
        cells,
        scan or SheetScan(chosen.name),
        kind=kind,
        hidden_sheets=[sheet.name for sheet in sheets if not sheet.visible],
        notes=(*notes, *choice, *(() if scan else (_ERRORS_UNSEEN,))),
        chunk_rows=chunk_rows,
    )


def shown_sheets(path: Path, kind: Kind) -> list[str]:
    """The names of the worksheets that are shown.

    Raises:
        SourceError: The workbook is damaged, or protected by a password.
    """
    _scanner(path, kind)
    with _guarded(path), _opened(path, kind) as workbook:
        return [sheet.name for sheet in _worksheets(workbook) if sheet.visible]


def _scanner(path: Path, kind: Kind) -> Callable[[str], SheetScan | None]:
    """What scans a sheet, by its name. What calamine would not survive is refused here, before it opens the file.

    Raises:
        SourceError: The workbook is damaged, or too large to be opened.
    """
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

    Of a file that is handed to it open it takes all bytes into memory, beside the sheet.
    """
    is_unicode = str(path).encode(errors="ignore").decode() == str(path)
    if is_unicode and path.suffix.lower() in USUAL_ENDINGS[kind]:
        with load_workbook(path) as workbook:
            yield workbook
    else:
        with path.open("rb") as file, load_workbook(file) as workbook:
            yield workbook


def _worksheets(workbook: CalamineWorkbook) -> list[Sheet]:
    return [
        Sheet(sheet.name, sheet.visible == SheetVisibleEnum.Visible)
        for sheet in workbook.sheets_metadata
        if sheet.typ == SheetTypeEnum.WorkSheet
    ]


def _choose(
    sheets: Sequence[Sheet], wanted: str | int | None, *, load: Callable[[Sheet], CalamineSheet], where: str
) -> tuple[Sheet, list[str]]:
    """The sheet to read, and notes about those that are not.

    Args:
        sheets: The worksheets of the workbook, in its order.
        wanted: Name of a sheet (hidden ones included), or its number among the tabs that are shown, 1-based; None for
            the first one that is shown and has a table, of at least three columns and two rows, not a cover with a
            title and an author; if there is none, the first one that is shown and has cells.
        load: Loads a sheet.
        where: How messages call the workbook.

    Raises:
        SourceError: There is no such sheet, or nothing to choose from.
    """
    shown = [sheet for sheet in sheets if sheet.visible]
    if wanted is not None:
        return _find(sheets, shown, str(wanted), where), []
    if not shown:
        hint = f"choose one: --sheet {sheets[0].name!r}" if sheets else "export again"
        what = f"all sheets are hidden: {_names(sheets)}" if sheets else "the workbook has no sheets"
        raise SourceError(what, where=where, hint=hint)
    filled = (sheet for sheet in shown if load(sheet).height)
    table = (sheet for sheet in shown if load(sheet).height >= 2 and load(sheet).width >= 3)
    chosen = next(table, None) or next(filled, None)
    if chosen is None:
        what = "the sheet is empty" if len(shown) == 1 else f"all sheets are empty: {_names(shown)}"
        raise EmptySourceError(what, where=where, hint="export again, or name a hidden sheet with --sheet")
    notes = []
    if others := [sheet for sheet in shown if sheet is not chosen]:
        notes.append(f"reading sheet {chosen.name!r} only; not read: {_names(others)} (choose with --sheet)")
    if hidden := [sheet for sheet in sheets if not sheet.visible]:
        notes.append(f"hidden sheets not read: {_names(hidden)}")
    return chosen, notes


def _find(sheets: Sequence[Sheet], shown: Sequence[Sheet], wanted: str, where: str) -> Sheet:
    exact = [sheet for sheet in sheets if sheet.name == wanted]
    alike = [sheet for sheet in sheets if sheet.name.strip().casefold() == wanted.strip().casefold()]
    numbered = [shown[int(wanted) - 1]] if wanted.isdecimal() and 1 <= int(wanted) <= len(shown) else []
    for sheet in (*exact, *alike, *numbered):
        return sheet
    hidden = [sheet for sheet in sheets if not sheet.visible]
    also = f" (hidden: {_names(hidden)})" if hidden else ""
    raise SourceError(f"no sheet named {wanted!r}", where=where, hint=f"sheets: {_names(shown)}{also}")


def _names(sheets: Sequence[Sheet]) -> str:
    return ", ".join(repr(sheet.name) for sheet in sheets)


def _filled(cells: Sequence[str]) -> Iterator[int]:
    """The places (1-based) of the cells that are not blank."""
    return (place for place, cell in enumerate(cells, 1) if cell.strip())


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
