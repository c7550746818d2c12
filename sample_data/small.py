"""Writes the small invented exports in ``small/``, one for each ready mapping that has no large sample.

Run it as ``python sample_data/small.py``; it needs nothing but Python, and writes the same bytes every time. The
columns are those of the real exports, as far as the mapping of that name says that they were confirmed.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import small_rows as rows
from invented import Voice
from small_rows import AGENTS, Row, Ticket

HERE = Path(__file__).resolve().parent
ROWS = 40


class Export(NamedTuple):
    """A kind of export: what one ticket looks like in it, and how the file is written."""

    row: Callable[[Voice, Ticket], Row]
    delimiter: str = ","
    newline: str = "\n"
    encoding: str = "utf-8"
    beside: tuple[str, Callable[[Voice, Ticket], list[Row]]] | None = None  # a second file, and its rows for a ticket


def ticket(voice: Voice, nth: int) -> Ticket:
    """An invented ticket; two in three are closed."""
    who = voice.person()
    opened = voice.moment(datetime(2024, 2, 5), hours=nth * 31)
    updated = opened + timedelta(minutes=voice.random.randint(9, 30_000))
    closed = updated if nth % 3 else None
    return Ticket(
        nth, who, opened, updated, closed, voice.any_of("", *AGENTS), voice.subject(who), voice.description(who)
    )


EXPORTS: dict[str, Export] = {
    "freshdesk": Export(rows.freshdesk),
    "glpi": Export(rows.glpi, delimiter=";", newline="\r\n", encoding="utf-8-sig"),
    "glpi-fr": Export(rows.glpi_fr, delimiter=";", newline="\r\n", encoding="utf-8-sig"),
    "hubspot": Export(rows.hubspot),
    "intercom": Export(rows.intercom),
    "jira-cloud": Export(rows.jira_cloud, newline="\r\n"),
    "jira-cloud-de": Export(rows.jira_cloud_de, newline="\r\n"),
    "osticket": Export(rows.osticket, encoding="utf-8-sig"),
    "redmine": Export(rows.redmine),
    "salesforce": Export(rows.salesforce, beside=("CaseComment", rows.case_comments)),
    "zammad": Export(rows.zammad),
}


def write(name: str, export: Export, folder: Path) -> None:
    """Writes one export, and what lies beside it."""
    voice = Voice(name)
    tickets, records = [], []
    for nth in range(ROWS):
        tickets.append(ticket(voice, nth))
        records.append(export.row(voice, tickets[-1]))
    write_file(folder / f"{name}.csv", export, records)
    if export.beside:
        other, rows_of = export.beside
        write_file(folder / f"{other}.csv", export, [row for it in reversed(tickets) for row in rows_of(voice, it)])


def write_file(path: Path, export: Export, records: list[Row]) -> None:
    """Writes one file."""
    with path.open("w", encoding=export.encoding, newline="") as file:
        writer = csv.writer(file, delimiter=export.delimiter, lineterminator=export.newline)
        writer.writerow([column for column, _ in records[0]])
        writer.writerows([text for _, text in record] for record in records)


def main() -> None:
    """Writes all of them into ``small/``, or into the folder given by ``--out``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE / "small", help="folder to write into (default: small/)")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    for name, export in EXPORTS.items():
        write(name, export, folder)


if __name__ == "__main__":
    main()
