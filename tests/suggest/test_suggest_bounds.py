"""A large export is not read to its end, and the mapping says so."""

from pathlib import Path

import pytest

from importer.reader import open_reader
from importer.suggest.first_rows import ROWS_MAX, rows_to_read
from importer.suggest.suggesting import suggest


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("ID,Subject,Priority\n")
        file.writelines(f"{number},Machine {number} is broken,High\n" for number in range(ROWS_MAX + 5_000))
        file.write("x,the last one,Gold\n")
    return path


def test_what_was_not_read_is_said(large: Path) -> None:
    suggestion = suggest(open_reader(large))
    assert suggestion.trial.rows == ROWS_MAX
    assert "Based on 20,000 rows and 3 columns: later rows were not read" in suggestion.text
    assert "Gold" not in suggestion.text


def test_of_a_wide_export_fewer_rows_are_read() -> None:
    assert rows_to_read(10) == ROWS_MAX
    assert rows_to_read(1_000) == 2_000
    assert rows_to_read(16_384) > 0


def test_of_an_export_with_very_long_texts_fewer_rows_are_read(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text("ID,Subject\n" + "".join(f"{n},{'text ' * 6_000}\n" for n in range(1_100)), encoding="utf-8")
    suggestion = suggest(open_reader(path))
    assert 0 < suggestion.trial.rows < 1_100
    assert "later rows were not read" in suggestion.text


def test_an_export_without_rows_gets_a_mapping_by_names(tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.write_text("Ticket ID,Subject,Description,Priority\n", encoding="utf-8")
    text = suggest(open_reader(path)).text
    assert "title: Subject" in text
    assert "the export has no rows to check" in text
