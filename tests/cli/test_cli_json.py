"""One result, one exit code, one JSON form: on standard output and in summary.json, as its schema says."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from program import Program
from tickets import Ticket, tickets, write_tickets

RUN = ("run", "t.csv", "-m", "m.yml", "--sandbox", "--out", "out", "--json")


def summary(program: Program) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((program.folder / "out/summary.json").read_text(encoding="utf-8"))
    return content


def schema(program: Program, form: str) -> jsonschema.Draft202012Validator:
    found = program("schema", form).json
    jsonschema.Draft202012Validator.check_schema(found)
    return jsonschema.Draft202012Validator({**found, "additionalProperties": False})


@pytest.mark.parametrize(
    ("rows", "code", "meaning"), [(tickets(5), 0, "ok"), ([Ticket("1", subject=""), *tickets(5)], 3, "rows_failed")]
)
def test_a_limit_gives_the_same_code_to_the_process_and_to_both_forms(
    local: Program, rows: list[Ticket], code: int, meaning: str
) -> None:
    """What a limit leaves behind was meant to stay behind: an alarm on the file would never end."""
    write_tickets(local.folder / "t.csv", rows)
    ended = local(*RUN, "--limit", 2)
    assert (ended.code, ended.json["exit_code"], ended.json["meaning"]) == (code, code, meaning)
    assert summary(local) == ended.json


def test_the_forms_are_what_their_schemas_say(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [Ticket("1"), Ticket("1"), Ticket("2", subject=""), Ticket("3", mail="x")])
    check = ("check", "t.csv", "-m", "m.yml", "--json")
    schema(local, "check").validate(local(*check).json)
    schema(local, "rehearsal").validate(local("rehearse", "t.csv", "-m", "m.yml", "--json").json)
    result = schema(local, "result")
    result.validate(local(*RUN).json)
    result.validate(summary(local))
    result.validate(local("report", "--ledger", "out/ledger.db", "--out", "again", "--json").json)
    schema(local, "status").validate(local("status", "--ledger", "out/ledger.db", "--json").json)
    told = local("explain", "2", "--ledger", "out/ledger.db", "--json").json
    schema(local, "explain").validate(told)
    assert [(error["code"], error["column"]) for error in told["rows"][0]["errors"]] == [("missing", "Subject")]


def test_a_schema_refuses_what_is_another_form(local: Program) -> None:
    write_tickets(local.folder / "t.csv", tickets(1))
    ended = local(*RUN)
    for change in ({"version": 2}, {"exit_code": "0"}, {"causes": [{"records": 1}]}, {"unheard_of": 1}):
        assert not schema(local, "result").is_valid(ended.json | change), change


def test_check_and_run_count_the_same_causes(local: Program) -> None:
    """By code and column; a row with three errors counts for each of them."""
    rows = [
        Ticket("1", subject="", body="", mail="nobody"),
        Ticket("2", subject=""),
        Ticket("3", subject="x" * 151, body="y" * 2001),
        Ticket("4"),
        Ticket("4"),
    ]
    write_tickets(local.folder / "t.csv", rows)
    names = ("state", "code", "column", "target", "rows", "example", "rule", "hint")
    forms = [local("check", "t.csv", "-m", "m.yml", "--json").json, local(*RUN).json]
    check, run = ([{name: cause[name] for name in names} for cause in form["causes"]] for form in forms)
    assert check == run
    assert {(cause["code"], cause["column"]): cause["rows"] for cause in run} == {
        ("missing", "Subject"): 2,
        ("missing", "Body"): 1,
        ("not_an_email", "Mail"): 1,
        ("too_long", "Subject"): 1,
        ("too_long", "Body"): 1,
        ("duplicate_key", None): 1,
    }
