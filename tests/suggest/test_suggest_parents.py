"""Rows that name the row above them are linked, if the column is called so and its cells are names of rows."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from suggest_tables import lines_with, table

from importer import Settings, check, run_import
from importer.suggest.suggesting import suggest
from importer.verbs.suggest import suggest_mapping


def link_in(columns: Mapping[str, Sequence[str]], *, rows: int = 6) -> list[str]:
    return lines_with(suggest(table(columns, rows=rows)).text, "parent_id:")


KEYS = [f"SUP-{n}" for n in range(6)]
IDS = [str(2000 + n) for n in range(6)]


@pytest.mark.parametrize(
    ("name", "cells", "line"),
    [
        ("Parent key", ["", "SUP-0", "SUP-0", "", "SUP-3", ""], "Parent key, deep: root"),
        ("Parent id", ["", "2000", "2000", "", "2003", ""], "Parent id, of: Issue id, deep: root"),
        ("Parent", ["", "SUP-0", "SUP-9", "", "", ""], "Parent, deep: root, missing: drop"),
        ("Hoofdtaak", ["", "SUP-1", "SUP-2", "", "", ""], "Hoofdtaak, deep: root, cycle: drop"),
        ("Hoofdtaak", ["", "SUP-2", "SUP-1", "SUP-2", "", ""], "Hoofdtaak, deep: root"),  # a circle of two: `check`
    ],
)
def test_the_row_above_is_linked(name: str, cells: list[str], line: str) -> None:
    columns = {"Issue key": KEYS, "Issue id": IDS, "Summary": ["It burns"], name: cells}
    assert link_in(columns) == [f"parent_id: {{record: {line}}}"]


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("Duplicate of", ["", "SUP-0", "SUP-0", "", "SUP-3", ""]),  # rows name each other for other reasons too
        ("Parent", ["", "PRJ-1", "PRJ-2", "", "PRJ-7", ""]),
        ("Parent", [""]),
        ("Parent summary", ["", "It burns", "It burns", "", "", ""]),
    ],
)
def test_other_rows_are_not(name: str, cells: list[str]) -> None:
    assert link_in({"Issue key": KEYS, "Issue id": IDS, "Summary": ["It burns"], name: cells}) == []


def test_what_cannot_be_linked_is_counted() -> None:
    text = suggest(
        table({"Key": KEYS, "Subject": ["It burns"], "Parent": ["", "SUP-0", "SUP-1", "SUP-9", "", ""]}, rows=6)
    ).text
    assert "`Parent` is the parent: 2 of 3 cells match `Key`" in text
    assert "CHECK: no row read for 1 cell, such as 'SUP-9'" in text


def test_linked_rows_become_linked_cases(tmp_path: Path) -> None:
    """Three levels, a parent that is not in the file, and one that stands below its child."""
    export, mapping = tmp_path / "issues.csv", tmp_path / "mapping.yml"
    export.write_text(
        "Issue key,Issue id,Summary,Parent id\nSUP-3,2003,Which colour,2002\nSUP-2,2002,Order toner,2001\n"
        "SUP-1,2001,Printer,\nSUP-4,2004,Nobody is above me,999\n",
        encoding="utf-8",
    )
    mapping.write_text(suggest_mapping(export).text, encoding="utf-8")
    assert check(export, mapping).exit_code == 0
    result = run_import(export, mapping, out=tmp_path / "out", settings=Settings(sandbox=True))
    assert result.exit_code == 0
