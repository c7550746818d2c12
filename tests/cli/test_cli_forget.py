"""The command `forget`: what it says, what it asks, and that the same import goes on afterwards."""

from __future__ import annotations

import os
import pty
from pathlib import Path

import pytest
from program import PATIENCE, Program
from tickets import Ticket, tickets, write_tickets

pytestmark = pytest.mark.slow

LEDGER = "t-import/ledger.db"
FORGET = ("forget", "--ledger", LEDGER)


@pytest.fixture
def finished(local: Program) -> Program:
    """The command next to an import of 40 cases and an invalid row."""
    write_tickets(local.folder / "t.csv", [*tickets(40), Ticket("bad", subject="")])
    local("run", "t.csv", "-m", "m.yml", "--quiet")
    return local


def answered(program: Program, answer: str) -> int:
    """Run the command with a person at the terminal who types ``answer``."""
    head, terminal = pty.openpty()
    with program.running(*FORGET, stdin=terminal) as process:
        os.close(terminal)
        os.write(head, answer.encode())
        code = process.wait(PATIENCE)
    os.close(head)
    return code


def has_texts(path: Path) -> bool:
    return b"Smoke was seen" in path.read_bytes()


def test_it_says_how_much_is_gone(finished: Program) -> None:
    store = finished.folder / f"{LEDGER}.sandbox"
    before = store.read_bytes()
    ended = finished(*FORGET, "--yes")
    assert ended.code == 0
    assert "40 rows: contents deleted" in ended.out
    assert "1 row that may still be fixed or sent keeps its contents." in ended.out
    assert store.read_bytes() == before, "the cases of the sandbox are no part of the ledger"
    again = finished(*FORGET, "--yes", "--failed", "--json")
    assert (again.json["rows"], again.json["kept"]) == (1, 0)
    assert again.json["bytes_after"] <= again.json["bytes_before"]
    assert not has_texts(finished.folder / LEDGER)
    assert "smaller" not in finished(*FORGET, "--yes").out, "there is nothing left to delete"
    assert "Write failures.xlsx" not in finished("retry", "--ledger", LEDGER).out, "nothing is left to write into it"
    assert "Write failures.xlsx" not in (finished.folder / "t-import/report.html").read_text(encoding="utf-8")


def test_nobody_is_asked_where_nobody_can_answer(finished: Program) -> None:
    ended = finished(*FORGET)
    assert (ended.code, ended.out) == (2, "")
    assert "--yes" in ended.err
    assert has_texts(finished.folder / LEDGER)


@pytest.mark.parametrize(("answer", "is_kept"), [("y\n", False), ("n\n", True), ("\n", True)])
def test_a_person_is_asked(local: Program, answer: str, is_kept: bool) -> None:
    write_tickets(local.folder / "t.csv", tickets(3))
    local("run", "t.csv", "-m", "m.yml", "--quiet")
    assert answered(local, answer) == 0
    assert has_texts(local.folder / LEDGER) is is_kept


def test_it_says_what_is_not_over(local: Program) -> None:
    write_tickets(local.folder / "t.csv", tickets(3))
    local("run", "t.csv", "-m", "m.yml", "--limit", "1", "--quiet")
    ended = local(*FORGET, "--yes", "--failed")
    assert (ended.code, ended.out) == (2, "")
    assert "2 pending" in ended.err


def test_the_other_commands_go_on(finished: Program) -> None:
    finished(*FORGET, "--yes", "--failed")
    totals = {"created": 40, "invalid": 1}
    assert finished("run", "t.csv", "-m", "m.yml", "--json").counts == totals
    assert finished("status", "--ledger", LEDGER, "--json").counts == totals
    assert finished("report", "--ledger", LEDGER, "--out", "out", "--json").counts == totals
    assert finished("retry", "--ledger", LEDGER, "--json").counts == totals
    assert finished("reconcile", "--ledger", LEDGER, "--json").counts == totals
    results = (finished.folder / "out" / "results.csv").read_text(encoding="utf-8").splitlines()
    assert len(results) == 42
    write_tickets(finished.folder / "t.csv", [*tickets(40), Ticket("bad")])
    night = finished("run", "t.csv", "-m", "m.yml", "--ledger", LEDGER, "--json")
    assert (night.code, night.counts) == (0, {"created": 1, "skipped": 40})
    assert {cause["code"] for cause in night.json["causes"]} == {"already_created_unverified"}
