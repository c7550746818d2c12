from __future__ import annotations

import json

import pytest
from sandbox_client import CASES
from test_sandbox_create import FULL, OWNER

from importer.sandbox import Kind, definitions_of


def test_the_list_shows_a_case_in_its_own_dialect(live, conforms):
    """agent_id, capitalised words, notes_title, and the custom fields as a string of JSON with names."""
    live.create("Printer on fire", owner_id=OWNER, **FULL)
    answer = live.search().json
    conforms("list", answer)
    (case,) = answer["_embedded"]["data"]
    assert (case["agent_id"], case["agent_name"]) == (OWNER, "Bruno Becker")
    assert (case["status"], case["priority"]) == ("Open", "Low")
    assert [note["notes_title"] for note in case["notes"]] == ["First", ""]
    fields = json.loads(case["custom_fields"])
    assert fields["text1"] == {"label": None, "value": "T-1", "name": "Text 1"}
    assert fields["checkbox1"] == {"label": True, "value": True, "name": "Check box 1"}
    assert fields["date1"]["label"] == fields["date1"]["value"] == "2022-04-21T06:30:21Z"
    assert fields["multi_select1"]["label"] == ["Phone", "Flow"]


def test_get_one_mixes_both_dialects_and_has_no_timestamps(live, conforms):
    live.create(owner_id=OWNER, **FULL)
    answer = live.request("GET", f"{CASES}/1").json
    conforms("detailed", answer)
    assert answer["owner_id"] == answer["agent_id"] == OWNER
    assert (answer["status"], answer["priority"]) == ("OPEN", "LOW")
    assert "name" not in json.loads(answer["custom_fields"])["text1"]


@pytest.mark.parametrize(
    "ident", ["2", "0", "01", "-1", "1.0", "x", "1,1", "9" * 30, "%00", "%D9%A3", "%ff", "%F0%9F%94%A5"]
)
def test_a_case_that_does_not_exist_is_not_found(live, conforms, ident):
    live.create()
    reply = live.request("GET", f"{CASES}/{ident}")
    conforms("error", reply.json)
    assert (reply.status, reply.json) == (404, {"code": "1520008", "message": "Connection not found."})


def test_field_definitions_are_a_bare_array_of_every_kind(live, conforms):
    fields = live.request("GET", "/cm/meta/va/fields").json
    conforms("fields", fields)
    by_key = {field["key"]: field for field in fields}
    assert {f"text{number}" for number in range(1, 11)} <= set(by_key)
    assert by_key["drop_down1"]["type"] == "001"
    assert by_key["drop_down1"]["dict_list"][0] == {"key": "001", "value": "Red", "children": []}
    assert by_key["dependent_field1"]["type"] == "002"
    assert by_key["dependent_field1"]["dict_list"][0]["children"][0]["children"][0]["value"] == "Cupertino"
    assert not by_key["text11"]["active"]
    assert len({field["id"] for field in fields}) == len(fields)


def test_fields_that_nothing_tells_the_kind_of_are_left_out():
    """Of an account's own list, say: only two type codes are documented."""
    common = {"name": "N", "dict_list": [], "required": False, "active": True}
    keys = {"text12": "010", "odd": "010", "reason": "001", "memo": "multi_line_text", "dropdown3": "", "a'b1": "text"}
    fields = definitions_of({"key": key, "type": type, **common} for key, type in keys.items())
    assert {field.key: field.kind for field in fields} == {
        "text12": Kind.TEXT,
        "reason": Kind.DROP_DOWN,
        "memo": Kind.MULTI_LINE_TEXT,
        "dropdown3": Kind.DROP_DOWN,
    }


def test_users_come_in_pages_that_links_lead_through(live, conforms):
    seen, path = [], "/users?per_page=10"
    while path:
        answer = live.request("GET", path).json
        conforms("users", answer)
        seen += [user["email"] for user in answer["_embedded"]["users"]]
        path = answer["_links"].get("next", {}).get("href", "").removeprefix(live.sandbox.base_url)
    assert len(seen) == len(set(seen)) == 25
    assert answer["total_pages"] == 3


def test_users_are_found_by_email_and_activity(live, conforms):
    email = "agent.10@agents.example"
    (user,) = live.request("GET", "/users", query={"email": email.upper()}).json["_embedded"]["users"]
    assert (user["email"], user["active"]) == (email, False)
    assert live.request("GET", "/users", query={"email": email, "active": "true"}).json["total"] == 0
    assert live.request("GET", "/users", query={"active": "false"}).json["total"] == 2
    conforms("user", live.request("GET", f"/users/{user['id']}").json)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/users?page=0", 400, "0040001"),
        ("/users?per_page=x", 400, "0040001"),
        ("/users?active=maybe", 400, "0040001"),
        ("/users?per_page=201", 400, "0040021"),
        ("/users/nobody", 404, "0040000"),
    ],
)
def test_users_refuse_with_codes_of_their_own(live, conforms, path, status, code):
    reply = live.request("GET", path)
    conforms("error", reply.json)
    assert (reply.status, reply.json["code"]) == (status, code)
    assert live.request("GET", path, headers={"Authorization": "Bearer x"}).json["code"] == "0040002"


def test_people_are_a_function_of_the_seed(open_sandbox):
    first, again, other = (open_sandbox(seed=seed).request("GET", "/users").json for seed in (1, 1, 2))
    ids = [[user["id"] for user in answer["_embedded"]["users"]] for answer in (first, again, other)]
    assert ids[0] == ids[1] != ids[2]
