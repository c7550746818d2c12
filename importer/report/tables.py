"""results.csv, and the CSV files next to it: id_map.csv, case-updates.csv, verified.csv, and so on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from importer.files.whole import ReportFolder, write_csv, write_if_any
from importer.ledger import LedgerView
from importer.ledger.verification import VerifiedLine, verified_lines
from importer.talkdesk.addresses import CASES_PATH, is_loopback
from importer.text.meaning import UPDATES

RESULT_COLUMNS = (
    *("row", "key", "title", "state", "case_id", "link"),
    *("http_status", "attempts", "code", "message"),
)
ID_MAP_COLUMNS = ("key", "case_id", "link", "created_at")
UPDATE_COLUMNS = (
    *("key", "case_id", "part", "state", "http_status", "code", "message", "what_to_do"),
    *("field", "value", "note_title", "public"),
)
VERIFIED_COLUMNS = tuple(field.name for field in fields(VerifiedLine))
ORPHAN_COLUMNS = ("importer_file", "importer_row", "importer_key", "importer_code", "importer_reason")


def case_link(target: str | None, case_id: str | None) -> str:
    """The address of a case in the API of the target that the ledger is pinned to; empty in a trial, whose server may
    have gone with it.

    Source: Talkdesk documentation, "Retrieve a case". An address of a case for people is documented nowhere.
    """
    base = _real_base(target or "")
    return f"{base}{CASES_PATH}/{quote(case_id, safe='')}" if base and case_id else ""


@cache
def _real_base(target: str) -> str:
    base = target.partition(" ")[0]
    return base if base.startswith("https://") and not is_loopback(base) else ""


def time_text(at: float) -> str:
    """Seconds since 1970 as UTC: ``2026-03-01T09:15:02Z``."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def write_results(view: LedgerView, folder: ReportFolder, *, delimiter: str = ",") -> Path:
    """One line for every row that was read, in input order."""
    _, target = view.identity()
    lines = (
        (
            *(line.row, line.key, line.title, line.state, line.case_id, case_link(target, line.case_id)),
            *(line.http_status, line.attempts, line.code or None, line.message or None),
        )
        for line in view.results(titles=True)
    )
    return write_csv(folder, "results.csv", RESULT_COLUMNS, lines, for_spreadsheets=False, delimiter=delimiter)


def write_id_map(view: LedgerView, folder: ReportFolder, *, delimiter: str = ",") -> Path | None:
    """One line for each row that is a case, in input order; None if no row is, and then there is no file."""
    _, target = view.identity()
    lines = ((case.key, case.case_id, case_link(target, case.case_id), time_text(case.at)) for case in view.created())
    return write_if_any(folder, "id_map.csv", ID_MAP_COLUMNS, lines, for_spreadsheets=False, delimiter=delimiter)


def write_case_updates(view: LedgerView, folder: ReportFolder, *, delimiter: str = ",") -> Path | None:
    """One line for every note and field that its case does not have yet, whole, so that nothing is lost; and for those
    that the server changed. None if there are none, and then there is no file."""

    def lines() -> Iterator[tuple[object, ...]]:
        for part in view.updates_to_report():
            standing = {"pending": "open", "done": "changed"}.get(part.standing, part.standing)
            to_do = UPDATES[standing].to_do
            about = (part.key, part.case_id, part.position, part.standing)
            for carried in _carried(orjson.loads(part.body)):
                yield *about, part.http_status, part.code, part.message, to_do, *carried

    return write_if_any(folder, "case-updates.csv", UPDATE_COLUMNS, lines(), delimiter=delimiter)


def _carried(body: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """What an update carries: field, value, and of a note its title and whether the requester sees it."""
    for note in body.pop("notes", ()):
        yield "note", note["note_body"], note.get("note_title", ""), str(note["public"]).lower()
    custom = {f"custom_fields.{key}": packed["value"] for key, packed in body.pop("custom_fields", {}).items()}
    for field, value in (body | custom).items():
        yield field, value if isinstance(value, str) else orjson.dumps(value).decode(), "", ""


def write_verified(view: LedgerView, folder: ReportFolder, *, delimiter: str = ",") -> Path:
    """How the cases compare with what was sent, a line for each finding."""
    return write_csv(folder, "verified.csv", VERIFIED_COLUMNS, verified_lines(view), delimiter=delimiter)


def write_orphans(view: LedgerView, folder: ReportFolder, *, delimiter: str = ",") -> list[Path]:
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
    for columns, files in files_of.items():
        lines = (
            (files[orphan.source, orphan.file], orphan.row, orphan.key, orphan.code, orphan.message, *orphan.cells)
            for orphan in view.orphans()
            if (orphan.source, orphan.file) in files
        )
        header = (*ORPHAN_COLUMNS, *columns)
        paths.append(write_csv(folder, "notes-without-case.csv", header, lines, is_exact=True, delimiter=delimiter))
    return paths
