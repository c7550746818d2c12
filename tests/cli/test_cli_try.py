"""One case first: `try` shows what an account does with a row, and a run that solves cases asks for it."""

from __future__ import annotations

import json
import os
import pty
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from program import PATIENCE, Ended, Program, SandboxProcess, sandbox_process, until
from tickets import write_tickets

pytestmark = pytest.mark.slow

MAPPING = """\
version: 1
source: {key: Id, skip: "Subject == 'spam'"}
external_id_field: text1
case:
  title: Subject
  description: Body
  requester_email: Mail
  requester_name: Name
  priority: {value: LOW}
  custom_fields: {text2: Mail}
after_create:
  status: {column: Status, values: {open: OPEN, closed: CLOSED}}
  resolution: {column: Note, default: Solved before}
"""
HEADER = ("Id", "Subject", "Body", "Mail", "Name", "Status", "Note")
ROWS = [
    (
        "T-1",
        "Fire",
        "From Ana@Example.com, not diana@example.com",
        "ana@example.com",
        "Ana",
        "closed",
        "To ana@example.com",
    ),
    ("T-2", "Smoke", "x", "", "", "open", ""),
    ("T-3", "", "no subject", "", "", "open", ""),
    ("T-4", "spam", "x", "", "", "open", ""),
]
AUTOMATIONS = [
    {"mail": True},
    {"on": ["update"], "status": "RESOLVED", "set": {"priority": "URGENT", "notes": [{"note_body": "Solved!"}]}},
]
ME = ("--email", "me@acme.example")
TRY = ("try", "t.csv", "T-1", "-m", "m.yml", *ME)
RUN = ("run", "t.csv", "-m", "m.yml", "--limit", 1)


@contextmanager
def account(folder: Path, *rules: dict[str, Any], automations: Any = ()) -> Iterator[tuple[Program, SandboxProcess]]:
    """The program next to an export, and an account with these automations and faults."""
    (folder / "m.yml").write_text(MAPPING, encoding="utf-8")
    write_tickets(folder / "t.csv", ROWS, header=HEADER)
    with sandbox_process(folder, faults={"rules": list(rules), "automations": list(automations)}) as server:
        where = {"CASE_IMPORTER_API_URL": server.url, "CASE_IMPORTER_SETTLE_DELAY": "0.2"}
        yield Program(folder, **server.login, **where), server


def test_it_shows_what_changed_automatically_and_leaves_nothing(tmp_path: Path) -> None:
    with account(tmp_path, automations=AUTOMATIONS) as (program, server):
        tried = program.having(COLUMNS="80")(*TRY, "--out", "out")
        assert tried.code == 3, tried
        (case,) = server.cases()
        mails = server.state()["mails"]
        result = program(*TRY[:2], "3", *TRY[3:], "--out", "out", "--json")
        schema = program("schema", "try").json
    assert tried.err == "case 1 was created for this try\n"
    assert max(map(len, tried.out.splitlines())) <= 80 + len(server.url)
    for text in (
        *("created case 1", "done: solving the case: resolution, status", "done: closing the case"),
        "2 fields changed automatically",
        "  priority\n      sent:  'LOW'\n      found: 'URGENT'\n",
        "  notes\n      sent:  nothing\n      found: '[internal] Solved!'\n",
        "nothing: case 1 is in the Trash",
        "Look into the mailbox of me@acme.example",
        "Exit code 3: the case was refused, or something changed automatically",
    ):
        assert text in tried.out
    assert (case["deleted"], case["status"], case["resolution"]) == ("trash", "CLOSED", "To me@acme.example")
    assert (case["title"], case["requester_email"]) == ("[try] Fire", "me@acme.example")
    assert case["description"] == "From me@acme.example, not diana@example.com"
    assert case["custom_fields"]["text1"].startswith("try-")
    assert case["custom_fields"]["text1"].endswith("-1-T-1")
    assert case["custom_fields"]["text2"] == "me@acme.example"
    assert "Ana" not in json.dumps(case)
    assert mails == {"me@acme.example": 3}, "nobody else got one"
    assert (result.code, result.json["row"], result.json["key"], result.json["left"]) == (0, 3, "T-2", False)
    jsonschema.validate(result.json, schema)
    assert os.listdir(tmp_path / "out") == ["try"], "the import has not begun"


