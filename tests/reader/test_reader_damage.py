"""Damaged files end in a SourceError or are read; never in a traceback, and a cut workbook is never read in part."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path
from typing import Any

import pytest
from reader_rows import rows_of
from reader_workbooks import ods_text, write_ods, write_xls, write_xlsb, write_xlsx

from importer.errors import SourceError
from importer.reader import open_reader


def workbook(path: Path) -> bytes:
    def fill(sheet: Any) -> None:
        for row in range(40):
            for column in range(3):
                sheet.write(row, column, f"cell {row} {column}")

    match path.suffix:
        case ".xlsx":
            write_xlsx(path, fill)
        case ".xls":
            write_xls(path, fill)
        case ".xlsb":
            write_xlsb(path, {row: [f"cell {row} {column}" for column in range(3)] for row in range(1, 41)})
        case ".ods":
            write_ods(path, *([ods_text(f"cell {row} {column}") for column in range(3)] for row in range(40)))
    return path.read_bytes()


@pytest.mark.parametrize("name", ["t.xlsx", "t.xls", "t.xlsb", "t.ods"])
def test_a_workbook_cut_off_anywhere_is_refused(tmp_path, name):
    whole = workbook(tmp_path / name)
    assert len(rows_of(open_reader(tmp_path / name))) == 39
    for size in range(16, len(whole) - 1, max(len(whole) // 60, 1)):
        (tmp_path / name).write_bytes(whole[:size])
        with pytest.raises(SourceError) as error:
            rows_of(open_reader(tmp_path / name))
        assert error.value.hint


@pytest.mark.parametrize("name", ["t.xlsx", "t.xls", "t.xlsb", "t.ods"])
@pytest.mark.slow
def test_a_workbook_with_flipped_bytes_never_ends_in_a_traceback(tmp_path, name):
    whole = workbook(tmp_path / name)
    chance = random.Random(7)
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(chance.choice([1, 5, 40])):
            data[chance.randrange(len(data))] = chance.randrange(256)
        (tmp_path / name).write_bytes(data)
        with contextlib.suppress(SourceError):
            rows_of(open_reader(tmp_path / name))


def test_the_last_records_of_a_csv_cut_at_every_byte_lose_no_row_unseen(save):
    """A cut in the last cell cannot be seen; everywhere else the last row is bad, or the file is refused."""
    whole = 'id,text,state\n1,a,open\n2,"two\nlines, x",open\n3,"b ""c""",open\n'
    second, third = whole.index("2,"), whole.index("3,")
    for size in range(second, len(whole)):
        source = open_reader(save(whole[:size]))
        if whole[:size].count('"') % 2:
            with pytest.raises(SourceError, match="never closed"):
                rows_of(source)
            continue
        rows = rows_of(source)
        assert len(rows) == 1 + (size > second) + (size > third)
        assert all(len(row.cells) == 3 for row in rows if not row.problems)
