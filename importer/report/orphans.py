"""Notes of files beside an export that belong to no case, with the columns that they had there."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from importer.ledger import LedgerView, Orphan
from importer.report.files import whole_file
from importer.report.formulas import defuse

ORPHAN_COLUMNS = ("importer_file", "importer_row", "importer_key", "importer_code", "importer_reason")
NAME = "notes-without-case"


def write_orphans(view: LedgerView, folder: Path) -> list[Path]:
    """The rows of files of notes that are notes of no case; nothing if no such file was read with an export.

    With a byte-order mark, because people open this file in a spreadsheet. Files with the same columns share a
    report; each further set of columns gets one of its own, ``notes-without-case-2.csv`` and so on.
    """
    headers: dict[tuple[str, ...], dict[tuple[int, int], str]] = {}
    for source in view.sources():
        for place, notes in enumerate(source.companions):
            if notes.without_row is None:  # the rows were a few of an export
                continue
            headers.setdefault(notes.columns, {})[source.id, place] = notes.file
    paths = []
    for position, (columns, files) in enumerate(headers.items(), start=1):
        path = folder / (f"{NAME}.csv" if position == 1 else f"{NAME}-{position}.csv")
        with whole_file(path, encoding="utf-8-sig") as file:
            writer = csv.writer(file, lineterminator="\r\n")
            writer.writerow((*ORPHAN_COLUMNS, *map(defuse, columns)))
            for orphan in view.orphans():
                if name := files.get((orphan.source, orphan.file)):
                    writer.writerow((*_reasons(orphan, name), *map(defuse, orphan.cells)))
        paths.append(path)
    return paths


def _reasons(orphan: Orphan, name: str) -> Iterator[object]:
    yield from (defuse(name), orphan.row, defuse(orphan.key), orphan.code, defuse(orphan.message))
