"""What a sheet of an .xlsx workbook does to what a person sees of it: hidden rows and columns, filters, merged cells.

Source: ECMA-376 part 1, sections 18.2.19 (sheet), 18.3.1.13 (col), 18.3.1.32 (filterColumn), 18.3.1.55 (mergeCell),
18.3.1.73 (row).
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from importer.source.scan import package
from importer.source.scan.problem import BLOCK_BYTES
from importer.source.scan.xlsx import sheet_part

_TELLING = (b"hidden=", b"mergeCell ", b"filterColumn")
_TAG = re.compile(rb"<(?:\w+:)?(row|col|mergeCell|filterColumn)\b([^>]*)>")
_ATTRIBUTE = re.compile(rb"""\b(r|min|max|ref|hidden)=["']([^"']*)["']""")
_TRUE = (b"1", b"true")


@dataclass(slots=True)
class SheetLayout:
    """What is hidden or merged in one sheet.

    Attributes:
        hidden_rows: Sheet rows, 1-based, that are hidden or filtered out.
        hidden_columns: Ranges of sheet columns, 1-based, first and last.
        merged: References of merged cells, such as ``A2:A5``.
        filtered: Whether a filter is set on a column.
        hidden_sheets: Names of other sheets that are hidden.
    """

    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)
    filtered: bool = False
    hidden_sheets: list[str] = field(default_factory=list)


def sheet_layout(path: Path, sheet: str) -> SheetLayout:
    """The layout of one sheet, by a search for a few tags; a sheet in UTF-16 has none that it finds.

    Raises:
        LookupError: The sheet is not where the format says it should be.
        SourceError: The workbook is damaged.
    """
    layout = SheetLayout()
    with package.opened(path) as archive:
        layout.hidden_sheets = list(_hidden_sheets(archive, sheet))
        for tag, attributes in _tags(archive, sheet_part(archive, sheet)):
            _note(layout, tag, dict(_ATTRIBUTE.findall(attributes)))
    return layout


def _hidden_sheets(archive: zipfile.ZipFile, own: str) -> Iterator[str]:
    for element, attributes in package.elements(package.read_part(archive, package.workbook_part(archive))):
        name = attributes.get("name", "")
        if element == "sheet" and name != own and attributes.get("state", "visible") != "visible":
            yield name


def _tags(archive: zipfile.ZipFile, part: str) -> Iterator[tuple[bytes, bytes]]:
    with archive.open(part) as file:
        rest = b""
        while block := file.read(BLOCK_BYTES):
            xml = rest + block
            cut = max(xml.rfind(b"<"), 0)
            whole, rest = xml[:cut], xml[cut:]
            if any(word in whole for word in _TELLING):
                yield from _TAG.findall(whole)


def _note(layout: SheetLayout, tag: bytes, attributes: dict[bytes, bytes]) -> None:
    hidden = attributes.get(b"hidden") in _TRUE
    if tag == b"row" and hidden and attributes.get(b"r", b"").isdigit():
        layout.hidden_rows.append(int(attributes[b"r"]))
    elif tag == b"col" and hidden:
        layout.hidden_columns.append((int(attributes.get(b"min", b"0")), int(attributes.get(b"max", b"0"))))
    elif tag == b"mergeCell":
        layout.merged.append(attributes.get(b"ref", b"").decode("ascii", "replace"))
    elif tag == b"filterColumn":
        layout.filtered = True
