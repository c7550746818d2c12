"""Workbooks of every kind, made on the spot."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import xlsxwriter
import xlwt
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P
from xlwt.CompoundDoc import XlsDoc

CALCEXT = "urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"


def write_xlsx(path: Path, fill: Callable[[Any], None], **options: Any) -> Path:
    """An .xlsx whose only sheet, ``Tickets``, is filled by ``fill(sheet)``."""
    with xlsxwriter.Workbook(path, options) as workbook:
        sheet = workbook.add_worksheet("Tickets")
        sheet.workbook = workbook
        fill(sheet)
    return path


def write_sheets(path: Path, **sheets: Sequence[Sequence[Any]]) -> Path:
    """An .xlsx with these sheets; those called ``hidden…`` are hidden."""
    with xlsxwriter.Workbook(path) as workbook:
        made = {name: workbook.add_worksheet(name) for name in sheets}
        next(sheet for name, sheet in made.items() if not name.startswith("hidden")).activate()
        for name, rows in sheets.items():
            for number, row in enumerate(rows):
                made[name].write_row(number, 0, row)
            if name.startswith("hidden"):
                made[name].hide()
        first = next(sheet for name, sheet in made.items() if not name.startswith("hidden"))
        first.set_first_sheet()
    return path


def write_raw_xlsx(path: Path, sheet_xml: str, *, workbook_rels: str = "worksheets/sheet1.xml") -> Path:
    """An .xlsx whose sheet consists of exactly this XML."""
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="rId1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="Tickets" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="rId1" Type="{office}/worksheet" Target="{workbook_rels}"/></Relationships>',
        "xl/worksheets/sheet1.xml": sheet_xml,
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return path


def write_xls(path: Path, fill: Callable[[Any], None]) -> Path:
    """An .xls whose only sheet, ``Tickets``, is filled by ``fill(sheet)``."""
    workbook = xlwt.Workbook()
    fill(workbook.add_sheet("Tickets"))
    workbook.save(str(path))
    return path


def ods_cell(text: str | None = None, *, error: bool = False, **attributes: Any) -> TableCell:
    """A cell of an .ods document; without a type it is a blank or a formula that was never computed."""
    cell = TableCell(**attributes)
    if error:
        cell.setAttrNS(CALCEXT, "value-type", "error")
    if text is not None:
        cell.addElement(P(text=text))
    return cell


def ods_text(text: str, **attributes: Any) -> TableCell:
    return ods_cell(text, valuetype="string", **attributes)


def write_ods(path: Path, *rows: Sequence[TableCell] | TableRow) -> Path:
    """An .ods whose only sheet, ``Tickets``, has these rows."""
    document = OpenDocumentSpreadsheet()
    table = Table(name="Tickets")
    document.spreadsheet.addElement(table)
    for row in rows:
        table.addElement(row if not isinstance(row, (list, tuple)) else ods_row(row))
    document.save(str(path))
    return path


def ods_row(cells: Sequence[TableCell], **attributes: Any) -> TableRow:
    row = TableRow(**attributes)
    for cell in cells:
        row.addElement(cell)
    return row


class ErrorCode(int):
    """An error value in :func:`write_xlsb`, by its code."""


def write_xlsb(path: Path, rows: dict[int, Sequence[str | float | ErrorCode | None]]) -> Path:
    """A minimal .xlsb: rows by sheet row number (1-based); None leaves a cell out. Reader: [MS-XLSB] section 2.1.4."""
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    bundle = struct.pack("<II", 0, 1) + _wide("rId1") + _wide("Tickets")
    workbook = _record(131) + _record(143) + _record(156, bundle) + _record(144) + _record(132)
    width = max(len(cells) for cells in rows.values())
    size = struct.pack("<IIII", min(rows) - 1, max(rows) - 1, 0, width - 1)
    sheet = _record(129) + _record(148, size) + _record(145)
    for number, cells in rows.items():
        sheet += _record(0, struct.pack("<I13x", number - 1))
        sheet += b"".join(_xlsb_cell(column, cell) for column, cell in enumerate(cells) if cell is not None)
    sheet += _record(146) + _record(130)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", f'<Types xmlns="{package}/content-types"/>')
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}/relationships">'
            f'<Relationship Id="rId1" Type="{office}/officeDocument" Target="xl/workbook.bin"/></Relationships>',
        )
        archive.writestr(
            "xl/_rels/workbook.bin.rels",
            f'<Relationships xmlns="{package}/relationships">'
            f'<Relationship Id="rId1" Type="{office}/worksheet" Target="worksheets/sheet1.bin"/></Relationships>',
        )
        archive.writestr("xl/workbook.bin", workbook)
        archive.writestr("xl/worksheets/sheet1.bin", sheet)
    return path


def _xlsb_cell(column: int, cell: str | float | ErrorCode) -> bytes:
    head = struct.pack("<II", column, 0)
    if isinstance(cell, ErrorCode):
        return _record(3, head + bytes([cell]))
    if isinstance(cell, str):
        return _record(6, head + _wide(cell))
    return _record(5, head + struct.pack("<d", cell))


def _wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def _record(kind: int, body: bytes = b"") -> bytes:
    head = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
    size = len(body)
    lengths = bytearray()
    while True:
        lengths.append(size & 0x7F | (0x80 if size > 0x7F else 0))
        size >>= 7
        if not size:
            return head + bytes(lengths) + body


def compound_bytes(stream: bytes, name: str = "Workbook") -> bytes:
    """A compound file with one stream."""
    buffer = io.BytesIO()
    document = XlsDoc()
    document.save(buffer, stream)
    data = bytearray(buffer.getvalue())
    at = data.index("Workbook".encode("utf-16-le"))
    encoded = name.encode("utf-16-le")
    data[at : at + 64] = encoded.ljust(64, b"\0")
    data[at + 64 : at + 66] = struct.pack("<H", len(encoded) + 2)
    return bytes(data)
