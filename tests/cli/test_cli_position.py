"""Tickets without an id: the row number is the key, in one file that must stay as it is."""

from __future__ import annotations

import csv
import re
import shutil

import pytest
from program import Program, SandboxProcess
from scenery import REFUSED
from tickets import read_csv

from importer.failures.columns import REASON_COLUMNS

MAPPING = """version: 1
source: {position: "%s"}
external_id_field: text1
case: {title: Subject, description: Body}
"""
LEDGER = ("--ledger", "t-import/ledger.db")
FAILURES = "t-import/failures.csv"
RUN = ("run", "t.csv", "-m", "m.yml", "--json")


def by_position(program: Program, text: str) -> str:
    """Writes an export, and a mapping for it with the checksum that the refusal names."""
    (program.folder / "t.csv").write_text(text, encoding="utf-8")
    (program.folder / "m.yml").write_text(MAPPING % ("0" * 12), encoding="utf-8")
    refused = program("preview", "t.csv", "-m", "m.yml")
    assert refused.code == 2
    checksum = re.findall(r"`position: ([0-9a-f]{12})`", " ".join(refused.err.split()))[0]
    (program.folder / "m.yml").write_text(MAPPING % checksum, encoding="utf-8")
    return str(checksum)


def test_rows_that_are_alike_become_a_case_each_once(online: Program, server: SandboxProcess) -> None:
    checksum = by_position(online, f"Subject,Body\nSame,Same\nSame,Same\n,Same\n{REFUSED},Same\nbro,ken,row\n")
    first = online(*RUN)
    assert first.counts == {"created": 2, "refused": 1, "invalid": 2}
    assert online(*RUN).counts == first.counts, "the same command sends nothing again"

    lines = [line | {"Subject": "Mended", "Body": "Mended"} for line in read_csv(online.folder / FAILURES)]
    rows = [*reversed(lines), {"Subject": "Pasted in", "Body": "x"}]
    with (online.folder / "corrected.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*REASON_COLUMNS, "Subject", "Body"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    corrected = online("run", "corrected.csv", "-m", "m.yml", *LEDGER, "--json")
    assert corrected.counts == {"created": 3, "invalid": 1}, "a row that was never in the export has no position"

    keys = [case["custom_fields"].get("text1", "") for case in server.cases()]
    assert sorted(key for key in keys if key.startswith(checksum)) == [f"{checksum}-{row}" for row in range(2, 7)]

    again = online("retry", *LEDGER, "--mapping", "m.yml", "--json")
    assert again.counts == {"created": 5, "invalid": 1, "skipped": 3}, (
        "nor does it get one from its line in the file of corrections"
    )
    shutil.rmtree(online.folder / "t-import")
    rebuilt = online("rebuild", "t.csv", "-m", "m.yml", "--json")
    assert rebuilt.counts == {"created": 3, "invalid": 2}, "by their positions the cases are found again"


@pytest.mark.parametrize("verb", ["check", "preview", "run", "rebuild"])
def test_another_content_is_refused(local: Program, verb: str) -> None:
    by_position(local, "Subject,Body\nOne,x\nTwo,x\n")
    assert local(*RUN).counts == {"created": 2}
    (local.folder / "t.csv").write_text("Subject,Body\nZero,x\nOne,x\nTwo,x\n", encoding="utf-8")
    refused = local(verb, "t.csv", "-m", "m.yml")
    assert refused.code == 2
    assert "the file is not, or no longer, the one whose row numbers are the keys" in " ".join(refused.err.split())
    assert local("status", *LEDGER, "--json").counts == {"created": 2}


def test_a_ledger_with_several_exports_cannot_get_keys_by_position(local: Program) -> None:
    mapping = (local.folder / "m.yml").read_text(encoding="utf-8")
    for name, subject in (("a.csv", ""), ("b.csv", "")):
        (local.folder / name).write_text(f"Id,Subject,Body,Mail\n{name},{subject},x,\n", encoding="utf-8")
        (local.folder / "m.yml").write_text(mapping, encoding="utf-8")
        local("run", name, "-m", "m.yml", *LEDGER)
    by_position(local, "Id,Subject,Body,Mail\n1,x,x,\n")
    refused = local("retry", *LEDGER, "--mapping", "m.yml")
    assert refused.code == 2
    assert "identifies the rows of one file, and this ledger has those of 2" in " ".join(refused.err.split())


def test_check_shows_rows_that_are_skipped_although_they_differ(local: Program) -> None:
    rows = "".join(f"{n % 8},Subject {n},x,\n" for n in range(16))
    (local.folder / "t.csv").write_text(f"Id,Subject,Body,Mail\n{rows}", encoding="utf-8")
    said = local("check", "t.csv", "-m", "m.yml").out
    assert "'0': row 2 is sent, row 10 is not" in said
    assert "Subject: 'Subject 0' and 'Subject 8'" in said
    assert "5 more" in said
    assert "different tickets may be lost" in said
