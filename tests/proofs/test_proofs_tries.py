"""A try that dies has named its case, and the next one removes it."""

from __future__ import annotations

from pathlib import Path

import pytest
from launching import run
from note_builds import built
from program import SandboxProcess, sandbox_process
from tickets import MAPPING, Ticket, write_tickets

pytestmark = pytest.mark.slow

TRY = ("try", "t.csv", "T-1", "-m", "m.yml", "--email", "me@acme.example")


def test_a_case_of_a_try_that_was_killed_is_named_and_removed_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "m.yml").write_text(f"{MAPPING}after_create: {{type: {{value: TASK}}}}\n", encoding="utf-8")
    write_tickets(tmp_path / "t.csv", [Ticket("T-1")])
    with sandbox_process(tmp_path) as server:
        known = {**server.login, "CASE_IMPORTER_API_URL": server.url, "CASE_IMPORTER_SETTLE_DELAY": "0.2"}
        died = run(tmp_path, *TRY, variables=known, change=built(hit=1, before=True))
        assert (died.code, died.err) == (-9, "case 1 was created for this try\n")
        assert deleted(server) == [False]
        again = run(tmp_path, *TRY, variables=known)
        assert (again.code, deleted(server)) == (0, ["trash", "trash"])
        assert again.err == "case 1 of an earlier try is in the Trash now\ncase 2 was created for this try\n"


def deleted(server: SandboxProcess) -> list[object]:
    return [case["deleted"] for case in server.cases()]
