"""The third job: correct what failed, and send exactly those rows again."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from openpyxl import load_workbook
from program import Program, SandboxProcess
from scenery import REFUSED
from tickets import Ticket, read_csv, write_tickets

LEDGER = ("--ledger", "t-import/ledger.db")


def rewrite(path: Path, lines: list[dict[str, str]]) -> None:
    """Save a failures file as a spreadsheet would: other line ends, other quotes, no byte-order mark."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(lines[0]), quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)


@pytest.mark.slow
def test_refused_rows_are_sent_again_when_a_person_says_so(online: Program, server: SandboxProcess) -> None:
    write_tickets(online.folder / "t.csv", [Ticket("r-1"), Ticket("r-2", REFUSED), Ticket("r-3", subject="")])
    first = online("run", "t.csv", "-m", "m.yml", "--json")
    assert (first.code, first.counts) == (3, {"created": 1, "invalid": 1, "refused": 1})
    again = online("run", "t.csv", "-m", "m.yml", "--json")
    assert again.json["requests"] == 2, "the same command does not insist"

    before = server.creates()
    retried = online("retry", *LEDGER, "--state", "refused", "--json")
    assert (retried.code, retried.counts) == (3, first.counts)
    assert server.creates() == before + 1


def test_a_corrected_mapping_is_tried_on_every_row_that_never_arrived(online: Program, server: SandboxProcess) -> None:
    write_tickets(online.folder / "t.csv", [Ticket("m-1"), Ticket("m-2", REFUSED), Ticket("m-3", subject="")])
    online("run", "t.csv", "-m", "m.yml", "--quiet")
    better = (online.folder / "m.yml").read_text(encoding="utf-8").replace("title: Subject", "title: Body")
    (online.folder / "better.yml").write_text(better, encoding="utf-8")
    before = server.creates()
    retried = online("retry", *LEDGER, "--mapping", "better.yml", "--json")
    assert (retried.code, retried.counts) == (0, {"created": 3})
    assert server.creates() == before + 2
    title = next(case["title"] for case in server.cases() if case["custom_fields"]["text1"] == "m-1")
    assert title == Ticket("m-1").subject, "what had arrived stays as it is"


def test_retry_of_invalid_rows_needs_a_mapping(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [Ticket("1", subject="")])
    local("run", "t.csv", "-m", "m.yml", "--quiet")
    ended = local("retry", *LEDGER, "--state", "invalid")
    assert (ended.code, ended.out) == (2, "")
    assert "--mapping" in ended.err


def test_corrected_failures_become_exactly_those_cases(online: Program, server: SandboxProcess) -> None:
    rows = [
        Ticket("f-1"),
        Ticket("f-2", REFUSED),
        Ticket("f-3", subject="", body='=SUM(A1)\n"quoted"'),
        Ticket("", "x"),
    ]
    write_tickets(online.folder / "t.csv", rows)
    online("run", "t.csv", "-m", "m.yml", "--quiet")
    failures = online.folder / "t-import/failures.csv"
    lines = read_csv(failures)
    assert [line["importer_state"] for line in lines] == ["refused", "invalid", "invalid"]

    for line, subject, key in zip(lines, ("Mended", "=Mended", "Mended"), ("f-2", "f-3", "f-4"), strict=True):
        line.update(Subject=subject, Id=key)
    success = dict.fromkeys(lines[0], "") | dict(zip(("Id", "Subject", "Body", "Mail"), rows[0], strict=True))
    rewrite(online.folder / "corrected.csv", [lines[2], success, lines[0], lines[1]])
    before = server.creates()
    ended = online("run", "corrected.csv", "-m", "m.yml", *LEDGER, "--json")

    assert (ended.code, ended.counts) == (0, {"created": 3, "skipped": 1}), "f-1 was pasted in, and had succeeded"
    assert server.creates() == before + 3
    made = {case["custom_fields"]["text1"]: case for case in server.cases()}
    assert (made["f-2"]["title"], made["f-3"]["title"], made["f-4"]["title"]) == ("Mended", "=Mended", "Mended")
    assert made["f-3"]["description"] == '=SUM(A1)\n"quoted"'
    whole = online("status", *LEDGER, "--json")
    assert whole.counts == {"created": 4, "skipped": 4}, "each original is superseded, and none is forgotten"


