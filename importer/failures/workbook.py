"""failures.xlsx: the rows of failures.csv as a workbook in which they are fixed.

The user's columns are texts, so that no program changes an id or a date in them. A wrong cell is coloured and has the
reason as its comment; next to it is the value that was probably meant, and where the mapping knows the words of a
column, it offers them. ``run`` reads it again as it reads failures.csv: see :mod:`importer.failures.read_back`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count, islice, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from importer.failures.columns import REASON_COLUMNS, RECORD_COLUMN, SUGGESTED
from importer.failures.table import errors_of, reason, reasons, sources_by_columns
from importer.files.scratch import scratch_folder
from importer.files.whole import ReportFolder
from importer.ledger import LedgerView
from importer.ledger.causes import Cause
from importer.ledger.lines import FailureLine
from importer.ledger.records import SourceInfo
from importer.models import FieldError
from importer.reader.base import column_letters
from importer.reader.limits import MOST_COLUMNS, MOST_SPANNED_CELLS
from importer.reader.sheet_choice import FAILURES_SHEETS
from importer.text.formulas import escape_formula, excel_text

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

#: Rows of one workbook; the next ones are in the next. A sheet could have ten times as many, but programs take long to
#: open it.
MOST_ROWS = 100_000
#: Workbooks for the rows with the same columns: writing more takes minutes at the end of each run, and so many rows are
#: not fixed by hand. All of them are in failures.csv.
MOST_WORKBOOKS = 10
#: Characters of one workbook, which must not unpack to more than programs read, ours included.
MOST_CHARACTERS = 500_000_000
#: Comments of one workbook, whose reasons are in a column as well. Each is a drawing: with many more, spreadsheet
#: programs take minutes to open it.
MOST_COMMENTS = 5_000
_WIDEST = 40  # of the user's columns
#: Columns before those of the user, and behind them, with their widths. The record is hidden.
_BEFORE = {RECORD_COLUMN: 12, "importer_row": 12, "importer_state": 13, "importer_reason": 45}
_BEHIND = {"importer_hint": 45, "importer_retry": 22, "importer_code": 18, "importer_column": 18}
_CAUSES = {
    "rows": 8,
    "state": 10,
    "code": 20,
    "column": 20,
    "field": 22,
    "first row": 9,
    "example": 30,
    "what is wrong": 55,
    "hint": 55,
}
_STEPS = (
    "How to fix these rows",
    "1. On the sheet “failures”, change the red cells of your columns. The comment of a cell says what is wrong.",
    "2. A green column has the value that was probably meant: copy it into the red cell next to it if it is right.",
    "3. Sort, filter and delete rows as you like; do not change the columns whose names begin with importer_.",
    "4. Save the workbook and import it with the ledger of this import:",
    "    case-importer run failures.xlsx --mapping … --ledger … --out another-folder",
)
_MORE = (
    "This workbook has {rows:,} rows. {more:,} more are in the next workbooks, such as failures-2.xlsx, and all of them"
    " are in failures.csv."
)
_HEADER = {"bold": True, "valign": "top", "border": 1, "border_color": "#FFFFFF", "num_format": "@"}
_MADE = datetime(2000, 1, 1)  # so that the same rows are the same bytes
_OPTIONS = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}


@dataclass
class _Plan:
    """One workbook: rows with these columns, as a first look at all of them shows."""

    columns: tuple[str, ...]
    allowed: dict[str, list[str]]
    widths: list[int]
    rows: int = 0
    surplus: int = 0  #: cells of the longest row behind all columns
    characters: int = 0
    suggested: set[str] = field(default_factory=set)  #: columns for which there is a suggestion

    @property
    def is_readable(self) -> bool:
        """Whether what is in the workbook can be read again."""
        width = len(self.columns) + len(self.suggested) + len(REASON_COLUMNS) + self.surplus
        fits = width <= MOST_COLUMNS and width * (self.rows + 1) <= MOST_SPANNED_CELLS
        return fits and self.rows <= MOST_ROWS and self.characters <= MOST_CHARACTERS

    def with_row(self, failure: FailureLine) -> _Plan:
        """The plan with one more row."""
        suggested = {error.column for error in failure.errors if error.column and error.suggestion}
        return replace(
            self,
            rows=self.rows + 1,
            characters=self.characters + sum(map(len, failure.cells)),
            surplus=max(self.surplus, len(failure.cells) - len(self.columns)),
            suggested=self.suggested if suggested <= self.suggested else self.suggested | suggested,
        )

    def widen(self, failure: FailureLine) -> None:
        """Make room for the cells of a row."""
        for at, cell in enumerate(failure.cells[: len(self.columns)]):
            self.widths[at] = max(self.widths[at], min(len(cell), _WIDEST))


def write_workbooks(view: LedgerView, folder: ReportFolder, causes: Iterable[Cause]) -> tuple[list[Path], int]:
    """Write ``failures.xlsx`` with the rows of ``failures.csv``, ``failures-2.xlsx`` with the next ones, and so on.

    Memory is flat: a row is written when the next one comes. Returns the files, and how many rows are not in them
    because there is no room for them.
    """
    ledger_id, _ = view.identity()
    paths: list[Path] = []
    beyond = 0
    folder.without("failures.xlsx")
    for columns, sources in sources_by_columns(view).items():
        plans, rows = _plans(columns, sources, view.failures(sources))
        failures, more = view.failures(sources), rows
        for plan in plans:
            chosen, more = islice(failures, plan.rows), more - plan.rows
            if plan.is_readable:
                paths.append(_write_workbook(folder, plan, chosen, causes, ledger_id=ledger_id, more=more))
            else:
                beyond += sum(1 for _ in chosen)
        beyond += more
    return paths, beyond


def _plans(
    columns: tuple[str, ...], sources: Sequence[SourceInfo], failures: Iterable[FailureLine]
) -> tuple[list[_Plan], int]:
    """The workbooks for rows with these columns, of which one that cannot be read has a single row; and all rows."""
    allowed: dict[str, dict[str, None]] = {}  # the words are the keys, in order, each once
    for source in sources:
        for column, words in source.allowed.items():
            allowed.setdefault(column, {}).update(dict.fromkeys(words))
    known = {column: list(words) for column, words in allowed.items()}
    empty = _Plan(columns, known, [min(len(column) + 3, _WIDEST) for column in columns])
    plans, rows = list[_Plan](), 0
    for failure in failures:
        rows += 1
        longer = plans[-1].with_row(failure) if plans else None
        if longer is not None and longer.is_readable:
            plans[-1] = longer
        elif len(plans) < MOST_WORKBOOKS:
            plans.append(replace(empty, widths=[*empty.widths]).with_row(failure))
        else:
            continue
        plans[-1].widen(failure)
    return plans, rows


def _write_workbook(
    folder: ReportFolder,
    plan: _Plan,
    failures: Iterable[FailureLine],
    causes: Iterable[Cause],
    *,
    ledger_id: str,
    more: int,
) -> Path:
    """Write a workbook; ``more`` is how many rows with the same columns are not in it or an earlier one."""
    from xlsxwriter import Workbook  # which only who has failures needs to load

    with scratch_folder() as scratch, folder.table("failures.xlsx") as (path, file):
        workbook = Workbook(file, {**_OPTIONS, "tmpdir": str(scratch)})
        workbook.set_properties({"title": "Rows to fix", "created": _MADE})
        sheet = _FailuresSheet(workbook, plan, ledger_id)
        for failure in failures:
            sheet.add(failure)
        sheet.finish()
        steps = _STEPS if not more else (*_STEPS, _MORE.format(rows=plan.rows, more=more))
        _write_causes(workbook, causes, steps)
        sheet.offer_words(workbook)
        workbook.close()
    return path


class _FailuresSheet:
    """The sheet with the rows, which are written one by one."""

    def __init__(self, workbook: Workbook, plan: _Plan, ledger_id: str) -> None:
        self._plan, self._ledger_id = plan, ledger_id
        self._row = self._comments = 0
        self._places: dict[str, int] = {}  # where the columns are that are not the user's
        self._own: list[int] = []  # where each of the user's columns is, and the cells behind all of them
        text = {"num_format": "@", "valign": "top"}
        red = {"bg_color": "#FFC7CE", "border": 1, "border_color": "#C00000"}
        self._text = workbook.add_format(text)
        self._wrong = workbook.add_format(text | red)
        self._guess = workbook.add_format(text | {"bg_color": "#E2F0D9", "italic": True})
        self._ours = workbook.add_format(text | {"font_color": "#595959", "text_wrap": True})
        self._bad_row = workbook.add_format(text | red | {"text_wrap": True})
        self._sheet: Worksheet = workbook.add_worksheet(FAILURES_SHEETS[0])
        own = workbook.add_format(_HEADER | {"bg_color": "#1F4E79", "font_color": "#FFFFFF"})
        self._write_header(own, workbook.add_format(_HEADER | {"bg_color": "#D9D9D9"}))

    def _write_header(self, own: Format, ours: Format) -> None:
        """Names, widths and forms of all columns. What a person types into one of the export stays the text it is."""
        names = count()

        def column(name: str, width: int, header: Format, cells: Format) -> int:
            at = next(names)
            self._sheet.set_column(at, at, width, cells, {"hidden": name == RECORD_COLUMN})
            self._sheet.write_string(0, at, excel_text(escape_formula(name)), header)
            return at

        self._places = {name: column(name, width, ours, self._ours) for name, width in _BEFORE.items()}
        for name, width in zip(self._plan.columns, self._plan.widths, strict=True):
            self._own.append(column(name, width + 2, own, self._text))
            suggested = SUGGESTED + name
            if name in self._plan.suggested and suggested not in self._places:
                self._places[suggested] = column(suggested, max(width, len(name)) + 6, ours, self._ours)
        self._places |= {name: column(name, width, ours, self._ours) for name, width in _BEHIND.items()}
        for at in islice(names, self._plan.surplus):  # no name: they belong to no column
            self._own.append(at)
            self._sheet.set_column(at, at, 20, self._text)
            self._sheet.write_blank(0, at, None, ours)
        self._width = next(names)
        self._sheet.freeze_panes(1, 2)

    def add(self, failure: FailureLine) -> None:
        """Write a row."""
        self._row += 1
        errors: dict[str | None, list[FieldError]] = {}
        for error in errors_of(failure):
            errors.setdefault(error.column, []).append(error)
        ours = reasons(failure, self._ledger_id)
        ours[RECORD_COLUMN] += "x"
        ours["importer_reason"] = "\n".join(_named(error) for each in errors.values() for error in each)
        is_bad_row = not errors.keys() & set(self._plan.columns)
        for name, text in ours.items():
            form = self._bad_row if is_bad_row and name == "importer_reason" else self._ours
            self._write(self._places[name], text, form)
        for place, column, cell in zip_longest(self._own, self._plan.columns, failure.cells):
            if cell is not None:
                found = errors.get(column, []) if column is not None else []
                self._write(place, cell, self._wrong if found else self._text)
                if found:
                    self._explain(place, column, found)

    def _write(self, place: int, text: str, form: Format) -> None:
        if text or form is self._wrong:
            self._sheet.write_string(self._row, place, excel_text(text), form)

    def _explain(self, place: int, column: str, errors: Sequence[FieldError]) -> None:
        """The comment of a wrong cell, and the suggestion next to it."""
        guess = next((error.suggestion for error in errors if error.suggestion), "")
        if guess:
            self._write(self._places[SUGGESTED + column], guess, self._guess)
        if self._comments < MOST_COMMENTS:
            self._comments += 1
            text = "\n".join(f"{error.rule}\n→ {error.hint}" if error.hint else error.rule for error in errors)
            lines = sum(1 + len(line) // 45 for line in text.splitlines())
            size = {"width": 300, "height": 20 + 17 * min(lines, 20)}
            self._sheet.write_comment(self._row, place, excel_text(text), {"author": "case-importer", **size})

    def finish(self) -> None:
        """Once all rows are written."""
        # all cells of a row are inside: those outside would stay where they are when rows are sorted
        self._sheet.autofilter(0, 0, max(self._row, 1), self._width - 1)
        # ids are meant to be texts: Excel need not say so at each of them
        cells = f"A1:{column_letters(self._width - 1)}{self._row + 1}"
        self._sheet.ignore_errors({"number_stored_as_text": cells})

    def offer_words(self, workbook: Workbook) -> None:
        """Let cells be chosen from the words that the mapping knows, which are on a hidden sheet."""
        columns = self._plan.columns
        offered = {
            column: [excel_text(word) for word in words]
            for column, words in self._plan.allowed.items()
            if columns.count(column) == 1 and words
        }
        if not offered:
            return
        sheet = workbook.add_worksheet("allowed values")
        sheet.hide()
        for row, words in enumerate(zip_longest(*offered.values(), fillvalue="")):
            _write_texts(sheet, row, words)
        for at, (column, known) in enumerate(offered.items()):
            place, letters = self._own[columns.index(column)], column_letters(at)
            rule = {
                "validate": "list",
                "source": f"='allowed values'!${letters}$1:${letters}${len(known)}",
                "error_type": "warning",
                "error_title": "Not a known value",
                "error_message": "The mapping does not know this value. Keep it only if you add it to the mapping.",
            }
            self._sheet.data_validation(1, place, max(self._row, 1), place, rule)


def _named(error: FieldError) -> str:
    """What is wrong, with the column."""
    return f"{error.column}: {reason(error)}" if error.column else reason(error)


def _write_texts(sheet: Worksheet, row: int, texts: Iterable[str], form: Format | None = None, first: int = 0) -> None:
    """Write a row of texts, whatever they look like: ``write_row`` may take ``{=1}`` for a formula."""
    for at, text in enumerate(texts, start=first):
        if text:
            sheet.write_string(row, at, text, form)


def _write_causes(workbook: Workbook, causes: Iterable[Cause], steps: Sequence[str]) -> None:
    """The sheet that says what to do, and why rows are not cases, most frequent first."""
    sheet = workbook.add_worksheet(FAILURES_SHEETS[1])
    bold = workbook.add_format({"bold": True})
    for row, step in enumerate(steps):
        sheet.write_string(row, 0, step, bold if row == 0 else None)
    top = len(steps) + 1
    header = workbook.add_format(_HEADER | {"bg_color": "#D9D9D9"})
    text = workbook.add_format({"num_format": "@", "valign": "top", "text_wrap": True})
    number = workbook.add_format({"num_format": "#,##0", "valign": "top"})
    for at, width in enumerate(_CAUSES.values()):
        sheet.set_column(at, at, width)
    _write_texts(sheet, top, _CAUSES, header)
    row = top
    for row, cause in enumerate((cause for cause in causes if cause.is_failure), start=top + 1):
        sheet.write_number(row, 0, cause.rows, number)
        cells = (cause.state, cause.code, cause.column, cause.target, str(cause.first_rows[0]))
        shown = (excel_text(cell or "") for cell in (*cells, cause.example, cause.rule, cause.hint))
        _write_texts(sheet, row, shown, text, first=1)
    sheet.autofilter(top, 0, max(row, top + 1), len(_CAUSES) - 1)
    sheet.freeze_panes(top + 1, 0)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
