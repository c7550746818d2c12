"""What a wrong cell was probably meant to be, and the only words that a column may have."""

from __future__ import annotations

import time

import pytest
from mapping_files import Bind

from importer.models import Row

HEAD = "version: 1\nsource: {key: Id}\ncase:\n  title: {value: x}\n  description: {value: x}\n  "


@pytest.mark.parametrize(
    ("fragment", "cell", "suggestion"),
    [
        ("requester_email: A", "pat", ""),
        ("requester_name: {column: A, max: 8}", "one two three", "one two…"),
        ("requester_name: {template: 'Dear {A}', max: 8}", "one two three", ""),
        ("priority: A", "Hihg", "HIGH"),
        ("priority: A", "?", ""),
        ("priority: {column: A, values: {Hoch: HIGH, Tief: LOW}}", " hohc", "Hoch"),
        ("priority: {column: A, values: {Hoch: HIGH, Tief: LOW}}", "?", ""),
        ("custom_fields: {decimal1: A}", "1,234", ""),
        ("custom_fields: {date1: A}", "01/03/2024", ""),
    ],
)
def test_a_suggestion_is_the_one_thing_that_was_meant(bind: Bind, fragment: str, cell: str, suggestion: str) -> None:
    mapper = bind(HEAD + fragment, "Id|A")
    (error,) = mapper.apply(Row(2, ("1", cell))).errors
    assert (error.column, error.suggestion) == ("A", suggestion)
    if suggestion:
        assert mapper.apply(Row(2, ("1", suggestion))).errors == ()


@pytest.mark.parametrize("others", [0, 500])
def test_a_column_that_was_mapped_by_mistake_takes_no_time(bind: Bind, others: int) -> None:
    """Short texts are compared with the words of a table only so many times, long ones with none."""
    words = ", ".join(["Low: LOW", *(f"w{number}: LOW" for number in range(others))])
    mapper = bind(HEAD + f"priority: {{column: A, values: {{{words}}}}}", "Id|A")
    begun = time.process_time()
    for number in range(20_000):
        assert mapper.apply(Row(2, ("1", f"It does not print {number}"))).errors[0].suggestion == ""
    assert time.process_time() - begun < 15


def test_long_texts_in_a_column_of_words_take_no_time(bind: Bind) -> None:
    mapper, begun = bind(HEAD + "priority: A", "Id|A"), time.process_time()
    for number in range(100):
        assert mapper.apply(Row(2, ("1", f"{number} {'It does not print. ' * 20_000}"))).errors[0].suggestion == ""
    assert time.process_time() - begun < 5


def test_the_words_of_a_column_are_those_that_all_its_fields_accept(bind: Bind) -> None:
    mapper = bind(
        HEAD + "priority: {column: A, values: {High: HIGH, Low: LOW, Odd: LOW}}\n"
        "  requester_name: {column: A, values: {Low: l, High: h}}\n"
        "  requester_type: B\n"
        "  owner_id: {column: C, values: {x: y}, unknown: keep}",
        "Id|A|B|C",
    )
    assert mapper.allowed.pop("B")
    assert mapper.allowed["A"] == ["High", "Low"]
    assert "C" not in mapper.allowed
