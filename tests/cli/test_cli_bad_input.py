"""Files that cannot be used: the message names the place and the hint, the exit code is 2, and nothing is left."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest
from program import Ended, Program
from tickets import HEADER, MAPPING, tickets, write_tickets

#: Name of a file → how it begins to be wrong.
TEXTS = {
    "empty.csv": b"",
    "page.xls": b"<!DOCTYPE html><html><body><table><tr><td>Id</td></tr></table></body></html>",
    "latin.csv": "Id,Subject,Body,Mail\n1,Olé,x,\n".encode("cp1252"),
    "quote.csv": b'Id,Subject,Body,Mail\n1,"Hello,x,\n2,b,c,\n',
    "half.xlsx": b"PK\x03\x04" + b"\0" * 200,
    "m.yml": MAPPING.encode(),
    "syntax.yml": b"version: 1\nsource: {key: Id\ncase:\n",
    "key.yml": MAPPING.replace("title:", "titel:").encode(),
    "column.yml": MAPPING.replace("Subject", "Subjekt").encode(),
    "twice.yml": MAPPING.encode() + b"case: {}\n",
    "empty.yml": b"",
}

#: What is done → the arguments, and what the message must say.
CASES = {
    "missing file": (["gone.csv"], ["gone.csv: file not found", "check the path"]),
    "empty file": (["empty.csv"], ["empty.csv: the file is empty", "export again"]),
    "web page": (["page.xls"], ["page.xls:1: is a web page (HTML)", "save it as .xlsx"]),
    "other encoding": (["latin.csv"], ["latin.csv:2: byte 0xE9", "--encoding cp1252"]),
    "unclosed quote": (
        ["quote.csv"],
        ["quote.csv:2: the row that begins in line 2 has a quote that is never closed", 'quoted cell: ""'],
    ),
    "half a workbook": (["half.xlsx"], ["half.xlsx: the file is damaged", "download it again"]),
    "password": (["locked.ods"], ["locked.ods: the file is password-protected", "save a copy without the password"]),
    "unreadable": (["unreadable.csv"], ["unreadable.csv", "cannot read the file"]),
    "delimiter": (["t.csv", "--delimiter", ";;"], ["';;' is not a valid delimiter", "--delimiter ';'"]),
    "encoding": (["t.csv", "--encoding", "klingon"], ["unknown encoding 'klingon'", "cp1252"]),
    "mapping: syntax": (["t.csv", "-m", "syntax.yml"], ["syntax.yml:2:9:", "close it with }"]),
    "mapping: key": (["t.csv", "-m", "key.yml"], ["key.yml:5:3: unknown key 'titel'", "did you mean 'title'?"]),
    "mapping: column": (["t.csv", "-m", "column.yml"], ["column.yml:5:10: the export has no column 'Subjekt'"]),
    "mapping: twice": (["t.csv", "-m", "twice.yml"], ["twice.yml:8:1:", "case"]),
    "mapping: empty": (["t.csv", "-m", "empty.yml"], ["empty.yml"]),
    "mapping: missing": (["t.csv", "-m", "gone.yml"], ["'gone.yml'", "built-in mappings: freshdesk, glpi,"]),
    "mapping: name": (["t.csv", "-m", "zendsk"], ["mapping not found: 'zendsk'", "did you mean 'zendesk'?"]),
}

MARKS = {
    "unreadable": (pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs Linux"),),
}


def lock_workbook(path: Path) -> None:
    """What LibreOffice saves with a password: the manifest says that the content is encrypted."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", bytes(range(256)))
        archive.writestr("META-INF/manifest.xml", "<manifest:manifest><manifest:encryption-data/></manifest:manifest>")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good export, a good mapping, and everything that is not."""
    folder = tmp_path_factory.mktemp("bad")
    for name, content in TEXTS.items():
        (folder / name).write_bytes(content)
    write_tickets(folder / "t.csv", tickets(1))
    lock_workbook(folder / "locked.ods")
    # A file that exists and cannot be read, whoever asks: the memory of the process that reads it, from address 0.
    (folder / "unreadable.csv").symlink_to("/proc/self/mem")
    (folder / "exports").mkdir()
    return folder


@pytest.fixture(scope="module")
def endings(folder: Path) -> dict[str, Ended]:
    """How each case ended."""
    commands = [["run", *given, *([] if "-m" in given else ["-m", "m.yml"])] for given, _ in CASES.values()]
    return dict(zip(CASES, Program(folder).in_sandbox().at_once(commands), strict=True))


@pytest.mark.parametrize("case", [pytest.param(case, marks=MARKS.get(case, ())) for case in CASES])
def test_what_cannot_be_used_is_refused(endings: dict[str, Ended], folder: Path, case: str) -> None:
    ended = endings[case]
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: ")
    assert "Traceback" not in ended.err
    for text in CASES[case][1]:
        assert text in ended.err
    assert not list(folder.glob("*-import/*.csv"))


def test_a_folder_is_no_export(folder: Path) -> None:
    ended = Program(folder)("check", "exports", "-m", "m.yml")
    assert (ended.code, ended.out) == (2, "")
    assert "'exports' is a directory" in ended.err


def test_rows_that_are_bad_as_rows_do_not_stop_the_others(local: Program) -> None:
    (local.folder / "t.csv").write_text(f"{','.join(HEADER)}\n1,a,b,\n2,a,b,c,d\n3,a\n4,a,b,\n", encoding="utf-8")
    ended = local("run", "t.csv", "-m", "m.yml", "--json")
    assert (ended.code, ended.counts) == (3, {"created": 2, "invalid": 2})
    codes = {(cause["code"], cause["first_rows"][0]) for cause in ended.json["causes"]}
    assert codes == {("too_many_fields", 3), ("too_few_fields", 4)}


def test_a_file_whose_name_is_not_unicode(local: Program) -> None:
    """As it comes out of old archives."""
    name = os.fsdecode(b"caf\xe9.csv")
    write_tickets(local.folder / name, tickets(1))
    ended = local("run", name, "-m", "m.yml", "--out", "out")
    assert ended.code in (0, 2)
    assert "Traceback" not in ended.err
