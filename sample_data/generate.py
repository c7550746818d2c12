"""Writes the three invented exports, their expected reports and the table of special rows in the README.

Run it as ``python sample_data/generate.py``; it needs XlsxWriter (a development dependency) and nothing else.
It writes the same bytes every time. What is special about a row is decided in ``specials.py`` and nowhere else:
``expected/`` follows from the tables that spoil the rows, and never from reading the exports back.
"""

from __future__ import annotations

import argparse
import csv
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import specials
import xlsxwriter
from invented import Cell, Cells, Formula, Person, Record, Table, Voice

HERE = Path(__file__).resolve().parent
AGENTS = ("Ottoline Grabb", "Ferdinand Quaye", "Mirela Stoica-Brandt", "Yusuf Adeyemi-Holt")
COST_CENTERS = {"Billing": "00420", "Network": "00730", "Support": "00410", "Workplace": "01105"}
NO_KEY = (
    "missing_key",
    "broken_quotes",
    "too_many_fields",
    "too_few_fields",
)  #: Codes of rows whose key is not there or cannot be told.
CHILDREN_APART = 8  #: In the Jira export every eighth issue is a parent.


def zendesk() -> Table:
    """1,000 tickets in the order of their ids; a blank is a dash, as Zendesk writes it."""
    voice = Voice("zendesk")
    records = [Record(_ticket(voice, nth)) for nth in range(1000)]
    specials.spoil(records, specials.ZENDESK)
    return Table("zendesk", "zendesk-tickets.csv", key="Id", records=records)


def _ticket(voice: Voice, nth: int) -> Cells:
    who = voice.person()
    created = voice.moment(datetime(2023, 1, 2), hours=nth * 17)
    updated = created + timedelta(minutes=voice.random.randint(4, 40_000))
    return {
        "Summation column": "1",
        "Id": str(104_217 + nth * 3),
        "Requester": who.name,
        "Requester id": who.long_id,
        "Requester email": who.email,
        "Requester phone": who.phone,
        "Submitter": who.name,
        "Assignee": voice.any_of("-", *AGENTS),
        "Group": voice.any_of("Support", "Billing", "Field service", "Devoluções"),
        "Subject": voice.subject(who),
        "Description": voice.description(who),
        "Tags": voice.any_of("-", "refund", "vip urgent", "garantia 保証", "how_to"),
        "Status": voice.any_of("Open", "Pending", "On-hold", "Solved", "Closed"),
        "Priority": voice.any_of("-", "Low", "Normal", "High", "Urgent"),
        "Via": voice.any_of("Mail", "Web form", "Chat", "Phone"),
        "Ticket type": voice.any_of("-", "Question", "Incident", "Problem", "Task"),
        "Created at": f"{created:%Y-%m-%d %H:%M}",
        "Updated at": f"{updated:%Y-%m-%d %H:%M}",
        "Organization": voice.any_of("-", "Example Org", "Exemplo, Lda."),
        "Customer number [txt]": who.number,
        "VIP [flag]": voice.any_of("Yes", "No", "No", "-"),
        "Internal note": voice.any_of("-", voice.remark(who)),
    }


def jira() -> Table:
    """600 issues in no order: a parent stands before some of its children and after others."""
    voice = Voice("jira")
    records = [Record(_issue(voice, nth), parent=nth % CHILDREN_APART == 0) for nth in range(600)]
    voice.random.shuffle(records)
    specials.spoil(records, specials.JIRA)
    return Table("jira", "jira-issues.csv", key="Issue key", records=records)


