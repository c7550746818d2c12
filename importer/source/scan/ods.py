"""Error values and formulas without a value in a sheet of an .ods document.

Source: OpenDocument 1.3 part 3, sections 9.1 (tables), 19.387 (office:value-type); the type ``error`` is an extension
of LibreOffice (calcext).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from importer.source.limits import MOST_COLUMNS
from importer.source.scan import package
from importer.source.scan.problem import (
    BLOCK_BYTES,
    CellProblem,
    ProblemWalk,
    error_cell,
    formula_without_value,
    no_problems,
)
from importer.source.scan.reach import Reach

_CONTENT = "content.xml"
_ERROR_TEXT = re.compile(r"#(?:N/A|DIV/0!|NAME\?|VALUE!|REF!|NUM!|NULL!)|Err:\d{3}")
_CELLS = ("table:table-cell", "table:covered-table-cell")


def search_tables(path: Path) -> dict[str, tuple[Reach, ProblemWalk]]:
    """For each sheet what :data:`importer.source.scan.SheetSearch` finds: the reader opens all of them at once."""
    suspicious: set[str] = set()
    parser = _TableParser()
    for problem in _problems(path, parser):
        suspicious.add(problem[0])
    return {
        table: (reach, partial(_walk, path, table) if table in suspicious else no_problems)
        for table, reach in parser.reaches.items()
    }


def _walk(path: Path, sheet: str) -> Iterator[CellProblem]:
    return (problem for table, problem in _problems(path, _TableParser()) if table == sheet)


def _problems(path: Path, parser: _TableParser) -> Iterator[tuple[str, CellProblem]]:
    with package.opened(path) as archive, archive.open(_CONTENT) as file:
        while block := file.read(BLOCK_BYTES):
            for table, first, rows, problems in parser.feed(block):
                for row in range(first, first + rows):
                    yield from ((table, problem._replace(row=row)) for problem in problems)


class _TableParser:
    """Takes the contents of a document block by block; rows and cells may be repeated, tables nested.

    Attributes:
        reaches: By table, how far its cells reach that are not blank.
    """

    def __init__(self) -> None:
        self._parser = package.strict_parser()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self.reaches: dict[str, Reach] = {}
        self._depth = 0
        self._table = ""
        self._row = 0
        self._rows = 1
        self._column = 0
        self._filled = 0  # columns up to the last cell of the row that is not blank
        self._in_row: list[CellProblem] = []
        self._done: list[tuple[str, int, int, list[CellProblem]]] = []
        self._suspect: dict[str, str] | None = None
        self._text = ""
        self._annotated = False

    def feed(self, block: bytes) -> list[tuple[str, int, int, list[CellProblem]]]:
        """What became known by the next block: table, first row, number of equal rows, problems of each."""
        self._parser.Parse(block)
        done, self._done = self._done, []
        return done

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "table:table":
            self._depth += 1
            if self._depth == 1:
                self._table, self._row = attributes.get("table:name", ""), 0
                self.reaches[self._table] = Reach()
        elif self._depth != 1:
            return
        elif name == "table:table-row":
            self._rows = int(attributes.get("table:number-rows-repeated", "1"))
            self._column = self._filled = 0
        elif name in _CELLS:
            self._cell(attributes)
        elif name == "office:annotation":
            self._annotated = True

    def _cell(self, attributes: dict[str, str]) -> None:
        if "table:formula" in attributes or _is_error(attributes):
            self._suspect, self._text = attributes, ""
            self._parser.CharacterDataHandler = self._add_text
            return
        self._column += int(attributes.get("table:number-columns-repeated", "1"))
        if "office:value-type" in attributes:
            self._filled = self._column

    def _add_text(self, text: str) -> None:
        if not self._annotated:
            self._text += text

    def _end(self, name: str) -> None:
        if name == "table:table":
            self._depth -= 1
        elif self._depth != 1:
            return
        elif name == "table:table-row":
            self._finish_row()
        elif name in _CELLS and self._suspect is not None:
            self._judge(self._suspect)
        elif name == "office:annotation":
            self._annotated = False

    def _finish_row(self) -> None:
        if self._in_row:
            self._done.append((self._table, self._row + 1, self._rows, self._in_row))
            self._in_row = []
        self._row += self._rows
        if self._filled:
            self.reaches[self._table] = self.reaches[self._table].with_cell(self._row, self._filled)

    def _judge(self, attributes: dict[str, str]) -> None:
        self._parser.CharacterDataHandler = None
        self._suspect = None
        text = self._text.strip()
        repeats = int(attributes.get("table:number-columns-repeated", "1"))
        for column in range(self._column, self._column + min(repeats, MOST_COLUMNS)):
            if _is_error(attributes) or _ERROR_TEXT.fullmatch(text):
                self._in_row.append(error_cell(0, column, text or "an error"))
            elif "office:value-type" not in attributes and not text:
                self._in_row.append(formula_without_value(0, column))
        self._column += repeats
        self._filled = self._column


def _is_error(attributes: dict[str, str]) -> bool:
    """Whether a cell has the type that LibreOffice gives to error values, whatever prefix the extension has."""
    return any(value == "error" and name.endswith(":value-type") for name, value in attributes.items())
