"""Cells as systems write them, from a draft to the case: addresses with names, dates of scripts, mixed dates."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from importer import check, preview, suggest_mapping


def drafted(export: Path) -> tuple[str, list[dict[str, Any]]]:
    """The draft of a mapping, and the cases of all rows with it."""
    mapping = export.with_name("m.yml")
    text = suggest_mapping(export).text
    mapping.write_text(text, "utf-8")
    assert check(export, mapping).totals.invalid == 0
    return text, [json.loads(row.body or b"") for row in preview(export, mapping, count=99)]


def csv_of(folder: Path, column: str, cells: list[str]) -> Path:
    rows = [f'A{n},Printer {n} is broken,"{cells[n % len(cells)]}"' for n in range(24)]
    path = folder / "t.csv"
    path.write_text("\n".join([f"id,subject,{column}", *rows, ""]), "utf-8")
    return path


@pytest.mark.parametrize(
    ("cells", "moments"),
    [
        (["Sun, 20 Apr 2025 10:17:06 UTC+0000"], ["2025-04-20T10:17:06Z"]),
        (
            [
                "Sun Apr 20 2025 10:17:06 GMT+0000 (GMT)",
                "Sun Apr 20 2025 10:17:06 GMT+0200 (Central European Summer Time)",
            ],
            ["2025-04-20T10:17:06Z", "2025-04-20T08:17:06Z"],
        ),
    ],
    ids=["utc-offset", "javascript"],
)
def test_dates_with_an_offset_behind_utc_or_gmt(tmp_path: Path, cells: list[str], moments: list[str]) -> None:
    _, cases = drafted(csv_of(tmp_path, "created", cells))
    assert [case["custom_fields"]["date1"] for case in cases[: len(moments)]] == moments


def test_texts_date_cells_and_days_in_one_column_of_a_sheet(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "t.xlsx") as workbook:
        sheet = workbook.add_worksheet("T")
        sheet.write_row(0, 0, ["id", "subject", "created", "remark"])
        moment = workbook.add_format({"num_format": "dd/mm/yyyy hh:mm"})
        for row in range(1, 28):
            sheet.write_row(row, 0, [f"A{row}", f"Printer {row} is broken"])
            if row % 3 == 0:
                sheet.write_string(row, 2, f"{row:02}/03/2024 14:30")
            else:
                sheet.write_datetime(row, 2, dt.datetime(2024, 3, row, 9 * (row % 3 == 1)), moment)
    _, cases = drafted(tmp_path / "t.xlsx")
    shown = [case["custom_fields"]["date1"] for case in cases[:3]]
    assert shown == ["2024-03-01T09:00:00Z", "2024-03-02T00:00:00Z", "2024-03-03T14:30:00Z"]


def test_one_cell_with_an_error_does_not_cost_its_column(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "t.xlsx") as workbook:
        sheet = workbook.add_worksheet("T")
        sheet.write_row(0, 0, ["id", "subject", "shelf", "lost"])
        for row in range(1, 41):
            sheet.write_row(row, 0, [f"A{row}", f"Printer {row} is broken", f"Shelf {row}"])
            sheet.write_formula(row, 3, "=NA()", None, "#N/A" if row % 2 else f"Box {row}")
        sheet.write_formula(9, 2, "=NA()", None, "#N/A")
    text = suggest_mapping(tmp_path / "t.xlsx").text
    assert ("{shelf}" in text, "{lost}" in text) == (True, False)
    assert "# CHECK: 1 cell of `shelf` with an error or without a value" in text
    assert "not used, some cells are errors or formulas without a value: `lost`" in text


def test_addresses_with_names_and_several_addresses(tmp_path: Path) -> None:
    cells = ["Ana Costa <ana@example.com>", "bo@example.com", "bo@example.com, A <a@example.org>", "<p.n@example.com>"]
    text, cases = drafted(csv_of(tmp_path, "from", cells))
    assert "# CHECK: 6 cells with several addresses: the first is the requester, a note keeps all." in text
    assert "html:" not in text
    found = [(case["requester_email"], case.get("requester_name")) for case in cases[:4]]
    assert found == [
        ("ana@example.com", "Ana Costa"),
        ("bo@example.com", None),
        ("bo@example.com", None),
        ("p.n@example.com", None),
    ]
    assert [note["note_body"] for case in cases[:4] for note in case.get("notes", ())] == [cells[2]]


def test_an_address_in_brackets_is_no_tag(tmp_path: Path) -> None:
    cells = [
        "It does not print since Monday, says <p.nowak@example.com>, who asked again",
        "It is <b@example.com>, still",
    ]
    text, _ = drafted(csv_of(tmp_path, "description", cells))
    assert "HTML" not in text
