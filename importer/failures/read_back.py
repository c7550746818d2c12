"""failures.csv: how it is written, and how it is read again once it is fixed, as its workbook is.

A row is recognised by its record in the ledger, not by its line, so that rows may be sorted, deleted or fixed in any
column, the key included, and a row that has succeeded is never sent again even if it is pasted in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from importer.errors import SourceError
from importer.failures.columns import _RECORD, FILE_NAME, REASON_COLUMNS, RECORD_COLUMN, SUGGESTED
from importer.files.small import head_of
from importer.models import Row
from importer.reader import open_reader, sheet_names
from importer.reader.base import column_letters
from importer.reader.sheet_choice import FAILURES_SHEETS
from importer.text.formulas import excel_text, unescape_formula


def is_failures_file(path: Path) -> bool:
    """Whether a file is one of ours, by its first line or its sheets; a name like ours is only a reason to open it."""
    if RECORD_COLUMN.encode() in head_of(path, 4096) or set(FAILURES_SHEETS) <= set(sheet_names(path)):
        return True
    if FILE_NAME.fullmatch(f"{path.stem}.csv"):  # in UTF-16, packed, or a CSV file saved as a workbook
        with suppress(SourceError):
            return failures_file_of(open_reader(path).columns) is not None
    return False


@dataclass(frozen=True, slots=True)
class FailuresFile:
    """How to read a failures file."""

    width: int  #: How many columns the file has.
    record_at: int  #: Which of them has the record.
    user_columns: tuple[str, ...]  #: The user's columns.
    user_at: tuple[int, ...]  #: Where these are.
    written_as: tuple[str, ...]  #: What the file has as their names.

    def named_as(self, known: Iterable[Sequence[str]]) -> FailuresFile:
        """The same, with the columns named as the sources of the ledger have them, whose columns are ``known``.

        A name with a CR, or with what looks like the code of a character, is another one in a workbook.
        """
        names = {excel_text(name): name for columns in known for name in columns}
        return replace(self, user_columns=tuple(names.get(excel_text(name), name) for name in self.user_columns))

    def own_row(self, row: Row) -> Row:
        """The user's part of the row, formulas unescaped; one that is too long keeps all cells."""
        own = self._unescaped(row, [row.cells[at] for at in self.user_at if at < len(row.cells)])
        is_good = all(error.column is not None for error in row.problems)
        names = dict(zip(self.written_as, self.user_columns, strict=True)) if row.problems else {}
        problems = tuple(replace(error, column=names.get(error.column or "", error.column)) for error in row.problems)
        return Row(row.number, (*own, *(() if is_good else self.surplus(row))), problems)

    def surplus(self, row: Row) -> tuple[str, ...]:
        """The cells behind all columns that have a name."""
        cells = self._unescaped(row, row.cells[self.width :])
        while cells and not cells[-1]:
            cells.pop()
        return tuple(cells)

    def is_of_workbook(self, row: Row) -> bool:
        """Whether the row was written into failures.xlsx, whatever file it is in now."""
        named = _RECORD.fullmatch(self._record(row))
        return named is not None and named[3] == "x"

    def _unescaped(self, row: Row, cells: Sequence[str]) -> list[str]:
        return list(cells) if self.is_of_workbook(row) else list(map(unescape_formula, cells))

    def _record(self, row: Row) -> str:
        return row.cells[self.record_at].strip() if self.record_at < len(row.cells) else ""

    def record(self, row: Row, ledger_id: str, *, name: str) -> int | None:
        """The record that this row fixes; None if the line has none (a line that the user added).

        Raises:
            SourceError: the file belongs to another ledger, or it is unclear what the row fixes.
        """
        text = self._record(row)
        if not text:
            return None
        named, where = _RECORD.fullmatch(text), f"{name}:{row.number}"
        if named is None:
            raise SourceError(
                f"{text!r} in the column {RECORD_COLUMN} is not a record of a ledger",
                where=where,
                hint="put the cell back as failures.csv has it; leave it empty in a row that you have added",
            )
        if named[1] != ledger_id:
            raise SourceError(
                "these rows belong to another ledger",
                where=where,
                hint="pass the ledger that wrote this failures file with --ledger; otherwise rows with an unknown"
                " outcome could be created twice",
            )
        return int(named[2])


def failures_file_of(columns: Sequence[str]) -> FailuresFile | None:
    """How to read a file with this header as a failures file; None if it is an ordinary export.

    A row that was too long gave the spreadsheet columns without a name: these do not belong to the user.
    """
    if RECORD_COLUMN not in columns:
        return None
    width = len(columns)
    while columns[width - 1] == f"column {column_letters(width - 1)}":
        width -= 1
    user_at = tuple(
        at
        for at, column in enumerate(columns[:width])
        if column not in REASON_COLUMNS and not column.startswith(SUGGESTED)
    )
    written_as = tuple(columns[at] for at in user_at)
    return FailuresFile(
        width, columns.index(RECORD_COLUMN), tuple(map(unescape_formula, written_as)), user_at, written_as
    )
