"""Workbooks as another program writes them: LibreOffice opens one of openpyxl and saves it in its own way."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import openpyxl
import pytest
from office import Office
from reader_rows import problems_of, rows_of

from importer.reader import open_reader

HEADER = ("ID", "Subject", "Body", "Created", "Day", "Hours", "VIP", "Late")
MOMENT, DAY = dt.datetime(2024, 3, 1, 9, 41, 7), dt.date(2024, 2, 29)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["xlsx", "ods", "xls"])
def test_every_cell_of_a_workbook_that_libreoffice_saved(tmp_path: Path, office: Office, form: str) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Tickets"
    sheet.append(HEADER)
    for number, hours in ((2, 2.5), (3, 40)):
        late = f'=IF(F{number}>3,"late","")'
        sheet.append((f"00{number}", "Zürich 東京 😀", "one\ntwo & <three>", MOMENT, DAY, hours, True, late))
    book.create_sheet("Empty")
    book.save(tmp_path / "t.xlsx")
    source = open_reader(office.saved(tmp_path / "t.xlsx", form, folder=tmp_path / "saved"))
    assert source.columns == HEADER
    start = ("Zürich 東京 😀", "one\ntwo & <three>", "2024-03-01 09:41:07", "2024-02-29")
    assert [row.cells for row in rows_of(source)] == [
        ("002", *start, "2.5", "TRUE", ""),
        ("003", *start, "40", "TRUE", "late"),
    ]
    assert problems_of(source) == {}
