from __future__ import annotations

import itertools
import json

import pytest
from naming import short
from sandbox_client import CASES, Live
from test_sandbox_create import OWNER

DOC_FILTER = json.dumps([{"label": "text1", "value": "T-2"}])
SPEC_FILTER = json.dumps({"text1": {"value": "T-2"}})
SPEC_EXAMPLE_FILTER = json.dumps([{"text1": {"value": "T-2", "name": "Text 1"}}])


@pytest.fixture
def open_with_cases(open_sandbox):
    """A sandbox with three cases; the second is resolved, urgent and owned."""

    def start(**options):
        live = open_sandbox(**options)
        live.create("one", custom_fields={"text1": "T-1", "checkbox1": False}, requester_email="a@x.y")
        live.create(
            "two",
            priority="URGENT",
            owner_id=OWNER,
            requester_name="Bo",
            custom_fields={"text1": "T-2", "checkbox1": True, "numeric1": 7, "multi_select1": ["001", "002"]},
        )
        live.create("three", custom_fields={"text1": "T-22"})
        solving = {"status": "RESOLVED", "type": "QUESTION", "resolution": "done"}
        assert live.request("PATCH", f"{CASES}/2", solving).status == 200
        return live

    return start


BOTH = [
    {"status": "RESOLVED"},
    {"status": '["Resolved"]'},
    {"status": ["RESOLVED", "CLOSED"]},
    {"priority": '["Urgent", "High"]'},
    {"priority": "URGENT"},
    {"type": '["Question"]'},
    {"ids": "2"},
    {"ids": '["2", "77"]'},
    {"ids": ["2", "77"]},
    {"ids": "77,2"},
    {"title": "two"},
    {"requester_name": "Bo"},
    {"agent_id": OWNER},
    {"custom_fields": DOC_FILTER},
    {"custom_fields": SPEC_FILTER},
    {"custom_fields": SPEC_EXAMPLE_FILTER},
    {"custom_fields": '[{"label": "checkbox1", "value": true}]'},
    {"custom_fields": '{"numeric1": {"value": 7}, "text1": {"value": "T-2"}}'},
    {"custom_fields": '{"multi_select1": {"value": ["001", "002"]}}'},
    {"custom_fields": SPEC_FILTER, "title": "two", "status": "RESOLVED"},
]


def test_every_filter_is_read_in_both_encodings_by_default(open_with_cases):
    live = open_with_cases()
    for query in BOTH:
        assert live.found(**query) == ["two"], query


NOTHING = [
    {"title": "tw"},
    {"custom_fields": '{"text1": {"value": "T-"}}'},
    {"custom_fields": '{"text1": {"value": "t-2"}}'},
    {"custom_fields": '{"numeric1": {"value": "7"}}'},
    {"custom_fields": SPEC_FILTER, "status": "NEW"},
    {"ids": "x"},
    {"ids": "99999999999999999999999999"},
    {"agent_id": "nobody"},
]


def test_filters_are_exact_and_joined_by_and(open_with_cases):
    live = open_with_cases()
    for query in NOTHING:
        assert live.found(**query) == [], query


@pytest.mark.parametrize(
    ("mode", "query", "found"),
    [
        ("doc", {"custom_fields": DOC_FILTER}, ["two"]),
        ("doc", {"custom_fields": SPEC_FILTER}, ["three", "two", "one"]),
        ("doc", {"status": ["RESOLVED", "CLOSED"]}, ["three", "two", "one"]),
        ("doc", {"status": "Resolved", "sort": "asc"}, ["two"]),
        ("spec", {"custom_fields": SPEC_FILTER}, ["two"]),
        ("spec", {"custom_fields": SPEC_EXAMPLE_FILTER}, ["two"]),
        ("spec", {"custom_fields": DOC_FILTER}, ["three", "two", "one"]),
        ("spec", {"status": '["Resolved"]'}, ["three", "two", "one"]),
        ("spec", {"status": ["RESOLVED", "CLOSED"]}, ["two"]),
        ("ignore", {"custom_fields": SPEC_FILTER, "title": "two", "sort": "ASC"}, ["one", "two", "three"]),
        ("ignore", {"custom_fields": "not even JSON"}, ["three", "two", "one"]),
    ],
)
def test_a_sandbox_of_one_encoding_silently_ignores_the_other(open_with_cases, mode, query, found):
    assert open_with_cases(filters=mode).found(**query) == found


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"page": "0"}, "page"),
        ({"page": "2147483648"}, "page"),
        ({"page": "١"}, "page"),
        ({"per_page": "501"}, "per_page"),
        ({"per_page": "-1"}, "per_page"),
        ({"status": "WEIRD"}, "status"),
        ({"status": '["New"'}, "status"),
        ({"status": "[{}]"}, "status"),
        ({"priority": "[null]"}, "priority"),
        ({"create_at": "2022-11-01T01:43:29Z"}, "create_at"),
        ({"create_at": '["yesterday", "today"]'}, "create_at"),
        ({"update_at": ["2022-13-01T00:00:00Z", "2022-11-01T00:00:00Z"]}, "update_at"),
        ({"create_at": ["2022-11-01 00:00:00.000"] * 3}, "create_at"),
        ({"order_by": "title"}, "order_by"),
        ({"sort": "UP"}, "sort"),
        ({"requester_type": "CONTACT"}, "requester_type"),
        ({"agent_name": "Ana"}, "agent_name"),
        ({"title": "x" * 256}, "title"),
        ({"custom_fields": "{"}, "custom_fields"),
        ({"custom_fields": "7"}, "custom_fields"),
        ({"custom_fields": '[["text1"]]'}, "custom_fields"),
        ({"custom_fields": '{"text1": "bare"}'}, "custom_fields"),
        ({"custom_fields": '{"text99": {"value": "x"}}'}, "custom_fields"),
        ({"custom_fields": '[{"label": "text1", "value": {}}]'}, "custom_fields"),
    ],
    ids=short,
)
def test_a_filter_that_cannot_be_read_is_refused_by_name(live, conforms, query, name):
    reply = live.search(**query)
    conforms("error", reply.json)
    assert (reply.status, reply.json["code"]) == (400, "1520005")
    assert {field["name"] for field in reply.json["fields"]} == {name}


