"""The sample case of the Talkdesk reference ("create-a-new-case"), and the same as an export with a mapping."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

#: The body of the sample request. Its drop-down has another spelling and another form than on all other pages.
SAMPLE: dict[str, Any] = {
    "title": "test title",
    "description": "test description",
    "parent_id": "1",
    "owner_id": "61036b508ff57b5578f25a10",
    "priority": "LOW",
    "custom_fields": {
        "checkbox1": True,
        "dropdown1": 1,
        "text1": "text desc",
        "dependent_field1": [
            "3a20c48f-3e33-49b0-af22-63eba6fa4cc3",
            "bbb2a5e7-6190-4eb1-b889-ec37e0badd0b",
            "e9e3c93a-1b28-489a-96fe-6b3e9ca60976",
        ],
        "date1": "2022-04-21T06:30:21Z",
        "numeric1": 1,
        "decimal1": 1.2,
        "multi_line_text1": "Line1\\nLine2",
        "multi_select1": ["002", "003"],
    },
    "notes": [
        {"note_title": "test subject", "note_body": "test body", "public": True},
        {"note_title": "second subject", "note_body": "second body", "public": False},
    ],
    "requester_email": "example@example.talkdesk.com",
    "requester_name": "example",
    "requester_type": "Contact",
}

MAPPING = """\
version: 1
source: {key: Id}
case:
  title: Title
  description: Description
  parent_id: Parent
  owner_id: Owner
  priority: Priority
  custom_fields:
    checkbox1: Check box
    dropdown1: {column: Drop-down, type: integer}
    text1: Text
    dependent_field1: {column: Dependent field, separator: " > "}
    date1: Date
    numeric1: Number
    decimal1: Decimal
    multi_line_text1: Long text
    multi_select1: Multi-select
  notes:
    - {title: Note 1, body: Note 1 text, public: true}
    - {title: Note 2, body: Note 2 text}
  requester_email: E-mail
  requester_name: Name
  requester_type: {value: Contact}
"""

_CELLS = {
    "Id": "T-1",
    "Title": "test title",
    "Description": "test description",
    "Parent": "1",
    "Owner": "61036b508ff57b5578f25a10",
    "Priority": "LOW",
    "Check box": "true",
    "Drop-down": "1",
    "Text": "text desc",
    "Dependent field": " > ".join(SAMPLE["custom_fields"]["dependent_field1"]),
    "Date": "2022-04-21 06:30:21",
    "Number": "1",
    "Decimal": "1.2",
    "Long text": "Line1\\nLine2",
    "Multi-select": "002, 003",
    "Note 1": "test subject",
    "Note 1 text": "test body",
    "Note 2": "second subject",
    "Note 2 text": "second body",
    "E-mail": "example@example.talkdesk.com",
    "Name": "example",
}


def write_sample(folder: Path, *, rows: int = 1) -> None:
    """``sample.csv`` with the sample case as often as is said, and ``sample.yml``, which maps it."""
    (folder / "sample.yml").write_text(MAPPING, encoding="utf-8")
    with (folder / "sample.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _CELLS)
        writer.writeheader()
        writer.writerows(_CELLS | {"Id": f"T-{number}"} for number in range(1, rows + 1))


def sent(case: dict[str, Any]) -> dict[str, Any]:
    """What a sandbox keeps of a case, as the request had it; what the request left out is left out."""
    names = [*SAMPLE]
    notes = [{name: note[name] for name in ("note_title", "note_body", "public")} for note in case["notes"]]
    kept = {name: case[name] for name in names if case.get(name)} | {"notes": notes, "requester_type": "Contact"}
    return {name: kept[name] for name in names if kept.get(name)}
