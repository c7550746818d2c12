"""What happened to an export before: each kind of issue is found where it is, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from importer.checks.file_checks import EXCEL_CELL_MAX, FileIssue, file_issues, issue_shapes, pattern_of, sheet_issues
from importer.models import Row
from importer.profile.profile import FileProfile, chunk_of
from importer.reader import open_reader


def issues_in(header: Sequence[str], rows: Sequence[Sequence[str]], *, batch: int = 3) -> dict[str, FileIssue]:
    """The issues of these rows, of which the first is line 2, by kind."""
    profile = FileProfile(header, issue_shapes)
    numbered = [Row(number, tuple(cells)) for number, cells in enumerate(rows, 2)]
    for start in range(0, len(numbered), batch):
        profile.take(chunk_of(numbered[start : start + batch], header))
    return {issue.kind: issue for issue in file_issues(profile)}


def in_column(*cells: str) -> dict[str, FileIssue]:
    """The issues about one column next to another one that keeps its rows from looking like remarks."""
    return issues_in(["Id", "Text", "C"], [[f"T-{number}", cell, "x"] for number, cell in enumerate(cells)])


def place(issue: FileIssue) -> tuple[str | None, int, tuple[int, ...]]:
    return issue.column, issue.times, issue.rows


def test_a_plain_table_has_no_issues() -> None:
    rows = [["T-1", "São João: pão às 8h", "2024-03-01"], ["T-2", "AMANHÃ” disse, “CAFÉ”", "2024-03-02"]]
    assert issues_in(["Id", "Text", "Date"], rows) == {}


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        ("double_decoded", "CafÃ© fechado"),
        ("double_decoded", "donâ€™t"),
        ("double_decoded", "Ð¿Ñ€Ð¸Ð²ÐµÑ‚"),
        ("double_decoded", "fire ðŸ”¥"),
        ("replacement_character", "Caf\ufffd"),
        ("control_character", "bell\x07"),
        ("control_character", "nul\x00"),
        ("wrong_encoding", "smart \x93quotes\x94"),
        ("half_character", "\ud83d"),
        ("scientific_notation", "1.23E+11"),
        ("scientific_notation", "9,00719925474099E+15"),
        ("rounded_number", "12345678901234500000"),
    ],
)
def test_an_issue_is_found_with_its_column_and_row(kind: str, cell: str) -> None:
    found = in_column("fine", cell, "also fine", "fine", cell)
    assert place(found.pop(kind)) == ("Text", 2, (3, 6))
    assert found == {}


@pytest.mark.parametrize(
    "cell",
    ["1.5E", "E+11", "ABC1E+5", "Ñandú", "ÁÂÃ", "two\nlines\tand a tab", "1234567890123456"],
)
def test_what_only_resembles_an_issue_is_none(cell: str) -> None:
    assert in_column(cell, "x") == {}


def test_a_text_is_cut_where_excel_cuts_it() -> None:
    found = in_column("a" * EXCEL_CELL_MAX, "a" * (EXCEL_CELL_MAX - 1), "a" * (EXCEL_CELL_MAX + 1))
    assert place(found["cut_cell"]) == ("Text", 1, (2,))


def test_excel_counts_an_emoji_as_two() -> None:
    assert place(in_column("x", "🔥" + "a" * (EXCEL_CELL_MAX - 2))["cut_cell"]) == ("Text", 1, (3,))


def test_one_round_long_number_among_exact_ones_is_chance() -> None:
    assert in_column("1234567890123450", "1234567890123451", "1234567890123452") == {}


def test_lost_leading_zeros_show_in_a_column_of_one_length() -> None:
    found = in_column("000417", "000418", "419", "100000", "42", "100001")
    assert place(found["lost_leading_zeros"]) == ("Text", 2, (4, 6))
    assert "6 digits" in found["lost_leading_zeros"].hint


@pytest.mark.parametrize(
    "cells",
    [
        pytest.param(["1", "22", "333", "444"], id="plain numbers"),
        pytest.param(["0417", "0418", "007"], id="zeros at every length"),
        pytest.param(["0417", "0418", "1", "2", "3"], id="most are short"),
        pytest.param(["0417", "1418", "9"], id="a single zero is no pattern"),
    ],
)
def test_columns_without_the_pattern_lost_no_zeros(cells: list[str]) -> None:
    assert "lost_leading_zeros" not in in_column(*cells)


def test_the_other_rows_force_the_day_first() -> None:
    found = in_column("01/02/2024", "25/12/2023", "03/03/2024")["day_first_dates"]
    assert place(found) == ("Text", 1, (2,))
    assert "'25/12/2023' in row 3" in found.what
    assert "'%d/%m/%Y'" in found.hint


def test_the_other_rows_force_the_month_first() -> None:
    found = in_column("1/2/24 3:04 PM", "12/25/23 3:04 PM")["month_first_dates"]
    assert "'%m/%d/%y %I:%M %p'" in found.hint


def test_a_column_that_forces_nothing_is_ambiguous() -> None:
    assert place(in_column("01/02/2024", "02/03/2024")["ambiguous_dates"]) == ("Text", 2, (2, 3))


def test_two_orders_in_one_column_are_named_by_the_rarer_one() -> None:
    found = in_column("13/02/2024", "02/13/2024", "14/02/2024", "01/02/2024")["mixed_dates"]
    assert place(found) == ("Text", 1, (3,))


def test_iso_dates_and_versions_are_no_question_of_order() -> None:
    assert in_column("2024-01-02", "1.2.3", "10.0.0.1", "01/02") == {}


@given(
    st.datetimes(min_value=datetime(1000, 1, 1)),
    st.sampled_from(["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y %H:%M", "%m/%d/%Y, %I:%M:%S %p"]),
)
def test_a_proposed_date_form_reads_what_it_was_made_from(moment: datetime, form: str) -> None:
    example = f"{moment:{form}}"
    assert pattern_of(example, day_first=form.startswith("%d")) == form


def test_header_lines_totals_and_empty_columns() -> None:
    rows = [["1", "a", "x", ""], ["ID", "text ", "C", "D"], ["2", "b", "y", ""], ["Summe:", "2", "", ""]]
    rows.append(["Export of 1 March", "", "", ""])
    found = issues_in(["Id", "Text", "C", "D"], [row if row[0] != "ID" else ["Id", "TEXT", "C", "D"] for row in rows])
    assert place(found["repeated_header"]) == (None, 1, (3,))
    assert place(found["total_line"]) == (None, 2, (5, 6))
    assert "empty_columns" not in found  # the header line in the middle fills it


def test_empty_columns_count_from_the_right_only() -> None:
    found = issues_in(["Id", "B", "C", "D"], [["1", "", "x", ""], ["2", "", "y", ""]])["empty_columns"]
    assert (found.times, found.unit, found.example) == (1, "column", "D")


def test_a_short_line_of_totals_counts_too() -> None:
    """It has fewer cells than the header, so it is no good as a row; a person should know that nothing is lost."""
    assert place(issues_in(["Id", "B", "C"], [["1", "a", "x"], ["Total", "1"]])["total_line"]) == (None, 1, (3,))


def test_more_rows_are_counted_than_named() -> None:
    found = in_column(*["Caf\ufffd"] * 9)["replacement_character"]
    assert (found.times, len(found.rows)) == (9, 5)


@given(st.lists(st.lists(st.text(max_size=12), min_size=1, max_size=4), max_size=8))
def test_no_table_is_too_odd_to_be_looked_at(rows: list[list[str]]) -> None:
    for issue in issues_in(["A", "B"], rows).values():
        assert issue.times >= len(issue.rows)
        assert issue.what
        assert issue.hint


def write_xlsx(path: Path, fill: Callable[[Any], None]) -> Path:
    with xlsxwriter.Workbook(path) as workbook:
        fill(workbook.add_worksheet("Tickets"))
    return path


def issues_of(path: Path) -> dict[str, FileIssue]:
    source = open_reader(path, sheet="Tickets")
    profile = FileProfile(source.columns, issue_shapes)
    for chunk in source.chunks():
        profile.take(chunk)
    return {issue.kind: issue for issue in [*file_issues(profile), *sheet_issues(source.layout)]}


def test_hidden_rows_and_columns_of_a_sheet(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        for row in range(6):
            sheet.write_row(row, 0, [f"{row}", "b", "c", "d"])
        sheet.set_row(3, None, None, {"hidden": True})
        sheet.set_column(1, 2, None, None, {"hidden": True})

    found = issues_of(write_xlsx(tmp_path / "t.xlsx", fill))
    assert place(found["hidden_rows"]) == (None, 1, (4,))
    assert "hidden" in found["hidden_rows"].what
    assert (found["hidden_columns"].times, found["hidden_columns"].example) == (2, "B to C")


def test_filtered_rows_are_called_so(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        for row in range(4):
            sheet.write_row(row, 0, [f"{row}", "b"])
        sheet.autofilter(0, 0, 3, 1)
        sheet.filter_column(0, "x == 1")
        sheet.set_row(2, None, None, {"hidden": True})

    assert "hidden by a filter" in issues_of(write_xlsx(tmp_path / "t.xlsx", fill))["hidden_rows"].what


def test_merged_cells_below_the_header(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        sheet.merge_range("A1:C1", "A title above the table does no harm")
        sheet.write_row(1, 0, ["1", "b", "c"])
        sheet.merge_range("A3:A5", "2")

    found = issues_of(write_xlsx(tmp_path / "t.xlsx", fill))["merged_cells"]
    assert (found.times, found.rows, found.example) == (2, (1, 3), "A1:C1, A3:A5")


def test_hidden_sheets_are_named(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "t.xlsx") as workbook:
        for name in ("Tickets", "hidden_old"):
            sheet = workbook.add_worksheet(name)
            sheet.write_row(0, 0, ["Id", "B"])
            sheet.write_row(1, 0, ["1", "x"])
        sheet.hide()
    found = issues_of(tmp_path / "t.xlsx")
    assert found["hidden_sheets"].example == "'hidden_old'"


def test_error_cells_and_empty_formulas_are_listed_by_column(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        sheet.write_row(0, 0, ["Id", "B"])
        sheet.write_row(1, 0, ["1", "x"])
        sheet.write_formula(2, 1, "=1/0", None, "#DIV/0!")
        sheet.write_formula(3, 1, "=A1", None, "")

    found = issues_of(write_xlsx(tmp_path / "t.xlsx", fill))
    assert place(found["error_cell"]) == ("B", 1, (3,))
    assert found["error_cell"].what == "each is a spreadsheet error"


def test_a_text_file_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("Id,B\n1,x\n", encoding="utf-8")
    assert list(sheet_issues(open_reader(tmp_path / "t.csv").layout)) == []


def test_a_header_of_codes_or_without_names_is_an_issue() -> None:
    rows = [[f"SUP-{n}", f"Printer {n} jams", "open"] for n in range(2, 6)]
    found = issues_in(["SUP-1", "Printer 1 jams", "open"], rows)
    assert "--header-row 0: the columns are `column A`" in found["header_is_data"].hint
    assert "nameless_header" in issues_in(["Tickets", "column B", "column C", "column D"], [["1", "a", "b", "c"]])
    named = issues_in(["Id", "Subject", "Status"], rows)
    assert not {"header_is_data", "nameless_header"} & named.keys()
