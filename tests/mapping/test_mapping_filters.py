"""`only` and `skip`: which rows a mapping filters, and what happens to rows that cannot be decided."""

from __future__ import annotations

import pytest
from mapping_files import Bind, Load

from importer.errors import MappingError
from importer.models import FieldError, Mapped, Row

COLUMNS = "ID|T|D|Status|Type|N"


def mapping(conditions: str, *, case: str = "title: T\n  description: D") -> str:
    return f"version: 1\nsource:\n  key: ID\n{conditions}\nexternal_id_field: text1\ncase:\n  {case}\n"


def mapped(bind: Bind, conditions: str, *cells: str, problems: tuple[FieldError, ...] = ()) -> Mapped:
    return bind(mapping(conditions), COLUMNS).apply(Row(2, cells, problems))


ONLY = "  only: Status != 'spam'"
SKIP = "  skip: Type == 'test'"
NUMBER = "  skip: number(N) > 10"


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        ("open", "x", None),
        ("spam", "x", "source.only is not met: Status != 'spam'"),
        ("open", "test", "source.skip is met: Type == 'test'"),
        ("spam", "test", "source.only is not met: Status != 'spam'"),
        ("  spam ", "x", "source.only is not met: Status != 'spam'"),
    ],
)
def test_only_and_skip(bind: Bind, status: str, kind: str, reason: str | None) -> None:
    row = mapped(bind, f"{ONLY}\n{SKIP}", "7", "T", "D", status, kind, "")
    assert (row.key, row.errors, row.filtered_by) == ("7", (), reason)
    assert (row.body is None) == (reason is not None)


def test_a_filtered_row_may_be_invalid(bind: Bind) -> None:
    assert mapped(bind, ONLY, "7", "x" * 200, "\0", "spam", "", "").errors == ()


@pytest.mark.parametrize("key", ["", "  ", "x" * 300, "a\0b"])
def test_its_key_is_read_if_that_can_be(bind: Bind, key: str) -> None:
    row = mapped(bind, ONLY, key, "T", "D", "spam", "", "")
    assert (row.key, row.errors, bool(row.filtered_by)) == ("", (), True)


def test_a_condition_that_cannot_be_decided_is_an_error_of_the_row(bind: Bind) -> None:
    row = mapped(bind, NUMBER, "7", "", "D", "open", "", "many")
    assert (row.body, row.filtered_by) == (None, None)
    assert [(error.code, error.column, error.target) for error in row.errors] == [
        ("not_a_number", "N", "source.skip"),
        ("missing", "T", "title"),
    ]


def test_it_is_one_even_if_the_row_would_fit(bind: Bind) -> None:
    """Nobody may send a row that was perhaps to be left out."""
    assert [error.code for error in mapped(bind, NUMBER, "7", "T", "D", "", "", "many").errors] == ["not_a_number"]


def test_what_the_other_condition_decides_is_decided(bind: Bind) -> None:
    assert mapped(bind, f"{ONLY}\n{NUMBER}", "7", "T", "D", "spam", "", "many").filtered_by


def test_an_error_cell_in_the_condition_spoils_the_row_and_elsewhere_it_does_not_matter(bind: Bind) -> None:
    def error(column: str) -> FieldError:
        return FieldError("error_cell", column, "#N/A", "is an error", "correct it")

    cells = ("7", "T", "D", "spam", "", "")
    spoiled = mapped(bind, ONLY, *cells, problems=(error("Status"),))
    assert (spoiled.filtered_by, [found.code for found in spoiled.errors]) == (None, ["error_cell"])
    assert mapped(bind, ONLY, *cells, problems=(error("T"),)).filtered_by
    without_key = mapped(bind, ONLY, *cells, problems=(error("ID"),))
    assert (without_key.key, bool(without_key.filtered_by)) == ("", True)


def test_a_row_with_missing_cells_is_not_filtered(bind: Bind) -> None:
    assert [error.code for error in mapped(bind, ONLY, "7", "T", "D", "spam").errors] == ["field_count"]


def test_a_condition_uses_its_columns(bind: Bind) -> None:
    assert {"Status", "Type"} <= bind(mapping(f"{ONLY}\n{SKIP}"), COLUMNS).columns_used


def test_cells_that_count_as_empty_are_empty_to_conditions(bind: Bind) -> None:
    row = mapped(bind, "  empty: ['-']\n  skip: empty(Type)", "7", "T", "D", "open", "-", "")
    assert row.filtered_by == "source.skip is met: empty(Type)"


@pytest.mark.parametrize(
    ("conditions", "place", "what"),
    [
        ("  only: Status", "m.yml:4:9", "a text alone is not a condition"),
        ("  skip: lowr(Status) == 'x'", "m.yml:4:9", "unknown function 'lowr'"),
        ("  only: Statsu != 'spam'", "m.yml:4:9", "the export has no column 'Statsu'"),
        ("  skip: [Status]", "m.yml:4:9", "expected a single text"),
    ],
)
def test_a_condition_that_means_nothing_is_refused(load: Load, conditions: str, place: str, what: str) -> None:
    with pytest.raises(MappingError) as caught:
        load(mapping(conditions)).bind(tuple(COLUMNS.split("|")))
    assert str(caught.value).startswith(f"{place}: {what}")


def test_the_conditions_have_names(load: Load) -> None:
    assert load(mapping("  join: x")).filters == ()
    assert load(mapping(f"{SKIP}\n{ONLY}")).filters == (
        "source.only is not met: Status != 'spam'",
        "source.skip is met: Type == 'test'",
    )
