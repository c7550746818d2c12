"""The body of a new case: limits, enums and custom fields, checked strictly and never changed."""

import copy
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from importer.ledger.parents import with_parent
from importer.talkdesk.payloads import (
    CASE_FIELDS,
    CUSTOM_FIELD_TYPES,
    INTEGER_MAX,
    case_check,
    custom_field_prefix,
    value_check,
)

KEYS = [f"{prefix}1" for prefix in CUSTOM_FIELD_TYPES]
GOOD: dict[str, Any] = {
    "title": "T" * 150,
    "description": "D" * 2000,
    "parent_id": "1",
    "owner_id": "o" * 255,
    "priority": "URGENT",
    "custom_fields": {
        "checkbox1": False,
        "date1": "2022-04-21T06:30:21Z",
        "decimal1": 1.2,
        "dependent_field1": ["a", "b", "c"],
        "drop_down1": "001",
        "dropdown1": "001",
        "multi_line_text1": "a\nb",
        "multi_select1": ["002", "003"],
        "numeric1": INTEGER_MAX,
        "text1": "x",
    },
    "notes": [
        {"note_title": "t" * 255, "note_body": "b" * 100_000, "public": True},
        {"note_body": "b", "public": False},
    ],
    "requester_email": "a@b.co",
    "requester_name": "A",
    "requester_type": "Contact",
}


def test_a_full_body_passes_as_it_is() -> None:
    body = copy.deepcopy(GOOD)
    case_check(KEYS)(body)
    assert body == GOOD
    assert list(body) == list(CASE_FIELDS)


@pytest.mark.parametrize("missing", [(), ("parent_id",), ("owner_id", "notes"), ("parent_id", "custom_fields")])
def test_the_id_of_a_parent_stands_where_a_case_has_it(missing: tuple[str, ...]) -> None:
    body = {name: value for name, value in GOOD.items() if name not in missing}
    changed = with_parent(orjson.dumps(body), "77")
    wanted = body | {"parent_id": "77"}
    assert changed == orjson.dumps({name: wanted[name] for name in CASE_FIELDS if name in wanted})


def test_the_least_a_case_needs() -> None:
    case_check([])({"title": "T", "description": "D"})


@pytest.mark.parametrize("priority", ["LOW", "NORMAL", "HIGH", "URGENT"])
def test_priorities_are_upper_case(priority: str) -> None:
    case_check([])({"title": "T", "description": "D", "priority": priority})
    with pytest.raises(ValidationError):
        case_check([])({"title": "T", "description": "D", "priority": priority.capitalize()})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("title", ""),
        ("title", "T" * 151),
        ("title", None),
        ("title", 1),
        ("title", "\ud800"),
        ("description", ""),
        ("description", "D" * 2001),
        ("parent_id", ""),
        ("parent_id", 7),
        ("owner_id", "o" * 256),
        ("requester_type", "contact"),
        ("requester_name", None),
        ("status", "OPEN"),
        ("custom_fields", {"text2": "not named before"}),
        ("custom_fields", {"checkbox1": 1}),
        ("custom_fields", {"checkbox1": "true"}),
        ("custom_fields", {"date1": "2022-04-21"}),
        ("custom_fields", {"date1": "2022-04-21T06:30:21+00:00"}),
        ("custom_fields", {"decimal1": "1.2"}),
        ("custom_fields", {"decimal1": True}),
        ("custom_fields", {"numeric1": 1.0}),
        ("custom_fields", {"numeric1": True}),
        ("custom_fields", {"numeric1": INTEGER_MAX + 1}),
        ("custom_fields", {"dependent_field1": ["a", "b", "c", "d"]}),
        ("custom_fields", {"dependent_field1": []}),
        ("custom_fields", {"multi_select1": "001"}),
        ("custom_fields", {"multi_select1": [1]}),
        ("custom_fields", {"drop_down1": 1.0}),
        ("custom_fields", {"drop_down1": True}),
        ("custom_fields", {"drop_down1": ""}),
        ("custom_fields", {"text1": None}),
        ("notes", [{"note_body": "b"}]),
        ("notes", [{"note_body": "b", "public": "false"}]),
        ("notes", [{"note_title": "t" * 256, "note_body": "b", "public": False}]),
        ("notes", [{"note_title": "t", "public": False}]),
        ("notes", [{"note_body": "b", "public": False, "author": "x"}]),
    ],
)
def test_what_is_not_a_case(path: str, value: object) -> None:
    with pytest.raises(ValidationError):
        case_check(KEYS)(GOOD | {path: value})


@pytest.mark.parametrize("key", ["drop_down1", "dropdown1"])
@pytest.mark.parametrize("value", [1, "001"], ids=["number", "text"])
def test_a_drop_down_has_two_spellings_and_two_forms(key: str, value: object) -> None:
    case_check([key])({"title": "T", "description": "D", "custom_fields": {key: value}})


@pytest.mark.parametrize("missing", ["title", "description"])
def test_title_and_description_are_required(missing: str) -> None:
    with pytest.raises(ValidationError):
        case_check(KEYS)({key: value for key, value in GOOD.items() if key != missing})


@pytest.mark.parametrize(
    ("key", "prefix"),
    [
        ("text1", "text"),
        ("multi_line_text12", "multi_line_text"),
        ("drop_down1", "drop_down"),
        ("dropdown1", "dropdown"),
        ("text", None),
        ("text1 ", None),
        ("xtext1", None),
        ("text1\n", None),
        ("assign_reason", None),
    ],
)
def test_the_prefix_of_a_key(key: str, prefix: str | None) -> None:
    assert custom_field_prefix(key) == prefix


def test_a_check_cannot_be_made_for_a_key_without_a_known_prefix() -> None:
    with pytest.raises(ValueError, match="'foo1' is not a custom-field key"):
        case_check(["foo1"])


def test_a_single_value_is_checked_as_strictly() -> None:
    check = value_check(CUSTOM_FIELD_TYPES["numeric"])
    check(1)
    with pytest.raises(ValidationError):
        check("1")
