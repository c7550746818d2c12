"""A new ledger meets an account that has these tickets: dated files of every night, or a ledger that was lost."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree, move, rmtree
from typing import Any

import pytest
from program import Program, SandboxProcess, sandbox_process, until
from tickets import MAPPING, WITHOUT_EXTERNAL_ID, Ticket, tickets, write_tickets

from importer import Settings, run_import
from importer.delivery import existing

pytestmark = pytest.mark.slow

#: Of five hundred new tickets these are searched.
SEARCHED = [number * 499 // 19 for number in range(20)]


def online(folder: Path, server: SandboxProcess) -> Program:
    """The command next to ``m.yml``; cases go to ``server``."""
    (folder / "m.yml").write_text(MAPPING, encoding="utf-8")
    return Program(folder, **server.login, CASE_IMPORTER_API_URL=server.url, CASE_IMPORTER_SETTLE_DELAY="0.2")


def run(program: Program, rows: list[Ticket], *more: object, name: str = "tickets-2.csv") -> Any:
    write_tickets(program.folder / name, rows)
    return program("run", name, "-m", "m.yml", "--json", *more)


@contextmanager
def account(folder: Path, rows: list[Ticket], *arguments: object, **plan: Any) -> Iterator[tuple[Program, Any]]:
    """An account that has the cases of these rows, created with the ledger of ``tickets-1.csv``."""
    with sandbox_process(folder, *arguments, **plan) as server:
        program = online(folder, server)
        assert run(program, rows, name="tickets-1.csv").counts == {"created": len(rows)}
        yield program, server


@pytest.mark.parametrize("filters", ["both", "doc", "spec", "ignore"])
def test_the_same_tickets_in_another_file_are_not_sent(tmp_path: Path, filters: str) -> None:
    with account(tmp_path, tickets(12), "--filters", filters) as (program, server):
        case_ids = {case["custom_fields"]["text1"]: case["id"] for case in server.cases()}
        again = run(program, tickets(12))
        assert (again.code, server.creates()) == (2, 12)
        said = again.json["error"]
        assert "is already case" in str(said)
        key, case_id = str(said["what"]).removeprefix("ticket ").split(",")[0].split(" is already case ")
        assert case_ids[key] == case_id
        assert "use the newest ledger of that import with --ledger" in str(said)
        assert again.counts == {"pending": 12}

        told = program("run", "tickets-2.csv", "-m", "m.yml", "--quiet")
        assert (told.code, server.creates()) == (2, 12)
        assert f"{key} is already case {case_id}" in told.err

        accepted = program("run", "tickets-2.csv", "-m", "m.yml", "--json", "--accept-existing")
        assert (accepted.code, accepted.counts, server.creates()) == (0, {"created": 12}, 24)


def test_one_ledger_for_all_nights_needs_few_searches(tmp_path: Path) -> None:
    with account(tmp_path, tickets(3)) as (program, server):
        before = server.state()["requests"].get("list", 0)
        ledger = ("--ledger", "tickets-1-import/ledger.db")
        night = run(program, [*tickets(3), *tickets(50, prefix="new-")], *ledger)
        assert (night.code, night.json["moved"]) == (0, {"created": 50})
        spellings, probes = 2, 2
        assert server.state()["requests"].get("list", 0) - before <= existing.MOST_FOLLOWING * spellings + probes


def test_an_old_copy_of_a_whole_folder_is_refused(tmp_path: Path) -> None:
    """Nothing in it says that it is old; the account does."""
    with account(tmp_path, tickets(3)) as (program, server):
        ledger = ("--ledger", "tickets-1-import/ledger.db")
        copytree(tmp_path / "tickets-1-import", tmp_path / "backup")
        assert run(program, tickets(9), *ledger).code == 0
        rmtree(tmp_path / "tickets-1-import")
        move(tmp_path / "backup", tmp_path / "tickets-1-import")
        refused = run(program, tickets(9), *ledger)
        assert (refused.code, server.creates()) == (2, 9)
        assert "case-importer rebuild" in str(refused.json["error"])


@pytest.mark.parametrize("place", [SEARCHED[7], 0, 499], ids=["amid", "first", "last"])
def test_one_old_ticket_among_five_hundred_is_found_where_it_is_searched(tmp_path: Path, place: int) -> None:
    new = tickets(500, prefix="N")
    with account(tmp_path, [new[place]]) as (program, server):
        refused = run(program, new)
        assert (refused.code, server.creates()) == (2, 1)
        assert f"{new[place].id} is already case" in str(refused.json["error"])


def test_at_most_twenty_tickets_are_searched(tmp_path: Path) -> None:
    """Two questions for a key that does not exist, and two for each of twenty; an old ticket between them is missed."""
    new = tickets(500, prefix="N")
    assert 100 not in SEARCHED
    with account(tmp_path, [new[100]]) as (program, server):
        before = server.state()["requests"].get("list", 0)
        went_on = run(program, new)
        assert (went_on.code, server.creates()) == (0, 501)
        assert server.state()["requests"]["list"] - before == 42


def test_invalid_rows_take_no_place_in_the_search(tmp_path: Path) -> None:
    rows = [Ticket(f"bad{number}", subject="") for number in range(200)]
    rows[90:90] = tickets(12)
    with account(tmp_path, [tickets(12)[5]]) as (program, server):
        refused = run(program, rows)
        assert (refused.code, server.creates()) == (2, 1)
        assert "T000006 is already case" in str(refused.json["error"])


def test_a_filter_that_is_ignored_gives_no_false_hit(tmp_path: Path) -> None:
    with account(tmp_path, tickets(12), "--filters", "ignore") as (program, server):
        other = run(program, tickets(12, prefix="other-"))
        assert (other.code, other.counts, server.creates()) == (0, {"created": 12}, 24)
        assert other.err.count("could not check whether these tickets are cases already") == 1
        assert "the list of cases does not filter by text1" in other.err


def test_other_tickets_in_a_full_account_are_sent_without_a_word(tmp_path: Path) -> None:
    with account(tmp_path, tickets(12)) as (program, server):
        other = run(program, tickets(12, prefix="T00000"))
        assert (other.code, other.err, server.creates()) == (0, "", 24)


@pytest.mark.parametrize(("status", "said"), [(403, "scope cases-public:read"), (500, "cannot read the list of cases")])
def test_a_list_that_cannot_be_read_gives_one_warning(tmp_path: Path, status: int, said: str) -> None:
    faults = {"name": "no list", "rules": [{"do": "status", "status": status, "on": ["list"]}]}
    with account(tmp_path, tickets(1, prefix="old-"), faults=faults) as (program, server):
        went_on = run(program, tickets(12))
        assert (went_on.code, went_on.counts, server.creates()) == (0, {"created": 12}, 13)
        assert went_on.err.count("warning: could not check whether these tickets are cases already") == 1
        assert said in went_on.err
        assert ".;" not in went_on.err


def test_without_an_external_id_nothing_is_searched(tmp_path: Path) -> None:
    with account(tmp_path, tickets(2)) as (program, server):
        (tmp_path / "m.yml").write_text(WITHOUT_EXTERNAL_ID, encoding="utf-8")
        before = server.state()["requests"].get("list", 0)
        assert (run(program, tickets(2)).code, server.creates()) == (0, 4)
        assert server.state()["requests"].get("list", 0) == before


def test_a_retry_of_a_ledger_without_cases_searches_as_well(tmp_path: Path) -> None:
    with account(tmp_path, tickets(2)) as (program, server):
        assert run(program, tickets(2)).code == 2
        retry = ("retry", "--ledger", "tickets-2-import/ledger.db", "--json")
        assert (program(*retry).code, server.creates()) == (2, 2)
        assert (program(*retry, "--accept-existing").code, server.creates()) == (0, 4)


def test_the_embedded_sandbox_of_another_ledger_is_another_account(tmp_path: Path) -> None:
    (tmp_path / "m.yml").write_text(MAPPING, encoding="utf-8")
    program = Program(tmp_path)
    assert run(program, tickets(2), "--sandbox", name="tickets-1.csv").counts == {"created": 2}
    assert run(program, tickets(2), "--sandbox").counts == {"created": 2}


#: A list that never answers.
HANGING = {"name": "silent list", "rules": [{"do": "hang", "on": ["list"]}]}


def test_a_stop_does_not_wait_for_the_search(tmp_path: Path) -> None:
    with sandbox_process(tmp_path, faults=HANGING) as server:
        program = online(tmp_path, server)
        write_tickets(tmp_path / "t.csv", tickets(2))
        child = program.fork("run", "t.csv", "-m", "m.yml", "--json")
        until(lambda: server.state()["requests"].get("list"), what="the search")
        child.send(signal.SIGINT)
        stopped = child.end()
        assert (stopped.code, stopped.counts, stopped.err) == (130, {"pending": 2}, "")
        assert server.creates() == 0


def test_a_list_that_does_not_answer_does_not_hold_up_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library, whose patience can be made short."""
    monkeypatch.setattr(existing, "LONGEST", 0.5)
    monkeypatch.chdir(tmp_path)
    with sandbox_process(tmp_path, faults=HANGING) as server:
        write_tickets(tmp_path / "t.csv", tickets(2))
        (tmp_path / "m.yml").write_text(MAPPING, encoding="utf-8")
        settings = Settings(api_url=server.url, client_id="sandbox-client", client_secret="sandbox-secret")
        result = run_import("t.csv", "m.yml", settings=settings)
        assert (result.exit_code, server.creates()) == (0, 2)
