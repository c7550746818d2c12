"""id_map.csv, which old ticket is which case, and the address of a case."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from importer.ledger import LedgerView
from importer.models import State
from importer.regions import CASES_PATH, is_loopback
from importer.report.files import csv_file, remove

ID_MAP_COLUMNS = ("key", "case_id", "link", "created_at")


def case_link(target: str | None, case_id: str | None) -> str:
    """The address of a case in the API of the target that the ledger is pinned to; empty in a trial, whose server may
    have gone with it.

    Source: Talkdesk documentation, "Retrieve a case". An address of a case for people is documented nowhere.
    """
    base = (target or "").partition(" ")[0]
    is_real = case_id and base.startswith("https://") and not is_loopback(base)
    return f"{base}{CASES_PATH}/{quote(case_id or '', safe='')}" if is_real else ""


def time_text(at: float) -> str:
    """Seconds since 1970 as UTC: ``2026-03-01T09:15:02Z``."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def write_id_map(view: LedgerView, path: Path, *, delimiter: str = ",") -> Path | None:
    """One line for each row that is a case, in input order; None if no row is, and then there is no file."""
    if not view.counts()[State.CREATED]:
        remove(path)
        return None
    _, target = view.identity()
    with csv_file(path, ID_MAP_COLUMNS, for_spreadsheets=False, delimiter=delimiter) as write:
        for case in view.created():
            write((case.key, case.case_id, case_link(target, case.case_id), time_text(case.at)))
    return path
