"""Pipes and devices where a file is expected: they may never end, so they are refused at once."""

from __future__ import annotations

import os
import zipfile

import pytest
from program import Program
from tickets import MAPPING, tickets, write_tickets


@pytest.fixture(params=["pipe", "/dev/zero"])
def endless(local: Program, request: pytest.FixtureRequest) -> str:
    """The name of what never ends, beside ``t.csv``."""
    write_tickets(local.folder / "t.csv", tickets(1))
    os.mkfifo(local.folder / "pipe")
    (local.folder / "fields.yml").write_text(f"{MAPPING}fields: {request.param}\n", encoding="utf-8")
    name: str = request.param
    return name


@pytest.mark.parametrize(
    "command",
    [
        "run t.csv -m m.yml --config {}",
        "run t.csv -m ./{}",
        "check t.csv -m ./{}",
        "check t.csv -m m.yml --baseline {}",
        "sandbox --port 0 --fields {}",
        "sandbox --port 0 --store {}",
        "run t.csv -m m.yml --ledger {}",
        "run t.csv -m m.yml --log-file {}",
        "run t.csv -m m.yml --ca-file {}",
        "status --ledger {}",
        "report --ledger {} --out out",
    ],
)
def test_what_never_ends_is_refused_at_once(local: Program, endless: str, command: str) -> None:
    words = command.format(endless).replace(".//", "/").split()
    ended = local(*words)
    assert (ended.code, ended.out) == (2, "")
    assert "it is not a regular file (a pipe or a device, for example)" in ended.err
    assert "Traceback" not in ended.err


def test_what_never_ends_is_no_fields_file(local: Program, endless: str) -> None:
    ended = local("check", "t.csv", "-m", "fields.yml")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: fields.yml:8:9: ")
    assert f"'{endless}'" in ended.err


def test_a_document_whose_content_has_another_name_is_damaged(local: Program) -> None:
    with zipfile.ZipFile(local.folder / "t.ods", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("Content.xml", "<content/>")
    ended = local("check", "t.ods", "-m", "m.yml")
    assert ended.code == 2
    assert ended.err.startswith("error: t.ods: the file is damaged or incomplete")
