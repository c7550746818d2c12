"""A person has the last word on a row with an unknown outcome, once, with a reason that stays."""

from __future__ import annotations

import os

import pytest
from program import Program, sandbox_process
from scenery import LOST_BEFORE
from tickets import MAPPING, WITHOUT_EXTERNAL_ID, Ticket, read_csv, write_tickets

LEDGER = ("--ledger", "t-import/ledger.db")


@pytest.mark.slow
def test_created_resend_and_drop(online: Program) -> None:
    (online.folder / "m.yml").write_text(WITHOUT_EXTERNAL_ID, encoding="utf-8")
    rows = [Ticket(f"solve-{number}", LOST_BEFORE, mail=f"solve{number}@example.com") for number in range(3)]
    write_tickets(online.folder / "t.csv", rows)
    assert online("run", "t.csv", "-m", "m.yml", "--json").counts == {"unknown": 3}

    created = online("resolve", "solve-0", *LEDGER, "--created", "4711", "--reason", "seen in the agent's list")
    resend = online("resolve", "solve-1", *LEDGER, "--resend", "--reason", "searched, not there")
    drop = online("resolve", "solve-2", *LEDGER, "--drop", "--reason", "nobody needs it")
    assert (created.code, created.out) == (0, "solve-0 is created now.\n")
    assert (resend.code, resend.out) == (0, "solve-1 is pending now.\n")
    assert (drop.code, drop.out) == (0, "solve-2 is skipped now.\n")

    again = online("resolve", "solve-0", *LEDGER, "--resend", "--reason", "changed my mind")
    assert (again.code, again.out) == (2, "")
    assert "row 'solve-0' does not have an unknown outcome (state: created)" in again.err
    taken = online("resolve", "solve-1", *LEDGER, "--created", "4711", "--reason", "the same one")
    assert (taken.code, taken.out) == (2, "")
    assert "case 4711 already belongs to another row" in taken.err

    assert online("report", *LEDGER, "--out", "out", "-q").code == 0
    results = {line["key"]: line for line in read_csv(online.folder / "out/results.csv")}
    assert [results[row.id]["state"] for row in rows] == ["created", "pending", "skipped"]
    assert results["solve-0"]["case_id"] == "4711"
    assert results["solve-2"]["message"].endswith(": nobody needs it")


@pytest.mark.slow
def test_a_case_that_a_person_named_is_no_reason_to_doubt_the_list(program: Program) -> None:
    """It need not have the external id, so a search that does not show it may still say what is not there."""
    rules = [
        {"do": "drop", "save": False, "title": LOST_BEFORE, "limit": 2},
        {"do": "status", "status": 403, "on": ["list"], "limit": 3},  # the look before the run, and both searches
    ]
    (program.folder / "m.yml").write_text(MAPPING, encoding="utf-8")
    rows = [Ticket("seen-1"), Ticket("seen-2", LOST_BEFORE), Ticket("seen-3", LOST_BEFORE), Ticket("seen-4")]
    write_tickets(program.folder / "t.csv", rows)
    with sandbox_process(program.folder, faults={"name": "by title", "rules": rules}) as server:
        online = program.having(**server.login, CASE_IMPORTER_API_URL=server.url, CASE_IMPORTER_SETTLE_DELAY="0.2")
        assert online("run", "t.csv", "-m", "m.yml", "--json").counts == {"created": 2, "unknown": 2}
        assert online("resolve", "seen-2", *LEDGER, "--created", "4711", "--reason", "made by hand").code == 0
        assert online("reconcile", *LEDGER, "--json").counts == {"created": 3, "pending": 1}
        assert online("run", "t.csv", "-m", "m.yml", "--json").counts == {"created": 4}


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--reason", "x"], "use exactly one of --created ID, --resend, --drop"),
        (["--resend", "--drop", "--reason", "x"], "use exactly one of --created ID, --resend, --drop"),
        (["--drop"], "missing option '--reason'"),
        (["--drop", "--reason", " "], "a reason is missing"),
        (["--created", "#4711", "--reason", "x"], "'#4711' is not a case id"),
        (["--created", "47 11", "--reason", "x"], "'47 11' is not a case id"),
        (["--created", "https://acme.example/cases/4711", "--reason", "x"], "give the number alone"),
        (["--created", "..", "--reason", "x"], "'..' is not a case id"),
    ],
)
def test_a_decision_is_one_thing_with_a_reason(program: Program, flags: list[str], said: str) -> None:
    ended = program("resolve", "1", "--ledger", "gone.db", *flags)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("resolve", b"\xfc", "--drop", "--reason", "x"),
        ("resolve", "1", "--drop", "--reason", b"gel\xf6scht"),
        ("resolve", "1", "--created", b"\xfc", "--reason", "x"),
        ("explain", b"\xfc"),
        ("try", "t.csv", "1", "-m", "m.yml", "--email", b"\xfc@acme.example"),
    ],
    ids=["key", "reason", "case id", "explain", "address"],
)
def test_a_text_of_another_encoding_is_refused(local: Program, arguments: tuple[str | bytes, ...]) -> None:
    """As a terminal in Latin-1 passes it on."""
    write_tickets(local.folder / "t.csv", [Ticket("1")])
    assert local("run", "t.csv", "-m", "m.yml", "-q").code == 0
    ledger = () if arguments[0] == "try" else LEDGER
    ended = local(*(os.fsdecode(each) for each in arguments), *ledger)
    assert (ended.code, ended.out) == (2, "")
    assert "not valid UTF-8; check the encoding of the terminal" in ended.err
