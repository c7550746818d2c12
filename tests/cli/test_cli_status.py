"""`status` says whether the account is what one waits for."""

from __future__ import annotations

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
