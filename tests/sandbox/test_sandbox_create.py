from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from naming import short
from sandbox_client import CASES
from talkdesk_sample import SAMPLE, sent

from importer.sandbox import Definition, Kind

PLACE = ["3a20c48f-3e33-49b0-af22-63eba6fa4cc3", "bbb2a5e7-6190-4eb1-b889-ec37e0badd0b"]
FULL = {
    "priority": "LOW",
    "custom_fields": {
        "checkbox1": True,
        "text1": "T-1",
        "multi_line_text1": "one\ntwo",
        "date1": "2022-04-21T06:30:21Z",
        "numeric1": 1,
        "decimal1": 1.2,
        "drop_down1": "001",
        "multi_select1": ["002", "003"],
        "dependent_field1": PLACE,
        "assign_reason": "002",
    },
    "notes": [{"note_title": "First", "note_body": "Body", "public": True}, {"note_body": "Second"}],
    "requester_email": "jane@example.com",
    "requester_name": "Jane",
    "requester_type": "Contact",
}
OWNER = "61036b508ff57b5578f25a10"  # the first user, who is in the samples of the reference


def refused(reply, *names):
    """Assert a 400 in the envelope of the Case API that names exactly these fields."""
    assert (reply.status, reply.json["code"], reply.json["message"]) == (400, "1520005", "Bad Request.")
    assert sorted(field["name"] for field in reply.json["fields"]) == sorted(names)


def test_the_smallest_case_is_created_with_id_1(live, conforms):
    reply = live.create()
    assert reply.status == 201
    assert reply.headers["Content-Type"] == "application/json"
    assert int(reply.headers["Content-Length"]) == len(reply.body)
    conforms("created", reply.json)
    assert reply.json["id"] == "1"
    assert reply.json["status"] == "NEW"


def test_a_full_case_is_echoed_in_the_form_of_the_reference(live, conforms):
    """Custom fields come back as {value, label?}, notes with ids and with `public` false unless it was given."""
    answer = live.create(**FULL, owner_id=OWNER).json
    conforms("created", answer)
    assert answer["custom_fields"]["text1"] == {"value": "T-1"}
    assert answer["custom_fields"]["drop_down1"] == {"value": "001", "label": "Red"}
    assert answer["custom_fields"]["multi_select1"] == {"value": ["002", "003"], "label": ["Phone", "Flow"]}
    assert answer["custom_fields"]["dependent_field1"]["label"] == ["California", "Santa Clara"]
    assert [note["public"] for note in answer["notes"]] == [True, False]
    assert (answer["requester_name"], answer["requester_email"]) == ("Jane", "jane@example.com")
    assert answer["owner_id"] == OWNER


def test_the_sample_of_the_reference_is_taken_as_it_stands(live, conforms):
    """Its parent is case 1; its drop-down has the other spelling, and is a number."""
    live.create("parent")
    reply = live.request("POST", CASES, SAMPLE)
    assert reply.status == 201, reply.body
    conforms("created", reply.json)
    assert reply.json["custom_fields"]["dropdown1"] == {"value": 1, "label": "Red"}
    assert sent(live.truth()[1]) == SAMPLE


@pytest.mark.parametrize("key", ["drop_down1", "dropdown1"])
@pytest.mark.parametrize("value", [2, "002"], ids=["number", "text"])
def test_a_drop_down_has_two_spellings_and_two_forms(live, key, value):
    """Which of them an account takes is documented nowhere. What is stored is what was sent."""
    assert live.create(custom_fields={key: value}).json["custom_fields"] == {key: {"value": value, "label": "Green"}}
    update = live.request("PATCH", f"{CASES}/1", {"custom_fields": {key: {"value": value}}})
    assert update.json["custom_fields"] == {key: {"value": value, "label": "Green"}}


def test_a_choice_without_known_options_takes_any_key(open_sandbox):
    choices = [Kind.DROP_DOWN, Kind.MULTI_SELECT, Kind.DEPENDENT_FIELD]
    live = open_sandbox(definitions=tuple(Definition(f"{kind}7", kind, "Choice") for kind in choices))
    values = {"drop_down7": "fax", "multi_select7": ["a", "b"], "dependent_field7": ["a", "b", "c"]}
    answer = live.create(custom_fields=values).json
    assert answer["custom_fields"] == {key: {"value": value} for key, value in values.items()}
    wrong = {"drop_down7": "", "multi_select7": ["a", ""], "dependent_field7": ["a", "b", "c", "d"]}
    refused(live.create(custom_fields=wrong), *(f"custom_fields.{key}" for key in wrong))


def test_what_was_not_given_is_not_answered(live):
    assert not {"parent_id", "owner_id", "priority", "custom_fields", "notes", "type"} & set(live.create().json)


def test_an_owner_opens_a_case(live):
    assert live.create(owner_id=OWNER).json["status"] == "OPEN"


def test_one_email_is_one_requester_whatever_its_case(live):
    ids = [live.create(requester_email=email).json["requester_id"] for email in ("a@b.c", "A@B.C", "other@b.c")]
    assert ids[0] == ids[1] != ids[2]


def test_a_repeated_create_makes_a_second_case(live):
    """There is no idempotency: that is what the importer has to live with."""
    assert [live.create().json["id"], live.create().json["id"]] == ["1", "2"]
    assert len(live.truth()) == 2


