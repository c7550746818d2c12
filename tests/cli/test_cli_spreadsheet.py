"""The way of a failures file through a spreadsheet and back: only what a person changed is sent."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from office import CSV, CSV_CP1252, CSV_SEMICOLON, GERMAN, Office
from openpyxl import load_workbook
from program import Program, SandboxProcess
from tickets import read_csv

pytestmark = pytest.mark.slow

LEDGER = ("--ledger", "t-import/ledger.db")
HEADER = ("Id", "Subject", "Body", "Requester", "Customer", "Created", "VIP", "Amount", "Share", "City")
MAPPING = """\
version: 1
source: {key: Id}
external_id_field: text1
case:
  title: Subject
  description: Body
  custom_fields:
    text2: Requester
    text3: Customer
    text4: Created
    text5: VIP
    text6: Amount
    text7: Share
    text8: City
"""
#: What a spreadsheet cannot leave alone.
CELLS = ("90071992570410000", "000862", "2024-03-01", "true", "1234.50", "25%", "Łódź, Köln")
DETAILS = dict(zip((f"text{number}" for number in range(2, 9)), CELLS, strict=True))


def write(path: Path, rows: list[tuple[str, ...]]) -> Path:
    """A CSV file, rows as they are."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, lineterminator="\r\n").writerows(rows)
    return path


def import_of(online: Program, *rows: tuple[str, ...]) -> list[dict[str, str]]:
    """An import of these rows; the lines of its failures file."""
    (online.folder / "m.yml").write_text(MAPPING, encoding="utf-8")
    write(online.folder / "t.csv", [HEADER, *rows])
    online("run", "t.csv", "-m", "m.yml", "--quiet")
    return read_csv(online.folder / "t-import/failures.csv")


def rewritten(path: Path, lines: list[dict[str, str]]) -> Path:
    """The failures file with what a person typed into it."""
    return write(path, [tuple(lines[0]), *(tuple(line.values()) for line in lines)])


def correct(online: Program, path: Path, *flags: str) -> Any:
    return online("run", path, "-m", "m.yml", *LEDGER, "--out", "second", "--json", *flags)


def cases_of(server: SandboxProcess, prefix: str) -> dict[str, dict[str, Any]]:
    found = {case["custom_fields"].get("text1", ""): case for case in server.cases()}
    return {key: case for key, case in found.items() if key.startswith(prefix)}


def details(case: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in case["custom_fields"].items() if name != "text1"}


WAYS = {
    "comma": ({"form": CSV}, ()),
    "semicolon": ({"form": CSV_SEMICOLON}, ()),
    "cp1252": ({"form": CSV_CP1252}, ("--encoding", "cp1252")),
    "german": ({"form": CSV_CP1252, "opened": GERMAN, "region": "de-DE"}, ("--encoding", "cp1252")),
    "german-xlsx": ({"form": "xlsx", "opened": GERMAN, "region": "de-DE"}, ()),
    "xlsx": ({"form": "xlsx"}, ()),
    "ods": ({"form": "ods"}, ()),
}


@pytest.mark.parametrize("way", WAYS)
def test_only_what_a_person_changed_is_sent(online: Program, server: SandboxProcess, office: Office, way: str) -> None:
    prefix = f"00{900 + list(WAYS).index(way)}"
    body = 'Line 1\r\nLine 2 "quoted"'
    rows = [(f"{prefix}{number}", "", body, *CELLS) for number in range(3)]
    lines = import_of(online, *rows)
    lines[0].update(Subject="Mended")
    lines[1].update(Subject="Mended", Customer="000999", Amount="77")
    lines[2].update(Body="A new text")
    corrected = rewritten(online.folder / "failures.csv", lines)

    how, flags = WAYS[way]
    path = office.saved(corrected, folder=online.folder / "home", **how)
    ended = correct(online, path, *flags)

    assert (ended.code, ended.counts) == (3, {"created": 2, "invalid": 1}), ended.err
    assert ended.json["put_back"] >= 2 * 3, "at least ids, leading zeros and decimals"
    made = cases_of(server, prefix)
    assert details(made[f"{prefix}0"]) == DETAILS
    assert made[f"{prefix}0"]["description"] == made[f"{prefix}1"]["description"]
    # Zeros that a person types into a cell without a format are lost before anybody can see them.
    assert details(made[f"{prefix}1"]) == DETAILS | {"text3": "999", "text6": "77"}
    (left,) = read_csv(online.folder / "second/failures.csv")
    assert (left["Id"], left["Subject"], left["Body"]) == (f"{prefix}2", "", "A new text")
    assert tuple(left.values())[-len(CELLS) :] == CELLS


@pytest.mark.parametrize("form", [CSV, "xlsx", "ods"], ids=["csv", "xlsx", "ods"])
def test_a_row_with_too_few_or_too_many_cells_is_not_mended_by_being_padded(
    online: Program, server: SandboxProcess, office: Office, form: str
) -> None:
    prefix = f"too-{form[:3]}-"
    whole = (f"{prefix}2", "", "Smoke", *CELLS)
    short, filled, long = (f"{prefix}0", "Short"), (f"{prefix}1", "Filled"), (f"{prefix}3", "Long", "x", *CELLS, "more")
    lines = import_of(online, short, filled, whole, long)
    assert [line["importer_code"] for line in lines] == ["too_few_fields"] * 2 + ["missing", "too_many_fields"]

    lines[1] |= dict(zip(HEADER, (*filled, "Smoke", "4711", *CELLS[1:]), strict=True))
    lines[2]["Subject"] = "Mended"
    beyond = lines[3].pop(None)
    cells = [tuple(cell or "" for cell in line.values()) for line in lines]
    corrected = write(online.folder / "failures.csv", [tuple(lines[0]), *cells[:3], (*cells[3], *beyond)])
    path = office.saved(corrected, form, folder=online.folder / "home")
    ended = correct(online, path)

    assert (ended.code, ended.counts) == (3, {"created": 2, "invalid": 2}), ended.json["causes"]
    assert set(cases_of(server, prefix)) == {f"{prefix}1", f"{prefix}2"}
    left = read_csv(online.folder / "second/failures.csv")
    assert [(line["Id"], line["importer_code"]) for line in left] == [
        (f"{prefix}0", "too_few_fields"),
        (f"{prefix}3", "too_many_fields"),
    ]


