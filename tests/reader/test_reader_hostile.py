"""Small files that would take all time or memory: each is read or refused within seconds."""

from __future__ import annotations

import gzip
import hashlib
import multiprocessing
import random
import re
import resource
import string
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from launching import Child, forked
from program import PATIENCE, Ended
from reader_workbooks import write_raw_xlsx

from importer.errors import SourceError
from importer.reader import open_reader

pytestmark = pytest.mark.slow

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
NAMES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
)
ID = '<row r="1"><c r="A1" t="inlineStr"><is><t>id</t></is></c></row>'
ODS_CELL = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
ODS_FULL_CELL = '<table:table-cell office:value-type="string" {}><text:p>{}</text:p></table:table-cell>'
ODS_ROW = "<table:table-row {}>{}</table:table-row>"
ODS_ERROR = '<table:table-cell {} calcext:value-type="error"><text:p>#N/A</text:p></table:table-cell>'
KIB, MIB = 1024, 1024**2

#: Makes a large text when it is wanted: whoever collects the tests has no need for it.
Text = Callable[[], str]
MANIFEST = (
    '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><manifest:file-entry'
    ' manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/></manifest:manifest>'
)


def ods(path: Path, rows: str, member: str = "content.xml") -> Path:
    table = (
        f'<table:table table:name="T" xmlns:calcext="x">{ODS_ROW.format("", ODS_CELL.format("id"))}{rows}</table:table>'
    )
    body = f"<office:body><office:spreadsheet>{table}</office:spreadsheet></office:body>"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", MANIFEST)
        archive.writestr(member, f"<office:document-content {NAMES}>{body}</office:document-content>")
    return path


def xlsx(path: Path, rows: str, *, texts: str = "") -> Path:
    write_raw_xlsx(path, f"<worksheet {MAIN}><sheetData>{ID}{rows}</sheetData></worksheet>")
    if texts:
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("xl/sharedStrings.xml", texts)
    return path


def noise(length: int) -> str:
    """Text that cannot be packed well, so that what is next to it seems to be in proportion."""
    return "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=length))


def packed(path: Path, *blocks: bytes) -> Path:
    with gzip.open(path, "wb") as file:
        file.writelines(blocks)
    return path


@contextmanager
def sparing() -> Iterator[None]:
    """A process that takes little time, and little memory beyond what it has when it begins."""
    resource.setrlimit(resource.RLIMIT_CPU, (10, 10))
    Path("/proc/self/clear_refs").write_text("5")  # its peak is what it has now
    before = peak()
    try:
        yield
    finally:
        assert peak() - before < 160 * KIB


def peak() -> int:
    """The most memory that this process ever had, in KiB."""
    return int(re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[0])


def outcome(path: Path) -> str:
    """What comes of reading it in a process of its own."""
    here, there = multiprocessing.Pipe()
    process = forked(_read, path, there)
    there.close()
    with here:
        assert here.poll(PATIENCE)
        said = here.recv()
    process.join()
    assert process.exitcode == 0, said
    return str(said)


def _read(path: Path, tell: Connection) -> None:
    with sparing():
        try:
            said = f"rows {sum(1 for chunk in open_reader(path).chunks() for _ in chunk.rows())}"
        except SourceError as error:
            said = str(error)
        tell.send(said)


def command(folder: Path, *arguments: object) -> Ended:
    """A command in such a process."""
    return Child(folder, *arguments, change=sparing).end()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(
            lambda: "<!---->" * 1_000 + "\nid,t\n1,2\n", "the first line has 1 cell", id="comments before a header"
        ),
        pytest.param(lambda: "<!--" * 2_000 + "\nid\n1\n", "rows 2", id="comments that do not end"),
        pytest.param(lambda: "<html><title>" + " " * MIB, "is a web page", id="a title of blanks"),
        pytest.param(lambda: "<html>" + "<title" * 1_000, "is a web page", id="many titles"),
        pytest.param(lambda: "{" * MIB + "\n", "rows 0", id="brackets"),
        pytest.param(lambda: "id,t\n1," + '"' * MIB + "\n", "rows 1", id="quotes"),
        pytest.param(lambda: 'id,t\n1,"' + ',"x' * 300_000 + "\n", "rows 1", id="quotes that open"),
        pytest.param(lambda: 'id,t\n1,"' + 'x""' * 300_000, "is never closed", id="a quote that is not closed"),
        pytest.param(lambda: "id" + "," * 16_000 + "\n1" + "," * 16_000 + "\n", "rows 1", id="columns without names"),
        pytest.param(lambda: "sep=" + "s" * MIB + "\n1\n", "rows 1", id="a first line like that of Excel"),
    ],
)
def test_text(save, text: Text, told: str) -> None:
    assert told in outcome(save(text()))