def test_failures_as_they_are_fail_again_without_a_trace_at_the_server(online: Program, server: SandboxProcess) -> None:
    write_tickets(online.folder / "t.csv", [Ticket("s-1"), Ticket("s-2", subject="")])
    online("run", "t.csv", "-m", "m.yml", "--quiet")
    before = server.creates()
    ended = online("run", "t-import/failures.csv", "-m", "m.yml", *LEDGER, "--out", "second", "--json")
    assert (ended.code, ended.counts) == (3, {"invalid": 1})
    assert server.creates() == before
    (line,) = read_csv(online.folder / "second/failures.csv")
    assert line["Id"] == "s-2"


def test_failures_of_another_ledger_are_refused(local: Program) -> None:
    """Its rows may have been created meanwhile; only their own ledger knows."""
    write_tickets(local.folder / "t.csv", [Ticket("1"), Ticket("2", subject="")])
    local("run", "t.csv", "-m", "m.yml", "--quiet")
    for flags in (["--out", "elsewhere"], ["--dry-run"]):
        ended = local("run", "t-import/failures.csv", "-m", "m.yml", *flags)
        assert (ended.code, ended.out) == (2, "")
        assert "failures.csv:2: these rows belong to another ledger" in ended.err
        assert "--ledger" in ended.err


def test_rows_that_wait_for_the_next_run_need_no_correction(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [Ticket(f"l-{number}") for number in range(4)])
    first = local("run", "t.csv", "-m", "m.yml", "--sandbox", "--limit", "1")
    assert first.code == 0
    assert "failures.csv" not in first.out
    assert not (local.folder / "t-import/failures.csv").exists()
    again = local("run", "t.csv", "-m", "m.yml", "--sandbox", "--json")
    assert (again.code, again.counts, again.json["reports"]["failures"]) == (0, {"created": 4}, [])


def test_no_failures_file_outlives_its_rows(local: Program) -> None:
    """It would be corrected and read again for nothing."""
    write_tickets(local.folder / "t.csv", [Ticket("o-1"), Ticket("o-2", subject="")])
    local("run", "t.csv", "-m", "m.yml", "--sandbox", "--quiet")
    (line,) = read_csv(local.folder / "t-import/failures.csv")
    rewrite(local.folder / "corrected.csv", [line | {"Subject": "Mended"}])
    ended = local("run", "corrected.csv", "-m", "m.yml", *LEDGER, "--out", "t-import", "--sandbox", "--json")
    assert (ended.code, ended.json["reports"]["failures"]) == (0, [])
    assert not (local.folder / "t-import/failures.csv").exists()


def test_a_run_does_not_replace_the_failures_file_that_it_reads(local: Program) -> None:
    """Corrections would be gone, and the same command again would read another file."""
    write_tickets(local.folder / "t.csv", [Ticket("p-1", subject="")])
    local("run", "t.csv", "-m", "m.yml", "--sandbox", "--quiet")
    before = (local.folder / "t-import/failures.csv").read_bytes()
    ended = local("run", "t-import/failures.csv", "-m", "m.yml", *LEDGER, "--out", "t-import", "--sandbox")
    assert (ended.code, ended.out) == (2, "")
    assert "the reports of this run would replace the file that it reads" in ended.err
    assert "--out" in ended.err
    assert (local.folder / "t-import/failures.csv").read_bytes() == before


def test_a_corrected_row_whose_key_is_a_case_is_done(local: Program) -> None:
    """Another row with its key arrived. But a key that was mistyped into that of a case hides no row."""
    write_tickets(local.folder / "t.csv", [Ticket("k-1", subject=""), Ticket("k-1"), Ticket("k-2", subject="")])
    assert local("run", "t.csv", "-m", "m.yml", "--json").counts == {"created": 1, "invalid": 2}
    lines = read_csv(local.folder / "t-import/failures.csv")
    for line in lines:
        line["Subject"], line["Id"] = "corrected", "k-1"
    rewrite(local.folder / "fixed.csv", lines)
    ended = local("run", "fixed.csv", "-m", "m.yml", *LEDGER, "--out", "second", "--json")
    assert ended.counts == {"skipped": 2}
    assert local("status", *LEDGER, "--json").counts == {"created": 1, "invalid": 1, "skipped": 3}


def fixed(folder: Path) -> dict[Path, bytes]:
    """What a person made of the failures files in a folder."""
    rewrite(folder / "failures.csv", [line | {"Subject": "by hand"} for line in read_csv(folder / "failures.csv")])
    book = load_workbook(folder / "failures.xlsx")
    book["failures"]["F2"] = "by hand"
    book.save(folder / "failures.xlsx")
    return {path: path.read_bytes() for path in folder.glob("failures.*")}


