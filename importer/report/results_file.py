"""The reports that are only read: results.csv, open-notes.csv and notes-without-case.csv. In flat memory."""

from __future__ import annotations

from pathlib import Path

import orjson

from importer.ledger import LedgerView
from importer.report.files import csv_file

RESULT_COLUMNS = ("row", "key", "state", "case_id", "http_status", "attempts", "code", "message")
NOTE_COLUMNS = (
    *("key", "case_id", "part", "state", "http_status", "code", "message", "what_to_do"),
    *("note_title", "note_body", "public"),
)
ORPHAN_COLUMNS = ("importer_file", "importer_row", "importer_key", "importer_code", "importer_reason")
#: What to do about a case update, by how it stands.
_UPDATE_HINTS = {
    "pending": "run the same command again",
    "held": "sent automatically after the case updates before it",
    "refused": "case-importer retry; or enter it by hand, then case-importer resolve KEY --notes-delivered",
    "unknown": "run case-importer reconcile; or check the case, then run case-importer resolve KEY",
    "sending": "wait for the run to finish",
}


def write_results(view: LedgerView, path: Path) -> int:
    """One line for every row that was read, in input order; returns how many."""
    lines = 0
    with csv_file(path, RESULT_COLUMNS, for_spreadsheets=False) as write:
        for line in view.results():
            state_and_case = (line.state, line.case_id, line.http_status, line.attempts)
            write((line.row, line.key, *state_and_case, line.code or None, line.message or None))
            lines += 1
    return lines


def write_open_notes(view: LedgerView, path: Path) -> int:
    """One line for every note that its case does not have yet, whole, so that nothing is lost; returns how many."""
    lines = 0
    with csv_file(path, NOTE_COLUMNS) as write:
        for part in view.open_updates():
            answer = (part.http_status, part.code, part.message, _UPDATE_HINTS[part.standing])
            for note in orjson.loads(part.body)["notes"]:
                texts = (note.get("note_title", ""), note["note_body"], str(note["public"]).lower())
                write((part.key, part.case_id, part.position, part.standing, *answer, *texts))
                lines += 1
    return lines


def write_orphans(view: LedgerView, folder: Path) -> list[Path]:
    """The rows of companion files that match no row, with their columns; nothing if no companion file was read.

    Files with the same columns share a report; each further set of columns gets a separate one,
    ``notes-without-case-2.csv`` and so on.
    """
    files_of: dict[tuple[str, ...], dict[tuple[int, int], str]] = {}
    for source in view.sources():
        for place, companion in enumerate(source.companions):
            if companion.without_row is not None:  # otherwise the rows were a few of an export
                files_of.setdefault(companion.columns, {})[source.id, place] = companion.file
    paths = []
    for number, (columns, files) in enumerate(files_of.items(), start=1):
        paths.append(folder / (f"notes-without-case{'' if number == 1 else f'-{number}'}.csv"))
        with csv_file(paths[-1], (*ORPHAN_COLUMNS, *columns)) as write:
            for orphan in view.orphans():
                if name := files.get((orphan.source, orphan.file)):
                    write((name, orphan.row, orphan.key, orphan.code, orphan.message, *orphan.cells))
    return paths
