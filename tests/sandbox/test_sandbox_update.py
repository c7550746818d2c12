from __future__ import annotations

import json

import pytest
from naming import short
from sandbox_client import CASES
from test_sandbox_create import FULL, OWNER, refused

from importer.sandbox import Definition, Kind


def patch(live, ident, body):
    return live.request("PATCH", f"{CASES}/{ident}", body)


def test_everything_that_can_be_set_is_set_and_echoed(live, conforms):
    live.create("parent")
    live.create("child")
    change = {
        "title": "new title",
        "description": "new text",
        "parent_id": "1",
        "owner_id": OWNER,
        "priority": "HIGH",
        "type": "INCIDENT",
        "status": "RESOLVED",
        "resolution": "fixed",
        "group_id": "level2",
        "custom_fields": {"text1": {"value": "T-9"}, "drop_down1": {"label": "Red", "value": "001"}},
        "notes": [{"note_title": "a", "note_body": "b", "public": True}],
    }
    reply = patch(live, 2, change)
    conforms("updated", reply.json)
    assert reply.status == 200
    plain = {name: reply.json[name] for name in change if name not in ("custom_fields", "notes")}
    assert plain == {name: change[name] for name in plain}
    assert reply.json["custom_fields"] == {"text1": {"value": "T-9"}, "drop_down1": {"value": "001", "label": "Red"}}
    listed = live.search(ids="2").json["_embedded"]["data"][0]
    assert (listed["status"], listed["type"], listed["group_id"]) == ("Resolved", "Incident", "level2")


def test_custom_fields_are_merged_and_notes_are_appended(live):
    live.create(**FULL)
    fields = {"text1": {"value": None}, "text2": {"value": "new"}}
    patch(live, 1, {"custom_fields": fields, "notes": [{"note_body": "third"}]})
    second = patch(live, 1, {"notes": [{"note_body": "fourth"}]}).json
    assert [note["note_body"] for note in second["notes"]] == ["Body", "Second", "third", "fourth"]
    assert len({note["id"] for note in second["notes"]}) == 4
    assert "text1" not in second["custom_fields"]
    assert second["custom_fields"]["text2"] == {"value": "new"}
    assert second["custom_fields"]["numeric1"] == {"value": 1}


def test_an_empty_change_changes_nothing_but_the_time(live):
    before = live.create(**FULL).json
    after = patch(live, 1, {}).json
    assert {name: after[name] for name in after if name in before} == {
        name: before[name] for name in before if name in after
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "t" * 151),
        ("description", "d" * 2001),
        ("resolution", "r" * 2001),
        ("group_id", "g" * 256),
        ("group_id", None),
        ("owner_id", "nobody"),
        ("parent_id", "1"),
        ("parent_id", "77"),
        ("priority", "Low"),
        ("type", "Question"),
        ("status", "Open"),
        ("status", None),
        ("notes", "text"),
    ],
    ids=short,
)
def test_a_wrong_value_is_refused_by_name_and_nothing_changes(live, field, value):
    live.create()
    before = live.truth()
    refused(patch(live, 1, {"title": "changed"} | {field: value}), field)
    assert live.truth() == before


@pytest.mark.parametrize("value", ["bare, as only creates are", {"label": "x"}, {"value": 5}, {"value": ["a"]}, []])
def test_an_update_takes_custom_values_wrapped(live, value):
    live.create()
    refused(patch(live, 1, {"custom_fields": {"text1": value}}), "custom_fields.text1")


def test_limits_hold_at_their_edge(live):
    live.create()
    assert patch(live, 1, {"title": "t" * 150, "description": "d" * 2000, "resolution": "r" * 2000}).status == 200


def test_both_spellings_of_on_hold_are_taken_and_one_is_answered(live):
    for spelling in ("ON_HOLD", "ON-HOLD"):
        live.create()
        assert patch(live, 1, {"status": spelling}).json["status"] == "ON_HOLD"
    assert live.search(ids="1").json["_embedded"]["data"][0]["status"] == "On Hold"


