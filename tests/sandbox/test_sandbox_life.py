"""What an account does by itself, and what others do to its cases while somebody imports into it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from sandbox_client import CASES

from importer.sandbox import Automation, FaultPlan, Rule

ONE = f"{CASES}/1"
SOLVE = {"status": "RESOLVED", "resolution": "done"}


def plan(*automations: dict) -> FaultPlan:
    return FaultPlan(automations=tuple(Automation(**each) for each in automations))


def test_automations_run_after_each_create_and_update_and_their_mails_are_counted(open_sandbox):
    live = open_sandbox(faults=plan({"mail": True}, {"status": "RESOLVED", "set": {"priority": "URGENT"}}))
    made = live.create(requester_email="Ana@Example.com", priority="LOW").json
    assert made["priority"] == "LOW"
    live.request("PATCH", ONE, {"type": "TASK"})
    assert live.request("GET", ONE).json["priority"] == "LOW"
    answered = live.request("PATCH", ONE, SOLVE).json
    assert answered["priority"] == "LOW", "the answer came before the automation"
    assert live.request("GET", ONE).json["priority"] == "URGENT"
    assert live.state()["mails"] == {"Ana@Example.com": 3}
    assert b"3 mails sent by automations" in live.request("GET", "/").body


def test_an_automation_may_be_for_creates_only(open_sandbox):
    live = open_sandbox(faults=plan({"on": ["create"], "set": {"notes": [{"note_body": "Hello"}], "status": "OPEN"}}))
    live.create()
    live.request("PATCH", ONE, {"type": "TASK"})
    (case,) = live.truth()
    assert ([note["note_body"] for note in case["notes"]], case["status"]) == (["Hello"], "OPEN")


def test_an_automation_runs_too_if_the_answer_is_lost(open_sandbox):
    live = open_sandbox(faults=FaultPlan(automations=(Automation(mail=True),), rules=(Rule(do="status"),)))
    assert live.create(requester_email="a@x.example").status == 503
    assert live.state()["mails"] == {}, "nothing was made"
    live.play(FaultPlan(automations=(Automation(mail=True),), rules=(Rule(do="status", save=True),)))
    assert live.create(requester_email="a@x.example").status == 503
    assert live.state()["mails"] == {"a@x.example": 1}


@pytest.mark.parametrize("change", [{"prority": "LOW"}, {"priority": "low"}, {"status": "DONE"}])
def test_a_change_is_checked_before_anything_happens(change):
    with pytest.raises(ValidationError):
        Automation(set=change)
    with pytest.raises(ValidationError):
        Rule(do="edit", set=change)


def test_an_agent_may_change_a_case_after_it_was_read(open_sandbox):
    live = open_sandbox(faults=FaultPlan(rules=(Rule(do="edit", set={"status": "PENDING"}, on=("get",), nth=1),)))
    live.create()
    assert [live.request("GET", ONE).json["status"] for _ in range(2)] == ["NEW", "PENDING"]


def test_an_agent_may_change_a_case_right_before_an_update(open_sandbox):
    rule = Rule(do="edit", set={"priority": "HIGH", "custom_fields": {"text2": {"value": "by hand"}}}, limit=1)
    live = open_sandbox(faults=FaultPlan(rules=(rule,)))
    live.create()
    answer = live.request("PATCH", ONE, {"custom_fields": {"text2": {"value": "by import"}}}).json
    assert (answer["priority"], answer["custom_fields"]["text2"]["value"]) == ("HIGH", "by import")
    with pytest.raises(ValidationError, match="get and update only"):
        Rule(do="edit", on=("list",))


def test_a_root_case_takes_its_subcases_into_the_trash_and_out_of_it(live):
    live.create()
    for _ in range(2):
        live.create(parent_id="1")
    live.create()
    assert live.request("DELETE", CASES, query={"ids": "2"}).json == {"ids": [2]}, "a subcase goes alone"
    assert live.request("DELETE", CASES, query={"ids": "1"}).json == {"ids": [1, 3]}
    assert [case["deleted"] for case in live.truth()] == ["trash", "trash", "trash", False]
    purged = live.request("DELETE", f"{CASES}/deleted-cases", query={"ids": "1"})
    assert purged.json == {"ids": [1, 2, 3]}


def test_one_case_is_shown_in_either_dialect(open_sandbox):
    shown = {}
    for dialect in ("spec", "page"):
        live = open_sandbox(reads=dialect)
        owner = live.request("GET", "/users").json["_embedded"]["users"][0]["id"]
        fields = {"custom_fields": {"text2": "x"}, "notes": [{"note_title": "t", "note_body": "b", "public": True}]}
        live.create(requester_email="a@x.example", owner_id=owner, **fields)
        live.request("PATCH", ONE, {"group_id": "g", "type": "TASK", **SOLVE})
        shown[dialect] = live.request("GET", ONE).json
    spec, page = shown["spec"], shown["page"]
    assert set(spec) ^ set(page) == {
        *("owner_id", "resolution", "form_name"),
        *("agent_id", "agent_name", "group_id", "requester_id", "requester_name", "requester_email"),
    }
    assert isinstance(spec["custom_fields"], str)
    assert page["custom_fields"]["text2"]["value"] == "x"
    assert spec["notes"][0]["notes_body"] == page["notes"][0]["note_body"] == "b"
