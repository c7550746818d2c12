"""What of a corrected row is as it was before."""

from __future__ import annotations

import pytest

from importer.failures.put_back import put_back
from importer.ledger.records import Original
from importer.models import FieldError, Row

COLUMNS = ("Id", "Phone", "Due", "Text")
CELLS = ("001", "90071992570410000", "2024-03-01", "It burns")
MISSING = FieldError("missing", "Text", "", "is required", "fill it in", "title")
INEXACT = FieldError("inexact_number", "Phone", "90071992570410000", "may be wrong", "export as text")
TOO_FEW = FieldError("too_few_fields", None, "001,2", "has 2 fields, the header has 4", "complete the row")
TOO_MANY = FieldError("too_many_fields", None, "001,2", "has 5 fields, the header has 4", "put quotes around a cell")
REFUSED = ()


def original(*cells: str, errors: tuple[FieldError, ...] = REFUSED, columns: tuple[str, ...] = COLUMNS) -> Original:
    return Original(columns, cells or CELLS, errors)


def test_cells_of_the_spreadsheet_go_and_those_of_the_person_stay() -> None:
    row = Row(2, ("1", "9.0072E+16", "01.03.24", "It smokes"))
    corrected = put_back(row, COLUMNS, original())
    assert corrected.row == Row(2, (*CELLS[:3], "It smokes"))
    assert corrected.put_back == 3


def test_in_the_columns_that_the_errors_name_the_cell_counts_as_it_stands() -> None:
    error = FieldError("bad_date", "Due", "2024-03-01", "is no date", "write it as DD.MM.YYYY", "custom_fields.date1")
    corrected = put_back(Row(2, ("1", CELLS[1], "01.03.2024", CELLS[3])), COLUMNS, original(errors=(error,)))
    assert corrected.row.cells == ("001", CELLS[1], "01.03.2024", CELLS[3])
    assert corrected.put_back == 1


def test_columns_are_known_by_their_names_wherever_they_are() -> None:
    columns = ("Text", "Remark", "Phone", "Id")
    corrected = put_back(Row(2, ("It burns", "7", "9.0072E+16", "1")), columns, original())
    assert corrected.row.cells == ("It burns", "7", CELLS[1], "001")


def test_of_columns_with_one_name_the_first_is_the_first() -> None:
    columns = ("Id", "Comment", "Comment")
    corrected = put_back(Row(2, ("1", "7", "9")), columns, original("1", "007", "0009", columns=columns))
    assert corrected.row.cells == ("1", "007", "0009")


@pytest.mark.parametrize("shown", ["90071992570410000", "9.0072E+16"])
def test_what_the_reader_found_in_a_cell_goes_when_it_is_put_back(shown: str) -> None:
    """In a workbook the id is a number, which may be inexact; in the ledger it is not."""
    row = Row(2, (CELLS[0], shown, *CELLS[2:]), (INEXACT,))
    assert put_back(row, COLUMNS, original()).row == Row(2, CELLS)


def test_what_the_reader_found_in_a_cell_of_the_person_stays() -> None:
    row = Row(2, (CELLS[0], "90071992570410016", *CELLS[2:]), (INEXACT,))
    assert put_back(row, COLUMNS, original()).row == row


def test_an_error_value_in_a_cell_that_was_empty_stays() -> None:
    error = FieldError("error_cell", "Phone", "#N/A", "is an error value", "clear the cell")
    row = Row(2, (CELLS[0], "", *CELLS[2:]), (error,))
    assert put_back(row, COLUMNS, original(CELLS[0], "", *CELLS[2:])).row == row


def test_a_number_that_was_inexact_stays_so_until_somebody_writes_another() -> None:
    """In a CSV file it looks like any other."""
    before = original(errors=(INEXACT,))
    assert put_back(Row(2, CELLS), COLUMNS, before).row == Row(2, CELLS, (INEXACT,))
    other = Row(2, (CELLS[0], "90071992570410001", *CELLS[2:]))
    assert put_back(other, COLUMNS, before).row == other


def test_errors_of_the_mapping_are_found_anew() -> None:
    before = original(*CELLS[:3], "", errors=(MISSING,))
    assert put_back(Row(2, (*CELLS[:3], "")), COLUMNS, before).row.problems == ()


