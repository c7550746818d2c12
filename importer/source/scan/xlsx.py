"""What python-calamine does not tell about a sheet of an .xlsx workbook.

Source: ECMA-376 part 1, sections 18.3.1.4 (c), 18.3.1.40 (f), 18.3.1.73 (row), 18.18.11 (cell types).
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import IO

from importer.source.scan import package
from importer.source.scan.problem import (
    BLOCK_BYTES,
    CellProblem,
    ProblemWalk,
    no_problems,
)
from importer.source.scan.reach import Reach
from importer.source.scan.xlsx_cells import CellParser, column_of

_LONGEST_ROW = 64 * 1024**2  # bytes; more is no row, and a search for its end would take for ever
_ROOT = re.compile(rb"<(\w+:)?worksheet[\s>]")
_SPACED_CELL = re.compile(rb"</(?:\w+:)?c>\s")
_CELL_PLACE = re.compile(rb'<(?:\w+:)?c [^>]*?\br="([A-Z]+)(\d+)"')


def search_sheet(path: Path, sheet: str) -> tuple[Reach, ProblemWalk]:
    """See :data:`importer.source.scan.SheetSearch`."""
    with package.opened(path) as archive:
        part = sheet_part(archive, sheet)
        with archive.open(part) as file:
            reach, suspicious = _quick_search(file)
        if reach is None:
            with archive.open(part) as file:
                reach = _thorough_search(file)
    return reach, partial(_walk, path, part) if suspicious else no_problems


def sheet_part(archive: zipfile.ZipFile, sheet: str) -> str:
    """The part of a workbook that holds the sheet of this name.

    Raises:
        LookupError: There is none.
    """
    workbook = package.workbook_part(archive)
    for element, attributes in package.elements(package.read_part(archive, workbook)):
        if element == "sheet" and attributes.get("name") == sheet:
            relationship = next((value for name, value in attributes.items() if name.endswith(":id")), "")
            return package.related_part(archive, workbook, relationship)
    raise LookupError(sheet)


def _quick_search(file: IO[bytes]) -> tuple[Reach | None, bool]:
    """How far the cells reach, and whether there may be problems: by byte strings, ten times as fast as parsing.

    A false alarm costs time only. A sheet that is written in an unusual manner (spread over lines, UTF-16, without
    cell references) is left to a thorough search: its reach is None.
    """
    xml = file.read(BLOCK_BYTES)
    root = _ROOT.search(xml)
    if root is None or _SPACED_CELL.search(xml):
        return None, True
    prefix = root[1] or b""
    end_of_row = b"</" + prefix + b"row>"
    reach, suspicious, block = Reach(), False, xml
    while block:
        cut = xml.rfind(end_of_row) + 1
        suspicious = suspicious or _may_hold_problem(xml[:cut], prefix)
        further = _reach_of_rows(xml, prefix, end_of_row, reach)
        if further is None or len(xml) - cut > _LONGEST_ROW:
            return None, True
        reach, block = further, file.read(BLOCK_BYTES)
        xml = xml[cut:] + block
    return reach, suspicious


def _may_hold_problem(xml: bytes, prefix: bytes) -> bool:
    if b't="e"' in xml or (b"'" in xml and b"t='e'" in xml):  # one byte is found many times faster than several
        return True
    if re.search(b"<" + prefix + b"f", xml) is None:  # twice as fast as `in`, for a text as short as this
        return False
    end_of_cell = b"</" + prefix + b"c>"
    valueless = (b"f>" + end_of_cell, b"/>" + end_of_cell, b"<" + prefix + b"v></" + prefix + b"v>")
    return any(ending in xml for ending in valueless)


def _reach_of_rows(xml: bytes, prefix: bytes, end_of_row: bytes, reach: Reach) -> Reach | None:
    """``reach`` and all whole rows of ``xml``: the last cell of a row is its widest. None if one has no reference."""
    cell_tag = b"<" + prefix + b"c "
    begin = 0
    for end in re.finditer(re.escape(end_of_row), xml):
        at = xml.rfind(cell_tag, begin, end.start())
        if at >= 0:
            place = _CELL_PLACE.match(xml, at)
            if place is None:
                return None
            reach = reach.with_cell(int(place[2]), _columns(place[1]))
        begin = end.end()
    return reach


@lru_cache(maxsize=1024)
def _columns(letters: bytes) -> int:
    """How many columns there are up to the one that is called ``letters``; most rows end in the same."""
    return column_of(letters.decode()) + 1


def _thorough_search(file: IO[bytes]) -> Reach:
    parser = CellParser()
    while block := file.read(BLOCK_BYTES):
        parser.feed(block)
    return parser.reach


def _walk(path: Path, part: str) -> Iterator[CellProblem]:
    parser = CellParser()
    with package.opened(path) as archive, archive.open(part) as file:
        while block := file.read(BLOCK_BYTES):
            yield from parser.feed(block)
