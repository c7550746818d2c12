"""A server that makes a case and says "too fast": found out by looking, before the row is sent again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from program import Program, SandboxProcess, sandbox_process
from tickets import Ticket, read_csv, tickets, write_tickets

pytestmark = pytest.mark.slow

#: The case is made, and the answer denies it.
DENIED = "deny me"
LIES: dict[str, Any] = {"name": "lies", "rules": [{"do": "status", "status": 429, "save": True, "title": DENIED}]}


@pytest.fixture
def lying(local: Program, tmp_path: Path) -> Any:
    """The command, and a server that lies about some rows."""
    with sandbox_process(tmp_path, faults=LIES) as server:
        yield local.having(**server.login, CASE_IMPORTER_API_URL=server.url, CASE_IMPORTER_HORIZON="0.4"), server


def test_a_case_that_was_denied_is_not_made_twice(lying: tuple[Program, SandboxProcess]) -> None:
    program, server = lying
    rows = [*tickets(60), Ticket("denied", subject=DENIED), *tickets(20, prefix="U"), Ticket("too", subject=DENIED)]
    write_tickets(program.folder / "t.csv", rows)
    run = ("run", "t.csv", "-m", "m.yml", "--rate", 100, "--json")
    stopped = program(*run)
    assert stopped.code == 4
    error = stopped.json["error"]
    first = re.fullmatch(r"HTTP 429 was answered for the row '(\w+)', which is a case all the same", error["what"])
    assert first is not None, error
    assert first[1] in ("denied", "too"), "whichever is looked at first"
    assert error["hint"].startswith("run the same command again")
    assert stopped.counts["unknown"] >= 1
    assert stopped.json["moved"]["unknown"] == stopped.counts["unknown"]
    ended = program(*run)
    assert (ended.code, ended.counts) == (0, {"created": len(rows)})
    assert sorted(case["custom_fields"]["text1"] for case in server.cases()) == sorted(row.id for row in rows)
    denied = [line for line in read_csv(program.folder / "t-import/results.csv") if line["key"] in ("denied", "too")]
    ids = {case["custom_fields"]["text1"]: case["id"] for case in server.cases()}
    assert [line["case_id"] for line in denied] == [ids["denied"], ids["too"]]


def test_an_honest_too_fast_is_sent_again_as_ever(local: Program, tmp_path: Path) -> None:
    honest = {"name": "honest", "rules": [{"do": "status", "status": 429, "title": "wait", "limit": 2}]}
    with sandbox_process(tmp_path, faults=honest) as server:
        rows = [*tickets(60), Ticket("w1", subject="wait"), Ticket("w2", subject="wait")]
        write_tickets(local.folder / "t.csv", rows)
        target = local.having(**server.login, CASE_IMPORTER_API_URL=server.url, CASE_IMPORTER_HORIZON="0.4")
        ended = target("run", "t.csv", "-m", "m.yml", "--rate", 100, "--json")
        assert (ended.code, ended.counts) == (0, {"created": 62})
        assert server.creates() == 64
        assert server.state()["requests"]["list"] >= 1, "the first of them was looked up"


def test_who_may_not_read_cases_sends_again_without_a_look(local: Program, tmp_path: Path) -> None:
    """Right to create and nothing else: the answer is all there is, and no look-up is taken for an outage."""
    rules = [
        {"do": "status", "status": 429, "title": "wait", "limit": 2},
        {"do": "status", "status": 403, "on": ["list", "get"]},
    ]
    with sandbox_process(tmp_path, faults={"name": "write only", "rules": rules}) as server:
        rows = [*tickets(60), Ticket("w1", subject="wait"), Ticket("w2", subject="wait")]
        write_tickets(local.folder / "t.csv", rows)
        target = local.having(**server.login, CASE_IMPORTER_API_URL=server.url, CASE_IMPORTER_HORIZON="0.4")
        ended = target("run", "t.csv", "-m", "m.yml", "--rate", 100, "--accept-existing", "--json")
        assert (ended.code, ended.counts) == (0, {"created": 62})
        assert server.state()["requests"]["list"] == 1, "asked once, and never again"
