"""Small exports and their mapping."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

HEADER = ("Id", "Subject", "Body", "Mail")
MAPPING = """\
version: 1
source: {key: Id}
external_id_field: text1
case:
  title: Subject
  description: Body
  requester_email: Mail
"""
WITHOUT_EXTERNAL_ID = MAPPING.replace("external_id_field: text1\n", "")


class Ticket(NamedTuple):
    """One row of an export."""

    id: str
    subject: str = "The printer is on fire"
    body: str = "Smoke was seen\nbehind it."
    mail: str = "ana@example.com"


def tickets(count: int, *, prefix: str = "T") -> list[Ticket]:
    """So many rows in order: T000001, T000002 and so on."""
    return [Ticket(f"{prefix}{number:06}", f"Subject of {prefix}{number:06}") for number in range(1, count + 1)]


def write_tickets(path: Path, rows: Iterable[Sequence[str]], *, header: Sequence[str] = HEADER) -> Path:
    """Write an export as CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a report, by column."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
