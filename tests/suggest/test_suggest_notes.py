"""What was said about a ticket becomes notes of their own: cells with date, author and text are taken apart."""

import json
from typing import Any

import pytest
from suggest_tables import lines_with, mapped, repeated

from importer.reader import Reader
from importer.suggest.suggesting import suggest


def export(name: str, *comments: tuple[str, str], more: tuple[str, ...] = ()) -> Reader:
    rows = [[f"SUP-{number}", "It burns", *more, *cells] for number, cells in enumerate(comments)]
    return repeated(["Key", "Summary", *more, name, name], rows)


def notes_of(source: Reader) -> list[dict[str, Any]]:
    bodies = [json.loads(case.body or b"") for case in mapped(suggest(source).text, source)]
    return [note for body in bodies for note in body.get("notes", [])]


@pytest.mark.parametrize(
    ("name", "date"),
    [
        ("Comment", "05/Jun/23 9:04 AM"),
        ("Kommentar", "05/Mai/23 9:04"),
        ("Commentaire", "04/févr./24 9:04"),
        ("Comentário", "04/fev/24 9:04"),
        ("Комментарий", "04/янв/24 9:04"),
        ("Attachment", "2024-01-05 09:04"),
    ],
)
def test_date_author_and_text_are_taken_apart(name: str, date: str) -> None:
    source = export(name, (f"{date};ana;No; it burns", ""), (f"{date};557058:bo;Still", f"{date};ana;Out"))
    assert [(note["note_title"], note["note_body"]) for note in notes_of(source)] == [
        (f"ana, {date}", "No; it burns"),
        (f"557058:bo, {date}", "Still"),
        (f"ana, {date}", "Out"),
    ]


def test_what_has_no_date_in_front_stays_whole() -> None:
    source = export("Comment", ("No; it; burns", "Call 0044 20 1;ana;please"), ("Still; we; wait", ""))
    assert notes_of(source)[1]["note_body"] == "Call 0044 20 1;ana;please"
    assert lines_with(suggest(source).text, "separator") == []


def test_one_that_is_written_otherwise_is_kept() -> None:
    dated = "05/Jun/23 9:04 AM;ana;It burns"
    source = export("Comment", *[(dated, dated)] * 6, ("It is out", ""))
    assert notes_of(source)[-1] == {"note_body": "It is out", "public": False}


def test_html_of_comments_becomes_text() -> None:
    source = export("Comment", ("05/Jun/23 9:04 AM;ana;<p>It <b>burns</b></p>", ""), ("", ""))
    assert notes_of(source)[0]["note_body"] == "It burns"
    source = export("Comment", ("<p>It <b>burns</b></p>", "<p>Still</p>"), ("", ""))
    assert [note["note_body"] for note in notes_of(source)] == ["It burns", "Still"]


def test_parts_are_not_called_like_columns() -> None:
    source = export("Comment", ("05/Jun/23 9:04 AM;ana;It burns", ""), more=("author", "text"))
    assert (notes_of(source)[0]["note_title"], notes_of(source)[0]["note_body"]) == (
        "ana, 05/Jun/23 9:04 AM",
        "It burns",
    )
