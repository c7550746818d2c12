"""Notes from a second file, from the command line to the cases: joined, counted, and found again later."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest
from program import Program, SandboxProcess, until
from tickets import MAPPING, Ticket, read_csv, write_tickets

pytestmark = pytest.mark.slow

NOTES = """\
  notes:
    - each: {file: comments.csv, key: Ticket, order: {column: At, type: datetime, format: iso}}
      title: {template: "{Who}, {At}"}
      body: Text
      public: {column: Shown}
"""
COMMENTS = """\
Ticket,At,Who,Text,Shown,Extra
T1,2024-01-02T00:00:00Z,Bo,second,yes,
T9,2024-01-01T00:00:00Z,Bo,=lost,no,x
T1,2024-01-01T00:00:00Z,Ana,first,no,
T2,2024-01-01T00:00:00Z,Ana,other,no,
T2,2024-01-01T00:00:00Z,too,many,cells,in,it
"""
RUN = ("run", "t.csv", "-m", "m.yml", "--json")


@pytest.fixture
def noted(local: Program) -> Program:
    """Three tickets, the last of them twice, and comments next to them."""
    (local.folder / "m.yml").write_text(MAPPING + NOTES, encoding="utf-8")
    (local.folder / "comments.csv").write_text(COMMENTS, encoding="utf-8")
    write_tickets(local.folder / "t.csv", [Ticket("T1"), Ticket("T2"), Ticket("T3"), Ticket("T2", "duplicate_key")])
    return local


def numbers(notes: dict[str, object]) -> tuple[object, object, object]:
    return notes["rows"], notes["without_row"], notes["rows_without"]


def test_notes_reach_their_cases_and_orphans_are_reported_both_ways(noted: Program, server: SandboxProcess) -> None:
    online = noted.having(**server.login, CASE_IMPORTER_API_URL=server.url, CASE_IMPORTER_SETTLE_DELAY="0.2")
    done = online(*RUN)
    assert done.counts == {"created": 3, "skipped": 1}
    (notes,) = done.json["sources"][0]["note_files"]
    assert numbers(notes) == (5, 2, 1)
    assert read_csv(noted.folder / "t-import" / "notes-without-case.csv") == [
        {
            "importer_file": "comments.csv",
            "importer_row": "3",
            "importer_key": "T9",
            "importer_code": "no_row",
            "importer_reason": "no row of the export has this key",
            "Ticket": "T9",
            "At": "2024-01-01T00:00:00Z",
            "Who": "Bo",
            "Text": "'=lost",
            "Shown": "no",
            "Extra": "x",
        },
        {
            **dict.fromkeys(("importer_key",), ""),
            "importer_file": "comments.csv",
            "importer_row": "6",
            "importer_code": "too_many_fields",
            "importer_reason": "has 7 fields, but the header has 6; quote each cell that contains ','",
            "Ticket": "T2",
            "At": "2024-01-01T00:00:00Z",
            "Who": "too",
            "Text": "many",
            "Shown": "cells",
            "Extra": "in",
            None: ["it"],
        },
    ]
    assert (noted.folder / "t-import" / "notes-without-case.csv").stat().st_mode & 0o777 == 0o600
    case_id = read_csv(noted.folder / "t-import" / "results.csv")[0]["case_id"]
    (case,) = [case for case in server.cases() if case["id"] == case_id]
    assert [(note["note_title"], note["note_body"], note["public"]) for note in case["notes"]] == [
        ("Ana, 2024-01-01T00:00:00Z", "first", False),
        ("Bo, 2024-01-02T00:00:00Z", "second", True),
    ]


def test_the_reports_say_the_same_when_they_are_written_again(noted: Program) -> None:
    noted(*RUN)
    orphans = (noted.folder / "t-import" / "notes-without-case.csv").read_bytes()
    again = noted(*RUN)
    assert numbers(again.json["sources"][0]["note_files"][0]) == (5, 2, 1)
    noted("report", "--ledger", "t-import/ledger.db", "--out", "later")
    assert (noted.folder / "later" / "notes-without-case.csv").read_bytes() == orphans


def test_check_names_orphans_errors_and_unused_columns(noted: Program) -> None:
    (noted.folder / "comments.csv").write_text(COMMENTS.replace("T2,2024-01-01T00:00:00Z,Ana", "T2,soon,Ana"))
    page = noted("check", "t.csv", "-m", "m.yml")
    assert page.code == 3
    for line in (
        "comments.csv: At → notes.order · not_a_date · rows 4, 8",
        "'soon' is not a date in the format ISO 8601 (row 5 of comments.csv)",
        "comments.csv: 5 notes, 2 match no row; 1 row without a note",
        "row 3 of 'T9': no row of the export has this key",
        "row 6: has 7 fields, but the header has 6",
        "not read by the mapping: Extra (1 filled)",
    ):
        assert line in page.out
    (use,) = noted("check", "t.csv", "-m", "m.yml", "--json").json["note_files"]
    assert numbers(use) == (5, 2, 1)
    assert [orphan["row"] for orphan in use["orphans"]] == [3, 6]


def test_check_asks_whether_the_key_is_right_if_nothing_fits(noted: Program) -> None:
    (noted.folder / "comments.csv").write_text(COMMENTS.replace("\nT", "\n#"))
    assert "no note matches a row; compare the columns" in noted("check", "t.csv", "-m", "m.yml").out


def test_preview_shows_notes(noted: Program) -> None:
    shown = noted("preview", "t.csv", "-m", "m.yml", "-n", "1").out
    assert shown.index('"note_body": "first"') < shown.index('"note_body": "second"')


def test_a_missing_file_sends_nothing_and_an_option_says_where_it_is(noted: Program) -> None:
    (noted.folder / "comments.csv").rename(noted.folder / "other.csv")
    refused = noted(*RUN)
    assert (refused.code, refused.json["exit_code"]) == (2, 2)
    assert "comments.csv: companion file with notes not found" in refused.err
    assert "--notes FILE" in refused.err
    for given in ("other.csv", "comments.csv=other.csv"):
        assert numbers(noted(*RUN, "--notes", given).json["sources"][0]["note_files"][0]) == (5, 2, 1)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("a.csv", "b.csv"), "--notes is given twice for comments.csv"),
        (("nowhere.csv",), "companion file with notes not found"),
    ],
)
def test_an_option_that_cannot_be_meant(noted: Program, given: tuple[str, ...], words: str) -> None:
    refused = noted(*RUN, *(word for file in given for word in ("--notes", file)))
    assert refused.code == 2
    assert words in refused.err


def test_the_option_needs_a_mapping_that_takes_notes_and_their_name_if_there_are_several(noted: Program) -> None:
    (noted.folder / "plain.yml").write_text(MAPPING, encoding="utf-8")
    refused = noted("run", "t.csv", "-m", "plain.yml", "--notes", "comments.csv")
    assert (refused.code, "this mapping uses no companion file" in refused.err) == (2, True)
    (noted.folder / "two.yml").write_text(
        MAPPING + NOTES + "    - {each: {file: mails.csv, key: Ticket}, body: Text}\n", encoding="utf-8"
    )
    refused = noted("run", "t.csv", "-m", "two.yml", "--notes", "comments.csv")
    assert "choose one: --notes comments.csv=FILE --notes mails.csv=FILE" in refused.err
    shutil.copy(noted.folder / "comments.csv", noted.folder / "more.csv")
    done = noted("run", "t.csv", "-m", "two.yml", "--notes", "mails.csv=more.csv", "--json")
    assert [numbers(notes) for notes in done.json["sources"][0]["note_files"]] == [(5, 2, 1), (5, 2, 1)]
    assert len(read_csv(noted.folder / "t-import" / "notes-without-case.csv")) == 4


def test_changed_notes_are_a_changed_export(noted: Program) -> None:
    assert noted(*RUN, "--limit", "1").counts == {"created": 1, "pending": 2, "skipped": 1}
    with (noted.folder / "comments.csv").open("a") as file:
        file.write("T3,2024-01-01T00:00:00Z,Ana,late,no,\n")
    ended = noted(*RUN)
    assert ended.counts == {"created": 2, "skipped": 2}
    assert numbers(ended.json["sources"][0]["note_files"][0]) == (6, 2, 0)
    assert noted(*RUN).code == 0, "these are the notes that were read last"


def test_a_corrected_failures_file_finds_the_notes_again(noted: Program) -> None:
    write_tickets(noted.folder / "t.csv", [Ticket("T1", subject=""), Ticket("T2")])
    noted(*RUN)
    failures = noted.folder / "t-import" / "failures.csv"
    failures.write_text(failures.read_text("utf-8-sig").replace("T1,,", "T1,Corrected,"), "utf-8")
    again = (
        "run",
        "t-import/failures.csv",
        "-m",
        "m.yml",
        "--ledger",
        "t-import/ledger.db",
        "--out",
        "again",
        "--json",
    )
    moved = noted.folder / "moved.csv"
    (noted.folder / "comments.csv").rename(moved)
    assert "companion file with notes not found" in noted(*again).err
    moved.rename(noted.folder / "comments.csv")
    (noted.folder / "comments.csv").write_text(COMMENTS + "T1,2024-01-03T00:00:00Z,Ana,new,no,\n")
    assert "the companion file changed since these rows were read" in noted(*again).err
    (noted.folder / "comments.csv").write_text(COMMENTS)
    done = noted(*again)
    assert done.counts == {"created": 1}
    assert done.json["reports"]["orphans"] == [], "notes of rows that are not in this file are no orphans"


def test_a_retry_with_a_new_mapping_finds_the_notes_again(noted: Program) -> None:
    (noted.folder / "comments.csv").write_text(COMMENTS.replace("T1,2024-01-02T00:00:00Z", "T1,02.01.2024"))
    assert noted(*RUN).counts == {"created": 2, "invalid": 1, "skipped": 1}
    better = (MAPPING + NOTES).replace("format: iso", "format: [iso, '%d.%m.%Y']")
    (noted.folder / "better.yml").write_text(better, encoding="utf-8")
    retry = ("retry", "--ledger", "../t-import/ledger.db", "-m", "../better.yml", "--json")
    elsewhere = Program(noted.folder / "elsewhere", **noted.variables)
    elsewhere.folder.mkdir()
    shutil.move(noted.folder / "comments.csv", noted.folder / "elsewhere" / "c.csv")
    assert "companion file with notes not found" in elsewhere(*retry).err
    assert elsewhere(*retry, "--notes", "c.csv").counts == {"created": 3, "skipped": 1}


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="only here a process shows which files it holds")
def test_a_killed_run_leaves_no_notes_behind(noted: Program) -> None:
    """The temporary ledger has no name: it is gone with the process, and the next run reads the file again."""
    temporary = noted.folder / "tmp"
    temporary.mkdir()
    slow = noted.having(TMPDIR=str(temporary), SQLITE_TMPDIR=str(temporary))
    with (noted.folder / "comments.csv").open("a") as file:
        file.writelines(f"X{number},2024-01-01T00:00:00Z,Ana,{'lost ' * 60},no,\n" for number in range(100_000))
    with slow.running(*RUN) as process:
        until(lambda: _open_in(process.pid, temporary), what="the temporary ledger is larger than its memory")
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert list(temporary.iterdir()) == []
    assert numbers(slow(*RUN).json["sources"][0]["note_files"][0]) == (100_005, 100_002, 1)


def _open_in(pid: int, folder: Path) -> list[str]:
    """The files in ``folder`` that a process holds, though they have no name any more."""
    held = []
    for handle in Path(f"/proc/{pid}/fd").glob("*"):
        try:
            held.append(os.readlink(handle))
        except OSError:
            continue
    return [file for file in held if file.startswith(str(folder)) and file.endswith(" (deleted)")]
