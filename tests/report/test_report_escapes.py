"""No cell of ours is a formula to a spreadsheet, and every cell comes back as it was."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from importer.text.formulas import escape_formula, unescape_formula

LEADS = "=+-@\t\r\n＝＋－＠"
#: Texts in which everything that matters happens often.
CELLS = st.text(st.sampled_from("'=+-@\t\r\n＝＋－＠ aé1,;;\"") | st.characters(exclude_categories=["Cs"]), max_size=12)


@pytest.mark.parametrize("quotes", ["", "'", "''"])
def test_nothing_begins_like_a_formula(quotes: str) -> None:
    rests = ("", "1+1", "cmd|'/c calc'!A1", 'HYPERLINK("http://x","y")')
    cells = [quotes + lead + rest for lead in LEADS for rest in rests]
    assert [escape_formula(cell) for cell in cells] == ["'" + cell for cell in cells]
    assert [unescape_formula(escape_formula(cell)) for cell in cells] == cells


@pytest.mark.parametrize("cell", ["", "a", "'", "''", "'a", "O'Hara", "1-1", "a=b", " =1", "007", "₌1"])
def test_what_is_no_formula_is_left_as_it_is(cell: str) -> None:
    assert escape_formula(cell) == cell
    assert unescape_formula(cell) == cell


@pytest.mark.parametrize(
    ("cell", "escaped"),
    [
        ("x;=1+1;y", "x;'=1+1;y"),
        ("x;'=1+1", "x;''=1+1"),
        ('x;"=1+1', "x;\"'=1+1"),
        ("x\t@SUM(A1)", "x\t'@SUM(A1)"),
        ("=1;=2", "'=1;'=2"),
        ("x,=1+1,y", "x,'=1+1,y"),
        ("1,-1", "1,'-1"),
        ("\t=1", "'\t'=1"),
        ("\n=1", "'\n'=1"),
        ("\r\n=1", "'\r\n'=1"),
        ("see below\n=1+1\n- one", "see below\n'=1+1\n'- one"),
        ("two\r\n\r\n@SUM(A1)", "two\r\n\r\n'@SUM(A1)"),
        ('two\n"=1', "two\n\"'=1"),
        ("a; b;c-1,d=2", "a; b;c-1,d=2"),
    ],
)
def test_whatever_may_be_the_separator(cell: str, escaped: str) -> None:
    assert escape_formula(cell) == escaped
    assert unescape_formula(escaped) == cell


@given(CELLS)
def test_no_part_leads_with_what_spreadsheets_run(cell: str) -> None:
    for part in re.split("[,;\t\r\n]", escape_formula(cell))[1:]:
        assert not part.lstrip('"').startswith(tuple("=+-@＝＋－＠"))


@given(CELLS)
@example("'=")
@example("''=")
def test_every_cell_comes_back(cell: str) -> None:
    assert unescape_formula(escape_formula(cell)) == cell


@given(CELLS)
def test_no_cell_leads_with_what_spreadsheets_run(cell: str) -> None:
    assert not escape_formula(cell).startswith(tuple(LEADS))


@given(CELLS, CELLS)
def test_different_cells_stay_different(one: str, other: str) -> None:
    assert (escape_formula(one) == escape_formula(other)) == (one == other)


@pytest.mark.parametrize("typed", ["=1+1", "-5", "@ana", "+351 21"])
def test_what_a_person_types_into_a_failures_file_is_taken_as_typed(typed: str) -> None:
    """Spreadsheets eat the apostrophe, and people do not write it."""
    assert unescape_formula(typed) == typed