def _issue(voice: Voice, nth: int) -> Cells:
    who = voice.person()
    child = nth % CHILDREN_APART in (2, 5)
    parent = voice.random.randrange(0, nth, CHILDREN_APART) if child else 0
    created = voice.moment(datetime(2023, 6, 5), hours=nth * 19)
    updated = created + timedelta(minutes=voice.random.randint(9, 90_000))
    labels = ("regression", "customer-visible", "página", "支払い", "q3")
    days = voice.random.sample(range(1, 60), voice.random.randint(0, 4))
    comments = [_comment(voice, who, created + timedelta(days=day)) for day in sorted(days)]
    return {
        "Summary": voice.subject(who),
        "Issue key": f"SUP-{nth + 1}",
        "Issue id": str(10_401 + nth),
        "Parent id": str(10_401 + parent) if child else "",
        "Issue Type": "Sub-task" if child else voice.any_of("Bug", "Task", "Service Request"),
        "Status": voice.any_of("To Do", "In Progress", "Waiting for customer", "Done"),
        "Project key": "SUP",
        "Project name": "Customer Support",
        "Priority": voice.any_of("Highest", "High", "Medium", "Medium", "Low", "Lowest"),
        "Resolution": voice.any_of("", "Done", "Won't Do"),
        "Assignee": voice.any_of("", *AGENTS),
        "Reporter": who.user,
        "Creator": who.user,
        "Created": _jira_date(created),
        "Updated": _jira_date(updated),
        "Labels": _padded(voice.random.sample(labels, voice.random.randint(0, 3)), 3),
        "Description": voice.description(who).replace("\n", "\r\n"),
        "Environment": voice.any_of("", "Firefox 140, Windows 11", "iOS {version}"),
        "Custom field (Customer email)": voice.any_of("", who.email, who.email),
        "Custom field (Story Points)": voice.any_of("", "1.0", "2.5", "8.0"),
        "Comment": _padded(comments, 4),
    }


def _comment(voice: Voice, who: Person, moment: datetime) -> str:
    """One comment in one cell, the way Jira exports it: when, who and what, with semicolons between them."""
    return f"{_jira_date(moment)};{voice.any_of(who.user, 'o.grabb', 'f.quaye')};{voice.remark(who)}"


def _jira_date(moment: datetime) -> str:
    """``05/Jun/23 9:04 AM``: what Jira writes where nobody has changed its look and feel."""
    return f"{moment:%d/%b/%y} {moment.hour % 12 or 12}:{moment:%M %p}"


def _padded(texts: list[str], width: int) -> list[str]:
    return texts + [""] * (width - len(texts))


def servicenow() -> Table:
    """450 incidents as Excel, with two columns that somebody has added by formula afterwards."""
    voice = Voice("servicenow")
    records = [Record(_incident(voice, nth)) for nth in range(450)]
    specials.spoil(records, specials.SERVICENOW)
    return Table("servicenow", "servicenow-incidents.xlsx", key="Number", records=records)


def _incident(voice: Voice, nth: int) -> Cells:
    who = voice.person()
    opened = voice.moment(datetime(2024, 1, 8), hours=nth * 13)
    group = voice.any_of(*COST_CENTERS)
    return {
        "Number": f"INC{10_001 + nth:07d}",
        "Opened": opened,
        "Short description": voice.subject(who),
        "Description": voice.description(who),
        "Caller": who.name,
        "Email": who.email,
        "Employee number": who.number,
        "VIP": voice.random.random() < 0.1,
        "Priority": voice.any_of("1 - Critical", "2 - High", "3 - Moderate", "4 - Low", "5 - Planning"),
        "State": voice.any_of("New", "In Progress", "On Hold", "Resolved", "Closed"),
        "Category": voice.any_of("", "Software", "Hardware", "Inquiry / Help"),
        "Assignment group": group,
        "Assigned to": voice.any_of("", *AGENTS),
        "Reassignment count": voice.random.randint(0, 6),
        "Cost center": Formula(f"=VLOOKUP(L{nth + 2},'Cost centers'!A:B,2,FALSE)", COST_CENTERS[group]),
        "Region": Formula(f"=VLOOKUP(L{nth + 2},'Cost centers'!A:C,3,FALSE)", "EMEA"),
        "Updated": opened + timedelta(minutes=voice.random.randint(9, 90_000)),
        "Work notes": voice.any_of("", voice.remark(who)),
    }


