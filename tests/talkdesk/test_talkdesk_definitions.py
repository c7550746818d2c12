"""Definitions and users of an account, in every form that the sources show."""

import re
from typing import Any

import pytest

from importer.talkdesk.fields import FieldDefinition, Option, User, read_definitions, read_users
from importer.talkdesk.search import UnreadableListError

FIELD = {
    "id": "1",
    "key": "drop_down1",
    "name": "Channel",
    "type": "001",
    "active": True,
    "dict_list": [{"key": "001", "lable": "E-mail", "children": None}, {"key": 2, "text": "Phone", "children": []}],
}
OPTIONS = (Option(key="001", label="E-mail"), Option(key="2", label="Phone"))
DEFINITION = FieldDefinition(key="drop_down1", name="Channel", type="001", options=OPTIONS)


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
    with pytest.raises(UnreadableListError):
        read_definitions(content)


def test_a_field_may_lack_all_but_its_key_and_names_are_one_clean_line() -> None:
    assert read_definitions([{"key": "x", "name": None, "active": None}]) == (FieldDefinition(key="x", name="x"),)
    assert read_definitions([{"key": "x", "name": "a\nb\x1b[1m"}])[0].name == "a b [1m"


@pytest.mark.parametrize(
    ("odd", "options"),
    [
        ({"dict_list": {}}, ()),
        ({"dict_list": [{"key": "1", "text": "E-mail", "children": {}}]}, (Option(key="1", label="E-mail"),)),
        ({"dict_list": [{"key": "1", "value": True}]}, (Option(key="1", label="true"),)),
        ({"dict_list": [{"key": True, "value": "Yes"}]}, (Option(key="true", label="Yes"),)),
    ],
    ids=["no options", "no children", "label", "key"],
)
def test_one_odd_entry_hides_no_other(odd: dict[str, Any], options: tuple[Option, ...]) -> None:
    """An empty object for an empty list, true for a text: an account that has them can still be read."""
    assert read_definitions([{"key": "x", **odd}, FIELD]) == (
        FieldDefinition(key="x", name="x", options=options),
        DEFINITION,
    )


@pytest.mark.parametrize(
    ("read", "content", "place"),
    [
        (read_definitions, [FIELD, {"key": "x", "type": {"is": 1}}], "1.type"),
        (read_users, {"_embedded": {"users": [{"id": "1"}, {"id": ["2"]}]}}, "_embedded.users.1.id"),
    ],
    ids=["field", "user"],
)
def test_the_error_of_an_unreadable_list_names_the_place(read: Any, content: Any, place: str) -> None:
    with pytest.raises(UnreadableListError, match=re.escape(f"(see {place})")):
        read(content)


@pytest.mark.parametrize(
    ("definition", "kind"),
    [
        (FieldDefinition(key="text1", type="001"), "text"),
        (FieldDefinition(key="x", type="002"), "dependent_field"),
        (FieldDefinition(key="x", type="numeric"), "numeric"),
        (FieldDefinition(key="x", type="9", options=OPTIONS), "drop_down"),
        (FieldDefinition(key="x", type="9", options=(Option(key="1", children=OPTIONS),)), "dependent_field"),
        (FieldDefinition(key="x", type="9"), None),
    ],
)
def test_the_kind_of_a_field(definition: FieldDefinition, kind: str | None) -> None:
    assert definition.kind == kind


@pytest.mark.parametrize("content", [None, [], {}, {"_embedded": {"users": [{}]}}, {"_embedded": {"users": 1}}])
def test_what_is_no_page_of_users_is_refused(content: Any) -> None:
    with pytest.raises(UnreadableListError):
        read_users(content)


def test_a_page_of_users() -> None:
    users = [{"id": 1, "email": None, "active": False}]
    assert read_users({"_embedded": {"users": users}, "total_pages": 3}) == ([User(id="1", active=False)], 3)
