"""A row of the export as the JSON of a case, as one writes it by hand."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import datetime
from typing import Any


def tickets(path: str) -> Iterator[dict[str, Any]]:
    """The payloads of an export, one after the other."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            yield payload(row)


def payload(row: dict[str, str]) -> dict[str, Any]:
    """One row as it is sent."""
    created = datetime.strptime(row["created"], "%Y-%m-%d %H:%M:%S")
    return {
        "title": row["subject"],
        "description": row["description"],
        "priority": row["priority"].upper(),
        "requester_name": row["requester"],
        "requester_email": row["email"],
        "custom_fields": {
            "text1": row["id"],
            "text2": row["account"],
            "text3": row["channel"],
            "text4": row["product"],
            "date1": created.isoformat() + "Z",
            "checkbox1": row["vip"] == "yes",
            "numeric1": int(row["seats"]),
            "decimal1": float(row["hours"]),
        },
    }
