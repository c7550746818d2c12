"""Tables of values, texts that stand for nothing, texts that are too long: found in the cells, and said so."""

import json
from pathlib import Path

import pytest
import xlsxwriter
from suggest_tables import lines_with, mapped, numbers, table

from importer.reader import open_reader
from importer.suggest.headers import level_of
from importer.suggest.suggesting import suggest

SUBJECTS = [f"Fan {number} is loud" for number in range(24)]


@pytest.mark.parametrize(
    ("word", "becomes", "sure"),
    [
        ("1 - Critical", "URGENT", True),
        ("Very high", "URGENT", True),
        ("3 normal", "NORMAL", True),
        ("Hoch", "HIGH", True),
        ("muito alta", "URGENT", True),
        ("Média", "NORMAL", True),
        ("Faible", "LOW", True),
        ("P2", "HIGH", True),
        ("紧急", "URGENT", True),
        ("1", "URGENT", False),
        ("4", "LOW", False),
        ("highway", "NORMAL", False),
        ("Gold", "NORMAL", False),
        ("not urgent", "NORMAL", False),
        ("Nicht dringend", "NORMAL", False),
        ("non-critical", "NORMAL", False),
        ("abnormal", "NORMAL", False),
    ],
)
def test_levels(word: str, becomes: str, sure: bool) -> None:
    level = level_of(word)
    assert (level.priority, level.sure) == (becomes, sure)


def test_every_value_is_in_the_table_with_its_count_and_reason() -> None:
    text = suggest(table({"ID": numbers(), "Subject": ["Hi there"], "Priority": ["High", "High", "Gold"]})).text
    assert "High: HIGH  # 8 rows; GUESS: contains 'high'" in text
    assert "Gold: NORMAL  # 4 rows; CHECK: unclear; choose a priority" in text


@pytest.mark.parametrize("dash", ["-", "'-"])  # the second is how some systems keep spreadsheets from formulas
def test_a_dash_that_comes_again_and_again_is_empty(dash: str) -> None:
    source = table({"ID": numbers(), "Subject": ["Hi there"], "Phone": [dash, "123"], "Group": [dash, "A"]})
    text = suggest(source).text
    assert f'empty: ["", "{dash}"]' in text
    assert f'GUESS: treated as empty: "{dash}" (12 cells in 2 columns).' in text


def test_nd_and_its_like_are_empty_unless_they_are_places() -> None:
    columns = {"ID": numbers(24), "Subject": SUBJECTS, "Phone": ["N/D", *map(str, range(100, 123))]}
    text = suggest(table(columns | {"City": ["ND", "Rome", "Rome"], "Mail": ["-", *["a@b.co"] * 23]}, rows=24)).text
    assert 'empty: ["", "ND", "N/D", "-"]' in text
    text = suggest(table(columns | {"State": ["ND", "NY", "CA", "WA"]}, rows=24)).text
    assert 'empty: ["", "N/D"]' in text
    assert 'CHECK: kept as text, too rare to decide: "ND" (6 cells in 1 column).' in text


def test_somebody_called_na_stays_who_he_is() -> None:
    names = ["NA", *(f"Ana {n}" for n in range(10))]
    source = table({"ID": numbers(120), "Subject": ["Hi there"], "Requester": names}, rows=120)
    text = suggest(source).text
    assert "empty:" not in text
    assert '"NA" (11 cells in 1 column)' in text
    assert json.loads(mapped(text, source)[0].body or b"")["requester_name"] == "NA"


def test_null_everywhere_is_empty() -> None:
    source = table({"ID": numbers(), "Subject": ["Hi there"], "A": ["NULL"], "B": ["NULL", "x"], "C": ["NULL", "y"]})
    assert 'empty: ["", "NULL"]' in suggest(source).text


def test_what_is_too_long_is_cut_and_kept_whole() -> None:
    title, letter = "t" * 151, "d\n" * 1000
    source = table({"ID": numbers(), "Subject": [title, "short"], "Description": [letter]})
    suggestion = suggest(source)
    body = json.loads(mapped(suggestion.text, source)[0].body or b"{}")
    notes = "\n".join(note["note_body"] for note in body["notes"])
    assert len(body["title"]) == 150
    assert title in notes
    assert letter.strip() in notes
    assert suggestion.trial.sent == suggestion.trial.rows


def test_html_becomes_text() -> None:
    source = table({"ID": numbers(), "Subject": ["Hi there"], "Description": ["<p>Hello <b>you</b></p>"]})
    text = suggest(source).text
    assert "# GUESS: 12 of 12 texts with HTML tags" in text
    assert json.loads(mapped(text, source)[0].body or b"{}")["description"].startswith("Hello you")


def test_rows_without_a_title_get_one_that_says_so() -> None:
    source = table({"ID": numbers(), "Subject": ["", "Machine is broken", "Light is out"]})
    text = suggest(source).text
    assert lines_with(text, "title: {column: Subject")[0] == 'title: {column: Subject, default: "(no title)"}'


def test_what_the_trial_finds_stands_at_the_top() -> None:
    source = table({"ID": numbers(), "Subject": ["Hi there"], "Email": ["a@example.com", "b@example.com", "none"]})
    suggestion = suggest(source)
    assert "# Tested on 12 rows: 8 ready to send, 4 invalid." in suggestion.text
    assert "# CHECK: not_an_email in `Email`: 4 rows." in suggestion.text


def test_guesses_and_checks_are_counted() -> None:
    suggestion = suggest(table({"ID": numbers(), "Subject": SUBJECTS}))
    lines = suggestion.text.splitlines()
    assert suggestion.guesses == sum("# GUESS: " in line for line in lines) == 2
    assert suggestion.checks == sum("# CHECK: " in line for line in lines) == 3


def test_a_column_with_cells_that_cannot_be_used_is_marked_in_the_table(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "tickets.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["id", "subject", "status"])
        for number in range(1, 13):
            sheet.write_row(number, 0, [f"T-{number}", f"Fan {number} is loud", ("open", "closed")[number % 2]])
        sheet.write_formula(4, 2, "=1/0", None, "#DIV/0!")
    choices = suggest(open_reader(tmp_path / "tickets.xlsx")).choices
    assert {it.column: it.mark for it in choices} == {"id": "GUESS", "subject": "GUESS", "status": "CHECK"}
