"""Lines are written into a mapping, and every other byte of it stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import MappingError
from importer.mapping.amend import Entry, amended, quoted
from importer.mapping.yaml_nodes import NodePath, Table, parse, plain

PRIORITY: NodePath = ("case", "priority")
ASAP = Entry("ASAP", "URGENT", "2 rows")
OPEN = Entry("Blocker", None, "1 row; choose: LOW, URGENT")


def written(text: str, *entries: Entry, path: NodePath = PRIORITY) -> str:
    return amended(text, {path: list(entries)}, file="m.yml")


def test_lines_go_behind_the_last_one_of_a_table_and_comments_stay() -> None:
    text = "case:\n  priority:\n    column: P  # mine\n    values:\n      Low: LOW   # keep\n\n  # next\n  title: T\n"
    assert written(text, ASAP, OPEN) == (
        "case:\n  priority:\n    column: P  # mine\n    values:\n      Low: LOW   # keep\n"
        "      ASAP: URGENT  # 2 rows\n"
        "      # Blocker: …  # 1 row; choose: LOW, URGENT\n"
        "\n  # next\n  title: T\n"
    )


def test_a_table_in_braces_stays_in_braces() -> None:
    text = 'case:\n  priority: {column: P, values: {Low: "LOW"}}  # mine\n'
    assert written(text, ASAP, OPEN) == (
        "case:\n  # Blocker: …  # 1 row; choose: LOW, URGENT\n"
        '  priority: {column: P, values: {Low: "LOW", ASAP: URGENT}}  # mine\n'
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("case:\n  priority: P  # mine\n", "case:\n  priority: {column: P, values: {ASAP: URGENT}}  # mine\n"),
        ('case: {priority: "P, x"}', "case: {priority: {column: 'P, x', values: {ASAP: URGENT}}}"),
        ("case:\n  priority: {column: P}\n", "case:\n  priority: {column: P, values: {ASAP: URGENT}}\n"),
        (
            "case:\n  priority:\n    column: P\n",
            "case:\n  priority:\n    column: P\n    values:\n      ASAP: URGENT  # 2 rows\n",
        ),
        ("case:\n  priority: {column: P, values: {}}", "case:\n  priority: {column: P, values: {ASAP: URGENT}}"),
    ],
)
def test_a_value_without_a_table_gets_one(before: str, after: str) -> None:
    assert written(before, ASAP) == after


def test_a_file_that_lacks_its_last_line_end_gets_it() -> None:
    text = "case:\n  priority:\n    column: P\n    values:\n      Low: LOW"
    assert written(text, ASAP) == text + "\n      ASAP: URGENT  # 2 rows\n"


def test_line_ends_of_windows_stay() -> None:
    text = "case:\r\n  priority:\r\n    values:\r\n      Low: LOW\r\n    column: P\r\n"
    new = written(text, ASAP)
    assert "      Low: LOW\r\n      ASAP: URGENT  # 2 rows\r\n    column: P\r\n" in new
    assert new.count("\n") == new.count("\r\n")


def test_a_comment_for_a_person_is_not_written_twice() -> None:
    once = written("case:\n  priority:\n    values:\n      Low: LOW\n    column: P\n", OPEN)
    assert written(once, OPEN) == once


def test_only_comments_make_no_empty_table() -> None:
    new = written("case:\n  priority:\n    column: P\n", OPEN)
    assert new.endswith("    column: P\n    # values:\n      # Blocker: …  # 1 row; choose: LOW, URGENT\n")
    root, problems = parse(new)
    assert problems == []
    assert isinstance(root, Table)
    assert plain(root) == {"case": {"priority": {"column": "P"}}}


def test_what_cannot_be_read_is_refused() -> None:
    with pytest.raises(MappingError, match="cannot be read"):
        written("case: [", ASAP)


WORDS = st.text(min_size=1, max_size=30).filter(lambda text: text == text.strip() and max(text) < "\ud800")


@given(WORDS, WORDS)
def test_any_word_survives_being_written(word: str, value: str) -> None:
    """In lines and in braces, whatever signs are in it."""
    entry = Entry(word, value, "")
    for text in ("case:\n  p:\n    values:\n      Zz9: LOW\n", "case: {p: {values: {Zz9: LOW}}}"):
        root, problems = parse(written(text, entry, path=("case", "p")))
        assert problems == []
        assert isinstance(root, Table)
        assert plain(root) == {"case": {"p": {"values": {"Zz9": "LOW", word: value}}}}


@pytest.mark.parametrize("word", ["- x", "a: b", "a #b", "", " x", "#1", "'", '"', "{", "*", "!", "%", "1,2", "\n"])
def test_words_that_yaml_would_read_otherwise_get_quotes(word: str) -> None:
    assert quoted(word)[0] in "'\""
