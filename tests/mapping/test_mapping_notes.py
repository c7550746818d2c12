"""Notes: from values, and one for each cell of a repeated column."""

from typing import Any

import orjson
import pytest
from mapping_files import CASE, Bind

from importer.models import Mapped, Row


def notes_of(mapped: Mapped) -> Any:
    assert mapped.body is not None, mapped.errors
    return orjson.loads(mapped.body).get("notes")


def test_a_note_without_a_body_is_left_out_whatever_its_title(bind: Bind) -> None:
    mapper = bind(CASE + "  notes: [{title: N, body: B}, {body: B, public: true}]\n", "ID|T|D|N|B")
    assert notes_of(mapper.apply(Row(2, ("1", "T", "D", "x" * 999, " ")))) is None
    assert notes_of(mapper.apply(Row(3, ("1", "T", "D", "", " b\n ")))) == [
        {"note_body": " b\n ", "public": False},
        {"note_body": " b\n ", "public": True},
    ]


def test_each_cell_of_a_repeated_column_is_a_note_in_the_order_of_the_columns(bind: Bind) -> None:
    mapper = bind(CASE + "  notes: [{each: C, title: N}, {body: N}]\n", "C|ID|T|D|C|N|C")
    assert notes_of(mapper.apply(Row(2, ("one\r\n", "1", "T", "D", "", "n", "three")))) == [
        {"note_title": "n", "note_body": "one\r\n", "public": False},
        {"note_title": "n", "note_body": "three", "public": False},
        {"note_body": "n", "public": False},
    ]


def test_public_can_come_from_a_column(bind: Bind) -> None:
    mapper = bind(CASE + "  notes: [{body: B, public: {column: P, default: true}}]\n", "ID|T|D|B|P")
    assert [notes_of(mapper.apply(Row(2, ("1", "T", "D", "b", p))))[0]["public"] for p in ("no", "ja", "")] == [
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("notes", "cells", "errors"),
    [
        ("[{title: N, body: B}]", ("x" * 256, "b"), [("too_long", "N", "notes.note_title")]),
        ("[{title: N, body: B}]", ("x" * 256, ""), []),
        ("[{body: B, public: {column: N}}]", ("?", "b"), [("not_a_boolean", "N", "notes.public")]),
        ("[{body: B, public: {column: N}}]", ("", "b"), [("missing", "N", "notes.public")]),
        ("[{body: B, public: {column: N}}]", ("", ""), []),
        (
            "[{body: {column: B, max: 2}, title: N}]",
            ("\x00", "abc"),
            [("too_long", "B", "notes.note_body"), ("bad_text", "N", "notes.note_title")],
        ),
        (
            "[{each: B}, {each: N}]",
            ("a\x00", "b\ud800"),
            [("bad_text", "B", "notes.note_body"), ("bad_text", "N", "notes.note_body")],
        ),
    ],
)
def test_what_is_wrong_with_a_note(
    bind: Bind, notes: str, cells: tuple[str, ...], errors: list[tuple[str, str, str]]
) -> None:
    mapped = bind(CASE + f"  notes: {notes}\n", "ID|T|D|N|B").apply(Row(2, ("1", "T", "D", *cells)))
    assert [(error.code, error.column, error.target) for error in mapped.errors] == errors


def test_a_title_that_repeats_the_body_is_cut_and_any_other_is_not(bind: Bind) -> None:
    """The body has the whole text, so nothing is lost."""
    mapper = bind(CASE + "  notes: [{title: B, body: B}]\n", "ID|T|D|B")
    text = "first line\nsecond " + "x" * 300
    (note,) = notes_of(mapper.apply(Row(2, ("1", "T", "D", text))))
    assert note["note_body"] == text
    assert note["note_title"] == "first line second " + "x" * 236 + "…"
    strict = bind(CASE + "  notes: [{title: {column: B, overflow: reject}, body: B}]\n", "ID|T|D|B")
    assert [error.code for error in strict.apply(Row(2, ("1", "T", "D", text))).errors] == ["too_long"]


def test_a_text_that_is_too_long_for_its_field_is_kept_whole_in_a_note(bind: Bind) -> None:
    text = CASE.replace("title: T", "title: {column: T, overflow: note}").replace(
        "description: D", "description: {template: '{D}!', overflow: note, html: text}"
    )
    long_title, long_text = "t" * 151, "d" * 2000
    mapped = bind(text + "  notes: [{body: N}]\n", "ID|T|D|N").apply(Row(2, ("1", long_title, long_text, "n")))
    body = orjson.loads(mapped.body or b"")
    assert (len(body["title"]), len(body["description"])) == (150, 2000)
    assert [(note.get("note_title"), note["note_body"], note["public"]) for note in body["notes"]] == [
        (None, "n", False),
        ("Full text of title", long_title, False),
        ("Full text of description", long_text + "!", False),
    ]


def test_a_text_that_fits_has_no_note(bind: Bind) -> None:
    text = CASE.replace("title: T", "title: {column: T, overflow: note, values: {x: y}, unknown: keep}")
    for title in ("t" * 150, "x"):
        assert "notes" not in orjson.loads(bind(text, "ID|T|D").apply(Row(2, ("1", title, "D"))).body or b"")


def test_what_is_wrong_with_a_text_that_overflows_is_said_once(bind: Bind) -> None:
    text = CASE.replace("title: T", "title: {column: T, overflow: note}")
    errors = bind(text, "ID|T|D").apply(Row(2, ("1", "", "D"))).errors
    assert [error.code for error in errors] == ["missing"]