@pytest.mark.parametrize(
    ("text", "times"), [(b"a", MIB), (b"\xe9", MIB), (b"a\xe9 ", MIB // 3)], ids=["at the end", "all", "some"]
)
def test_a_long_line_in_another_encoding(save, text: bytes, times: int) -> None:
    assert "is not UTF-8" in outcome(save(b"id,t\n1," + text * times + b"\xe9\n"))


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        pytest.param(
            lambda: ODS_ROW.format('table:number-rows-repeated="2000000000"', ODS_ERROR.format("")),
            "a cell in row 2,000,000,001",
            id="rows",
        ),
        pytest.param(
            lambda: ODS_ROW.format('table:number-rows-repeated="1048000"', ODS_ERROR.format("") * 100),
            "used range has 1,048,001 rows and 100 columns",
            id="rows of errors",
        ),
        pytest.param(
            lambda: ODS_ROW.format("", ODS_ERROR.format('table:number-columns-repeated="2000000000"')),
            "column 2,000,000,000",
            id="cells",
        ),
        pytest.param(
            lambda: ODS_ROW.format("", ODS_CELL.format('<text:s text:c="20000000"/>')),
            "repeated rows, cells and spaces add 20,000,000 characters",
            id="spaces",
        ),
        pytest.param(
            lambda: ODS_ROW.format("", ODS_FULL_CELL.format('table:number-columns-repeated="16000"', "x" * 1_000)),
            "repeated rows, cells and spaces add",
            id="columns",
        ),
        pytest.param(
            lambda: ODS_ROW.format('table:number-rows-repeated="1048000"', ODS_FULL_CELL.format("", "x")),
            "used range has 1,048,001 rows and 1 columns",
            id="rows of text",
        ),
        pytest.param(
            lambda: ODS_ROW.format(
                'table:number-rows-repeated="1000"', ODS_FULL_CELL.format("", '<text:s text:c="10000"/>')
            ),
            "repeated rows, cells and spaces add 10,",
            id="rows of spaces",
        ),
        pytest.param(
            lambda: ODS_ROW.format("", ODS_FULL_CELL.format("", '<text:s text:c="30"/>' * 300_000)),
            "rows 1",
            id="indents",
        ),
        pytest.param(
            lambda: (
                ODS_ROW.format("", ODS_FULL_CELL.format("", "x"))
                + ODS_ROW.format('table:number-rows-repeated="1000000"', '<table:table-cell table:style-name="s"/>')
            ),
            "rows 1",
            id="blank rows",
        ),
    ],
)
def test_repeats_in_an_ods_document(tmp_path: Path, rows: Text, told: str) -> None:
    assert told in outcome(ods(tmp_path / "t.ods", rows()))


def test_an_ods_document_whose_contents_are_called_otherwise(tmp_path: Path) -> None:
    assert "the file is damaged" in outcome(ods(tmp_path / "t.ods", "", "Content.xml"))


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        pytest.param(lambda: " " * 15 * MIB, "rows 0", id="blanks between rows"),
        pytest.param(lambda: " " * 150 * MIB, "unpack to 150 MiB, 2", id="many blanks between rows"),
        pytest.param(
            lambda: f'<row r="2"><c t="str"><v>{"x" * 100 * MIB}</v></c></row>', "unpack to 100", id="a long cell"
        ),
        pytest.param(lambda: "<row/>" * 10 * MIB, "unpack to 60 MiB", id="empty rows"),
        pytest.param(
            lambda: f'<row r="2" x="{"x" * 15 * MIB}"/>', "an XML tag of more than 1 MiB", id="a long attribute"
        ),
        pytest.param(lambda: f"<!-- {'x' * 15 * MIB} -->", "an XML tag of more than 1 MiB", id="a long comment"),
        pytest.param(
            lambda: f'<row r="2"><c t="e"><v>{"x" * 15 * MIB}</v></c></row>', "damaged", id="a long error value"
        ),
        pytest.param(lambda: '<row r="x"/>', "damaged", id="a row number that is none"),
    ],
)
def test_a_sheet_of_an_xlsx_workbook(tmp_path: Path, rows: Text, told: str) -> None:
    assert told in outcome(xlsx(tmp_path / "t.xlsx", rows()))


def test_an_xlsx_workbook_that_announces_more_texts_than_it_has(tmp_path: Path) -> None:
    """calamine would make room for all of them, and the process would end without a word."""
    texts = f'<sst {MAIN} uniqueCount="4294967295"><si><t>x</t></si></sst>'
    assert "more texts announced than there are" in outcome(xlsx(tmp_path / "t.xlsx", "", texts=texts))