@pytest.mark.parametrize("missing", ["title", "description"])
def test_title_and_description_are_required_and_not_empty(live, missing):
    body = {"title": "t", "description": "d"}
    refused(live.request("POST", CASES, {k: v for k, v in body.items() if k != missing}), missing)
    refused(live.request("POST", CASES, body | {missing: ""}), missing)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", 7),
        ("title", None),
        ("description", ["x"]),
        ("parent_id", 1),
        ("parent_id", "77"),
        ("owner_id", "jane@example.com"),
        ("owner_id", "x" * 256),
        ("priority", "Low"),
        ("priority", "low"),
        ("priority", None),
        ("priority", ["LOW"]),
        ("custom_fields", []),
        ("notes", {}),
        ("requester_email", 5),
        ("requester_name", None),
        ("requester_type", "CONTACT"),
        ("requester_type", "Agent"),
    ],
    ids=short,
)
def test_a_wrong_value_is_refused_by_name_and_nothing_is_made(live, field, value):
    body = {"title": "t", "description": "d"} | {field: value}
    refused(live.request("POST", CASES, body), field)
    assert live.truth() == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("checkbox1", "true"),
        ("checkbox1", 1),
        ("text1", 5),
        ("text1", {"value": "wrapped, as only updates are"}),
        ("text1", None),
        ("text11", "the field is inactive"),
        ("text99", "no such field"),
        ("multi_line_text1", ["a"]),
        ("date1", "21.04.2022"),
        ("date1", "2022-04-21"),
        ("date1", "2022-02-30T00:00:00Z"),
        ("date1", "2022-04-21T06:30:21"),
        ("numeric1", 1.5),
        ("numeric1", "1"),
        ("numeric1", True),
        ("decimal1", "1.2"),
        ("decimal1", False),
        ("drop_down1", "Red"),
        ("drop_down1", 9),
        ("drop_down1", 1.0),
        ("drop_down1", True),
        ("drop_down1", ""),
        ("dropdown1", "Red"),
        ("dropdown9", 1),
        ("multi_select1", "001"),
        ("multi_select1", ["009"]),
        ("multi_select1", ["001", "001"]),
        ("dependent_field1", []),
        ("dependent_field1", [PLACE[1]]),
        ("dependent_field1", [*PLACE, PLACE[0]]),
        ("dependent_field1", [{}]),
    ],
    ids=short,
)
def test_a_wrong_custom_value_is_refused_by_its_key(live, key, value):
    refused(live.create(custom_fields={key: value}), f"custom_fields.{key}")
    assert live.truth() == []


def test_one_refusal_names_everything_that_is_wrong(live):
    reply = live.create(
        priority="MUCH", custom_fields={"text1": 1, "x": 2}, notes=[{"public": "yes"}, 5], requester_type="x"
    )
    refused(
        reply, "priority", "custom_fields.text1", "custom_fields.x", "notes[0].public", "notes[1]", "requester_type"
    )
    assert "description" not in reply.json, "each cause is said once"


def test_what_the_reference_does_not_forbid_is_taken(live):
    """Fields that a create does not have are ignored, and its texts have no limit."""
    assert live.create("t" * 100_000, description="d" * 500_000, status="CLOSED").json["status"] == "NEW"


def test_a_subcase_needs_a_living_parent_that_is_no_subcase(live):
    parent = live.create("parent").json["id"]
    child = live.create("child", parent_id=parent)
    assert child.json["parent_id"] == parent
    refused(live.create("grandchild", parent_id=child.json["id"]), "parent_id")
    live.request("DELETE", CASES, query={"ids": parent})
    refused(live.create("orphan", parent_id=parent), "parent_id")


def test_a_case_with_subcases_becomes_no_subcase(live):
    """Not even while they are in the trash, from which people can take them."""
    root, other = live.create("root").json["id"], live.create("other").json["id"]
    child = live.create("child", parent_id=root).json["id"]

    def moved():
        return live.request("PATCH", f"{CASES}/{root}", {"parent_id": other})

    refused(moved(), "parent_id")
    live.request("DELETE", CASES, query={"ids": child})
    refused(moved(), "parent_id")
    live.request("DELETE", f"{CASES}/deleted-cases", query={"ids": child})
    assert moved().json["parent_id"] == other


def test_ids_of_another_account_are_taken_if_the_sandbox_is_told_so(open_sandbox):
    """A parent of that account may have the id of a subcase of this one."""
    live = open_sandbox(any_ids=True)
    assert [live.create(owner_id="f" * 24, parent_id="1").status for _ in range(2)] == [201, 201]


def test_own_field_definitions_replace_the_default_ones(open_sandbox):
    live = open_sandbox(definitions=(Definition("legacy_ref", Kind.TEXT, "Legacy reference"),))
    assert live.create(custom_fields={"legacy_ref": "A-1"}).status == 201
    refused(live.create(custom_fields={"text1": "A-1"}), "custom_fields.text1")


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_only_json_is_read(live, media):
    reply = live.request("POST", CASES, {"title": "t", "description": "d"}, headers={"Content-Type": media})
    refused(reply, "Content-Type")


def test_ids_are_unique_and_gapless_under_load(live):
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda number: (f"T-{number}", live.create(f"T-{number}").json), range(200)))
    assert sorted(int(answer["id"]) for _, answer in made) == list(range(1, 201))
    assert all(answer["title"] == title for title, answer in made)
    assert {case["id"]: case["title"] for case in live.truth()} == {answer["id"]: title for title, answer in made}
