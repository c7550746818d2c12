"""Exports that nobody here has seen: `suggest` writes down how they are read, and all later commands obey."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import xlsxwriter
from program import Program

HEADER = ["Ticket ID", "Subject", "Description", "Status", "Priority", "Created", "Requester email"]


def ticket(number: int) -> list[str]:
    said = f"It has not printed since Monday, says person {number}."
    level = ("High", "Low")[number % 2]
    return [
        f"T-{number:04}",
        f"Printer {number}",
        said,
        "Open",
        level,
        f"2024-03-{number:02} 10:00",
        f"p{number}@example.com",
    ]


def write_workbook(path: Path, **sheets: list[list[Any]]) -> None:
    with xlsxwriter.Workbook(path) as workbook:
        for name, rows in sheets.items():
            sheet = workbook.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)


def test_the_sheet_of_the_tickets_is_found_and_kept(program: Program, tmp_path: Path) -> None:
    """Neither a dashboard in front nor a longer list of users behind is taken; a colleague inserts a sheet later."""
    dashboard = [["Status", "Count", "Share"], ["Open", 20, 0.8], ["Closed", 5, 0.2]]
    users = [["Name", "Login", "Office"], *([f"Person {n}", f"p{n}", "Lisbon"] for n in range(300))]
    tickets = [["All tickets of 2024"], [], HEADER, *map(ticket, range(1, 21))]
    write_workbook(tmp_path / "t.xlsx", Dashboard=dashboard, Export=tickets, Users=users)
    assert program("suggest", "t.xlsx", "-o", "m.yml").code == 0
    drafted = (tmp_path / "m.yml").read_text("utf-8")
    assert "reading sheet 'Export' only, which looks most like tickets; not read: 'Dashboard', 'Users'" in drafted
    assert '  sheet: "Export"\n  header_row: 3\n' in drafted
    more = [HEADER, *map(ticket, range(1, 29))]
    write_workbook(tmp_path / "t.xlsx", Archive=more, Export=tickets)
    ran = json.loads(program.in_sandbox()("run", "t.xlsx", "-m", "m.yml", "--out", "out", "--json").out)
    assert (ran["source"], ran["totals"]["created"]) == ("t.xlsx [Export]", 20)
    chosen = json.loads(program("check", "t.xlsx", "-m", "m.yml", "--sheet", "1", "--header-row", "1", "--json").out)
    assert (chosen["source"], chosen["totals"]["pending"]) == ("t.xlsx [Archive]", 28)


def test_a_failures_file_is_not_read_as_its_export_was(program: Program, tmp_path: Path) -> None:
    rows = [["Report"], HEADER, *map(ticket, range(1, 6))]
    rows[3][6] = "nobody"
    text = "".join(";".join(row) + "\n" for row in rows).replace("Printer", "Gerät")
    (tmp_path / "t.csv").write_bytes(text.encode("cp1252"))
    program("suggest", "t.csv", "--encoding", "cp1252", "-o", "m.yml")
    assert '  encoding: "cp1252"\n  delimiter: ";"\n  header_row: 2\n' in (tmp_path / "m.yml").read_text("utf-8")
    local = program.in_sandbox()
    assert local("run", "t.csv", "-m", "m.yml", "--out", "out").code == 3
    failed = (tmp_path / "out/failures.csv").read_text("utf-8-sig").replace("nobody", "ana@example.com")
    (tmp_path / "fixed.csv").write_text(failed, "utf-8")
    again = local("run", "fixed.csv", "-m", "m.yml", "--ledger", "out/ledger.db", "--out", "again", "--json")
    assert (again.code, json.loads(again.out)["totals"]["created"]) == (0, 1)


def test_a_file_without_a_header_can_be_read(program: Program, tmp_path: Path) -> None:
    with (tmp_path / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows(map(ticket, range(1, 4)))
    mapping = "version: 1\nsource: {key: column A, header_row: 0}\ncase: {title: column B, description: column C}\n"
    (tmp_path / "m.yml").write_text(mapping)
    checked = program("check", "t.csv", "-m", "m.yml")
    assert "7 columns separated by commas, no header" in checked.out
    assert "3 of 3 rows are ready to send" in checked.out
    refused = program("check", "t.csv", "-m", "m.yml", "--header-row", "9")
    assert "no row begins in line 9, so it cannot be the header" in refused.err


def test_of_a_history_the_last_state_of_each_ticket_is_sent(program: Program, tmp_path: Path) -> None:
    header = ["Incident number", "State", "Updated", "Subject", "Group"]
    states = [
        [f"INC{n:05}", state, f"2024-03-{n:02} {10 + place}:00", f"Printer {n} is broken", "Printers"]
        for place, state in enumerate(["New", "Active", "Resolved"])
        for n in range(1, 21)
        if n % 3 >= place
    ]
    with (tmp_path / "h.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *states])
    suggested = program("suggest", "h.csv", "-o", "m.yml")
    rows = len(states)
    assert f"Tested on {rows} rows: 20 ready to send, {rows - 20} superseded, 0 invalid." in suggested.out
    drafted = (tmp_path / "m.yml").read_text("utf-8")
    assert f"# CHECK: a history: 20 tickets in {rows} rows, since `Incident number` repeats." in drafted
    assert "\n  key: Incident number\n  keep: last\n" in drafted
    with (tmp_path / "h.csv").open("a", newline="") as file:  # the last state has no subject: no older one is sent
        csv.writer(file).writerow(["INC00020", "Closed", "2024-03-21 10:00", "", ""])
    case = "case: {title: {column: Subject, required: true}, description: {value: Imported}}"
    (tmp_path / "m.yml").write_text(f"version: 1\nsource: {{key: Incident number, keep: last}}\n{case}\n")
    local = program.in_sandbox()
    ran = json.loads(local("run", "h.csv", "-m", "m.yml", "--out", "out", "--json").out)
    assert ran["totals"] | {"created": 19, "invalid": 1, "skipped": rows - 19} == ran["totals"]
    with (tmp_path / "out/results.csv").open(encoding="utf-8-sig", newline="") as file:
        results = {(row["key"], row["row"]): row for row in csv.DictReader(file)}
    assert [row["state"] for (key, _), row in results.items() if key == "INC00002"] == ["skipped", "skipped", "created"]
    assert all("superseded by row" in row["message"] for row in results.values() if row["state"] == "skipped")
    shown = program("preview", "h.csv", "-m", "m.yml", "-n", "1").out
    assert "INC00003" in shown  # the first row that is the last of its ticket
