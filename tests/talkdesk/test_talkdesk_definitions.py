"""Definitions and users of an account, in every form that the sources show."""

from typing import Any

import pytest

from importer.talkdesk.fields import FieldDefinition, Option, UnreadableFieldsError, read_definitions
from importer.talkdesk.users import UnreadableUsersError, UserPage, read_users

FIELD = {
    "id": "1",
    "key": "drop_down1",
    "name": "Channel",
    "type": "001",
    "active": True,
    "dict_list": [{"key": "001", "lable": "E-mail", "children": None}, {"key": 2, "text": "Phone", "children": []}],
}
DEFINITION = FieldDefinition("drop_down1", "Channel", "001", True, (Option("001", "E-mail"), Option("2", "Phone")))


@pytest.mark.parametrize(
    "content", [[FIELD], FIELD, {"_embedded": {"fields": [FIELD]}, "_links": {}}, {"total": 1, "data": [FIELD]}]
)
def test_every_form_of_the_list_is_taken(content: Any) -> None:
    assert read_definitions(content) == (DEFINITION,)


@pytest.mark.parametrize(
    "content",
    [None, "x", {}, {"a": [], "b": []}, [1], [{}], [{"key": "a", "dict_list": 1}], [{"key": "a", "dict_list": [{}]}]],
)
def test_what_is_no_list_of_fields_is_refused(content: Any) -> None:
    with pytest.raises(UnreadableFieldsError):
        read_definitions(content)


def test_a_field_may_lack_all_but_its_key_and_names_are_one_clean_line() -> None:
    assert read_definitions([{"key": "x", "name": None, "active": None}]) == (FieldDefinition("x", "x"),)
    assert read_definitions([{"key": "x", "name": "a\nb\x1b[1m"}])[0].name == "a b [1m"


@pytest.mark.parametrize(
    ("definition", "kind"),
    [
        (FieldDefinition("text1", "", "001"), "text"),
        (FieldDefinition("x", "", "002"), "dependent_field"),
        (FieldDefinition("x", "", "numeric"), "numeric"),
        (FieldDefinition("x", "", "9", True, (Option("1", "a"),)), "drop_down"),
        (FieldDefinition("x", "", "9", True, (Option("1", "a", (Option("2", "b"),)),)), "dependent_field"),
        (FieldDefinition("x", "", "9"), None),
    ],
)
def test_the_kind_of_a_field(definition: FieldDefinition, kind: str | None) -> None:
    assert definition.kind == kind


@pytest.mark.parametrize("content", [None, [], {}, {"_embedded": {"users": [{}]}}, {"_embedded": {"users": 1}}])
def test_what_is_no_page_of_users_is_refused(content: Any) -> None:
    with pytest.raises(UnreadableUsersError):
        read_users(content)


def test_a_page_of_users() -> None:
    users = [{"id": "1", "email": None, "active": False}]
    assert read_users({"_embedded": {"users": users}, "total_pages": 3}) == UserPage((("", "1", "", False),), 3)
