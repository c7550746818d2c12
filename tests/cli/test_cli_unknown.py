"""Answers that never came: settled where they can be, reported as unknown where they cannot."""

from __future__ import annotations

import pytest
from program import Program, SandboxProcess
from scenery import LOST_AFTER, LOST_BEFORE
from tickets import WITHOUT_EXTERNAL_ID, Ticket, read_csv, write_tickets


@pytest.mark.slow
def test_a_lost_answer_is_looked_up_and_found(online: Program, server: SandboxProcess) -> None:
    write_tickets(online.folder / "t.csv", [Ticket("found-1"), Ticket("found-2", subject=LOST_AFTER)])
    ended = online("run", "t.csv", "-m", "m.yml", "--json")
    assert (ended.code, ended.counts) == (0, {"created": 2})
    assert ended.json["requests"] == 2
    (line,) = (line for line in read_csv(online.folder / "t-import/results.csv") if line["key"] == "found-2")
    assert line["case_id"] in {case["id"] for case in server.cases() if case["title"] == LOST_AFTER}


@pytest.mark.slow
def test_an_unknown_outcome_that_cannot_be_settled_ends_with_4_is_listed_and_never_sent_again(
    online: Program, server: SandboxProcess
) -> None:
    """Without an external id a row that is not found may still exist: a server may have changed its text."""
    (online.folder / "m.yml").write_text(WITHOUT_EXTERNAL_ID, encoding="utf-8")
    write_tickets(online.folder / "t.csv", [Ticket("doubt", subject=LOST_BEFORE, mail="doubt@example.com")])
    ended = online("run", "t.csv", "-m", "m.yml", "--json")
    assert (ended.code, ended.counts) == (4, {"unknown": 1})
    (failure,) = read_csv(online.folder / "t-import/failures.csv")
    assert (failure["importer_state"], failure["importer_retry"]) == ("unknown", "no: run reconcile first")
    assert failure["Id"] == "doubt"
    before = server.creates()
    assert online("retry", "--ledger", "t-import/ledger.db", "--quiet").code == 4
    assert server.creates() == before


def test_two_cases_of_one_row_end_with_6_and_name_both(online: Program, server: SandboxProcess) -> None:
    """Two ledgers for one export: what no single ledger can prevent is found by the look-up."""
    write_tickets(online.folder / "t.csv", [Ticket("twice")])
    assert online("run", "t.csv", "-m", "m.yml", "--out", "one", "--quiet").code == 0
    write_tickets(online.folder / "t.csv", [Ticket("other"), Ticket("twice", subject=LOST_AFTER)])
    ended = online("run", "t.csv", "-m", "m.yml", "--out", "two", "--accept-existing", "--json")
    assert (ended.code, ended.counts) == (6, {"created": 1, "duplicate": 1})
    (failure,) = read_csv(online.folder / "two/failures.csv")
    ids = [case["id"] for case in server.cases() if case["custom_fields"]["text1"] == "twice"]
    assert len(ids) == 2
    assert all(case_id in failure["importer_reason"] for case_id in ids)
