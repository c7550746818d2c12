"""What calamine does not tell about a sheet of an .xlsx or .ods workbook, read from its XML before calamine opens it.

* Negative numbers in a date format, which it reads as a time of day.
* Error values and formulas that were never computed: calamine reads them as empty texts (its issue 105), and cases
  would be created with empty fields.
* Cells far out: calamine takes 32 bytes for each cell of the rectangle that the cells span; without as much memory, the
  process ends without a word.
* Hidden rows, filters and merged cells: they are read like all others, and the user should know.

The XML is parsed in blocks, so memory stays flat. Sources: ECMA-376 part 1, sections 18.2.19 (sheet), 18.3.1
(worksheets), and part 2 (relationships); OpenDocument 1.3 part 3, section 9 (tables), of which the type ``error`` is an
extension of LibreOffice.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from xml.etree import ElementTree
from xml.parsers import expat

from importer.errors import SourceError
from importer.reader import limits
from importer.reader.base import column_letters
from importer.reader.detect import damage_named, damaged

Attributes = dict[str, str]

_BLOCK_BYTES = 256 * 1024
_INDEX_BYTES = 4 * 1024**2  # of a part that only lists other parts
_VALUE_SHOWN = 80
_SHORT_INDENT = 32  # so many repeated spaces are no longer than the tag that stands for them
_ZEROS = re.compile("0{2,}")
#: Numbers of the formats of dates and times that no workbook lists. Source: ECMA-376 part 1, section 18.8.30.
_DATE_FORMATS = frozenset(map(str, (*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59))))
_LITERAL = re.compile(r"\"[^\"]*\"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]|General", re.IGNORECASE)
_DATE_PART = re.compile("[dmyhs]", re.IGNORECASE)
_ODS_CELLS = ("table:table-cell", "table:covered-table-cell")
_ODS_BREAKS = ("text:tab", "text:line-break")  # calamine drops them, and two words become one
_ODS_ERROR = re.compile(r"#(?:N/A|DIV/0!|NAME\?|VALUE!|REF!|NUM!|NULL!)|Err:\d{3}")


@dataclass(frozen=True, slots=True)
class CellProblem:
    """A cell that calamine reads as blank although it is not, or not as it is."""

    column: int  #: 0-based
    code: str  #: ``error_cell``, ``formula_without_value``, ``negative_date`` or ``lost_break``
    value: str = ""  #: what the sheet shows, such as ``#N/A``


@dataclass
class SheetScan:
    """What was found in one sheet: see :class:`~importer.reader.base.SheetLayout`, here with rows above the header."""

    name: str  #: Its name in messages.
    most_cells: int = limits.MOST_SPANNED_CELLS  #: See :func:`importer.reader.limits.most_cells`.
    problems: dict[int, list[CellProblem]] = field(default_factory=dict)  #: By sheet row (1-based).
    hidden_rows: list[int] = field(default_factory=list)
    filtered: bool = False
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)
    #: Column (0-based) → by row how many digits the sheet shows of a whole number, by a format such as 000000.
    padded: dict[int, bytearray] = field(default_factory=dict)
    _rows: int = 0
    _columns: int = 0
    _widest: int = 0

    def add_rows(self, rows: range, problems: list[CellProblem], *, hidden: bool) -> None:
        """Keep what is known of equal rows."""
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
        self._rows = max(self._rows, row)
        if column > self._columns:
            self._columns, self._widest = column, row
        if self._rows > limits.MOST_ROWS or self._columns > limits.MOST_COLUMNS:
            raise damaged(self.name, f"a cell in row {self._rows:,}, column {self._columns:,}")
        if self._rows * self._columns > self.most_cells:
            cell = f"{column_letters(self._columns - 1)}{self._widest}"
            what = f"the used range has {self._rows:,} rows and {self._columns:,} columns (last cell: {cell})"
            hint = "delete stray or merely formatted cells outside of the table, or save the sheet as CSV"
            raise SourceError(what, where=self.name, hint=hint)

    def add_padded(self, row: int, column: int, digits: int) -> None:
        """Keep that a number is shown with at least so many digits."""
        self.extend(row, column + 1)
        rows = self.padded.setdefault(column, bytearray())
        rows.extend(bytes(max(row + 1 - len(rows), 0)))
        rows[row] = digits


def scan_xlsx(path: Path, sheet: str) -> SheetScan | None:
    """One sheet of an .xlsx workbook; None if it is not where the format says it should be.

    Raises:
        SourceError: The workbook is damaged, or the sheet too large to be read.
    """
    with damage_named(path.name), zipfile.ZipFile(path) as archive:
        if not (part := _sheet_part(archive, sheet)):
            return None
        scan = SheetScan(f"{path.name} [{sheet}]", limits.most_cells(path))
        with archive.open(part) as file:
            _XlsxParser(scan, *_styles(archive)).parse(file)
        return scan


def scan_ods(path: Path) -> dict[str, SheetScan]:
    """All sheets of an .ods document by name: calamine opens all of them at once.

    Raises:
        SourceError: The document is damaged, or a sheet too large to be read.
    """
    parser = _OdsParser(path.name, limits.most_cells(path))
    with damage_named(path.name), zipfile.ZipFile(path) as archive, archive.open("content.xml") as file:
        parser.parse(file)
    return parser.scans


def _sheet_part(archive: zipfile.ZipFile, sheet: str) -> str:
    """The part with the sheet of this name; empty if it is not where calamine looks for it. Case does not matter."""
    for element in _elements(archive, "xl/workbook.xml"):
        if element.tag.rpartition("}")[2] == "sheet" and element.get("name") == sheet:
            identity = next((value for name, value in element.items() if name.endswith("}id")), "")
            targets = {it.get("Id"): it.get("Target", "") for it in _elements(archive, "xl/_rels/workbook.xml.rels")}
            target = posixpath.normpath(posixpath.join("/xl", targets.get(identity, "")))
            return _parts(archive).get(target.lstrip("/").lower(), "")
    return ""


def _parts(archive: zipfile.ZipFile) -> dict[str, str]:
    return {name.replace("\\", "/").lower(): name for name in archive.namelist()}


def _elements(archive: zipfile.ZipFile, part: str) -> list[ElementTree.Element]:
    if (name := _parts(archive).get(part)) is None:
        return []
    with archive.open(name) as file:
        return list(ElementTree.fromstring(file.read(_INDEX_BYTES)).iter())


def _styles(archive: zipfile.ZipFile) -> tuple[dict[str, int], set[str]]:
    """The styles of cells whose number format consists of zeros, such as ``000000``, with how many these are; and those
    that show a date or a time."""
    styles = _elements(archive, "xl/styles.xml")
    formats = {each.get("numFmtId"): each.get("formatCode", "") for each in styles if each.tag.endswith("}numFmt")}
    cells = next((each for each in styles if each.tag.endswith("}cellXfs")), ())
    numbers = {str(at): style.get("numFmtId", "0") for at, style in enumerate(cells)}
    codes = {style: formats.get(number, "d" if number in _DATE_FORMATS else "") for style, number in numbers.items()}
    zeros = {style: min(len(code), 255) for style, code in codes.items() if _ZEROS.fullmatch(code)}
    return zeros, {style for style, code in codes.items() if _DATE_PART.search(_LITERAL.sub("", code))}


class _Parser:
    """Parses XML block by block, and collects the text of an element while it is told to."""

    def __init__(self, scan: SheetScan) -> None:
        self.scan = scan
        self.text = ""
        self.problems: list[CellProblem] = []  # of the row at hand
        self.xml = expat.ParserCreate()
        self.xml.buffer_text = True
        self.xml.StartDoctypeDeclHandler = _refuse_doctype

    def parse(self, file: IO[bytes]) -> None:
        """Parse all of a file. A long tag is parsed again with each block, so its length has a limit."""
        taken = 0
        while block := file.read(_BLOCK_BYTES):
            self.xml.Parse(block)
            taken += len(block)
            if taken - self.xml.CurrentByteIndex > limits.LONGEST_TAG:
                raise ValueError("an XML tag of more than 1 MiB")
        self.xml.Parse(b"", True)

    def collect(self, wanted: bool) -> None:
        self.xml.CharacterDataHandler = self._add_text if wanted else None

    def _add_text(self, text: str) -> None:
        if len(self.text) < _VALUE_SHOWN:
            self.text += text[:_VALUE_SHOWN]


def _refuse_doctype(*_: object) -> None:
    hint = "do not import it unless you trust its source"
    raise SourceError("the workbook contains a document type, which no workbook needs", hint=hint)


class _XlsxParser(_Parser):
    """One sheet. For each cell that matters there are millions that do not: only suspects have an end handler."""

    def __init__(self, scan: SheetScan, zero_styles: Mapping[str, int], date_styles: Set[str]) -> None:
        super().__init__(scan)
        self.xml.StartElementHandler = self._start
        self._zero_styles, self._date_styles = zero_styles, date_styles
        self._row = 0
        self._hidden = False
        self._cells = 0  # of this row so far
        self._cell: Attributes = {}
        self._is_formula = False

    def parse(self, file: IO[bytes]) -> None:
        super().parse(file)
        self._finish_row()

    def _start(self, name: str, attributes: Attributes) -> None:
        tag = name.rpartition(":")[2]
        if tag == "c":
            self._cell = attributes
            self._cells += 1
            if self._zero_styles and (digits := self._zero_styles.get(attributes.get("s", ""))):
                self.scan.add_padded(self._row, self._column(), digits)
        elif tag == "v" and self.xml.EndElementHandler:
            self.collect(True)
        elif tag == "row":
            self._finish_row()
            self._row = int(attributes.get("r", self._row + 1))
            self._hidden = attributes.get("hidden") in ("1", "true")
        elif tag == "col" and attributes.get("hidden") in ("1", "true"):
            self.scan.hidden_columns.append((int(attributes.get("min", 1)), int(attributes.get("max", 1))))
        elif tag == "mergeCell":
            self.scan.merged.append(attributes.get("ref", ""))
        elif tag == "filterColumn":
            self.scan.filtered = True
        is_suspect = tag == "c" and (attributes.get("t") == "e" or attributes.get("s") in self._date_styles)
        if tag == "f" or is_suspect:
            self._is_formula, self.text = tag == "f", ""
            self.xml.EndElementHandler = self._end

    def _end(self, name: str) -> None:
        """A formula whose result is an empty text says so by its type; without a type it has no result."""
        tag = name.rpartition(":")[2]
        if tag == "v":
            self.collect(False)
        elif tag == "c":
            self.xml.EndElementHandler = None
            kind, value = self._cell.get("t"), self.text.strip()
            if kind == "e":
                self.problems.append(CellProblem(self._column(), "error_cell", value or "an error"))
            elif self._is_formula and kind != "str" and not value:
                self.problems.append(CellProblem(self._column(), "formula_without_value"))
            elif value.startswith("-") and kind in (None, "n") and self._cell.get("s") in self._date_styles:
                self.problems.append(CellProblem(self._column(), "negative_date", value))

    def _column(self) -> int:
        """0-based column of the cell at hand; without a reference it is the one after the cell before."""
        reference, column = self._cell.get("r", ""), 0
        for letter in reference.rstrip("0123456789"):
            column = column * 26 + ord(letter.upper()) - ord("A") + 1
        return column - 1 if reference else self._cells - 1

    def _finish_row(self) -> None:
        if self._row > limits.MOST_ROWS:  # by rows without a cell, which nothing else counts
            raise damaged(self.scan.name, f"row {self._row:,}")
        if self._cells:
            self.scan.extend(self._row, self._column() + 1)
            self.scan.add_rows(range(self._row, self._row + 1), self.problems, hidden=self._hidden)
            self._cells, self.problems = 0, []


class _OdsParser(_Parser):
    """The tables of a document. Rows and cells may be repeated, and tables nested in cells.

    calamine writes out all repeats, so what they add to the document is counted.
    """

    def __init__(self, name: str, most_cells: int) -> None:
        super().__init__(SheetScan(name))
        self.xml.StartElementHandler, self.xml.EndElementHandler = self._start, self._end
        self.scans: dict[str, SheetScan] = {}
        self._name, self._most_cells = name, most_cells
        self._depth = 0
        self._rows = range(0)
        self._visibility = ""
        self._columns = range(0)  # of the cell at hand
        self._is_filled = self._row_is_filled = False  # not blank
        self._is_read_as_text = False
        self._suspect: Attributes | None = None
        self._is_computed = False  # the suspect has a result, perhaps an empty text
        self._is_note = False
        self._cell_at = self._spaces = 0  # where in the file the cell begins; spaces that it repeats
        self._read = self._written = 0  # characters of the row's cells, as they are and as calamine writes them out
        self._added = 0  # to the whole document by repeats

    def _start(self, name: str, attributes: Attributes) -> None:
        if name == "table:table":
            self._depth += 1
            if self._depth == 1:
                table = attributes.get("table:name", "")
                self.scan = self.scans[table] = SheetScan(f"{self._name} [{table}]", self._most_cells)
                self._rows = range(1, 1)
        elif name == "text:s":  # calamine writes out as many spaces as the document says there are
            spaces = int(attributes.get("text:c", 1))
            self._spaces += spaces if spaces > _SHORT_INDENT else 0
        elif self._depth > 1:
            return
        elif name == "table:table-row":
            begins = self._rows.stop
            self._rows = range(begins, begins + int(attributes.get("table:number-rows-repeated", 1)))
            self._visibility = attributes.get("table:visibility", "")
            self._columns, self._row_is_filled = range(0), False
            self._read = self._written = 0
        elif name in _ODS_CELLS:
            self._start_cell(attributes)
        elif name == "office:annotation":
            self.collect(False)
            self._is_note = True
        elif name == "text:p" and not self._is_note:
            self._is_computed = True
        elif name in _ODS_BREAKS and self._is_read_as_text and not self._is_note:
            found = [CellProblem(column, "lost_break") for column in self._columns]
            self.problems += found if self.problems[-len(found) :] != found else []

    def _start_cell(self, attributes: Attributes) -> None:
        begins = self._columns.stop
        self._columns = range(begins, begins + int(attributes.get("table:number-columns-repeated", 1)))
        self._cell_at, self._spaces = self.xml.CurrentByteIndex, 0
        if "table:formula" in attributes or _is_ods_error(attributes):
            self._suspect, self.text, self._is_computed = attributes, "", False
            self.collect(True)
        self._is_filled = "office:value-type" in attributes or self._suspect is not None
        is_text = attributes.get("office:value-type") == "string"
        self._is_read_as_text = is_text and "office:string-value" not in attributes  # which calamine takes as it is
        if self._is_filled:
            self._row_is_filled = True
            self.scan.extend(self._rows.start, self._columns.stop)

    def _end(self, name: str) -> None:
        if name == "table:table":
            self._depth -= 1
        elif self._depth == 1 and name in _ODS_CELLS:
            if self._suspect is not None:
                self._finish_suspect(self._suspect)
            length = self.xml.CurrentByteIndex - self._cell_at if self._is_filled else 0
            self._read += length
            self._written += (len(self._columns) if self._is_filled else 1) * (length + self._spaces)
        elif self._depth == 1 and name == "table:table-row":
            self._finish_row()
        elif name == "office:annotation" and self._depth == 1:
            self._is_note = False
            self.collect(self._suspect is not None)

    def _finish_suspect(self, attributes: Attributes) -> None:
        self.collect(False)
        self._suspect, text = None, self.text.strip()
        if _is_ods_error(attributes) or _ODS_ERROR.fullmatch(text):
            self.problems += [CellProblem(column, "error_cell", text or "an error") for column in self._columns]
        elif "office:value-type" not in attributes and not text and not self._is_computed:
            self.problems += [CellProblem(column, "formula_without_value") for column in self._columns]

    def _finish_row(self) -> None:
        if self._row_is_filled:
            self.scan.filtered = self.scan.filtered or self._visibility == "filter"
            self.scan.extend(self._rows.stop - 1, 0)
            self.scan.add_rows(self._rows, self.problems, hidden=self._visibility in ("collapse", "filter"))
            self.problems = []
        self._added += len(self._rows) * self._written - self._read
        if self._added > limits.MOST_REPEATED:
            what = f"repeated rows, cells and spaces add {self._added:,} characters to the sheet"
            hint = "delete the repetitions, or save the sheet as CSV"
            raise SourceError(what, where=self.scan.name, hint=hint)


def _is_ods_error(attributes: Attributes) -> bool:
    """Whether a cell has the type that LibreOffice gives to error values, whatever prefix its extension has."""
    return any(value == "error" and name.endswith(":value-type") for name, value in attributes.items())