def test_a_run_that_solves_cases_asks_unless_that_was_tried(tmp_path: Path) -> None:
    with account(tmp_path) as (program, server):
        refused = program(*RUN)
        assert (refused.code, refused.out) == (2, "")
        assert (
            "`after_create` would solve 1 case in this account, where that was never tried; nothing was sent"
            in refused.err
        )
        assert "case-importer try SOURCE T-1 --mapping FILE --email YOUR-ADDRESS`, or pass --yes" in refused.err
        assert program("run", "t.csv", "-m", "m.yml", "--dry-run").code == 3
        assert program("rehearse", "t.csv", "-m", "m.yml", "--profile", "calm").code == 3
        assert program("try", "t.csv", "T-2", "-m", "m.yml", *ME).code == 0
        assert program(*RUN).code == 2, "that case was not solved"
        assert server.creates() == 1
        assert program(*TRY).code == 0
        assert program(*RUN, "--quiet").code == 3, "a row is invalid; it did run"
        first, *_ = program("retry", "--ledger", "t-import/ledger.db", "--json").json["sources"]
        report = program("report", "--ledger", "t-import/ledger.db", "--out", "again")
        kept = {case["custom_fields"]["text1"] for case in server.cases() if not case["deleted"]}
    assert first["rows"] == len(ROWS)
    assert "  Set: resolution 1, status CLOSED 1, status OPEN 1\n" in report.out
    assert kept == {"T-1", "T-2"}


@pytest.mark.parametrize(("arguments", "cases"), [(("--yes",), 1), (("--sandbox",), 0)])
def test_a_run_does_not_ask(tmp_path: Path, arguments: tuple[str, ...], cases: int) -> None:
    with account(tmp_path) as (program, server):
        assert program(*RUN, *arguments, "--quiet").code == 3
        assert server.creates() == cases
        again = program("run", "t.csv", "-m", "m.yml", *arguments[1:], "--quiet", *(["--sandbox"] if not cases else []))
        assert again.code == 3, "this ledger has solved a case before"


def test_at_a_terminal_it_is_a_question(tmp_path: Path) -> None:
    with account(tmp_path) as (program, server):
        for answer, code, cases in (("n", 2, 0), ("y", 3, 1)):
            head, terminal = pty.openpty()
            os.write(head, f"{answer}\n".encode())
            with program.running(*RUN, "--quiet", stdin=terminal) as process:
                _, err = process.communicate(timeout=PATIENCE)
            os.close(terminal)
            os.close(head)
            assert "Solve them without a try [y/N]: " in err
            assert (process.returncode, server.creates()) == (code, cases)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("T-9", "t.csv: no row has the key or the number 'T-9'; nothing was sent"),
        ("T-3", "t.csv:4: this row is invalid, so nothing was sent: Subject: "),
        ("T-4", "t.csv:5: the mapping filters this row"),
    ],
)
def test_a_row_that_cannot_be_sent(tmp_path: Path, row: str, said: str) -> None:
    (tmp_path / "m.yml").write_text(MAPPING, encoding="utf-8")
    write_tickets(tmp_path / "t.csv", ROWS, header=HEADER)
    refused = Program(tmp_path).in_sandbox()("try", "t.csv", row, "-m", "m.yml", *ME)
    assert (refused.code, refused.out) == (2, "")
    assert said in refused.err


@pytest.mark.parametrize("address", ["me at acme", "me@acme", "me..you@acme.example", "me@-acme.example"])
def test_an_address_must_be_one(tmp_path: Path, address: str) -> None:
    (tmp_path / "m.yml").write_text(MAPPING, encoding="utf-8")
    write_tickets(tmp_path / "t.csv", ROWS, header=HEADER)
    refused = Program(tmp_path).in_sandbox()(*TRY[:-1], address)
    assert (refused.code, f"--email '{address}' is not an e-mail address" in refused.err) == (2, True)


def test_the_help_says_which_addresses_stay(tmp_path: Path) -> None:
    text = " ".join(Program(tmp_path)("try", "--help").out.split())
    assert "Other addresses in custom fields, the description, notes, owner or group stay as they are" in text


def sandbox_cases(folder: Path, ledger: str) -> list[Any]:
    with sandbox_process(folder, "--store", f"{ledger}.sandbox") as server:
        return [(case["custom_fields"]["text1"].split("-")[0], case["deleted"]) for case in server.cases()]


def test_a_try_touches_no_case_of_an_import(tmp_path: Path) -> None:
    (tmp_path / "m.yml").write_text(MAPPING, encoding="utf-8")
    write_tickets(tmp_path / "t.csv", ROWS[:2], header=HEADER)
    program = Program(tmp_path)
    imported = ("run", "t.csv", "-m", "m.yml", "--sandbox", "--out", "try-sandbox", "--quiet")
    assert program(*imported).code == 0
    refused = program("try", "t.csv", "1", "-m", "m.yml", *ME, "--sandbox", "--out", ".")
    assert (refused.code, refused.out) == (2, "")
    assert "this is the ledger of an import, so nothing is tried in it; nothing was sent" in refused.err
    assert "choose another folder with --out" in refused.err
    assert sandbox_cases(tmp_path, "try-sandbox/ledger.db") == [("T", False), ("T", False)]
    assert program(*imported).code == 0, "the refused try is not in its ledger"