@pytest.mark.parametrize("cells", [("001", "2"), ("1", "2", "", "")])
def test_a_row_with_too_few_cells_stays_so_until_somebody_fills_them(cells: tuple[str, ...]) -> None:
    before = original("001", "2", errors=(TOO_FEW,))
    corrected = put_back(Row(2, cells), COLUMNS, before)
    assert corrected.row == Row(2, ("001", "2"), (TOO_FEW,))
    assert corrected.put_back == (0 if len(cells) == 2 else 3)


def test_a_row_with_too_few_cells_is_mended_by_filling_one() -> None:
    filled = Row(2, ("1", "2", "", "It burns"))
    before = original("001", "2", errors=(TOO_FEW,))
    assert put_back(filled, COLUMNS, before).row == Row(2, ("001", "2", "", "It burns"))


def test_a_row_with_too_many_cells_stays_so_until_somebody_has_moved_them() -> None:
    before = original(*CELLS, "more", errors=(TOO_MANY,))
    kept = put_back(Row(2, CELLS), COLUMNS, before, surplus=("more",))
    assert kept.row == Row(2, (*CELLS, "more"), (TOO_MANY,))
    moved = Row(2, (*CELLS[:3], "It burns more"))
    assert put_back(moved, COLUMNS, before).row == moved


def test_a_row_with_too_many_cells_is_not_mended_by_rows_that_are_sorted_without_them() -> None:
    """The cells stay where they are and are those of another row then."""
    before = original(*CELLS, "more", errors=(TOO_MANY,))
    whole = Row(2, (*CELLS, "more"), (TOO_MANY,))
    shown = Row(2, ("1", "9.0072E+16", *CELLS[2:]))
    assert put_back(shown, COLUMNS, before).row == whole
    assert put_back(shown, COLUMNS, before, surplus=("another's",)).row == whole
    assert put_back(Row(2, CELLS[:3][::-1]), COLUMNS[:3][::-1], before).row.problems == (TOO_MANY,)
    empty = original(*CELLS[:3], "", "more", errors=(TOO_MANY,))
    assert put_back(Row(2, CELLS[:3]), COLUMNS, empty).row == Row(2, (*CELLS[:3], "", "more"), (TOO_MANY,))
    in_csv = Row(2, (*CELLS, "more"), (TOO_MANY,))  # as it is when the header is shorter
    assert put_back(in_csv, COLUMNS, before, surplus=("more",)).row == whole


def test_a_remark_next_to_the_table_is_no_part_of_the_row() -> None:
    assert put_back(Row(2, CELLS), COLUMNS, original(), surplus=("ask Ana",)).row == Row(2, CELLS)


def test_empty_cells_at_the_end_of_a_row_may_be_left_out() -> None:
    """Excel does not write the last delimiters of a row if no row near it has anything there."""
    short = Row(2, ("1", "2"), (TOO_FEW,))
    corrected = put_back(short, COLUMNS, original("001", "2", "", ""))
    assert corrected.row == Row(2, ("001", "2", "", ""))
    assert put_back(short, COLUMNS, original("001", "2", "", "x")).row.problems == (TOO_FEW,)


def test_a_damaged_character_is_not_mended_by_a_spreadsheet_that_leaves_it_out() -> None:
    nul = FieldError("nul_character", None, "Hello,\0 you", "holds a NUL character", "remove it")
    before = original(*CELLS[:3], "Hello,\0 you", errors=(nul,))
    assert put_back(Row(2, (*CELLS[:3], "Hello, you")), COLUMNS, before).row == Row(2, before.cells, (nul,))
    mended = Row(2, (*CELLS[:3], "Hello you"))
    assert put_back(mended, COLUMNS, before).row == mended


def test_a_row_that_may_be_the_rest_of_another_stays_so_until_a_cell_is_changed() -> None:
    """It has all its cells, so nothing else would tell that it was never looked at."""
    rest = FieldError("after_split_row", None, "001,2", "may belong to line 2", "fix line 2 first")
    before = original(*CELLS, errors=(rest,))
    assert put_back(Row(2, CELLS), COLUMNS, before).row.problems == (rest,)
    assert put_back(Row(2, (*CELLS[:3], "It burns more")), COLUMNS, before).row.problems == ()
