"""What is counted of a column: bounded, without the spaces around cells, and with the rows of the file."""

from collections.abc import Sequence

import pandas as pd

from importer.checks.file_checks import file_issues, issue_shapes
from importer.profile.profile import ROWS_NAMED, VALUES_MAX, ColumnProfile, FileProfile
from importer.reader import open_reader


def profiled(*cells: str, blank_words: Sequence[str] = ()) -> ColumnProfile:
    """The profile of a column that came in two chunks; its first cell is in row 2."""
    profile = ColumnProfile("A", shapes_of=lambda cell: ["loud"] if "!" in cell else [], blank_words=blank_words)
    series = pd.Series(cells, index=range(2, len(cells) + 2), dtype=object)
    profile.take(series[:2])
    profile.take(series[2:])
    return profile


def test_cells_are_counted_without_the_spaces_around_them() -> None:
    profile = profiled("Low", " Low ", "  ", "", "High", "Low")
    assert (profile.filled, profile.distinct, profile.longest, profile.characters) == (4, 2, 4, 13)
    assert profile.values.most_common() == [("Low", 3), ("High", 1)]


def test_a_shape_has_its_count_its_first_rows_and_an_example() -> None:
    loud = profiled("no", *["yes!"] * 9).shapes["loud"]
    assert (loud.count, loud.rows, loud.example) == (9, list(range(3, 3 + ROWS_NAMED)), "yes!")


def test_only_so_many_short_texts_are_kept_however_long_the_file_is() -> None:
    profile = ColumnProfile("A")
    for start in range(0, 20 * VALUES_MAX, VALUES_MAX):
        profile.take(pd.Series([f"{number}" for number in range(start, start + VALUES_MAX)], dtype=object))
    profile.take(pd.Series(["x" * 1_000, "0"], dtype=object))
    assert (len(profile.values.counts), profile.values.others) == (VALUES_MAX, 19 * VALUES_MAX + 1)
    assert (profile.distinct, profile.capped, profile.complete) == (VALUES_MAX, True, False)
    assert profile.values.counts["0"] == 2
    assert len(profile._hashes) == VALUES_MAX + 1


def test_long_texts_are_different_texts_but_not_kept() -> None:
    profile = profiled("x" * 500, "y" * 500, "x" * 500)
    assert (profile.distinct, profile.capped, profile.values.counts) == (2, False, {})


def test_words_that_stand_for_nothing_can_be_taken_off() -> None:
    profile = profiled("-", "Ana", "-", "NA", blank_words=["-", "NA"])
    assert profile.blanks == {"-": 2, "NA": 1}
    without = profile.without(["-"])
    assert (without.filled, without.distinct, without.characters) == (2, 2, 5)
    assert without.values.counts == {"Ana": 1, "NA": 1}
    assert profile.filled == 4, "the profile itself stays"


def test_columns_of_one_name_are_counted_each() -> None:
    frame = pd.DataFrame([["a", "b"], ["a", "c"]], columns=pd.Index(["X", "X"], dtype=object), dtype=object)
    source = open_reader(frame)
    profile = FileProfile(source.columns, issue_shapes)
    for chunk in source.chunks():
        profile.take(chunk)
    assert [(it.occurrence, it.repeats, it.distinct) for it in profile.columns] == [(1, 2, 1), (2, 2, 2)]


def test_a_few_texts_that_begin_with_a_date_are_no_column_of_dates() -> None:
    titles = ["01/02/2024 outage", *(f"Printer {number} is broken" for number in range(30))]
    source = open_reader(pd.DataFrame({"Id": [str(n) for n in range(31)], "Subject": titles, "C": ["x"] * 31}))
    profile = FileProfile(source.columns, issue_shapes)
    for chunk in source.chunks():
        profile.take(chunk)
    assert list(file_issues(profile)) == []
