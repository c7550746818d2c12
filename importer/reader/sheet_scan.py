"""What calamine does not tell about a sheet of an .xlsx or .ods workbook, read from its XML before calamine opens it.

* Error values and formulas that were never computed: calamine reads them as empty texts (its issue 105), and cases
  would be created with empty fields.
* Cells far out: calamine takes 32 bytes for each cell of the rectangle that the cells span. Where there is not as much
  memory, the process ends without a word.
* Hidden rows, filters and merged cells: they are read like all others, and a person should know.

The XML is parsed in blocks, so memory stays flat; what is kept of it is counted and limited. Sources: ECMA-376 part 1,
sections 18.2.19 (sheet), 18.3.1 (worksheets), and part 2 (relationships); OpenDocument 1.3 part 3,
section 9 (tables), of which the type ``error`` is an extension of LibreOffice.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple, TypeAlias
from xml.parsers import expat

from importer.errors import SourceError
from importer.reader import limits
from importer.reader.base import column_letters
from importer.reader.detect import UNPACKING_ERRORS, damaged

Attributes: TypeAlias = "dict[str, str]"

_BLOCK_BYTES = 256 * 1024
_INDEX_BYTES = 4 * 1024**2  # of a part that only lists other parts
_VALUE_SHOWN = 80
_ODS_CELLS = ("table:table-cell", "table:covered-table-cell")
_ODS_ERROR = re.compile(r"#(?:N/A|DIV/0!|NAME\?|VALUE!|REF!|NUM!|NULL!)|Err:\d{3}")


class CellProblem(NamedTuple):
    """A cell that calamine takes for blank and that is not."""

    column: int  #: 0-based
    code: str  #: ``error_cell`` or ``formula_without_value``
    value: str  #: what the sheet shows, such as ``#N/A``


@dataclass
class SheetScan:
    """What was found in one sheet: what :class:`importer.reader.base.SheetLayout` says, above the header too, and more.

    Attributes:
        name: How messages call it.
        problems: By sheet row (1-based).
        rows: The last row with a cell.
        columns: The last column with a cell.
    """

    name: str
    problems: dict[int, list[CellProblem]] = field(default_factory=dict)
    rows: int = 0
    columns: int = 0
    hidden_rows: list[int] = field(default_factory=list)
    filtered: bool = False
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)
    _widest: int = 0
    _kept: int = 0

    def add_rows(self, rows: range, width: int, problems: list[CellProblem], *, hidden: bool) -> None:
        """Equal rows whose last cell is in column ``width``.

        Raises:
            SourceError: The sheet becomes too large to be read.
        """
        self.extend(rows.stop - 1, width)
        self.keep(len(rows) * (len(problems) + hidden))
        if hidden:
            self.hidden_rows.extend(rows)
        if problems:
            for row in rows:
                self.problems.setdefault(row, []).extend(problems)

    def extend(self, row: int, column: int) -> None:
        """There is a cell in this row and column.

        Raises:
            SourceError: The cells span more than calamine can hold, mostly because of one stray cell, or more than a
                sheet can have.
        """
        self.rows = max(self.rows, row)
        if column > self.columns:
            self.columns, self._widest = column, row
        if self.rows > limits.MOST_ROWS or self.columns > limits.MOST_COLUMNS:
            raise damaged(self.name, f"a cell in row {self.rows:,}, column {self.columns:,}")
        if self.rows * self.columns > limits.MOST_SPANNED_CELLS:
            cell = f"{column_letters(self.columns - 1)}{self._widest}"
            what = f"the used range has {self.rows:,} rows and {self.columns:,} columns (last cell: {cell})"
            hint = "delete stray or merely formatted cells outside of the table, or save the sheet as CSV"
            raise SourceError(what, where=self.name, hint=hint)

    def keep(self, remarks: int) -> None:
        """Count what is kept in memory.

        Raises:
            SourceError: It is too much.
        """
        self._kept += remarks
        if self._kept > limits.MOST_REMARKS:
            what = f"more than {limits.MOST_REMARKS:,} cells and rows are errors, uncomputed formulas, hidden or merged"
            raise SourceError(what, where=self.name, hint="open the workbook, look at the sheet, and save it as CSV")


def scan_xlsx(path: Path, sheet: str) -> SheetScan | None:
    """One sheet of an .xlsx workbook; None if it is not where the format says it should be.

    Raises:
        SourceError: The workbook is damaged, or the sheet too large to be read.
    """
    with _opened(path) as archive:
        part = _sheet_part(archive, sheet)
        if not part:
            return None
        scan = SheetScan(f"{path.name} [{sheet}]")
        parser = _XlsxParser(scan)
        with archive.open(part) as file:
            parser.parse(file)
        parser.finish_row()
        return scan


def scan_ods(path: Path) -> dict[str, SheetScan]:
    """All sheets of an .ods document by name: calamine opens all of them at once.

    Raises:
        SourceError: The document is damaged, or a sheet too large to be read.
    """
    parser = _OdsParser(path.name)
    with _opened(path) as archive, archive.open("content.xml") as file:
        parser.parse(file)
    return parser.scans


class _Parser:
    """Takes XML block by block, and collects the text of an element while it is told to."""

    def __init__(self) -> None:
        self.text = ""
        self.xml = expat.ParserCreate()
        self.xml.buffer_text = True
        self.xml.StartDoctypeDeclHandler = _refuse_doctype

    def parse(self, file: IO[bytes]) -> None:
        """Take all of a file. A long tag is parsed again with each block, so its length has a limit."""
        taken = 0
        while block := file.read(_BLOCK_BYTES):
            self.xml.Parse(block)
            taken += len(block)
            if taken - self.xml.CurrentByteIndex > limits.LONGEST_TAG:
                raise ValueError("an XML tag of more than 1 MiB")
        self.xml.Parse(b"", True)

    def collect(self, wanted: bool) -> None:
        """Whether the text that follows is collected."""
        self.xml.CharacterDataHandler = self._add_text if wanted else None

    def _add_text(self, text: str) -> None:
        if len(self.text) < _VALUE_SHOWN:
            self.text += text[:_VALUE_SHOWN]


def _refuse_doctype(*_: object) -> None:
    hint = "do not import it unless you trust its source"
    raise SourceError("the workbook contains a document type, which no workbook needs", hint=hint)


class _XlsxParser(_Parser):
    """One sheet. Millions of cells come by for each one that matters: only suspects are looked at closely."""

    def __init__(self, scan: SheetScan) -> None:
        super().__init__()
        self.xml.StartElementHandler = self._root
        self._scan = scan
        self._prefix = self._cell_tag = self._value_tag = self._formula_tag = ""
        self._row = 0
        self._hidden = False
        self._cells = 0  # of this row so far
        self._cell: Attributes = {}
        self._formula = False
        self._problems: list[CellProblem] = []

    def _root(self, name: str, _: Attributes) -> None:
        """All tags have the prefix of the root."""
        self._prefix = name.removesuffix("worksheet")
        self._cell_tag, self._value_tag, self._formula_tag = (f"{self._prefix}{tag}" for tag in ("c", "v", "f"))
        self.xml.StartElementHandler = self._element

    def _element(self, name: str, attributes: Attributes) -> None:
        if name == self._cell_tag:
            self._cell = attributes
            self._cells += 1
            if attributes.get("t") == "e":
                self._suspect(formula=False)
        elif name == self._value_tag:
            if self.xml.EndElementHandler:
                self.collect(True)
        elif name == self._formula_tag:
            self._suspect(formula=True)
        else:
            self._layout(name.removeprefix(self._prefix), attributes)

    def _layout(self, name: str, attributes: Attributes) -> None:
        hidden = attributes.get("hidden") in ("1", "true")
        if name == "row":
            self.finish_row()
            self._row = int(attributes.get("r", self._row + 1))
            self._hidden = hidden
        elif name == "col" and hidden:
            self._scan.keep(1)
            self._scan.hidden_columns.append((int(attributes.get("min", 1)), int(attributes.get("max", 1))))
        elif name == "mergeCell":
            self._scan.keep(1)
            self._scan.merged.append(attributes.get("ref", ""))
        elif name == "filterColumn":
            self._scan.filtered = True

    def _suspect(self, *, formula: bool) -> None:
        self._formula = formula
        self.text = ""
        self.xml.EndElementHandler = self._end

    def _end(self, name: str) -> None:
        if name == self._value_tag:
            self.collect(False)
        elif name == self._cell_tag:
            self.xml.EndElementHandler = None
            self._judge()

    def _judge(self) -> None:
        """A formula whose result is an empty text says so by its type; without a type it has no result."""
        kind, value = self._cell.get("t"), self.text.strip()
        if kind == "e":
            self._problems.append(CellProblem(self._column(), "error_cell", value or "an error"))
        elif self._formula and kind != "str" and not value:
            self._problems.append(CellProblem(self._column(), "formula_without_value", ""))

    def _column(self) -> int:
        """0-based column of the cell at hand; without a reference it is the one after the cell before."""
        return _column_of(self._cell["r"]) if "r" in self._cell else self._cells - 1

    def finish_row(self) -> None:
        """The row at hand is complete."""
        if self._cells:
            row = range(self._row, self._row + 1)
            self._scan.add_rows(row, self._column() + 1, self._problems, hidden=self._hidden)
            self._cells, self._problems = 0, []


class _OdsParser(_Parser):
    """The tables of a document. Rows and cells may be repeated, and tables nested in cells."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.xml.StartElementHandler, self.xml.EndElementHandler = self._start, self._end
        self.scans: dict[str, SheetScan] = {}
        self._name = name
        self._scan = SheetScan(name)
        self._depth = 0
        self._row = 1
        self._rows = range(0)
        self._visibility = ""
        self._column = 0
        self._filled = 0  # columns up to the last cell of the row that is not blank
        self._spaces = 0
        self._suspect: Attributes | None = None
        self._problems: list[CellProblem] = []

    def _start(self, name: str, attributes: Attributes) -> None:
        if name == "table:table":
            self._depth += 1
            if self._depth == 1:
                table = attributes.get("table:name", "")
                self._scan = self.scans[table] = SheetScan(f"{self._name} [{table}]")
                self._row = 1
        elif name == "text:s":  # calamine writes out as many spaces as the document says there are
            self._spaces += int(attributes.get("text:c", 1))
            if self._spaces > limits.LONGEST_CELL:
                raise damaged(self._name, f"{self._spaces:,} repeated spaces")
        elif self._depth == 1:
            self._element(name, attributes)

    def _element(self, name: str, attributes: Attributes) -> None:
        if name in _ODS_CELLS:
            if "table:formula" in attributes or _is_ods_error(attributes):
                self._suspect, self.text = attributes, ""
                self.collect(True)
            else:
                self._pass(attributes, filled="office:value-type" in attributes)
        elif name == "table:table-row":
            self._rows = range(self._row, self._row + int(attributes.get("table:number-rows-repeated", 1)))
            self._visibility = attributes.get("table:visibility", "")
            self._column = self._filled = 0
        elif name == "office:annotation":
            self.collect(False)

    def _pass(self, attributes: Attributes, *, filled: bool) -> range:
        """The columns of a cell, which may be repeated."""
        columns = range(self._column, self._column + int(attributes.get("table:number-columns-repeated", 1)))
        self._column = columns.stop
        if filled:
            self._filled = columns.stop
            self._scan.extend(self._row, columns.stop)
        return columns

    def _end(self, name: str) -> None:
        if name == "table:table":
            self._depth -= 1
        elif self._depth == 1 and name == "table:table-row":
            self._finish_row()
        elif self._depth == 1 and self._suspect is not None:
            if name in _ODS_CELLS:
                self._judge(self._suspect)
            elif name == "office:annotation":
                self.collect(True)

    def _judge(self, attributes: Attributes) -> None:
        self.collect(False)
        self._suspect, text = None, self.text.strip()
        columns = self._pass(attributes, filled=True)
        if _is_ods_error(attributes) or _ODS_ERROR.fullmatch(text):
            self._problems += [CellProblem(column, "error_cell", text or "an error") for column in columns]
        elif "office:value-type" not in attributes and not text:
            self._problems += [CellProblem(column, "formula_without_value", "") for column in columns]

    def _finish_row(self) -> None:
        if self._filled:
            hidden = self._visibility in ("collapse", "filter")
            self._scan.filtered = self._scan.filtered or self._visibility == "filter"
            self._scan.add_rows(self._rows, self._filled, self._problems, hidden=hidden)
            self._problems = []
        self._row = self._rows.stop


