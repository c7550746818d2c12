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


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        ("run none.csv -m m.yml --sandbox", 2, "file not found"),
        ("run t.csv -m renamed.yml --sandbox", 2, "no column 'Text'"),
        ("run t.csv -m m.yml --limit x", 2, "'x' is not a valid integer range"),
        ("frobnicate", 2, "no such command 'frobnicate'"),
        ("status --ledger none.db", 8, "ledger not found"),
        ("check t.csv -m none.yml", 2, "mapping not found"),
    ],
)
def test_what_cannot_begin_prints_its_object_too(local: Program, words: str, code: int, what: str) -> None:
    write_tickets(local.folder / "t.csv", tickets(1))
    renamed = (local.folder / "m.yml").read_text(encoding="utf-8").replace("Body", "Text")
    (local.folder / "renamed.yml").write_text(renamed, encoding="utf-8")
    ended = local(*words.split(), "--json")
    schema(local, "error").validate(ended.json)
    assert (ended.code, ended.json["exit_code"], ended.json["command"]) == (code, code, words.split()[0])
    assert what in ended.json["error"]["what"]
    assert ended.json["error"]["hint"] in ended.err


@pytest.mark.parametrize("name", ["report.html", "summary.json"])
def test_reports_that_cannot_be_written_after_rows_were_sent(local: Program, name: str) -> None:
    """Not 2, which says that nothing was sent: a night repeats the command, which has only the reports to write."""
    write_tickets(local.folder / "t.csv", tickets(3))
    (local.folder / "out" / name).mkdir(parents=True)
    ended = local(*RUN)
    assert (ended.code, ended.json["exit_code"], ended.counts) == (5, 5, {"created": 3})
    again = "case-importer report --ledger out/ledger.db --out out"
    assert ended.json["error"]["hint"].endswith(f"the ledger is complete, so to write the reports later, run: {again}")
    shown = local(*RUN[:-1], "--quiet")
    assert shown.code == 5
    assert shown.err.startswith(f"error: out/{name}: cannot write the file")
    assert shown.err.endswith("3 rows = 3 created\n")
    (local.folder / "out" / name).rmdir()
    assert (local(*RUN).code, summary(local)["exit_code"]) == (0, 0)