def write_csv(table: Table, folder: Path, *, newline: str, encoding: str) -> list[int]:
    """Writes the export and returns the physical line on which each record begins."""
    header = [column for column, _ in table.records[0].flat()]
    texts = [specials.csv_text(header), *(_csv_record(record) for record in table.records)]
    (folder / table.file).write_bytes("".join(text + newline for text in texts).encode(encoding))
    lines = [1]
    for text in texts:
        lines.append(lines[-1] + text.count("\n") + 1)
    return lines[1:-1]


def _csv_record(record: Record) -> str:
    return record.raw if record.raw is not None else specials.csv_text(cell for _, cell in record.flat())


def write_workbook(table: Table, folder: Path) -> list[int]:
    """Writes the incidents on the sheet that ServiceNow calls ``Page 1``, and returns the sheet row of each."""
    with xlsxwriter.Workbook(folder / table.file, {"in_memory": True}) as book:
        book.set_properties({"created": datetime(2026, 1, 5), "comments": "Invented: nobody in here exists."})
        dates = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        page = book.add_worksheet("Page 1")
        page.write_row(0, 0, [column for column, _ in table.records[0].flat()])
        for row, record in enumerate(table.records, start=1):
            for column, (_, cell) in enumerate(record.flat()):
                _write_cell(page, row, column, cell, dates)
        lookup = book.add_worksheet("Cost centers")
        lookup.write_row(0, 0, ("Assignment group", "Cost center", "Region"))
        for row, pair in enumerate(COST_CENTERS.items(), start=1):
            lookup.write_row(row, 0, (*pair, "EMEA"))
    return list(range(2, len(table.records) + 2))


def _write_cell(page: Any, row: int, column: int, cell: Cell, dates: Any) -> None:
    if isinstance(cell, Formula):
        page.write_formula(row, column, cell.text, value=cell.saved)
    elif isinstance(cell, datetime):
        page.write_datetime(row, column, cell, dates)
    elif isinstance(cell, str):
        page.write_string(row, column, cell)
    else:
        page.write(row, column, cell)


def write_expected(table: Table, numbers: list[int], folder: Path) -> None:
    """Writes how each row must end, in the columns of ``results.csv`` that are known before anything is sent."""
    with (folder / f"{table.name}.results.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("row", "key", "state", "code"))
        for number, record in zip(numbers, table.records, strict=True):
            key = "" if record.code in NO_KEY else record.cells[table.key]
            writer.writerow((number, key, record.state, record.code))


def special_rows(table: Table, numbers: list[int]) -> str:
    """The special rows of one export as a Markdown table."""
    lines = ["| row | what is special about it | state | code |", "|---:|---|---|---|"]
    for number, record in zip(numbers, table.records, strict=True):
        if record.what:
            lines.append(f"| {number} | {record.what} | {record.state} | {record.code and f'`{record.code}`'} |")
    return "\n".join(lines)


def write_readme(tables: dict[str, str], folder: Path) -> None:
    """Writes the README of this folder with the tables between its marks brought up to date."""
    text = (HERE / "README.md").read_text(encoding="utf-8")
    for name, rows in tables.items():
        before, mark, after = text.partition(f"<!-- rows of {name} -->\n")
        text = before + mark + rows + "\n" + after[after.index("<!-- end -->") :]
    (folder / "README.md").write_text(text, encoding="utf-8")


def main() -> None:
    """Writes everything into this folder, or into the one given by ``--out``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write into (default: this one)")
    folder = parser.parse_args().out
    (folder / "expected").mkdir(parents=True, exist_ok=True)
    tickets, issues, incidents = zendesk(), jira(), servicenow()
    written = (
        (tickets, write_csv(tickets, folder, newline="\n", encoding="utf-8")),
        (issues, write_csv(issues, folder, newline="\r\n", encoding="utf-8-sig")),
        (incidents, write_workbook(incidents, folder)),
    )
    for table, numbers in written:
        write_expected(table, numbers, folder / "expected")
    write_readme({table.name: special_rows(table, numbers) for table, numbers in written}, folder)


if __name__ == "__main__":
    main()