def test_an_xlsx_workbook_of_many_texts(tmp_path: Path) -> None:
    texts = f'<sst {MAIN} uniqueCount="10800000">{"<si/>" * 10_800_000}</sst>'
    assert "would unpack to 51 MiB" in outcome(xlsx(tmp_path / "t.xlsx", "", texts=texts))


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        pytest.param(
            lambda: '<row r="1048576"><c r="T1048576"><v>1</v></c></row>',
            "used range has 1,048,576 rows and 20 columns (last cell: T1048576)",
            id="a stray cell",
        ),
        pytest.param(lambda: f"<row>{'<c><v>1</v></c>' * 20}</row>" * 180_000, "used range has", id="equal cells"),
        pytest.param(lambda: f"<row>{'<c/>' * 100}</row>" * 120_000, "used range has", id="blank cells"),
        pytest.param(lambda: "<row/>" * 8 * MIB, "damaged or incomplete (row 1,048,577)", id="empty rows"),
    ],
)
def test_a_workbook_of_an_allowed_ratio_that_takes_much_room(tmp_path: Path, rows: Text, told: str) -> None:
    assert told in outcome(xlsx(tmp_path / "t.xlsx", f"<!--{noise(400 * KIB)}-->{rows()}"))


def test_a_workbook_of_an_allowed_ratio_that_has_too_many_texts(tmp_path: Path) -> None:
    texts = f"<sst {MAIN}><!--{noise(400 * KIB)}-->{'<si/>' * 9 * MIB}</sst>"
    assert "more texts than a file of its size can need" in outcome(xlsx(tmp_path / "t.xlsx", "", texts=texts))


def test_a_part_that_is_out_of_proportion_beside_one_that_is_not(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "t.xlsx", " " * 50 * MIB)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/media/picture.png", bytes(range(256)) * 4 * 1024)
    assert "would unpack to 51 MiB" in outcome(path)


@pytest.mark.parametrize(
    ("line", "times", "told"),
    [
        pytest.param(b"1,2\n", MIB, "unpacks to more than 200 times its size", id="rows"),
        pytest.param(b"\n", 4 * MIB, "unpacks to more than 200 times its size", id="blank lines"),
        pytest.param(b"\n", 100_000, "rows 0", id="few blank lines"),
    ],
)
def test_a_packed_text(tmp_path: Path, line: bytes, times: int, told: str) -> None:
    text = b"id,t\n" + line * times
    assert told in outcome(packed(tmp_path / "t.csv.gz", text))
    with zipfile.ZipFile(tmp_path / "t.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("t.csv", text)
    assert told in outcome(tmp_path / "t.zip")


def test_a_packed_text_that_begins_like_another(tmp_path: Path) -> None:
    """The check before the first row sees the beginning only."""
    honest = [b"%d,%s" % (row, hashlib.sha512(b"%d" % row).hexdigest().encode() * 2) for row in range(1_800)]
    honest = [line + hashlib.sha512(line).hexdigest().encode() + b" " * 20_000 + b"\n" for line in honest]
    path = packed(tmp_path / "t.csv.gz", b"id,t\n", *honest, *[b" " * 100_000 + b"\n"] * 1_000)
    assert path.stat().st_size < MIB
    assert "unpacks to more than 200 times its size" in outcome(path)


@pytest.mark.parametrize("verb", ["check", "suggest", "preview", "run"])
def test_each_command_refuses_it(tmp_path: Path, verb: str) -> None:
    """One error with a hint, and exit code 2."""
    mapping_text = "version: 1\nsource: {key: id}\nexternal_id_field: text1\ncase: {title: id, description: t}\n"
    (tmp_path / "m.yml").write_text(mapping_text, "utf-8")
    mapping = ["--mapping", "m.yml"] if verb != "suggest" else []
    target = ["--sandbox", "--out", "out"] if verb == "run" else []
    (tmp_path / "t.csv").write_text("<!---->" * 30 + "\nid,t\n1,2\n", "utf-8")
    xlsx(tmp_path / "t.xlsx", " " * 50 * MIB)
    ods(tmp_path / "t.ods", ODS_ROW.format('table:number-rows-repeated="2000000000"', ODS_ERROR.format("")))
    packed(tmp_path / "t.csv.gz", b"id,t\n", (b"1," + b"x" * KIB + b"\n") * 4 * KIB)
    for name in ("t.csv", "t.xlsx", "t.ods", "t.csv.gz"):
        ended = command(tmp_path, verb, name, *mapping, *target)
        lines = [line for line in (ended.out + ended.err).splitlines() if line]
        assert (ended.code, len(lines)) == (2, 2), lines
        assert lines[0].startswith(f"error: {name}"), lines
        assert lines[1].startswith("  hint: "), lines
