"""Sheets of .xlsx, .xlsb, .xls and .ods workbooks, read by python-calamine.

Facts about it (version 0.9.1, measured): ``iter_rows`` begins with sheet row 1 and keeps blank rows, but leaves out
blank columns on the left (``start`` tells how many); whole numbers are floats; error values and formulas without a
value read as ``""``; a sheet outlives its workbook; damaged .xls files may end in a Rust panic, which is no
:class:`Exception`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from itertools import chain, islice, repeat
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

from importer.errors import EmptySourceError
from importer.models import FieldError
from importer.source.cell_text import cell_texts, duration_as_shown, inexact_number, is_inexact
from importer.source.checkup.finding import Finding
from importer.source.checkup.sheet import sheet_findings
from importer.source.chunk import Chunk, Draft
from importer.source.damage import damaged, password_protected
from importer.source.header import column_letters, name_columns, unnamed_note, width_text
from importer.source.limits import MOST_ROWS
from importer.source.packed import file_digest
from importer.source.scan import CellProblem, SheetProblems, SheetSearch, no_problems, refuse_sprawl, sheet_search
from importer.source.sheets import Sheet, choose_sheet
from importer.source.sniff import USUAL_ENDINGS, Kind, shown_name
from importer.source.titles import LOOKED_AT, title_lines, title_note

_CURES = {
    "error_cell": ("is an error value", "correct the formula, or clear the cell"),
    "formula_without_value": ("is a formula that was never computed", "open the workbook in Excel and save it"),
}

_NONE: tuple[CellProblem, ...] = ()

Numbered = tuple[int, Sequence[Any], Sequence[CellProblem]]


class WorkbookSource:
    """Rows of one sheet. See :class:`importer.source.chunk.Source`.

    The sheet stays in memory (about 2 KiB for a row of 20 cells); its rows become text chunk by chunk.

    Args:
        path: The workbook.
        sheet: The sheet as python-calamine read it.
        problems: Its cells that look blank and are not.
        kind: What the workbook is.
        notes: What is already known to be worth telling.
        chunk_rows: Rows of a chunk.

    Raises:
        SourceError: There is no header.
    """

    def __init__(
        self,
        path: Path,
        sheet: CalamineSheet,
        *,
        problems: SheetProblems,
        kind: Kind,
        notes: Sequence[str],
        chunk_rows: int,
    ) -> None:
        self._path = path
        self._sheet = sheet
        self._problems = problems
        self._opendocument = kind is Kind.ODS
        self._xlsx = kind is Kind.XLSX
        self._chunk_rows = chunk_rows
        self._left = sheet.start[1] if sheet.start else 0
        self._height = sheet.end[0] + 1 if sheet.end else 0
        self.name = f"{shown_name(path)} [{sheet.name}]"
        self._header_row, header, spoiled, titles = self._find_header()
        self.columns, made_up = name_columns(header[: self._used_width(header, spoiled)], self._left)
        self.notes = (*notes, *self._header_notes(spoiled), *title_note(titles), *unnamed_note(made_up))

    def fingerprint(self) -> str:
        """SHA-256 (hex) of the workbook as it lies on the disk and the name of the sheet."""
        return file_digest(self._path, self._sheet.name)

    def oddities(self) -> Iterator[Finding]:
        """Hidden rows, columns and sheets, filters, merged cells; in .xlsx workbooks only."""
        return sheet_findings(self._path, self._sheet.name, first_row=self._header_row) if self._xlsx else iter(())

    def chunks(self) -> Iterator[Chunk]:
        """Read from the start, in chunks of at most as many rows as was asked for."""
        draft, number = Draft(self.columns), 0
        for number, values, problems in self._below_header():
            if draft.taken == self._chunk_rows:
                yield draft.finish((number - 1) / self._height)
                draft = Draft(self.columns)
            self._add(draft, number, values, problems)
        if draft.taken:
            yield draft.finish(1.0)

    def _add(self, draft: Draft, number: int, values: Sequence[Any], problems: Sequence[CellProblem]) -> None:
        values = values[: len(self.columns)]
        cells = self._texts(values)
        if not problems and not any(cells):
            draft.blank += 1
            return
        draft.numbers.append(number)
        draft.rows.append(cells)
        found = list(self._named(problems)) if problems else []
        if cells != values:  # most rows are all text; of one object in two lists, nothing is compared
            inexact = [i for i, value in enumerate(values) if type(value) is float and is_inexact(value)]
            found += [inexact_number(self.columns[i], cells[i]) for i in inexact]
        if found:
            draft.cell_problems[number] = tuple(found)

    def _texts(self, values: Sequence[Any]) -> list[str]:
        texts = cell_texts(values)
        return [duration_as_shown(text) for text in texts] if self._opendocument else texts

    def _named(self, problems: Iterable[CellProblem]) -> Iterator[FieldError]:
        for problem in problems:
            position = problem.column - self._left
            if 0 <= position < len(self.columns):
                rule, hint = _CURES[problem.code]
                cell = f"{rule} (cell {column_letters(problem.column)}{problem.row})"
                yield FieldError(problem.code, self.columns[position], problem.value, cell, hint)

    def _find_header(self) -> tuple[int, list[str], Sequence[CellProblem], list[list[str]]]:
        """The first row with anything in it, below the titles of the sheet; and those titles."""
        rows = ((number, self._texts(values), problems) for number, values, problems in self._numbered())
        first = list(islice((row for row in rows if row[2] or any(cell.strip() for cell in row[1])), LOOKED_AT))
        if not first:
            hint = "export again, or name another one with --sheet"
            raise EmptySourceError("the sheet is empty", where=self.name, hint=hint)
        texts = [cells for _, cells, _ in first]
        titles = title_lines(texts)
        return *first[titles], texts[:titles]

    def _used_width(self, header: Sequence[str], spoiled: Sequence[CellProblem]) -> int:
        """Width without the columns on the right that have no name and nothing below."""
        used = max(position for position, cell in enumerate(header, 1) if cell.strip() or position == 1)
        used = max(used, *(self._extent(problem) for problem in spoiled), 0)
        for _, values, problems in self._below_header():
            if used >= len(header):
                break
            filled = (position for position in range(len(header), used, -1) if values[position - 1] != "")
            used = max(used, next(filled, 0), *(self._extent(problem) for problem in problems), 0)
        return used

    def _extent(self, problem: CellProblem) -> int:
        """How wide the table must be to include the problem; 0 if it lies outside of all named columns anyway."""
        width = problem.column - self._left + 1
        return width if width <= self._sheet.width else 0

    def _header_notes(self, spoiled: Iterable[CellProblem]) -> Iterator[str]:
        yield f"{width_text(self.columns)}, header in row {self._header_row} of the sheet {self._sheet.name!r}"
        for problem in spoiled:
            rule, _ = _CURES[problem.code]
            yield f"header cell {column_letters(problem.column)}{problem.row} {rule} {problem.value}".rstrip()
        if not any(problems or any(values) for _, values, problems in self._below_header()):
            yield "0 rows: nothing stands below the header"

    def _below_header(self) -> Iterator[Numbered]:
        return islice(self._numbered(), self._header_row, None)

    def _numbered(self) -> Iterator[Numbered]:
        """All rows of the sheet: number, values, problems.

        The reader does not know of rows that hold nothing but formulas without a value: they are added at the end.
        """
        groups = self._problems.by_row()
        row, found = self._problems.first_row, list[CellProblem]()
        blank: list[Any] = [""] * self._sheet.width
        with guarded(self._path):
            rows: Iterator[list[Any]] = chain(self._sheet.iter_rows(), repeat(blank))
            for number, values in enumerate(rows, 1):
                if number > self._height and (row == 0 or number > MOST_ROWS):
                    return
                if number != row:
                    yield number, values, _NONE
                    continue
                # The walk, which may be long, only starts at the first row that has a problem.
                yield number, values, found or next(groups)[1]
                row, found = next(groups, (0, []))


def open_workbook(
    path: Path, kind: Kind, *, sheet: str | int | None, notes: Sequence[str], chunk_rows: int
) -> WorkbookSource:
    """The workbook at ``path``, one sheet of it.

    Raises:
        SourceError: It is damaged, protected by a password, too large, or has no such sheet.
    """
    search = sheet_search(path, kind)
    with guarded(path), _opened(path, kind) as workbook:
        load = cache(partial(_load, path, search, workbook))
        chosen, choice = choose_sheet(
            _worksheets(workbook), sheet, shape=lambda s: (load(s)[0].height, load(s)[0].width), where=path.name
        )
        cells, problems, unsure = load(chosen)
    return WorkbookSource(
        path, cells, kind=kind, problems=problems, notes=[*notes, *choice, *unsure], chunk_rows=chunk_rows
    )


def shown_sheets(path: Path, kind: Kind) -> list[str]:
    """The names of the worksheets that are shown.

    Raises:
        SourceError: The workbook is damaged, or protected by a password.
    """
    with guarded(path), _opened(path, kind) as workbook:
        return [sheet.name for sheet in _worksheets(workbook) if sheet.visible]


@contextmanager
def _opened(path: Path, kind: Kind) -> Iterator[CalamineWorkbook]:
    """By its path, if that does not mislead the reader: it believes the ending of a name, and knows Unicode only.

    Of a file that is handed to it open it takes all bytes into memory, beside the sheet.
    """
    is_unicode = str(path).encode(errors="ignore").decode() == str(path)
    if is_unicode and path.suffix.lower() in USUAL_ENDINGS[kind]:
        with load_workbook(path) as workbook:
            yield workbook
    else:
        with path.open("rb") as file, load_workbook(file) as workbook:
            yield workbook


def _load(
    path: Path, search: SheetSearch, workbook: CalamineWorkbook, sheet: Sheet
) -> tuple[CalamineSheet, SheetProblems, list[str]]:
    """A sheet, its problems, and a note if those cannot be told; searched before it is loaded."""
    unsure: list[str] = []
    try:
        reach, walk = search(sheet.name, sheet.position)
        refuse_sprawl(reach, f"{path.name} [{sheet.name}]")
    except LookupError:
        walk = no_problems
        unsure.append("error values such as #N/A cannot be told from blank cells in this workbook")
    return workbook.get_sheet_by_name(sheet.name), SheetProblems(walk), unsure


def _worksheets(workbook: CalamineWorkbook) -> list[Sheet]:
    return [
        Sheet(sheet.name, position, sheet.visible == SheetVisibleEnum.Visible)
        for position, sheet in enumerate(workbook.sheets_metadata)
        if sheet.typ == SheetTypeEnum.WorkSheet
    ]


@contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Everything that goes wrong inside python-calamine becomes a :class:`SourceError`."""
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