def test_as_is_sends_what_the_spreadsheet_made_of_it(online: Program, server: SandboxProcess, office: Office) -> None:
    (line,) = import_of(online, ("as-is", "", "Smoke", *CELLS))
    path = rewritten(online.folder / "failures.csv", [line | {"Subject": "Mended"}])
    path = office.saved(path, CSV, folder=online.folder / "home")
    ended = correct(online, path, "--as-is")
    assert (ended.code, ended.json["put_back"]) == (0, 0)
    assert details(cases_of(server, "as-is")["as-is"]) == DETAILS | {
        "text2": "9.007199257041E+016",
        "text3": "862",
        "text6": "1234.5",
    }


def test_check_and_run_say_how_much_was_put_back(online: Program, office: Office) -> None:
    (line,) = import_of(online, ("said", "", "Smoke", *CELLS))
    path = rewritten(online.folder / "failures.csv", [line | {"Subject": "Mended"}])
    path = office.saved(path, CSV, folder=online.folder / "home")
    said = "info: 3 cells had been changed by the spreadsheet, not by you; they were put back"
    checked = online("check", path, "-m", "m.yml", *LEDGER)
    assert checked.code == 0
    assert said in checked.out.splitlines()
    assert "1.23E+11" not in checked.out, "what was put back is no damage any more"
    assert online("check", path, "-m", "m.yml", *LEDGER, "--json").json["put_back"] == 3
    assert online("check", path, "-m", "m.yml", *LEDGER, "--json", "--as-is").json["put_back"] == 0
    assert said in online("run", path, "-m", "m.yml", *LEDGER, "--out", "second").out.splitlines()


@pytest.mark.timeout(300)
def test_the_workbook_goes_through_libreoffice_and_comes_back_as_it_was(
    online: Program, server: SandboxProcess, office: Office
) -> None:
    rows = [(f"0xl{number}", "", 'Line 1\r\nLine 2 "quoted"', *CELLS) for number in range(3)]
    import_of(online, *rows, ("0xl3", "Fine", "Smoke", *CELLS))
    book = load_workbook(online.folder / "t-import/failures.xlsx")
    sheet = book["failures"]
    at = {cell.value: cell.column for cell in sheet[1]}
    sheet.cell(2, at["Subject"]).value = "Mended"
    sheet.cell(2, at["Customer"]).value = "000999"
    sheet.cell(3, at["Subject"]).value = "=1+1"  # openpyxl makes a formula of it
    sheet.cell(3, at["Subject"]).data_type = "s"
    # The row of a case, pasted in with something else in it.
    record = sheet.cell(4, at["importer_record"]).value
    sheet.append([cell.value for cell in sheet[4]])
    sheet.cell(5, at["importer_record"]).value = record.replace("_3x", "_4x")
    sheet.cell(5, at["Id"]).value, sheet.cell(5, at["Subject"]).value = "0xl9", "Once more"
    book.save(online.folder / "failures.xlsx")

    path = office.saved(online.folder / "failures.xlsx", "xlsx", folder=online.folder / "home")
    shown = load_workbook(path)["failures"]
    wrong = shown.cell(4, at["Subject"])
    assert (wrong.comment.text.strip(), wrong.fill.fgColor.rgb) == (
        "is empty, but a value is required\n→ fill in the cell, or set `default:` in the mapping",
        "FFFFC7CE",
    )
    assert shown.column_dimensions["A"].hidden
    assert (shown.freeze_panes, shown.auto_filter.ref is None) == ("C2", False)
    issues = online("check", path, "-m", "m.yml", *LEDGER, "--json").json["file_issues"]
    assert [issue for issue in issues if "hidden" in issue["kind"]] == [], "what we hide is no issue of the export"
    ended = correct(online, path)

    assert (ended.code, ended.counts) == (3, {"created": 2, "invalid": 1, "skipped": 1}), ended.json["causes"]
    assert ended.json["put_back"] == 0, "texts stay texts"
    made = cases_of(server, "0xl")
    assert set(made) == {"0xl0", "0xl1", "0xl3"}
    assert details(made["0xl0"]) == DETAILS | {"text3": "000999"}
    assert (made["0xl1"]["title"], details(made["0xl1"])) == ("=1+1", DETAILS)
    assert made["0xl0"]["description"] == rows[0][2]
    (left,) = read_csv(online.folder / "second/failures.csv")
    assert tuple(left.values())[-len(CELLS) :] == CELLS

    creates = server.creates()
    again = correct(online, path)
    assert (again.counts, server.creates()) == (ended.counts, creates), "nothing is sent again"
    # What was made a CSV file of, and that a workbook again, has cells that nobody changed.
    third = office.saved(path, CSV, folder=online.folder)
    third = office.saved(third, "ods", folder=online.folder / "home")
    checked = online("check", third, "-m", "m.yml", *LEDGER, "--json")
    assert checked.json["put_back"] >= 5
    assert checked.counts == {"invalid": 1, "skipped": 3}
