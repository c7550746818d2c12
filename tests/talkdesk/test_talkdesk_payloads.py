"""Reading what a server says, whatever it says."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.talkdesk.shown import Case, error_body
from importer.talkdesk.transport import Answer
from importer.text.safe import clean

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def answer(content: object) -> Answer:
    return Answer(400, {}, content if isinstance(content, bytes) else orjson.dumps(content))


def custom_fields(fields: object) -> dict[str, Any]:
    return Case.model_validate({"id": "1", "custom_fields": fields}).custom_fields


def test_the_error_envelope() -> None:
    told = error_body(
        answer(
            {
                "code": "0900001",
                "message": "Invalid fields",
                "description": "One or more fields are invalid",
                "fields": [
                    {"name": "custom_fields.text9", "description": "unknown field"},
                    {"name": "priority", "description": "unknown value"},
                ],
            }
        )
    )
    assert told.code == "0900001"  # leading zeros are part of it
    assert told.text == (
        "Invalid fields; One or more fields are invalid; custom_fields.text9: unknown field; priority: unknown value"
    )
    assert told.field == "custom_fields.text9"
    assert told.retry_hint is None


def test_the_hint_in_an_error_envelope() -> None:
    told = error_body(answer({"code": "1", "fields": [{"name": "Retry-After", "description": "30"}]}))
    assert told.retry_hint == "30"


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"null", b'"text"', b"{", b"\xff\xfe", b'{"fields": "none", "code": 7}', b"[" * 5000],
)
def test_what_is_no_envelope_says_nothing(body: bytes) -> None:
    told = error_body(answer(body))
    assert (told.code, told.text, told.retry_hint, told.field) == (None, "", None, "")


@given(JSON)
def test_any_json_can_be_an_error(content: object) -> None:
    told = error_body(answer(content))
    assert len(told.text) <= 400
    assert told.code is None or len(told.code) <= 40
    assert len(told.field) <= 80


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("two\r\nlines", "two lines"),
        ("\x1b[31mred\x1b[0m", "[31mred [0m"),
        ("right\u202eto left", "right to left"),
        ("c1 \x9b control", "c1   control"),
        ("  blanks  ", "blanks"),
        ("Überraschung 😀", "Überraschung 😀"),
        ("x" * 500, "x" * 399 + "…"),
    ],
)
def test_text_of_others_is_made_harmless(text: str, cleaned: str) -> None:
    """It goes to terminals, logs and reports."""
    assert clean(text) == cleaned


@given(st.text())
def test_cleaned_text_has_no_control_characters_and_stays_clean(text: str) -> None:
    cleaned = clean(text)
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in cleaned)
    assert clean(cleaned) == cleaned


PACKED = {"text1": "007", "checkbox1": True, "numeric1": 7}


@pytest.mark.parametrize(
    "fields",
    [
        PACKED,
        {key: {"value": value, "label": "L"} for key, value in PACKED.items()},
        orjson.dumps(PACKED).decode(),
        orjson.dumps(orjson.dumps(PACKED).decode()).decode(),
        orjson.dumps(PACKED).decode().replace('"', '\\"'),
    ],
    ids=["bare", "objects", "string", "string of a string", "escaped twice"],
)
def test_custom_fields_are_read_however_they_are_packed(fields: object) -> None:
    assert custom_fields(fields) == PACKED


@given(st.text())
def test_any_text_in_custom_fields_survives_being_escaped_twice(text: str) -> None:
    """So the reference shows them in lists: with a backslash before each quote."""
    once = orjson.dumps({"text1": {"value": text}}).decode()
    twice = orjson.dumps(once).decode()[1:-1]
    assert custom_fields(once) == custom_fields(twice) == {"text1": text}


@pytest.mark.parametrize("fields", [None, 7, [], [1], "", "no json", "null", '"x"', "\ud800", {"a": None}])
def test_custom_fields_of_no_use(fields: object) -> None:
    assert custom_fields(fields) in ({}, {"a": None})


@given(JSON)
def test_any_json_can_stand_for_custom_fields(content: object) -> None:
    assert isinstance(custom_fields(content), dict)
