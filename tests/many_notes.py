"""Exports with more notes than one call carries, and the truth about what came of them.

Nothing of the program is imported here: what each case must hold is worked out from the export alone.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

MAPPING = """\
version: 1
source: {key: Id}
external_id_field: text1
notes_per_call: 20
case:
  title: Subject
  description: Body
  notes:
    - {each: Comment}
"""


def notes_of(key: str, count: int) -> list[str]:
    """So many notes; every seventh says the same as others, as real ones do ("closed", "any news?")."""
    return ["Any news?" if number % 7 == 3 else f"{key}, note {number:03}" for number in range(count)]


def write_export(folder: Path, rows: Iterable[tuple[str, list[str]]]) -> None:
    """Write ``t.csv`` with one row for each key and its notes, and ``m.yml`` for it."""
    rows = list(rows)
    most = max(len(notes) for _, notes in rows)
    with (folder / "t.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Id", "Subject", "Body", *["Comment"] * most])
        for key, notes in rows:
            writer.writerow([key, f"Subject of {key}", "A body", *notes, *[""] * (most - len(notes))])
    (folder / "m.yml").write_text(MAPPING, encoding="utf-8")


class Wrong(NamedTuple):
    """What is wrong with the notes of all cases together.

    Attributes:
        lost: Notes that their case does not have.
        doubled: Notes that their case has too often, or that were never in the export.
        disordered: Keys whose notes are all there, but in another order.
    """

    lost: int
    doubled: int
    disordered: list[str]


def what_is_wrong(rows: Iterable[tuple[str, list[str]]], cases: Iterable[dict[str, Any]]) -> Wrong:
    """Compare what the server has with what the export says."""
    held: dict[str, list[str]] = {}
    for case in cases:
        held.setdefault(case["custom_fields"]["text1"], []).extend(note["note_body"] for note in case["notes"])
    lost = doubled = 0
    disordered = []
    for key, notes in rows:
        found = held.get(key, [])
        missing, left = list(found), []
        for note in notes:
            if note in missing:
                missing.remove(note)
            else:
                left.append(note)
        lost += len(left)
        doubled += len(missing)
        if not left and not missing and found != notes:
            disordered.append(key)
    return Wrong(lost, doubled, disordered)


NOTHING = Wrong(0, 0, [])
