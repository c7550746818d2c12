"""A file whose reading was cut short is in no figure before it is read again."""

from __future__ import annotations

import pytest
from ledgers import stage, valid
from program import Program
from tickets import tickets, write_tickets

from importer.ledger import Ledger

LEDGER = "t-import/ledger.db"
NOTE = "next.csv was not read to the end, or is being read now: give its command again"


@pytest.fixture
def cut_short(local: Program) -> Program:
    """The command next to an import of two cases, and a file of which only one row was read."""
    write_tickets(local.folder / "t.csv", tickets(2))
    local("run", "t.csv", "-m", "m.yml", "--quiet")
    with Ledger(local.folder / LEDGER, verb="run") as ledger:
        stage(ledger, [valid("next-1")], name="next.csv", finish=False)
    return local


def test_the_status_says_so_and_counts_nothing_of_it(cut_short: Program) -> None:
    ended = cut_short("status", "--ledger", LEDGER)
    assert ended.code == 0
    assert NOTE in ended.out
    assert "2 rows = 2 created" in ended.out
    assert "next.csv: " not in ended.out
    status = cut_short("status", "--ledger", LEDGER, "--json")
    assert (status.json["half_read"], status.counts) == (["next.csv"], {"created": 2})


def test_so_do_the_reports(cut_short: Program) -> None:
    ended = cut_short("report", "--ledger", LEDGER, "--out", "out", "--json")
    assert (ended.json["half_read"], ended.counts) == (["next.csv"], {"created": 2})
    assert len((cut_short.folder / "out" / "results.csv").read_text("utf-8").splitlines()) == 3


def test_any_later_command_that_sends_drops_it(cut_short: Program) -> None:
    """Whoever has the ledger locked knows that nobody is reading any more; the file may never become whole."""
    retried = cut_short("retry", "--ledger", LEDGER)
    assert (retried.code, NOTE in retried.out) == (0, False)
    assert cut_short("status", "--ledger", LEDGER, "--json").json["half_read"] == []


def test_the_next_run_reads_it_again(cut_short: Program) -> None:
    write_tickets(cut_short.folder / "next.csv", tickets(3, prefix="next-"))
    assert cut_short("run", "next.csv", "-m", "m.yml", "--ledger", LEDGER, "--json").counts == {"created": 3}
    ended = cut_short("status", "--ledger", LEDGER, "--json")
    assert (ended.json["half_read"], ended.counts) == ([], {"created": 5})
