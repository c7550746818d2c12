"""Words that were wrong, not only clumsy: what a page says must be so."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from program import Program
from tickets import Ticket, read_csv, tickets, write_tickets

SAMPLES = Path(__file__).parents[2] / "sample_data"


@pytest.fixture
def second_night(local: Program) -> Program:
    """``tonight.csv`` after ``t.csv``: a case, a case with another text, a new row twice, and one without a subject."""
    write_tickets(local.folder / "t.csv", [Ticket("a"), Ticket("b")])
    assert local("run", "t.csv", "-m", "m.yml", "--sandbox", "--ledger", "l.db", "-q").code == 0
    rows = [Ticket("a"), Ticket("b", subject="Another text"), Ticket("c"), Ticket("c"), Ticket("d", subject="")]
    write_tickets(local.folder / "tonight.csv", rows)
    return local


def run(program: Program) -> str:
    return program("run", "tonight.csv", "-m", "m.yml", "--sandbox", "--ledger", "l.db").out


def test_rows_that_are_cases_already_are_told_apart_from_duplicate_keys(second_night: Program) -> None:
    page = run(second_night)
    assert "5 rows = 1 created + 1 invalid + 3 skipped" in page
    for line in (
        "1  skipped   already a case\n",
        "1  skipped   already a case, with different content; not updated\n",
        "1  skipped   duplicate key in this file\n",
    ):
        assert line in page


def test_rows_that_are_cases_are_not_among_those_that_are_not(second_night: Program) -> None:
    errors = run(second_night).partition("Rows that are not cases, by error")[2].partition("\nNext")[0]
    assert "missing · first: row 10" in errors
    for code in ("already_created", "already_created_changed", "duplicate_key"):
        assert code not in errors


def test_what_differs_is_said_in_the_results_too(second_night: Program) -> None:
    run(second_night)
    same, other, _, duplicate, _ = read_csv(second_night.folder / "tonight-import/results.csv")
    assert same["message"].startswith("already case ")
    assert same["message"].endswith(" (row 2 of t.csv)")
    assert other["message"].endswith(" (row 4 of t.csv), with different content; not updated")
    assert duplicate["message"] == "duplicate key: row 6 is sent"


def test_check_does_not_name_a_file_that_it_does_not_write(second_night: Program) -> None:
    page = second_night("check", "tonight.csv", "-m", "m.yml", "--ledger", "l.db").out
    assert "1  invalid   would not be sent" in page
    assert "failures.csv" not in page


def test_remarks_are_not_called_like_the_notes_of_a_case(second_night: Program) -> None:
    for page in (run(second_night), second_night("check", "tonight.csv", "-m", "m.yml").out):
        assert "\ninfo: read as UTF-8, 4 columns separated by commas, header in line 1; rows" in page
        assert "note:" not in page


def test_causes_are_told_apart_by_column(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [Ticket("1", subject="x" * 151), Ticket("2", body="y" * 2001)])
    page = local("run", "t.csv", "-m", "m.yml", "--sandbox").out
    assert "1  invalid   Subject → title · too_long · first: row 2" in page
    assert "1  invalid   Body → description · too_long · first: row 4" in page


def test_a_long_value_is_cut_and_the_rule_is_not(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [Ticket("1", mail="somebody with a very long name " * 5)])
    shown = local.watched("check", "t.csv", "-m", "m.yml", columns=80)
    assert "'somebody with a very long name …' is not a valid e-mail address" in shown.out
    assert "ana@example.com" in shown.out


def test_a_mapping_for_another_export_is_one_error_with_one_list_of_columns(program: Program) -> None:
    shutil.copy(SAMPLES / "jira-issues.csv", program.folder)
    ended = program("check", "jira-issues.csv", "-m", "zendesk")
    assert (ended.code, ended.out) == (13, "")
    first, hint = ended.err.splitlines()
    assert first.startswith("error: jira-issues.csv: 11 of the 17 columns of zendesk are not in this export: 'Id', ")
    assert "; your columns that nothing reads: 'Summary', 'Issue key', " in first
    assert hint == "  hint: the file looks like an export from Jira: use --mapping jira"


def test_a_few_missing_columns_have_a_line_each(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [("1", "S", "B", "M")], header=("Id", "Subjekt", "Text", "Mail"))
    ended = local("check", "t.csv", "-m", "m.yml")
    assert ended.err == (
        "error: m.yml:5:10: the export has no column 'Subject'\n"
        "  hint: did you mean 'Subjekt'? columns: 'Id', 'Subjekt', 'Text', 'Mail'\n"
        "m.yml:6:16: the export has no column 'Body'\n"
    )


def test_the_hint_of_a_wrong_setting_is_its_own(local: Program) -> None:
    write_tickets(local.folder / "t.csv", tickets(1))
    ended = local("run", "t.csv", "-m", "m.yml", "--api-url", "http://api.example.com")
    assert (ended.code, ended.out) == (2, "")
    first, hint = ended.err.splitlines()
    assert "unencrypted to api.example.com" in first
    assert "(" not in first
    assert hint == "  hint: use https:// (plain http is accepted on this machine only)"
    other = local("run", "t.csv", "-m", "m.yml", "--region", "eu").err
    assert "hint: docs/operating.md lists all settings" in other
