"""``--max-failures``: a run that goes wrong stops early instead of going wrong to the end."""

from __future__ import annotations

import pytest
from program import Program, SandboxProcess
from scenery import REFUSED
from tickets import Ticket, tickets, write_tickets

RUN = ("run", "t.csv", "-m", "m.yml", "--json", "--max-failures")


def test_rows_that_do_not_fit_count_before_anything_is_sent(online: Program, server: SandboxProcess) -> None:
    write_tickets(online.folder / "t.csv", [Ticket("few-1"), *[Ticket(f"few-{n}", "") for n in range(2, 5)]])
    before = server.creates()
    ended = online(*RUN, "50%")
    assert (ended.code, ended.counts) == (3, {"invalid": 3, "pending": 1})
    assert "3 of 4 rows are invalid, more than --max-failures allows" in ended.json["error"]["what"]
    assert server.creates() == before

    enough = online(*RUN, 3)
    assert (enough.code, enough.counts, enough.json["error"]) == (3, {"invalid": 3, "created": 1}, None)


def test_refusals_stop_the_run_and_the_rest_stays_pending(online: Program) -> None:
    rows = [Ticket(f"many-{number}", REFUSED) for number in range(3)]
    write_tickets(online.folder / "t.csv", [*rows, *tickets(20, prefix="many-ok-")])
    ended = online(*RUN, 1, "--concurrency", 1)
    assert (ended.code, ended.counts) == (3, {"refused": 2, "pending": 21})
    assert "more rows failed than --max-failures allows" in ended.json["error"]["what"]


@pytest.mark.parametrize("text", ["few", "101%"])
def test_a_limit_that_is_none(local: Program, text: str) -> None:
    write_tickets(local.folder / "t.csv", tickets(1))
    ended = local(*RUN, text)
    assert (ended.code, ended.json["exit_code"]) == (2, 2)
    assert "is not a number or a percentage" in ended.err
