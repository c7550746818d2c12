"""The whole path against a server that is not ours: nothing may work only because sandbox and client agree."""

from __future__ import annotations

from pathlib import Path

import pytest
from history import read_history
from other_server import LOGIN, other_server
from program import Program
from tickets import MAPPING, Ticket, read_csv, tickets, write_tickets


@pytest.fixture
def program(tmp_path: Path) -> Program:
    (tmp_path / "m.yml").write_text(MAPPING, encoding="utf-8")
    return Program(tmp_path, **LOGIN, CASE_IMPORTER_SETTLE_DELAY="0.3")


@pytest.mark.parametrize("rate", ["100", "100000"], ids=["fresh connections", "connections used again"])
def test_every_row_arrives_as_it_was_written(program: Program, rate: str) -> None:
    rows = [*tickets(120), Ticket("007", "Zażółć 🦊 {braces}", 'First\n"second"\tthird', "")]
    write_tickets(program.folder / "t.csv", rows)
    with other_server() as server:
        token_url = f"{server.url}/oauth/token"
        target = ("--api-url", server.url, "--auth-url", token_url, "--rate", rate)
        ended = program("run", "t.csv", "-m", "m.yml", *target, "--json")
    assert (ended.code, ended.counts) == (0, {"created": 121})
    assert ended.json["target"] == server.url
    arrived = {case["custom_fields"]["text1"]: case for case in server.cases}
    assert server.creates == len(arrived) == len(rows)
    for row in rows:
        case = arrived[row.id]
        assert (case["title"], case["description"], case.get("requester_email", "")) == row[1:]
    results = read_csv(program.folder / "t-import/results.csv")
    assert {(line["key"], line["case_id"]) for line in results} == {(key, case["id"]) for key, case in arrived.items()}


def test_answers_that_never_come_are_looked_up_there(program: Program) -> None:
    """One case in six is made without a word; its list escapes the custom fields twice."""
    rows = tickets(90)
    write_tickets(program.folder / "t.csv", rows)
    with other_server(silent=lambda number: number % 6 == 0) as server:
        ended = program("run", "t.csv", "-m", "m.yml", "--api-url", server.url, "--json", "-q")
    history = read_history(program.folder / "t-import/ledger.db", keys=[row.id for row in rows], cases=server.cases)
    assert (ended.code, ended.err) == (0, "")
    assert history.offences == {}, history.story()
    assert len(history.recovered) == 15
    assert server.creates == 90


def test_wrong_credentials_end_the_run_before_the_first_row(program: Program) -> None:
    write_tickets(program.folder / "t.csv", tickets(3))
    with other_server() as server:
        stranger = program.having(CASE_IMPORTER_CLIENT_SECRET="wrong")
        ended = stranger("run", "t.csv", "-m", "m.yml", "--api-url", server.url)
    assert ended.code == 7
    assert "credentials rejected (invalid_client: Unknown client.)" in ended.err
    assert server.creates == 0
