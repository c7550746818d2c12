"""A sheet of an .xlsx workbook, parsed cell by cell."""

from __future__ import annotations

from importer.source.scan import package
from importer.source.scan.problem import CellProblem, error_cell, formula_without_value
from importer.source.scan.reach import Reach


class CellParser:
    """Takes the XML of a sheet block by block.

    Millions of cells come by for each one that matters: only suspects are looked at more closely.
    """

    def __init__(self) -> None:
        self._parser = package.strict_parser()
        self._parser.StartElementHandler = self._root
        self._found: list[CellProblem] = []
        self._row = 0
        self._cells = 0  # of this row so far
        self._cell: dict[str, str] = {}
        self._formula = False
        self._value = ""
        self._reach = Reach()

    @property
    def reach(self) -> Reach:
        """How far the cells reach that came by so far."""
        self._finish_row()
        return self._reach

    def feed(self, block: bytes) -> list[CellProblem]:
        """The problems that became known by the next ``block``."""
        self._parser.Parse(block)
        found, self._found = self._found, []
        return found

    def _root(self, name: str, _: dict[str, str]) -> None:
        prefix = name.removesuffix("worksheet")
        self._row_tag, self._cell_tag, self._value_tag = (prefix + tag for tag in ("row", "c", "v"))
        self._formula_tag = prefix + "f"
        self._parser.StartElementHandler = self._start

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == self._cell_tag:
            self._cell = attributes
            self._cells += 1
            if attributes.get("t") == "e":
                self._suspect(formula=False)
        elif name == self._row_tag:
            self._finish_row()
            self._row = int(attributes.get("r", self._row + 1))
        elif name == self._formula_tag:
            self._suspect(formula=True)
        elif name == self._value_tag and self._parser.EndElementHandler:
            self._parser.CharacterDataHandler = self._add_text

    def _finish_row(self) -> None:
        if self._cells:
            self._reach = self._reach.with_cell(self._row, self._column() + 1)
        self._cells = 0

    def _suspect(self, *, formula: bool) -> None:
        self._formula = formula
        self._value = ""
        self._parser.EndElementHandler = self._end

    def _add_text(self, text: str) -> None:
        self._value += text

    def _end(self, name: str) -> None:
        if name == self._value_tag:
            self._parser.CharacterDataHandler = None
        elif name == self._cell_tag:
            self._parser.EndElementHandler = None
            self._judge()

    def _judge(self) -> None:
        """A formula whose result is an empty text says so by its type; without a type it has no result."""
        kind = self._cell.get("t")
        if kind == "e":
            self._found.append(error_cell(self._row, self._column(), self._value or "an error"))
        elif self._formula and kind != "str" and not self._value.strip():
            self._found.append(formula_without_value(self._row, self._column()))

    def _column(self) -> int:
        """0-based column of the cell at hand; without a reference it is the one after the cell before."""
        return column_of(self._cell["r"]) if "r" in self._cell else self._cells - 1


def column_of(reference: str) -> int:
    """0-based column of a cell reference such as ``AB12``."""
    column = 0
    for letter in reference.rstrip("0123456789"):
        column = column * 26 + ord(letter.upper()) - ord("A") + 1
    return column - 1
