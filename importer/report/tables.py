"""Results and open notes as CSV, written straight from the ledger, in input order, in flat memory."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import orjson

from importer.ledger import LedgerView, ResultLine
from importer.report.files import whole_file
from importer.report.formulas import defuse

RESULT_COLUMNS = ("row", "key", "state", "case_id", "http_status", "attempts", "code", "message")


def write_results(view: LedgerView, path: Path) -> int:
    """One line for every row that was read; returns how many.

    Plain UTF-8 without a byte-order mark, because scripts read this file.
    """
    lines = 0
    with whole_file(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(RESULT_COLUMNS)
        for line in view.results():
            writer.writerow(_result_cells(line))
            lines += 1
    return lines


def _result_cells(line: ResultLine) -> Iterable[object]:
    return (
        line.row,
        defuse(line.key),
        line.state,
        line.case_id,
        line.http_status,
        line.attempts,
        defuse(line.code) if line.code else None,
        defuse(line.message) if line.message else None,
    )


NOTE_COLUMNS = (
    "key",
    "case_id",
    "part",
    "state",
    "http_status",
    "code",
    "message",
    "what_to_do",
    "note_title",
    "note_body",
    "public",
)
_NOTE_CURES = {
    "pending": "run the same command again",
    "held": "sent by itself once the notes before it are settled",
    "refused": "case-importer retry; or enter it by hand, then case-importer resolve KEY --notes-delivered",
    "unknown": "case-importer reconcile; or look at the case, then case-importer resolve KEY",
    "sending": "wait until the run has ended",
}


def write_open_notes(view: LedgerView, path: Path) -> int:
    """One line for every note that did not follow its case, whole, so that nothing is lost; returns how many.

    With a byte-order mark, because people open this file in a spreadsheet.
    """
    lines = 0
    with whole_file(path, encoding="utf-8-sig") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(NOTE_COLUMNS)
        for part in view.open_notes():
            evidence = (part.http_status, defuse(part.code or ""), defuse(part.message or ""))
            head = (defuse(part.key), part.case_id, part.part, part.standing, *evidence, _NOTE_CURES[part.standing])
            for note in orjson.loads(part.body)["notes"]:
                texts = (note.get("note_title", ""), note["note_body"])
                writer.writerow((*head, *map(defuse, texts), str(note["public"]).lower()))
                lines += 1
    return lines