def _is_ods_error(attributes: Attributes) -> bool:
    """Whether a cell has the type that LibreOffice gives to error values, whatever prefix its extension has."""
    return any(value == "error" and name.endswith(":value-type") for name, value in attributes.items())


def _column_of(reference: str) -> int:
    """0-based column of a cell reference such as ``AB12``."""
    column = 0
    for letter in reference.rstrip("0123456789"):
        column = column * 26 + ord(letter.upper()) - ord("A") + 1
    return column - 1


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive at ``path``; whatever is broken inside becomes a SourceError."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except UNPACKING_ERRORS as error:
        raise damaged(path.name, error) from None


def _sheet_part(archive: zipfile.ZipFile, sheet: str) -> str:
    """The part with the sheet of this name, found by its relationships; empty if it is not there."""
    workbook = _related(archive, "", "Type", "officeDocument")
    for element, attributes in _elements(archive, workbook):
        if element == "sheet" and attributes.get("name") == sheet:
            identity = next((value for name, value in attributes.items() if name.endswith(":id")), "")
            return _member(archive, _related(archive, workbook, "Id", identity))
    return ""


def _related(archive: zipfile.ZipFile, part: str, attribute: str, wanted: str) -> str:
    """The target of that relationship of ``part`` whose ``attribute`` is ``wanted``, apart from a path before it."""
    folder, base = posixpath.split(part)
    for _, attributes in _elements(archive, posixpath.join(folder, "_rels", f"{base}.rels")):
        if attributes.get(attribute, "").rpartition("/")[2] == wanted:
            return posixpath.normpath(posixpath.join("/", folder, attributes.get("Target", ""))).lstrip("/")
    return ""


def _elements(archive: zipfile.ZipFile, part: str) -> list[tuple[str, Attributes]]:
    """Local names and attributes of the elements at the beginning of a part; none if there is no such part."""
    found: list[tuple[str, Attributes]] = []
    if name := _member(archive, part):
        parser = _Parser()
        parser.xml.StartElementHandler = lambda tag, attributes: found.append((tag.rpartition(":")[2], attributes))
        with archive.open(name) as file:
            parser.xml.Parse(file.read(_INDEX_BYTES))
    return found


def _member(archive: zipfile.ZipFile, part: str) -> str:
    """The member called ``part``: names of parts are compared without regard to case; empty if there is none."""
    names = archive.namelist() if part else []
    return next((name for name in names if name.replace("\\", "/").lower() == part.lower()), "")