def test_assigning_opens_a_new_case_and_unassigning_makes_it_new_again(live):
    live.create()
    assert patch(live, 1, {"owner_id": OWNER}).json["status"] == "OPEN"
    assert patch(live, 1, {"status": "PENDING"}).json["status"] == "PENDING"
    assert patch(live, 1, {"owner_id": OWNER}).json["status"] == "PENDING"
    unassigned = patch(live, 1, {"owner_id": ""}).json
    assert (unassigned["status"], "owner_id" in unassigned) == ("NEW", False)


@pytest.mark.parametrize("status", ["RESOLVED", "CLOSED"])
def test_solving_needs_a_resolution_and_the_required_fields(open_sandbox, status):
    must = Definition("text1", Kind.TEXT, "Must", required=True)
    retired = Definition("text2", Kind.TEXT, "Retired", required=True, active=False)
    live = open_sandbox(definitions=(must, retired))
    live.create()
    refused(patch(live, 1, {"status": status}), "resolution", "custom_fields.text1")
    assert live.truth()[0]["status"] == "NEW"
    assert patch(live, 1, {"resolution": "done", "custom_fields": {"text1": {"value": "x"}}}).status == 200
    assert patch(live, 1, {"status": status}).json["status"] == status


def test_a_solved_case_takes_notes_and_a_new_status_but_no_new_properties(live):
    live.create()
    patch(live, 1, {"status": "RESOLVED", "resolution": "done"})
    refused(patch(live, 1, {"title": "late", "priority": "LOW"}), "title", "priority")
    assert patch(live, 1, {"notes": [{"note_body": "late"}]}).status == 200
    assert patch(live, 1, {"status": "CLOSED"}).json["status"] == "CLOSED"
    assert patch(live, 1, {"status": "OPEN", "title": "reopened"}).json["title"] == "reopened"


@pytest.mark.parametrize("ident", ["2", "x", "00"])
def test_only_a_living_case_can_be_updated(live, ident):
    live.create()
    assert patch(live, ident, {"title": "x"}).status == 404
    live.request("DELETE", CASES, query={"ids": "1"})
    assert patch(live, 1, {"title": "x"}).status == 404


def delete(live, path, ids):
    return live.request("DELETE", path, query={"ids": ids})


def test_deleting_answers_the_integers_that_went_to_the_trash(live, conforms):
    for _ in range(3):
        live.create()
    reply = delete(live, CASES, "3,1,77")
    conforms("deleted", reply.json)
    assert (reply.status, reply.json) == (200, {"ids": [3, 1]})
    assert delete(live, CASES, "1,3").json == {"ids": []}
    assert live.search().json["total"] == 1
    assert live.request("GET", f"{CASES}/1").status == 404
    assert [case["deleted"] for case in live.truth()] == ["trash", False, "trash"]


def test_only_what_is_in_the_trash_can_be_deleted_for_good(live):
    for _ in range(2):
        live.create()
    delete(live, CASES, "1")
    assert delete(live, f"{CASES}/deleted-cases", ["1", "2"]).json == {"ids": [1]}
    assert delete(live, f"{CASES}/deleted-cases", "1").json == {"ids": []}
    assert [case["deleted"] for case in live.truth()] == ["purged", False]
    assert live.create().json["id"] == "3", "an id is never given twice"


@pytest.mark.parametrize("path", [CASES, f"{CASES}/deleted-cases"])
@pytest.mark.parametrize("ids", ["", "x", "1,", "1;2", "-1", "1.5", "9" * 25])
def test_ids_to_delete_must_be_ids(live, path, ids):
    live.create()
    refused(delete(live, path, ids), "ids")
    assert live.request("DELETE", path).status == 400
    assert live.truth()[0]["deleted"] is False


@pytest.mark.parametrize("ids", ["1,2", ["1", "2"], json.dumps(["1", "2"]), json.dumps([1, 2])])
def test_ids_to_delete_are_read_in_every_encoding(live, ids):
    for _ in range(2):
        live.create()
    assert delete(live, CASES, ids).json == {"ids": [1, 2]}
