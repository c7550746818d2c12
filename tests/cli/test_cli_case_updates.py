"""Notes that follow their cases, as a person meets them: what is printed, listed and settled, and the exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from many_notes import NOTHING, notes_of, what_is_wrong, write_export
from program import Program, SandboxProcess, sandbox_process
from tickets import read_csv

pytestmark = pytest.mark.slow

ROWS = [("N-1", notes_of("N-1", 45)), ("N-2", notes_of("N-2", 3))]
RUN = ("run", "t.csv", "-m", "m.yml", "--concurrency", 1)
LEDGER = ("--ledger", "t-import/ledger.db")


@contextmanager
def importing(program: Program, *rules: dict[str, Any]) -> Iterator[tuple[Program, SandboxProcess]]:
    """Two rows, one of which has 45 notes, and a server that does these things to updates and looks."""
    write_export(program.folder, ROWS)
    with sandbox_process(program.folder, faults={"name": "notes", "rules": list(rules)}) as server:
        yield program.having(**server.login, CASE_IMPORTER_API_URL=server.url, CASE_IMPORTER_SETTLE_DELAY="0.2"), server


def open_updates(program: Program) -> list[dict[str, str]]:
    return read_csv(program.folder / "t-import/case-updates.csv")


def test_all_is_well(program: Program) -> None:
    with importing(program) as (online, server):
        ended = online(*RUN)
        assert ended.code == 0
        assert "Case updates: 25 of 25 notes and fields delivered\n" in ended.out
        assert "2 rows = 2 created" in ended.out
        assert not (program.folder / "t-import/case-updates.csv").exists(), "there is nothing to look at"
        assert what_is_wrong(ROWS, server.cases()) == NOTHING
        status = online("status", *LEDGER, "--json").json
        standings = ("done", "open", "held", "refused", "unknown", "dropped", "later", "changed")
        assert status["case_updates"] == dict.fromkeys(standings, 0) | {"done": 25}
        assert status["requests"] == 4
        again = online(*RUN, "--json")
        assert (again.code, again.json["requests"]) == (0, 4)


def test_what_is_refused_ends_with_3_is_listed_whole_and_can_be_sent_again(program: Program) -> None:
    with importing(program, {"do": "status", "status": 422, "on": ["update"], "limit": 1}) as (online, server):
        ended = online(*RUN)
        assert ended.code == 3
        assert "Exit code 3: finished, but some case updates were refused\n" in ended.out
        assert (
            "Case updates: 0 of 25 notes and fields delivered; 20 refused; 5 blocked by those before them:"
            " see case-updates.csv\n"
        ) in ended.out
        (story,) = online("explain", "N-1", *LEDGER, "--json").json["rows"]
        assert story["what_to_do"] == "case update: refused, see case-updates.csv"
        lines = open_updates(online)
        assert [line["value"] for line in lines] == ROWS[0][1][20:], "no text is lost"
        assert {(line["key"], line["case_id"]) for line in lines} == {("N-1", "1")}
        assert [line["state"] for line in lines] == ["refused"] * 20 + ["held"] * 5
        assert (lines[0]["part"], lines[-1]["part"], lines[0]["http_status"]) == ("1", "2", "422")
        assert "case-importer retry" in lines[0]["what_to_do"]
        assert online(*RUN, "--quiet").code == 3, "not sent again unless somebody asks for it"
        workbook_only = online(*RUN, "--quiet", "--report-format", "xlsx", "--out", "second", *LEDGER)
        assert workbook_only.err == "3: 25 notes and fields not delivered: see case-importer report\n"
        again = online("retry", *LEDGER, "--json")
        assert (again.code, again.json["case_updates"]["done"]) == (0, 25)
        assert what_is_wrong(ROWS, server.cases()) == NOTHING


def lost(program: Program) -> Any:
    """An update that is not taken, and whose answer is lost, on an account that may not read cases."""
    return importing(
        program,
        {"do": "drop", "save": False, "on": ["update"], "limit": 1},
        {"do": "status", "status": 403, "on": ["get"]},
    )


def test_an_unknown_outcome_that_cannot_be_settled_ends_with_4_and_a_person_settles_it(program: Program) -> None:
    with lost(program) as (online, server):
        ended = online(*RUN)
        assert ended.code == 4
        assert "Exit code 4: finished, but some case updates have an unknown outcome: run reconcile\n" in ended.out
        assert "20 with an unknown outcome; 5 blocked by those before them: see case-updates.csv" in ended.out
        first, *_ = open_updates(online)
        assert (first["state"], first["code"]) == ("unknown", "unreadable")
        assert "HTTP 403" in first["message"]
        assert "resolve KEY" in first["what_to_do"]
        assert online("reconcile", *LEDGER, "--quiet").code == 4
        assert online("retry", *LEDGER, "--quiet").code == 4, "what is unknown is never sent again"

        said = online("resolve", "N-1", *LEDGER, "--update-not-done", "--reason", "looked: 20 notes")
        assert (said.code, said.out) == (0, "The case update of N-1 is pending now.\n")
        assert online(*RUN, "--quiet").code == 0
        assert what_is_wrong(ROWS, server.cases()) == NOTHING
        once_more = online("resolve", "N-1", *LEDGER, "--update-done", "--reason", "x")
        assert once_more.code == 2
        assert "row 'N-1' has no case update that is unknown or refused" in once_more.err


@pytest.mark.parametrize(("flag", "state"), [("--update-done", "done"), ("--update-dropped", "dropped")])
def test_a_person_may_say_that_nothing_is_to_be_sent(program: Program, flag: str, state: str) -> None:
    with lost(program) as (online, server):
        assert online(*RUN, "--quiet").code == 4
        said = online("resolve", "N-1", *LEDGER, flag, "--reason", "entered by hand")
        assert (said.code, said.out) == (0, f"The case update of N-1 is {state} now.\n")
        ended = online(*RUN, "--json")
        assert (ended.code, ended.json["case_updates"][state]) == (0, 20 + 5 * (state == "done"))
        assert what_is_wrong(ROWS, server.cases()).lost == 20, "those behind them follow"


def test_what_cannot_be_sent_for_now_ends_with_5(program: Program) -> None:
    with importing(program, {"do": "status", "status": 429, "on": ["update"], "limit": 3}) as (online, server):
        assert online(*RUN, "--quiet").code == 5
        assert {line["state"] for line in open_updates(online)} == {"pending"}
        assert online(*RUN, "--quiet").code == 0
        assert what_is_wrong(ROWS, server.cases()) == NOTHING


def test_check_and_preview_tell_what_will_follow(program: Program) -> None:
    write_export(program.folder, ROWS)
    page = program("check", "t.csv", "-m", "m.yml").out
    assert "25 notes and fields will be sent as case updates once their rows are cases\n    namely notes 25\n" in page
    assert "mails to customers" not in page
    shown = program("preview", "t.csv", "-m", "m.yml").out
    assert "row 2 · case update 2, sent after the case is created" in shown
    first, second = (json.loads(line) for line in program("preview", "t.csv", "-m", "m.yml", "--json").out.splitlines())
    assert [len(part["notes"]) for part in (first["body"], *first["case_updates"])] == [20, 20, 5]
    assert "case_updates" not in second


def test_a_rehearsal_counts_them(program: Program) -> None:
    write_export(program.folder, ROWS)
    ended = program("rehearse", "t.csv", "-m", "m.yml", "--profile", "calm", "--json")
    assert ended.json["requests"]["update"] >= 2
    assert ended.json["run"]["case_updates"]["done"] == 25


def test_the_embedded_sandbox_takes_them(program: Program) -> None:
    write_export(program.folder, ROWS)
    assert program(*RUN, "--sandbox", "--quiet").code == 0
    summary = json.loads(Path(program.folder, "t-import/summary.json").read_text("utf-8"))
    assert summary["case_updates"]["done"] == 25


def test_check_says_what_updates_are_and_which_customers_may_notice(program: Program) -> None:
    mapping = """\
version: 1
source: {key: Id}
case: {title: Subject, description: Body}
after_create:
  status: {column: Status, values: {open: OPEN, closed: CLOSED}}
  resolution: {value: Solved before}
  custom_fields: {text2: Body, text3: Status}
"""
    (program.folder / "s.yml").write_text(mapping, encoding="utf-8")
    (program.folder / "s.csv").write_text(
        "Id,Subject,Body,Status\n1,A,B,open\n2,A,B,closed\n3,,B,open\n", encoding="utf-8"
    )
    page = " ".join(program("check", "s.csv", "-m", "s.yml").out.split())
    assert "8 notes and fields will be sent as case updates once their rows are cases" in page, page
    assert "namely custom_fields 4, resolution 1, status CLOSED 1, status OPEN 1, status RESOLVED 1" in page
    assert "3 status changes can send mails to customers: see with `case-importer try`" in page
    found = program("check", "s.csv", "-m", "s.yml", "--json").json
    assert sum(each["cases"] for each in found["fields_to_set"]) == found["case_updates"]["later"] == 8
