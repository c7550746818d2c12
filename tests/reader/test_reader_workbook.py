"""Workbooks: every cell as a person sees it, every row with its sheet row, the right sheet."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import struct
import zipfile
from typing import Any

import openpyxl
import pytest
import xlwt
from reader_rows import blanks_of, cells_of, numbers_of, problems_of, rows_of
from reader_workbooks import (
    compound_bytes,
    ods_cell,
    ods_row,
    ods_text,
    write_ods,
    write_raw_xlsx,
    write_sheets,
    write_xls,
    write_xlsb,
    write_xlsx,
)

from importer.errors import SourceError
from importer.reader import limits, open_reader, sheet_names

MOMENT = dt.datetime(2024, 3, 1, 14, 30)
CELLS: list[tuple[Any, str | None, str]] = [
    (12, None, "12"),
    (-3.0, None, "-3"),
    (12.5, None, "12.5"),
    (19.989999999999998, None, "19.99"),
    (0.1 + 0.2, None, "0.3"),
    (0.00001, None, "0.00001"),
    (0.25, "0%", "0.25"),
    (1234567890123456, None, "1234567890123456"),
    ("007", None, "007"),
    ("1.0", None, "1.0"),
    ("NA", None, "NA"),
    ("12345678901234567", None, "12345678901234567"),
    (" two\nlines ", None, " two\nlines "),
    (True, None, "TRUE"),
    (False, None, "FALSE"),
    (dt.datetime(2024, 3, 1), "yyyy-mm-dd", "2024-03-01"),
    (dt.datetime(2024, 3, 1), "yyyy-mm-dd hh:mm", "2024-03-01"),
    (MOMENT, "dd.mm.yyyy hh:mm", "2024-03-01 14:30:00"),
    (dt.time(9, 5), "hh:mm", "09:05:00"),
]


def test_xlsx_cells_read_as_a_person_sees_them(tmp_path):
    def fill(sheet: Any) -> None:
        sheet.write_row(0, 0, ["id", "value"])
        for row, (value, shown, _) in enumerate(CELLS, 1):
            sheet.write_string(row, 0, "x")
            style = sheet.workbook.add_format({"num_format": shown}) if shown else None
            write = sheet.write_datetime if isinstance(value, (dt.datetime, dt.time)) else sheet.write
            if isinstance(value, str):
                write = sheet.write_string
            write(row, 1, value, style)

    source = open_reader(write_xlsx(tmp_path / "t.xlsx", fill))
    assert cells_of(source) == [("x", text) for *_, text in CELLS]
    assert all(type(cell) is str for chunk in source.chunks() for cell in chunk.frame.to_numpy().ravel())


def test_xls_cells_read_as_a_person_sees_them(tmp_path):
    def fill(sheet: Any) -> None:
        sheet.write(0, 0, "id"), sheet.write(0, 1, "value")
        for row, (value, shown, _) in enumerate(CELLS, 1):
            sheet.write(row, 0, "x")
            sheet.write(row, 1, value, xlwt.easyxf(num_format_str=shown or "General"))

    assert cells_of(open_reader(write_xls(tmp_path / "t.xls", fill))) == [("x", text) for *_, text in CELLS]


def test_ods_cells_read_as_a_person_sees_them(tmp_path):
    values = [
        (ods_cell("12", valuetype="float", value="12"), "12"),
        (ods_text("007"), "007"),
        (ods_cell("TRUE", valuetype="boolean", booleanvalue="true"), "TRUE"),
        (ods_cell("01.03.24", valuetype="date", datevalue="2024-03-01"), "2024-03-01"),
        (ods_cell("x", valuetype="date", datevalue="2024-03-01T14:30:00"), "2024-03-01 14:30:00"),
        (ods_cell("9:05", valuetype="time", timevalue="PT09H05M00S"), "09:05:00"),
        (ods_cell("36:00", valuetype="time", timevalue="PT36H00M00S"), "36:00:00"),
        (ods_cell("25 %", valuetype="percentage", value="0.25"), "0.25"),
    ]
    rows = [(ods_text("id"), ods_text("value")), *((ods_text("x"), cell) for cell, _ in values)]
    assert cells_of(open_reader(write_ods(tmp_path / "t.ods", *rows))) == [("x", text) for _, text in values]


def test_xlsb_cells_read_as_a_person_sees_them(tmp_path):
    path = write_xlsb(tmp_path / "t.xlsb", {1: ["id", "value"], 2: ["007", 12.0], 3: ["x", 12.5]})
    assert cells_of(open_reader(path)) == [("007", "12"), ("x", "12.5")]


@pytest.mark.parametrize(("hours", "text"), [(36, "36:00:00"), (0.5, "00:30:00"), (1000, "1000:00:00")])
def test_durations(tmp_path, hours, text):
    def fill(sheet: Any) -> None:
        sheet.write(0, 0, "spent")
        sheet.write_number(1, 0, hours / 24, sheet.workbook.add_format({"num_format": "[h]:mm:ss"}))

    assert cells_of(open_reader(write_xlsx(tmp_path / "t.xlsx", fill))) == [(text,)]


def test_every_minute_of_a_day_reads_exactly(tmp_path):
    """Times of day are fractions of 1, and 14:29:59.999 would be another time than 14:30."""
    book = openpyxl.Workbook()
    book.active.append(["at"])
    start = dt.datetime(2024, 2, 29)
    moments = [start + dt.timedelta(minutes=minute) for minute in range(1, 1440)]
    for moment in moments:
        book.active.append([moment])
    book.save(tmp_path / "t.xlsx")
    assert cells_of(open_reader(tmp_path / "t.xlsx")) == [(moment.isoformat(sep=" "),) for moment in moments]


def test_workbooks_that_count_from_1904(tmp_path):
    def fill(sheet: Any) -> None:
        sheet.write(0, 0, "on")
        sheet.write_datetime(1, 0, dt.datetime(2021, 1, 1), sheet.workbook.add_format({"num_format": "yyyy-mm-dd"}))

    path = write_xlsx(tmp_path / "t.xlsx", fill, date_1904=True)
    assert cells_of(open_reader(path)) == [("2021-01-01",)]


def test_a_number_too_long_for_a_float_is_a_problem_of_its_cell(tmp_path):
    book = openpyxl.Workbook()
    for row in (["id", "t"], [12345678901234567, "x"], [2**53 - 1, "y"]):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    source = open_reader(tmp_path / "t.xlsx")
    assert problems_of(source) == {2: [("inexact_number", "id")]}
    assert cells_of(source)[1] == ("9007199254740991", "y")


def test_blank_rows_and_columns_around_the_table_do_not_shift_anything(tmp_path):
    def fill(sheet: Any) -> None:
        sheet.write_row(3, 2, ["id", "", "t"])
        sheet.write_row(4, 2, ["1", "x", "a"])
        sheet.write_row(7, 2, ["2", "", "b"])

    source = open_reader(write_xlsx(tmp_path / "t.xlsx", fill))
    assert source.columns == ("id", "column D", "t")
    assert numbers_of(source) == [5, 8]
    assert blanks_of(source) == 2


def test_columns_on_the_right_without_name_and_contents_are_dropped(tmp_path):
    def fill(sheet: Any) -> None:
        sheet.write_row(0, 0, ["id", "t"])
        sheet.write_row(1, 0, ["1", "a"])
        sheet.write_string(1, 2, "")
        sheet.write_formula(2, 4, '=""', None, "")
        sheet.write_row(3, 0, ["2", "b"])

    path = write_xlsx(tmp_path / "t.xlsx", fill)
    kept = write_sheets(tmp_path / "kept.xlsx", Tickets=[["id", "t"], ["1", "a"], ["2", "b", "", "x"]])
    assert open_reader(kept).columns == ("id", "t", "column C", "column D")
    assert open_reader(path).columns == ("id", "t")


def test_repeated_and_numeric_header_cells(tmp_path):
    path = write_sheets(tmp_path / "t.xlsx", Tickets=[["Comment", 2024, "Comment"], ["a", "b", "c"]])
    assert open_reader(path).columns == ("Comment", "2024", "Comment")
    assert cells_of(open_reader(path)) == [("a", "b", "c")]


@pytest.mark.parametrize("rows", [[["1", "a"], ["2", "b"]], [["1", "", "x"]]], ids=["full", "with an empty column"])
def test_a_sheet_without_a_header(tmp_path, rows):
    source = open_reader(write_sheets(tmp_path / "t.xlsx", Tickets=rows), header_row=0)
    assert source.columns == ("column A", "column B", "column C")[: len(rows[0])]
    assert cells_of(source) == [tuple(row) for row in rows]


def test_chunks_progress_and_reading_twice(tmp_path, monkeypatch):
    path = write_sheets(tmp_path / "t.xlsx", Tickets=[["id"], *([number] for number in range(25))])
    monkeypatch.setattr(limits, "CHUNK_ROWS", 10)
    source = open_reader(path)
    assert [len(chunk.frame) for chunk in source.chunks()] == [10, 10, 5]
    progress = [chunk.progress for chunk in source.chunks()]
    assert progress == sorted(progress)
    assert progress[-1] == 1.0
    assert rows_of(source) == rows_of(source)


def test_the_name_and_the_fingerprint_include_the_sheet(tmp_path):
    path = write_sheets(tmp_path / "t.xlsx", One=[["id"], ["1"]], Two=[["id"], ["2"]])
    one, two = open_reader(path, sheet="One"), open_reader(path, sheet="Two")
    assert (one.name, two.name) == ("t.xlsx [One]", "t.xlsx [Two]")
    assert one.fingerprint() == open_reader(path, sheet=1).fingerprint() != two.fingerprint()
    assert one.fingerprint() == hashlib.sha256(path.read_bytes() + b"\0One").hexdigest()


@pytest.mark.parametrize("ending", [".xlsx", ".XLSX", ".xlsm", ".xlsb", ".xls", ".ods", ".dat", ""])
@pytest.mark.parametrize("stem", [b"tickets", "Größe".encode(), "Größe".encode("latin-1")])
def test_a_workbook_is_read_under_any_name(tmp_path, stem, ending):
    """The reader beneath goes by the ending, and cannot open a name that is not Unicode."""
    path = tmp_path / (os.fsdecode(stem) + ending)
    try:
        path.touch()
    except OSError:
        pytest.skip("no such names here")
    path.write_bytes(write_sheets(tmp_path / "t", Tickets=[["id"], ["1"]]).read_bytes())
    assert cells_of(open_reader(path)) == [("1",)]
    assert sheet_names(path) == ["Tickets"]


def test_the_first_sheet_with_cells_is_read_and_the_others_are_told(tmp_path):
    path = write_sheets(
        tmp_path / "t.xlsx", Cover=[], Tickets=[["id"], ["1"]], Notes=[["x"]], hidden_one=[["y"], ["z"]]
    )
    source = open_reader(path)
    assert source.name == "t.xlsx [Tickets]"
    assert any("not read: 'Cover', 'Notes'" in note for note in source.notes)
    assert any("hidden sheets not read: 'hidden_one'" in note for note in source.notes)


@pytest.mark.parametrize("wanted", ["Tickets", "tickets ", 2, "2"])
def test_a_sheet_by_name_or_by_the_number_of_its_tab(tmp_path, wanted):
    path = write_sheets(tmp_path / "t.xlsx", hidden_one=[["y"]], Cover=[["x"]], Tickets=[["id"], ["1"]])
    assert open_reader(path, sheet=wanted).name == "t.xlsx [Tickets]"


def test_a_hidden_sheet_is_read_when_it_is_named(tmp_path):
    path = write_sheets(tmp_path / "t.xlsx", Cover=[["x"]], hidden_one=[["id"], ["1"]])
    assert cells_of(open_reader(path, sheet="hidden_one")) == [("1",)]


@pytest.mark.parametrize("wanted", ["Ticket", 0, 3, "3", -1])
def test_an_unknown_sheet_is_refused_with_the_names(tmp_path, wanted):
    path = write_sheets(tmp_path / "t.xlsx", One=[["id"]], Two=[["id"]], hidden_one=[["id"]])
    with pytest.raises(SourceError, match="no sheet named") as error:
        open_reader(path, sheet=wanted)
    assert error.value.hint == "sheets: 'One', 'Two' (hidden: 'hidden_one')"


def test_a_sheet_named_by_a_number_wins_over_its_place(tmp_path):
    path = write_sheets(tmp_path / "t.xlsx", **{"2": [["a"], ["1"]], "1": [["b"], ["2"]]})
    assert open_reader(path, sheet="1").columns == ("b",)


def test_empty_and_header_only_sheets(tmp_path):
    with pytest.raises(SourceError, match="the sheet is empty"):
        open_reader(write_sheets(tmp_path / "t.xlsx", Tickets=[]))
    with pytest.raises(SourceError, match="all sheets are empty: 'One', 'Two'"):
        open_reader(write_sheets(tmp_path / "t.xlsx", One=[], Two=[]))
    with pytest.raises(SourceError, match="the sheet is empty"):
        open_reader(write_sheets(tmp_path / "t.xlsx", One=[["id"]], Two=[]), sheet="Two")
    source = open_reader(write_sheets(tmp_path / "t.xlsx", Tickets=[["id", "t"]]))
    assert source.columns == ("id", "t")
    assert rows_of(source) == []
    assert any(note.startswith("0 rows") for note in source.notes)


def test_encrypted_workbooks_are_called_password_protected(save):
    with pytest.raises(SourceError, match="password-protected"):
        open_reader(save(compound_bytes(b"x" * 5000, "EncryptedPackage"), "t.xlsx"))
    book = xlwt.Workbook()
    book.add_sheet("Tickets").write(0, 0, "id")
    stream = book.get_biff_data()
    begin = 4 + struct.unpack_from("<H", stream, 2)[0]
    encrypted = stream[:begin] + struct.pack("<HHHHH", 0x2F, 6, 1, 1, 1) + stream[begin:]
    with pytest.raises(SourceError, match="password-protected"):
        open_reader(save(compound_bytes(encrypted), "t.xls"))


@pytest.mark.parametrize("above", [b"", struct.pack("<HH", 0x86, 0)], ids=["", "write-protected"])
def test_a_workbook_encrypted_in_the_oldest_way_is_called_password_protected(save, above):
    """By XOR: what follows cannot be read, and looked like damage."""
    book = xlwt.Workbook()
    book.add_sheet("Tickets").write(0, 0, "id")
    stream = book.get_biff_data()
    begin = 4 + struct.unpack_from("<H", stream, 2)[0]
    body = bytes(byte ^ 0x5A for byte in stream[begin:])
    encrypted = stream[:begin] + above + struct.pack("<HHHHH", 0x2F, 6, 0, 0x1234, 0x5678) + body
    with pytest.raises(SourceError, match="password-protected"):
        open_reader(save(compound_bytes(encrypted), "t.xls"))


def test_an_encrypted_ods_is_called_password_protected(tmp_path):
    path = write_ods(tmp_path / "t.ods", (ods_text("id"),))
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["META-INF/manifest.xml"] = parts["META-INF/manifest.xml"].replace(
        b"</manifest:manifest>", b"<manifest:encryption-data/></manifest:manifest>"
    )
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    with pytest.raises(SourceError, match="password-protected"):
        open_reader(path)


def test_an_old_office_document_that_is_no_workbook_is_refused(save):
    with pytest.raises(SourceError, match="old Office document, but not a workbook"):
        open_reader(save(compound_bytes(b"x" * 5000, "WordDocument"), "t.xls"))


def test_a_workbook_that_unpacks_out_of_proportion_is_refused(tmp_path):
    path = write_raw_xlsx(tmp_path / "t.xlsx", "<worksheet></worksheet>")
    with zipfile.ZipFile(path, "a") as archive:  # its directory says what would come out
        archive.getinfo("xl/worksheets/sheet1.xml").file_size = 250 * 1024**2
        archive.comment = b"so that the directory is written again"
    with pytest.raises(SourceError, match="would unpack to 250 MiB") as error:
        open_reader(path)
    assert "CSV" in error.value.hint


def test_a_stray_cell_far_out_is_refused_by_name_instead_of_taking_all_memory(tmp_path):
    """The reader would take 32 bytes for each of 17 billion cells, and the process would end without a word."""

    def fill(sheet: Any) -> None:
        sheet.write_row(0, 0, ["id", "t"])
        sheet.write_row(1, 0, ["1", "a"])
        sheet.write(1_048_575, 16_383, "stray")

    path = write_xlsx(tmp_path / "t.xlsx", fill)
    with pytest.raises(SourceError, match="used range has 1,048,576 rows and 16,384 columns") as error:
        open_reader(path)
    assert "XFD1048576" in error.value.what
    assert "delete stray" in error.value.hint
    far = ods_row([ods_cell(numbercolumnsrepeated=16_000), ods_text("stray")])
    blank = ods_row([ods_cell(numbercolumnsrepeated=16_384)], numberrowsrepeated=900_000)
    with pytest.raises(SourceError, match="used range has 900,002 rows and 16,001 columns"):
        open_reader(write_ods(tmp_path / "t.ods", (ods_text("id"),), blank, far))
    wide = write_xlsb(tmp_path / "t.xlsb", {1: ["id"], 2: [None] * 9_999 + ["wide"], 1_000_000: ["low"]})
    with pytest.raises(SourceError, match="too large to be read"):
        open_reader(wide)


def test_a_stray_cell_in_the_middle_is_found_as_well(tmp_path):
    """Most rows end in the same column, so those that do not are what counts."""
    rows = [f'<row r="{row}"><c r="A{row}"><v>1</v></c><c r="B{row}"><v>2</v></c></row>' for row in range(1, 3_001)]
    rows[1_500] = '<row r="1501"><c r="A1501"><v>1</v></c><c r="XFD1501"><v>2</v></c></row>'
    rows.append('<row r="1048576"><c r="B1048576"><v>1</v></c></row>')
    sheet = f"<worksheet><sheetData>{''.join(rows)}</sheetData></worksheet>"
    with pytest.raises(SourceError, match="used range has 1,501 rows and 16,384 columns") as error:
        open_reader(write_raw_xlsx(tmp_path / "t.xlsx", sheet))
    assert "XFD1501" in error.value.what


def test_blank_filler_up_to_the_last_row_and_column_is_fine(tmp_path):
    """LibreOffice fills each sheet up to its last corner with repeated blank cells."""
    rest = ods_row([ods_cell(numbercolumnsrepeated=16_384)], numberrowsrepeated=1_048_574)
    path = write_ods(
        tmp_path / "t.ods", (ods_text("id"), ods_cell(numbercolumnsrepeated=16_383)), (ods_text("1"),), rest
    )
    assert cells_of(open_reader(path)) == [("1",)]


def test_an_xls_that_announces_more_than_it_can_have_is_refused(save):
    """The reader would take room for all of it at once, and the process would end without a word."""
    book = xlwt.Workbook()
    book.add_sheet("Tickets").write(0, 0, "id")
    stream = book.get_biff_data()
    assert cells_of(open_reader(save(compound_bytes(stream), "t.xls"))) == []
    size = stream.index(struct.pack("<HH", 0x200, 14))
    for at, value in ((size + 4, 2**31), (size + 8, 2**31)):
        damaged = stream[:at] + struct.pack("<I", value) + stream[at + 4 :]
        with pytest.raises(SourceError, match="damaged"):
            open_reader(save(compound_bytes(damaged), "t.xls"))
