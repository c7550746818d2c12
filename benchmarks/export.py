"""An export to measure with: a row is about 418 bytes in 20 columns, and every fourth description has several lines."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from random import Random

COLUMNS = (
    "id", "subject", "description", "status", "priority", "requester", "email", "account", "channel", "product",
    "created", "updated", "tags", "city", "country", "vip", "seats", "hours", "agent", "group",
)  # fmt: skip
#: Twelve fields beside the stamp.
MAPPING = """\
version: 1
source: {{key: id}}
stamp: text1
case:
  title: subject
  description: description
  priority: {{column: priority, values: {{low: LOW, normal: NORMAL, high: HIGH, urgent: URGENT}}}}
  requester_name: requester
  requester_email: email
  custom_fields:
    text2: account
    text3: channel
    text4: product
    date1: {{column: created, type: datetime, format: "%Y-%m-%d %H:%M:%S", timezone: UTC}}
    checkbox1: vip
    numeric1: seats
    decimal1: hours
{notes}"""

_SHARE_OF_LINES = 0.28
_WORDS = (
    "printer", "invoice", "login", "screen", "order", "delivery", "account", "cannot", "after", "update", "since",
    "yesterday", "please", "urgent", "customer", "refund", "página", "réseau", "Größe", "東京", "battery", "password",
    "reset", "the", "a", "our", "when", "still", "same", "again", "support", "email",
)  # fmt: skip
_CITIES = ("Lisbon", "Kraków", "São Paulo", "Boston", "Łódź", "München", "Osaka", "Québec")


def write_export(path: Path, rows: int, *, columns: int = len(COLUMNS), notes: int = 0, valid: bool = True) -> Path:
    """Write an export, always the same for the same arguments.

    Args:
        path: Where to; a file that is there already is kept.
        rows: How many.
        columns: More than 20 are filled with short texts that no mapping uses.
        notes: So many columns with a note each are added.
        valid: False: no row has an address that is one.
    """
    if path.exists():
        return path
    more = [f"extra {number}" for number in range(len(COLUMNS), columns)]
    header = [*COLUMNS, *more, *(f"note {number}" for number in range(1, notes + 1))]
    unfinished = path.with_suffix(".part")
    with unfinished.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(_rows(rows, len(more), notes, "customer{}@example.com" if valid else "customer {} at example"))
    return unfinished.rename(path)


def write_workbook(path: Path, rows: int, *, typed: bool = False) -> Path:
    """The same as a workbook: all cells texts, each where it stands; or ``typed``, as programs of offices save it.

    Args:
        path: Where to; a file that is there already is kept.
        rows: How many.
        typed: Dates and numbers are cells of their kind, and texts are shared.
    """
    if path.exists():
        return path
    import xlsxwriter  # type: ignore[import-untyped]  # of the development group, as pytest is

    options = {"constant_memory": not typed, "strings_to_formulas": False, "default_date_format": "yyyy-mm-dd hh:mm:ss"}
    unfinished = path.with_suffix(".part")
    with xlsxwriter.Workbook(unfinished, options) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, COLUMNS)
        for number, row in enumerate(_rows(rows, 0, 0, "customer{}@example.com"), 1):
            sheet.write_row(number, 0, _typed(row) if typed else row)
    return unfinished.rename(path)


def _typed(row: list[str]) -> list[object]:
    kinds: dict[str, Callable[[str], object]] = {
        "created": datetime.fromisoformat, "updated": datetime.fromisoformat, "seats": int, "hours": float,
    }  # fmt: skip
    return [kinds.get(name, str)(text) for name, text in zip(COLUMNS, row, strict=True)]


def write_mapping(path: Path, *, notes: int = 0) -> Path:
    """The mapping of such an export."""
    lines = [f"    - {{title: {{value: Note}}, body: note {number}}}\n" for number in range(1, notes + 1)]
    path.write_text(MAPPING.format(notes="  notes:\n" + "".join(lines) if notes else ""), encoding="utf-8")
    return path


def _rows(rows: int, more: int, notes: int, address: str) -> Iterator[list[str]]:
    lots = Random(5)
    subjects = [" ".join(lots.choices(_WORDS, k=6)) for _ in range(500)]
    texts = [_text(lots) for _ in range(2000)]
    extra = [f"cell {number}" for number in range(more)]
    for number in range(1, rows + 1):
        lot = lots.random()
        day, second = number % 28 + 1, number % 60
        yield [
            f"T-{number:08d}",
            f"{subjects[number % 500]} {number}",
            texts[int(lot * 2000)],
            ("open", "pending", "solved", "closed")[number % 4],
            ("low", "normal", "high", "urgent")[int(lot * 4)],
            f"Customer {number % 5000}",
            address.format(number % 5000),
            f"{number % 90000:08d}",
            ("email", "phone", "chat", "web form")[number % 4],
            f"Product {number % 40}",
            f"2024-0{number % 9 + 1}-{day:02d} {number % 24:02d}:41:{second:02d}",
            f"2025-0{number % 9 + 1}-{day:02d} {number % 24:02d}:12:{second:02d}",
            f"tag{number % 7}, tag{number % 11}, \"vip\"",
            _CITIES[number % 8],
            ("Portugal", "Poland", "Brazil", "USA")[number % 4],
            ("yes", "no")[number % 2],
            str(number % 400),
            f"{number % 90}.5",
            f"agent{number % 60}@helpdesk.example.com",
            f"Second level support {number % 12}",
            *extra,
            *(f"{texts[(number + note) % 2000][:120]}." for note in range(notes)),
        ]  # fmt: skip


def _text(lots: Random) -> str:
    words = " ".join(lots.choices(_WORDS, k=lots.randint(12, 30)))
    if lots.random() < _SHARE_OF_LINES:
        middle = len(words) // 2
        return f'{words[:middle]}\n"{words[middle:]}"\n-- sent from {lots.choice(_CITIES)}'
    return words