def test_what_a_person_fixed_is_never_overwritten(local: Program) -> None:
    """Neither by a command that writes the rows again, nor by one after which there is nothing to fix."""
    write_tickets(local.folder / "t.csv", [Ticket("w-1"), Ticket("w-2", subject="")])
    folder = local.folder / "t-import"
    importing = ("run", "t.csv", "-m", "m.yml", "--sandbox")
    local(*importing, "--quiet")
    before = fixed(folder)
    commands = (
        importing,
        ("retry", *LEDGER, "--sandbox"),
        ("report", *LEDGER, "--out", "t-import"),
    )
    for command in commands:
        ended = local(*command, "--json")
        reports = {name: [Path(path).name for path in ended.json["reports"][name]] for name in ("failures", "kept")}
        assert reports == {"failures": ["failures-2.csv"], "kept": ["failures.csv", "failures.xlsx"]}
        assert {path: path.read_bytes() for path in before} == before
    shown = local(*importing)
    assert "t-import/failures.xlsx    kept: changed since it was written" in shown.out
    assert "Import what you fixed in t-import/failures.xlsx; the rows as they are now are in" in shown.out
    assert "kept, because it was changed: t-import/failures.csv, t-import/failures.xlsx" in local(*importing, "-q").err
    assert (folder / "report.html").read_text(encoding="utf-8").count("It was kept as it is") == 2
    mending = (local.folder / "m.yml").read_text().replace("title: Subject", "title: {column: Subject, default: none}")
    (local.folder / "mended.yml").write_text(mending, encoding="utf-8")
    assert local("retry", *LEDGER, "-m", "mended.yml", "--sandbox", "--json").counts == {"created": 2}
    assert {path: path.read_bytes() for path in folder.glob("failures*")} == before


def test_a_report_that_nobody_changed_is_replaced_also_in_a_copy_of_its_folder(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [Ticket("x-1"), Ticket("x-2", subject="")])
    local("run", "t.csv", "-m", "m.yml", "--sandbox", "--quiet")
    shutil.copytree(local.folder / "t-import", local.folder / "copy")
    (local.folder / "copy/.~lock.failures.xlsx#").touch()  # as LibreOffice does while it has the file open
    reports = local("report", *LEDGER, "--out", "copy", "--json").json["reports"]
    names = {name: [Path(path).name for path in reports[name]] for name in ("failures", "workbooks", "kept")}
    assert names == {"failures": ["failures.csv"], "workbooks": ["failures-2.xlsx"], "kept": ["failures.xlsx"]}


def test_what_the_reader_finds_in_a_fixed_workbook_counts_whatever_its_columns_are_named(local: Program) -> None:
    """Names that begin as formulas do, and names that a workbook cannot have as they are."""
    owner, note = "@Owner", "Internal\r\nnote _x0041_"
    mapping = f"""\
version: 1
source:
  key: Id
  columns:
    "{owner}": {{optional: true}}
    {json.dumps(note)}: {{optional: true}}
external_id_field: text1
case:
  title: Subject
  description: Id
  custom_fields:
    text2: "{owner}"
    text3: {json.dumps(note)}
"""
    (local.folder / "n.yml").write_text(mapping, encoding="utf-8")
    with (local.folder / "t.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("Id", "Subject", owner, note), ("1", "", "ana", "a"), ("2", "", "ben", "b")])
    first = local("run", "t.csv", "-m", "n.yml", "--sandbox", "--json")
    assert (first.err, first.counts) == ("", {"invalid": 2})
    book = load_workbook(local.folder / "t-import/failures.xlsx")
    sheet = book["failures"]
    place = {cell.value: cell.column for cell in sheet[1]}
    for row in (2, 3):
        sheet.cell(row, place["Subject"]).value = "fixed"
    sheet.cell(2, place["'@Owner"]).value = 12345678901234567890
    book.save(local.folder / "fixed.xlsx")
    send = ("fixed.xlsx", "-m", "n.yml", *LEDGER)
    ended = local("run", *send, "--out", "second", "--sandbox", "--json")
    assert (ended.code, ended.counts) == (3, {"created": 1, "invalid": 1})
    assert [cause["code"] for cause in ended.json["causes"]] == ["inexact_number"]
    assert not any(
        "optional columns" in line for line in (*ended.json["notes"], *local("check", *send, "--json").json["notes"])
    )
    story = local("explain", "2", *LEDGER, "--json").json
    assert {value["field"]: value["value"] for value in story["rows"][0]["values"]}["custom_fields.text3"] == "b"