def test_words_must_be_as_declared_where_only_the_bundle_is_read(open_sandbox):
    live = open_sandbox(filters="spec")
    assert live.search(status="Resolved").status == 400
    assert live.search(sort="desc").status == 400


def test_a_bound_without_a_fraction_means_its_whole_second():
    """Answers show whole seconds, so what they show must be found when it is asked for. No zone means UTC."""
    with Live(clock=lambda: 1_667_267_009.7) as live:  # 2022-11-01T01:43:29.700Z
        live.create("one")
        for found in (
            "2022-11-01T01:43:29Z",
            "2022-11-01 01:43:29",
            "2022-11-01T02:43:29+01:00",
            "2022-11-01 01:43:29.7",
        ):
            assert live.found(create_at=[found, found]) == ["one"], found
        for missed in ("2022-11-01 01:43:29.000", "2022-11-01T01:43:28Z", "2022-11-01T01:43:29+01:00"):
            assert live.found(create_at=json.dumps([missed, missed])) == [], missed
        assert live.found(create_at=["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]) == ["one"]


def test_time_filters_follow_the_clock_of_the_server():
    """Every look at this clock is a second later, so every time differs."""
    clock = itertools.count(1_700_000_000).__next__
    with Live(clock=clock) as live:
        for title in ("one", "two", "three"):
            live.create(title)
        live.request("PATCH", f"{CASES}/2", {"priority": "LOW"})
        shown = {case["title"]: case for case in live.search().json["_embedded"]["data"]}
        moments = [shown[title]["create_at"] for title in ("one", "two", "three")]
        assert len(set(moments)) == 3
        assert live.found(create_at=json.dumps(moments[:2])) == ["two", "one"]
        assert live.found(create_at=[moments[1], moments[2]], sort="ASC") == ["two", "three"]
        assert live.found(update_at=json.dumps([moments[2], shown["two"]["update_at"]])) == ["three", "two"]
        assert live.found(order_by="update_at") == ["two", "three", "one"]
        assert live.found(create_at=["2001-01-01 00:00:00.000", "2001-12-31 23:59:59.999"]) == []


def test_pages_cover_everything_once_and_in_order(live, conforms):
    for number in range(7):
        live.create(f"T-{number}")
    seen, path, pages = [], f"{CASES}?per_page=3&sort=ASC", 0
    while path:
        answer = live.request("GET", path).json
        conforms("list", answer)
        assert (answer["total"], answer["page"], answer["per_page"]) == (7, pages + 1, 3)
        assert answer["count"] == len(answer["_embedded"]["data"])
        assert ("prev" in answer["_links"]) == (pages > 0)
        seen += [case["title"] for case in answer["_embedded"]["data"]]
        path = answer["_links"].get("next", {}).get("href", "").removeprefix(live.sandbox.base_url)
        pages += 1
    assert seen == [f"T-{number}" for number in range(7)]
    assert pages == 3


def test_a_page_beyond_the_end_is_empty(live):
    live.create()
    answer = live.search(page=2_147_483_647, per_page=500).json
    assert (answer["total"], answer["count"], "next" in answer["_links"]) == (1, 0, False)


def test_links_keep_the_filters_they_page_through(live):
    for title in ("a & b = c?", "a & b = c?", "other"):
        live.create(title)
    answer = live.search(title="a & b = c?", per_page=1).json
    following = answer["_links"]["next"]["href"].removeprefix(live.sandbox.base_url)
    assert live.request("GET", following).json["total"] == 2


def test_the_newest_case_comes_first_also_within_one_second(live):
    for number in range(3):
        live.create(str(number))
    assert live.found() == ["2", "1", "0"]


def test_a_new_case_shows_only_after_the_index_lag(open_sandbox):
    live = open_sandbox(index_lag_s=3600)
    live.create(custom_fields={"text1": "T-2"})
    assert live.found() == live.found(custom_fields=SPEC_FILTER) == []
    assert live.request("GET", f"{CASES}/1").status == 200


@pytest.mark.parametrize(
    "text", ["", " ", "é", "\u0000", "a\u0000b", "🔥", "'; DROP TABLE cases; --", '"', "\\", "%", "null", "0"]
)
def test_an_external_id_is_found_by_exactly_its_text(live, text):
    for value in (text, text + "x", text.upper() + "y"):
        live.create(value or "empty", custom_fields={"text1": value})
    answer = live.search(custom_fields=json.dumps({"text1": {"value": text}})).json
    fields = [json.loads(case["custom_fields"])["text1"]["value"] for case in answer["_embedded"]["data"]]
    assert fields == [text]