def test_an_import_goes_into_no_ledger_of_tries(tmp_path: Path) -> None:
    (tmp_path / "m.yml").write_text(MAPPING, encoding="utf-8")
    write_tickets(tmp_path / "t.csv", ROWS[:2], header=HEADER)
    program = Program(tmp_path)
    tried = ("try", "t.csv", "T-1", "-m", "m.yml", *ME, "--sandbox", "--out", ".")
    assert program(*tried).code == 0
    for command in (
        ("run", "t.csv", "-m", "m.yml", "--sandbox", "--out", "try-sandbox"),
        ("retry", "--ledger", "try-sandbox/ledger.db", "--sandbox"),
        ("reconcile", "--ledger", "try-sandbox/ledger.db", "--sandbox"),
        ("forget", "--ledger", "try-sandbox/ledger.db", "--yes"),
    ):
        refused = program(*command)
        assert (refused.code, refused.out) == (2, ""), command
        assert "this is the ledger of `case-importer try`, which deletes its cases; nothing was sent" in refused.err
        assert "give the ledger of the import with --ledger, or choose another folder with --out" in refused.err
    assert sandbox_cases(tmp_path, "try-sandbox/ledger.db") == [("try", "trash")]
    assert program(*tried).code == 0, "the refused commands are not in its ledger"


def test_only_a_stand_in_is_ever_removed(tmp_path: Path) -> None:
    with account(tmp_path) as (program, server):
        for _ in range(2):
            assert program(*TRY, "--keep").code == 0
        with closing(sqlite3.connect(tmp_path / "t-import/try/ledger.db")) as ledger, ledger:
            ledger.execute("UPDATE record SET code = NULL")
            ledger.execute("UPDATE record SET key = 'try-T-1' WHERE case_id = '1'")
        assert program(*TRY).code == 0
        assert deleted(server) == [False, "trash", "trash"]


def deleted(server: SandboxProcess) -> list[Any]:
    return [case["deleted"] for case in server.cases()]


def lost_answers(ended: Ended, server: SandboxProcess) -> None:
    assert (ended.code, deleted(server)) == (0, ["trash"])


def refused_update(ended: Ended, server: SandboxProcess) -> None:
    assert (ended.code, deleted(server)) == (3, ["trash"])
    assert "refused: solving the case: resolution, status" in ended.out
    assert "pending: closing the case" in ended.out


def left_behind(ended: Ended, server: SandboxProcess) -> None:
    assert (ended.code, deleted(server)) == (5, [False])
    assert "case 1 is in the account: delete it in Talkdesk" in ended.out
    assert "error: case 1 is still in the account" in ended.err


def unread(ended: Ended, server: SandboxProcess) -> None:
    assert (ended.code, deleted(server)) == (5, ["trash"])
    assert "cannot read case 1" in ended.err


def refused_row(ended: Ended, server: SandboxProcess) -> None:
    assert (ended.code, deleted(server)) == (3, [])
    assert "nothing: there is no case" in ended.out


@pytest.mark.parametrize(
    ("rules", "holds"),
    [
        ([{"do": "drop", "on": [name], "nth": 1} for name in ("create", "update", "trash")], lost_answers),
        ([{"do": "status", "status": 403, "save": True, "on": ["trash"]}], lost_answers),
        ([{"do": "status", "status": 422, "on": ["update"]}], refused_update),
        ([{"do": "status", "status": 403, "on": ["trash"]}], left_behind),
        ([{"do": "status", "status": 403, "on": ["get"]}], unread),
        ([{"do": "status", "status": 422, "on": ["create"]}], refused_row),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_goes_wrong_is_told_and_nothing_is_left_unnamed(
    tmp_path: Path, rules: list[dict[str, Any]], holds: Callable[[Ended, SandboxProcess], None]
) -> None:
    with account(tmp_path, *rules) as (program, server):
        holds(program(*TRY), server)


def test_ctrl_c_ends_the_waiting_and_removes_the_case(tmp_path: Path) -> None:
    with account(tmp_path) as (program, server):
        child = program.fork(*TRY, "--wait", 3600)
        until(lambda: server.state()["requests"].get("update", 0) == 2, what="the updates")
        child.send(signal.SIGINT)
        assert child.end().code == 130
        assert deleted(server) == ["trash"]
        assert program(*RUN).code == 2, "nobody looked at that case"


def test_a_case_that_was_not_read_shows_nothing(tmp_path: Path) -> None:
    with account(tmp_path, {"do": "status", "status": 403, "on": ["get"]}) as (program, server):
        assert program(*TRY, "--keep").code == 5
        assert program(*TRY).code == 5
        assert program(*RUN).code == 2
        assert deleted(server) == [False, "trash"], "and what was to be kept is"


def test_keep_leaves_the_case_and_later_tries_leave_it_alone(tmp_path: Path) -> None:
    with account(tmp_path) as (program, server):
        kept = program(*TRY, "--keep")
        assert kept.code == 0
        assert "case 1 is in the account: delete it in Talkdesk when you have seen it" in kept.out
        assert program(*TRY).code == 0
        assert deleted(server) == [False, "trash"]
