"""An export to measure with: a row has 20 columns and about 418 bytes; every fourth description has several lines."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from random import Random

COLUMNS = (
    "id", "subject", "description", "status", "priority", "requester", "email", "account", "channel", "product",
    "created", "updated", "tags", "city", "country", "vip", "seats", "hours", "agent", "group",
)  # fmt: skip
#: Twelve fields and the external id.
MAPPING = """\
version: 1
source: {key: id}
external_id_field: text1
case:
  title: subject
  description: description
  priority: {column: priority, values: {low: LOW, normal: NORMAL, high: HIGH, urgent: URGENT}}
  requester_name: requester
  requester_email: email
  custom_fields:
    text2: account
    text3: channel
    text4: product
    date1: {column: created, type: datetime, format: "%Y-%m-%d %H:%M:%S", timezone: UTC}
    checkbox1: vip
    numeric1: seats
    decimal1: hours
"""

_SHARE_OF_LINES = 0.28
_WORDS = (
    "printer", "invoice", "login", "screen", "order", "delivery", "account", "cannot", "after", "update", "since",
    "yesterday", "please", "urgent", "customer", "refund", "página", "réseau", "Größe", "東京", "battery", "password",
    "reset", "the", "a", "our", "when", "still", "same", "again", "support", "email",
)  # fmt: skip
_CITIES = ("Lisbon", "Kraków", "São Paulo", "Boston", "Łódź", "München", "Osaka", "Québec")


def write_export(path: Path, rows: int) -> Path:
    """Write an export, always the same for the same number of rows; a file that exists is kept."""
    if path.exists():
        return path
    unfinished = path.with_suffix(".part")
    with unfinished.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(_rows(rows))
    return unfinished.rename(path)


def write_mapping(path: Path) -> Path:
    """The mapping of such an export."""
    path.write_text(MAPPING, encoding="utf-8")
    return path


def _rows(rows: int) -> Iterator[list[str]]:
    random = Random(5)
    subjects = [" ".join(random.choices(_WORDS, k=6)) for _ in range(500)]
    texts = [_text(random) for _ in range(2000)]
    for number in range(1, rows + 1):
        share = random.random()
        day, second = number % 28 + 1, number % 60
        yield [
            f"T-{number:08d}",
            f"{subjects[number % 500]} {number}",
            texts[int(share * 2000)],
            ("open", "pending", "solved", "closed")[number % 4],
            ("low", "normal", "high", "urgent")[int(share * 4)],
            f"Customer {number % 5000}",
            f"customer{number % 5000}@example.com",
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
        ]  # fmt: skip


def _text(random: Random) -> str:
    words = " ".join(random.choices(_WORDS, k=random.randint(12, 30)))
    if random.random() < _SHARE_OF_LINES:
        middle = len(words) // 2
        return f'{words[:middle]}\n"{words[middle:]}"\n-- sent from {random.choice(_CITIES)}'
    return words
