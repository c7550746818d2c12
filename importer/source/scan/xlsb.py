"""Error values in a sheet of an .xlsb workbook. A formula without a value cannot exist there.

Source: [MS-XLSB] sections 2.1.4 (records), 2.4.304 (BrtBundleSh), 2.4.308 (BrtCellError), 2.4.661 (BrtFmlaError),
2.4.732 (BrtRowHdr).
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO

from importer.source.scan import package
from importer.source.scan.problem import (
    BLOCK_BYTES,
    ERROR_TEXTS,
    CellProblem,
    ProblemWalk,
    error_cell,
    no_problems,
)
from importer.source.scan.reach import Reach

_ROW, _CELL_ERROR, _FORMULA_ERROR, _SHEET = 0, 3, 11, 156
_CELLS = range(1, 12)  # BrtCellBlank to BrtFmlaError; all begin with their column


def search_sheet(path: Path, sheet: str) -> tuple[Reach, ProblemWalk]:
    """See :data:`importer.source.scan.SheetSearch`."""
    with package.opened(path) as archive:
        part = _sheet_part(archive, sheet)
        with archive.open(part) as file:
            reach, suspicious = _reach(file)
    return reach, partial(_walk, path, part) if suspicious else no_problems


def _sheet_part(archive: zipfile.ZipFile, sheet: str) -> str:
    workbook = package.workbook_part(archive)
    with archive.open(workbook) as file:
        for kind, data, at in _records(file):
            if kind == _SHEET:
                relationship, at = _wide_string(data, at + 8)
                if _wide_string(data, at)[0] == sheet:
                    return package.related_part(archive, workbook, relationship)
    raise LookupError(sheet)


def _reach(file: IO[bytes]) -> tuple[Reach, bool]:
    reach, row, suspicious = Reach(), 0, False
    for kind, data, at in _records(file):
        if kind in _CELLS:
            reach = reach.with_cell(row, _number(data, at) + 1)
            suspicious = suspicious or kind in (_CELL_ERROR, _FORMULA_ERROR)
        elif kind == _ROW:
            row = _number(data, at) + 1
    return reach, suspicious


def _walk(path: Path, part: str) -> Iterator[CellProblem]:
    row = 0
    with package.opened(path) as archive, archive.open(part) as file:
        for kind, data, at in _records(file):
            if kind == _ROW:
                row = _number(data, at) + 1
            elif kind in (_CELL_ERROR, _FORMULA_ERROR):
                yield error_cell(row, _number(data, at), ERROR_TEXTS.get(data[at + 8], "an error"))


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "little")


def _records(file: IO[bytes]) -> Iterator[tuple[int, bytes, int]]:
    """Kind of each record, the bytes it lies in, and where in them its body starts."""
    data, at = b"", 0
    while block := file.read(BLOCK_BYTES):
        data, at = data[at:] + block, 0
        while (head := _record_head(data, at)) is not None:
            kind, start, end = head
            if end > len(data):
                break
            yield kind, data, start
            at = end


def _record_head(data: bytes, at: int) -> tuple[int, int, int] | None:
    """Kind of the record at ``at``, where its body starts and ends; None if more bytes are needed to tell."""
    try:
        kind = data[at]
        at += 1
        if kind > 0x7F:
            kind = kind & 0x7F | (data[at] & 0x7F) << 7
            at += 1
        size = shift = 0
        while True:
            byte = data[at]
            at += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80 or shift == 28:
                return kind, at, at + size
    except IndexError:
        return None


def _wide_string(body: bytes, at: int) -> tuple[str, int]:
    """The text at ``at`` (XLWideString), and where it ends."""
    (length,) = struct.unpack_from("<I", body, at)
    end = at + 4 + 2 * length
    return body[at + 4 : end].decode("utf-16-le"), end
