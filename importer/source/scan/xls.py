"""Error values in a sheet of an .xls workbook. A formula without a value cannot be told from an empty text there.

Source: [MS-XLS] sections 2.4.28 (BoundSheet8), 2.4.24 (BoolErr), 2.4.117 (FilePass), 2.4.127 (Formula),
2.4.90 (Dimensions), 2.4.265 (SST), 2.5.133 (FormulaValue).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from importer.source.compound import CompoundFile
from importer.source.damage import damaged, password_protected
from importer.source.scan.problem import ERROR_TEXTS, CellProblem, ProblemWalk, error_cell, no_problems
from importer.source.scan.reach import Reach

_BOUND_SHEET, _BOOL_ERR, _FORMULA, _EOF, _FILE_PASS, _SST = 0x0085, 0x0205, 0x0006, 0x000A, 0x002F, 0x00FC
_DIMENSIONS = 0x0200
_ROWS, _COLUMNS = 65_536, 256
_RUNS = (0x00BD, 0x00BE)  # MulRk, MulBlank: several cells, the last column at the end
_CELLS = (_BOOL_ERR, _FORMULA, *_RUNS, 0x0201, 0x0203, 0x0204, 0x00D6, 0x00FD, 0x027E)
_BEGINNINGS = (0x0809, 0x0409, 0x0209, 0x0009)


def check_sizes(path: Path) -> None:
    """Look at what python-calamine trusts when it opens a workbook: it takes room for all that is announced at once,
    and the process ends when there is not as much.

    Raises:
        SourceError: The workbook is encrypted, or announces more texts or cells than it can have.
    """
    stream = _workbook_stream(path)
    try:
        for kind, body in _substream(stream, 0):
            if kind == _FILE_PASS:
                raise password_protected(path.name)
            if kind == _SST and struct.unpack_from("<4xI", body)[0] > len(stream):
                raise damaged(path.name, "too many texts announced")
        for start in _sheet_starts(stream):
            if not all(_is_sane(kind, body) for kind, body in _substream(stream, start)):
                raise damaged(path.name, "cells beyond the end of a sheet")
    except struct.error as error:
        raise damaged(path.name, error) from None


def _is_sane(kind: int, body: bytes) -> bool:
    if kind == _DIMENSIONS:
        first_row, end_row, first, end = struct.unpack_from("<IIHH" if len(body) >= 12 else "<HHHH", body)
        return bool(first_row <= end_row <= _ROWS and first <= end <= _COLUMNS)
    return kind not in _CELLS or _last_column(kind, body) < _COLUMNS


def search_sheet(path: Path, position: int) -> tuple[Reach, ProblemWalk]:
    """See :data:`importer.source.scan.SheetSearch`."""
    stream = _workbook_stream(path)
    try:
        reach, found = _search(stream, _sheet_starts(stream)[position])
    except struct.error as error:
        raise damaged(path.name, error) from None
    return reach, sorted(found).__iter__ if found else no_problems


def _sheet_starts(stream: bytes) -> list[int]:
    return [struct.unpack_from("<I", body)[0] for kind, body in _substream(stream, 0) if kind == _BOUND_SHEET]


def _workbook_stream(path: Path) -> bytes:
    return CompoundFile(path.read_bytes(), path.name).stream("Workbook", "Book")


def _search(stream: bytes, start: int) -> tuple[Reach, list[CellProblem]]:
    reach, found = Reach(), []
    for kind, body in _substream(stream, start):
        if kind in _CELLS:
            row, column = struct.unpack_from("<HH", body)
            reach = reach.with_cell(row + 1, _last_column(kind, body) + 1)
            code = _error_code(kind, body)
            if code is not None:
                found.append(error_cell(row + 1, column, ERROR_TEXTS.get(code, "an error")))
    return reach, found


def _last_column(kind: int, body: bytes) -> int:
    column: int = struct.unpack_from("<H", body, len(body) - 2 if kind in _RUNS else 2)[0]
    return column


def _error_code(kind: int, body: bytes) -> int | None:
    if kind == _BOOL_ERR and len(body) >= 8 and body[7]:
        return body[6]
    if kind == _FORMULA and body[12:14] == b"\xff\xff" and body[6] == 2:
        return body[8]
    return None


def _substream(stream: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """Records of one sheet (or of the globals), without those of charts that are embedded in it."""
    depth = 0
    while at + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, at)
        at += 4 + size
        if kind in _BEGINNINGS:
            depth += 1
        elif kind == _EOF:
            depth -= 1
        elif depth == 1:
            yield kind, stream[at - size : at]
        if depth == 0:
            return
