"""Small files that would take all time or memory: each is read or refused within seconds."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from reader_workbooks import write_raw_xlsx

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
NAMES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
)
ID = '<row r="1"><c r="A1" t="inlineStr"><is><t>id</t></is></c></row>'
ODS_CELL = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
ODS_ROW = "<table:table-row {}>{}</table:table-row>"
ODS_ERROR = '<table:table-cell {} calcext:value-type="error"><text:p>#N/A</text:p></table:table-cell>'
MIB = 1024**2


def ods(path: Path, rows: str, member: str = "content.xml") -> Path:
    table = (
        f'<table:table table:name="T" xmlns:calcext="x">{ODS_ROW.format("", ODS_CELL.format("id"))}{rows}</table:table>'
    )
    body = f"<office:body><office:spreadsheet>{table}</office:spreadsheet></office:body>"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr(member, f"<office:document-content {NAMES}>{body}</office:document-content>")
    return path


def xlsx(path: Path, rows: str, *, texts: str = "") -> Path:
    write_raw_xlsx(path, f"<worksheet {MAIN}><sheetData>{ID}{rows}</sheetData></worksheet>")
    if texts:
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("xl/sharedStrings.xml", texts)
    return path


def outcome(path: Path) -> str:
    """What comes of reading it in a process of its own, of limited time and memory."""
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (2 * 1024**3,) * 2);"
        "resource.setrlimit(resource.RLIMIT_CPU, (20, 20));"
        "from importer.errors import SourceError; from importer.reader import open_reader\n"
        "try: print('rows', sum(1 for chunk in open_reader(sys.argv[1]).chunks() for row in chunk.rows()))\n"
        "except SourceError as error: print(error)"
    )
    command = [sys.executable, "-c", script, str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("<!---->" * 1_000 + "\nid,t\n1,2\n", "the first line has 1 cell", id="comments before a header"),
        pytest.param("<!--" * 2_000 + "\nid\n1\n", "rows 2", id="comments that do not end"),
        pytest.param("<html><title>" + " " * MIB, "is a web page", id="a title of blanks"),
        pytest.param("<html>" + "<title" * 1_000, "is a web page", id="many titles"),
        pytest.param("{" * MIB + "\n", "rows 0", id="brackets"),
        pytest.param("id,t\n1," + '"' * MIB + "\n", "rows 1", id="quotes"),
        pytest.param('id,t\n1,"' + ',"x' * 300_000 + "\n", "rows 1", id="quotes that open"),
        pytest.param('id,t\n1,"' + 'x""' * 300_000, "is never closed", id="a quote that is not closed"),
        pytest.param("id" + "," * 16_000 + "\n1" + "," * 16_000 + "\n", "rows 1", id="columns without names"),
        pytest.param("sep=" + "s" * MIB + "\n1\n", "rows 1", id="a first line like that of Excel"),
    ],
)
def test_text(save, text: str, told: str) -> None:
    assert told in outcome(save(text))


@pytest.mark.parametrize("data", [b"a" * MIB + b"\xe9", b"\xe9" * MIB, b"a\xe9 " * (MIB // 3)])
def test_a_long_line_in_another_encoding(save, data: bytes) -> None:
    assert "is not UTF-8" in outcome(save(b"id,t\n1," + data + b"\n"))


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        pytest.param(
            ODS_ROW.format('table:number-rows-repeated="2000000000"', ODS_ERROR.format("")),
            "a cell in row 2,000,000,001",
            id="rows",
        ),
        pytest.param(
            ODS_ROW.format('table:number-rows-repeated="1048000"', ODS_ERROR.format("") * 100),
            "more than 1,000,000 cells and rows are errors",
            id="rows of errors",
        ),
        pytest.param(
            ODS_ROW.format("", ODS_ERROR.format('table:number-columns-repeated="2000000000"')),
            "column 2,000,000,000",
            id="cells",
        ),
        pytest.param(
            ODS_ROW.format("", ODS_CELL.format('<text:s text:c="20000000"/>')),
            "20,000,000 repeated spaces",
            id="spaces",
        ),
    ],
)
def test_repeats_in_an_ods_document(tmp_path: Path, rows: str, told: str) -> None:
    assert told in outcome(ods(tmp_path / "t.ods", rows))


def test_an_ods_document_whose_contents_are_called_otherwise(tmp_path: Path) -> None:
    assert "the file is damaged" in outcome(ods(tmp_path / "t.ods", "", "Content.xml"))


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        pytest.param(" " * 100 * MIB, "rows 0", id="blanks between rows"),
        pytest.param(f'<row r="2" x="{"x" * 50 * MIB}"/>', "an XML tag of more than 1 MiB", id="a long attribute"),
        pytest.param(f"<!-- {'x' * 100 * MIB} -->", "an XML tag of more than 1 MiB", id="a long comment"),
        pytest.param(f'<row r="2"><c t="e"><v>{"x" * 50 * MIB}</v></c></row>', "damaged", id="a long error value"),
        pytest.param('<row r="x"/>', "damaged", id="a row number that is none"),
    ],
)
def test_a_sheet_of_an_xlsx_workbook(tmp_path: Path, rows: str, told: str) -> None:
    assert told in outcome(xlsx(tmp_path / "t.xlsx", rows))


def test_an_xlsx_workbook_that_announces_more_texts_than_it_has(tmp_path: Path) -> None:
    """calamine would make room for all of them, and the process would end without a word."""
    texts = f'<sst {MAIN} uniqueCount="4294967295"><si><t>x</t></si></sst>'
    assert "more texts announced than there are" in outcome(xlsx(tmp_path / "t.xlsx", "", texts=texts))
