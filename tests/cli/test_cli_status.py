"""`status` says whether the account is what one waits for."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from program import Program, sandbox_process
from tickets import Ticket, write_tickets

LEDGER = "t-import/ledger.db"


@pytest.mark.slow
def test_refusals_are_counted_also_for_rows_that_are_cases_by_now(local: Program, tmp_path: Path) -> None:
    write_tickets(local.folder / "t.csv", [Ticket(f"R{number}") for number in range(4)])
    rules = [
        {"do": "status", "status": 429, "on": ["create"], "nth": 1},
        {"do": "status", "status": 400, "on": ["create"], "nth": 3},
    ]
    with sandbox_process(tmp_path, faults={"name": "refusals", "rules": rules}) as server:
        online = local.having(**server.login, CASE_IMPORTER_API_URL=server.url)
        ended = online("run", "t.csv", "-m", "m.yml", "--concurrency", 1, "--json")
    assert (ended.counts["created"], ended.counts["refused"]) == (3, 1)
    told = local("status", "--ledger", LEDGER)
    assert "5 requests sent\n  failed requests: 1 × HTTP 400, 1 × HTTP 429\n" in told.out
    assert local("status", "--ledger", LEDGER, "--json").json["refusals"] == {"400": 1, "429": 1}


def test_nothing_is_said_of_refusals_where_there_are_none(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [Ticket("R1")])
    local("run", "t.csv", "-m", "m.yml", "--sandbox")
    assert "failed requests" not in local("status", "--ledger", LEDGER).out


def test_each_night_is_listed_with_its_end_its_counts_and_its_exit_code(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [*(Ticket(f"R{number}") for number in range(3)), Ticket("bad", subject="")])
    local("run", "t.csv", "-m", "m.yml", "--limit", 1, "--quiet")
    local("run", "t.csv", "-m", "m.yml", "--quiet")
    assert local("resolve", "nobody", "--ledger", LEDGER, "--drop", "--reason", "x").code == 2
    with closing(sqlite3.connect(local.folder / LEDGER)) as ledger, ledger:
        ledger.execute("INSERT INTO run (verb, version, started_at) VALUES ('retry', '1', '2026-03-01T02:15:00+00:00')")

    runs = local("status", "--ledger", LEDGER, "--runs", "--json").json["runs"]
    assert [(run["command"], run["exit_code"], run["requests"], run["rows"]) for run in runs] == [
        ("run", 3, 1, {"created": 1}),
        ("run", 3, 2, {"created": 2}),
        ("resolve", 2, 0, {}),
        ("retry", None, 0, {}),
    ]
    assert all(run["started_at"] <= run["ended_at"] for run in runs[:3])
    page = local("status", "--ledger", LEDGER, "--runs").out.partition("Runs (times in UTC)\n")[2].splitlines()
    assert page[0].split() == ["no.", "command", "started", "ended", "exit", "created", "refused", "unknown"]
    assert [line.split()[-4:] for line in page[1:]] == [
        ["3", "1", "0", "0"],
        ["3", "2", "0", "0"],
        ["2", "0", "0", "0"],
        ["-", "0", "0", "0"],
    ]
    assert "2026-03-01 02:15 not ended" in page[4]
    assert max(map(len, page)) <= 80
    assert "Runs" not in local("status", "--ledger", LEDGER).out
