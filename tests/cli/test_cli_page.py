"""The page of a real run, which report it is, and which others: all from the ledger alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from pages import Page
from program import Program
from scenery import LOST_AFTER, REFUSED
from tickets import Ticket, read_csv, tickets, write_tickets

RUN = ("run", "t.csv", "-m", "m.yml", "--out", "out")


@pytest.mark.slow
def test_the_page_of_a_run_with_failures_and_lost_answers(online: Program) -> None:
    """What a person asks afterwards is answered, and what the run has measured is what it has done."""
    rows = [
        *tickets(5, prefix="page-"),
        Ticket("page-bad", subject=""),
        Ticket("page-refused", REFUSED),
        Ticket("page-saved", LOST_AFTER),
    ]
    write_tickets(online.folder / "t.csv", rows)
    ended = online(*RUN, "--rate", 300, "--json")
    assert ended.counts == {"created": 6, "invalid": 1, "refused": 1}
    page = Page(online.folder / "out/report.html")
    assert page.problems == []
    assert "TRIAL The cases are on a server on this machine" in page.text
    assert "1 row invalid: Subject → title is empty, but a value is required" in page.text
    assert "1 row refused: whole row" in page.text
    assert "found in the account: they are cases" in page.text
    assert "page-000001" in page.text
    assert "rate 300" in page.text
    assert online.variables["CASE_IMPORTER_CLIENT_SECRET"] not in (online.folder / "out/report.html").read_text()
    with closing(sqlite3.connect(online.folder / "out/ledger.db")) as ledger:
        created, requests, slowest = ledger.execute(
            "SELECT sum(created), sum(requests), max(longest) FROM measurement WHERE rate = 300"
        ).fetchone()
        ((planned, settings),) = ledger.execute("SELECT planned, settings FROM run")
    assert (created, planned) == (6, 7)
    assert requests > ended.json["requests"], "searches are counted too"
    assert slowest > 0
    assert "secret" not in settings


def test_the_terminal_names_the_file_to_open_first(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [*tickets(2), Ticket("bad", subject="")])
    ended = local(*RUN)
    files = ended.out.partition("\nFiles\n")[2].splitlines()
    assert files[0].split(None, 1) == ["out/report.html", "open this first: what arrived, what failed and why"]
    page = Page(local.folder / "out/report.html")
    assert "TRIAL The cases are in the embedded sandbox" in page.text
    again = local("report", "--ledger", "out/ledger.db", "--out", "again").out
    assert "again/report.html" in again
    assert without_time(Page(local.folder / "again/report.html")) == without_time(page).replace(
        "out/failures", "again/failures"
    )


def without_time(page: Page) -> str:
    before, _, after = page.text.partition(" Written ")
    return before + after.partition("UTC.")[2]


def test_reports_are_chosen_by_format(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [*tickets(1), Ticket("bad", subject="")])
    ended = local(*RUN, "--report-format", "html,json")
    assert ended.code == 3
    written = {path.name for path in (local.folder / "out").iterdir() if "ledger" not in path.name}
    assert written == {"report.html", "summary.json"}
    page = Page(local.folder / "out/report.html").text
    assert "failures.csv" not in page, "it is not there"
    for text in (page, " ".join(ended.out.split())):
        assert "Write failures.xlsx, which has the rows to fix: case-importer report --ledger" in text
    said = "3: 2 rows = 1 created + 1 invalid (0 created now): fix them in out/failures.csv\n"
    assert local(*RUN, "--report-format", "csv", "-q").err == said
    assert local(*RUN, "--report-format", "xlsx", "-q").err.endswith("fix them in out/failures.xlsx\n")
    assert (
        "unknown report format: pdf\n  hint: use one or more of html, csv, xlsx, json"
        in local(*RUN, "--report-format", "pdf").err
    )


def test_a_failures_file_with_semicolons_is_read_again(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [*tickets(2), Ticket("bad", subject="", body="a;=1 and, more")])
    local(*RUN, "--csv-delimiter", ";")
    results = (local.folder / "out/results.csv").read_text(encoding="utf-8")
    assert results.startswith("row;key;title;state;")
    path = local.folder / "out/failures.csv"
    text = path.read_text(encoding="utf-8-sig")
    assert text.startswith("importer_record;importer_row;")
    (local.folder / "fixed.csv").write_text(text.replace(";bad;;", ";bad;Fixed now;"), encoding="utf-8-sig")
    names = ("--ledger", "out/ledger.db", "--out", "second")
    assert local("run", "fixed.csv", "-m", "m.yml", *names, "--json").counts == {"created": 1}
    assert [row["key"] for row in read_csv(local.folder / "second/results.csv")] == ["bad"]


def test_a_report_to_hand_over_names_nobody(local: Program) -> None:
    who = "Zenobia Quill"
    write_tickets(local.folder / "t.csv", [Ticket("1", f"From {who}"), Ticket("2", "x", mail=f"{who} at home")])
    local(*RUN)
    ended = local("report", "--ledger", "out/ledger.db", "--out", "handover", "--mask")
    assert ended.code == 0
    assert "handover/report.html" in ended.out
    assert "\n  out/ledger.db " in ended.out
    files = list((local.folder / "handover").iterdir())
    assert {path.name for path in files} == {"report.html", "summary.json"}
    assert [path.name for path in files if who.split()[1] in path.read_text(encoding="utf-8")] == []
    page = Page(local.folder / "handover/report.html")
    assert "Xxxx Xxxxxxx Xxxxx" in page.text
    assert "Fix the rows in failures.csv, save it, and import it (case-importer run). This is done where" in page.text
    assert page.tags["pre"] == 0, "no command that needs a file that is not in the folder"
    refused = local("report", "--ledger", "out/ledger.db", "--out", "out", "--mask")
    assert (refused.code, refused.out) == (2, "")
    assert "the folder has reports with personal data: failures.csv, failures.xlsx, results.csv" in refused.err
    nothing = local("report", "--ledger", "out/ledger.db", "--out", "tables", "--mask", "--report-format", "csv,xlsx")
    assert (nothing.code, "--mask writes the page and summary.json only" in nothing.err) == (2, True)


def test_verify_writes_its_verdicts_into_the_page(local: Program) -> None:
    write_tickets(local.folder / "t.csv", tickets(2))
    local(*RUN)
    assert "The cases were not read back yet" in Page(local.folder / "out/report.html").text
    ended = local("verify", "--ledger", "out/ledger.db", "--csv-delimiter", ";")
    assert ended.code == 0
    assert "  out/report.html   open this first" in ended.out
    page = Page(local.folder / "out/report.html")
    assert page.problems == []
    assert "2 cases read back" in page.text
    assert "same 2 as sent, in all fields that the API shows" in page.text
    verified = (local.folder / "out/verified.csv").read_text(encoding="utf-8-sig")
    assert verified.startswith("key;row;case_id;verdict;")
    assert "again/verified.csv" in local("report", "--ledger", "out/ledger.db", "--out", "again").out
    assert (local.folder / "again/verified.csv").read_text(encoding="utf-8-sig") == verified.replace(";", ",")
