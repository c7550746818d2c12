"""The contents of a file decide what it is; what is no export is refused in plain words."""

from __future__ import annotations

import io
import os
import zipfile

import pytest
import xlsxwriter
from reader_rows import cells_of

from importer.errors import SourceError
from importer.reader import open_reader


def workbook_bytes() -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as workbook:
        sheet = workbook.add_worksheet("Tickets")
        sheet.write_row(0, 0, ["id", "t"])
        sheet.write_row(1, 0, ["1", "a"])
    return buffer.getvalue()


def archive_bytes(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("contents", "told"),
    [
        ("<!DOCTYPE html>\n<html><head><title> Sign in </title></head>", 'web page (HTML) titled "Sign in"'),
        ("\ufeff\r\n <HTML><TABLE><tr><td>1</td></tr></TABLE>", "web page"),
        ('<?xml version="1.0"?>\n<!-- x -->\n<html xmlns="http://www.w3.org/1999/xhtml">', "web page"),
        ("<table><tr><td>id</td></tr></table>", "web page"),
        ('<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">', "Excel 2003 XML"),
        ('<?xml version="1.0"?><tickets/>', "XML document"),
        ('{"tickets": []}', "JSON"),
        ('[\n  {"id": 1}\n]', "JSON"),
        ("%PDF-1.7\n", "PDF"),
        ("{\\rtf1 x}", "RTF"),
        ("PAR1\x15\x04", "Parquet"),
        ("SQLite format 3\x00", "SQLite"),
        ("MIME-Version: 1.0\nX-Document-Type: Workbook", "MHTML"),
        (b"7z\xbc\xaf\x27\x1c\x00", "7-Zip"),
        (b"\x89PNG\r\n", "picture"),
        (b"BZh91AY", "bzip2"),
        (bytes(range(256)) * 8, "neither text nor"),
        (archive_bytes("[Content_Types].xml", "word/document.xml"), "Word or PowerPoint"),
        (archive_bytes("Index/Document.iwa", "Index/Tables.iwa"), "Apple Numbers"),
    ],
)
@pytest.mark.parametrize("name", ["export.csv", "export.xls"])
def test_what_is_no_export_is_named_and_refused(save, contents, told, name):
    with pytest.raises(SourceError) as error:
        open_reader(save(contents, name))
    assert told in error.value.what
    assert error.value.where.startswith(name)
    assert error.value.hint


def test_brackets_in_a_header_are_no_json(save):
    assert open_reader(save("[id],[text]\n1,2\n")).columns == ("[id]", "[text]")


def test_a_workbook_named_csv_is_read_as_a_workbook_and_told(save):
    source = open_reader(save(workbook_bytes(), "tickets.csv"))
    assert cells_of(source) == [("1", "a")]
    assert any("named .csv, but its content is Excel workbook" in note for note in source.notes)


def test_a_workbook_named_xls_is_read_as_a_workbook_and_told(save):
    source = open_reader(save(workbook_bytes(), "tickets.xls"))
    assert cells_of(source) == [("1", "a")]
    assert any("named .xls" in note for note in source.notes)


def test_text_named_xlsx_is_read_as_text_and_told(save):
    source = open_reader(save("id;t\n1;a\n", "tickets.xlsx"))
    assert cells_of(source) == [("1", "a")]
    assert any("named .xlsx, but its content is text" in note for note in source.notes)


def test_unusual_names_of_text_are_fine(save):
    assert not any("named" in note for note in open_reader(save("id;t\n1;a\n", "tickets.dat")).notes)


def test_options_without_a_meaning_are_told(save):
    source = open_reader(save(workbook_bytes(), "t.xlsx"), encoding="cp1252", delimiter=";")
    assert sum("does not apply" in note for note in source.notes) == 2
    source = open_reader(save("id;t\n1;a\n"), sheet="Tickets")
    assert sum("does not apply" in note for note in source.notes) == 1


def test_paths_that_lead_to_no_file_are_refused(tmp_path):
    with pytest.raises(SourceError, match="file not found"):
        open_reader(tmp_path / "missing.csv")
    with pytest.raises(SourceError, match="is a folder, not a file"):
        open_reader(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError, match="not a regular file"):
        open_reader(tmp_path / "pipe")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_the_right_to_read_is_refused(save):
    path = save("id\n1\n")
    path.chmod(0)
    with pytest.raises(SourceError, match="cannot read the file"):
        open_reader(path)
