"""Reports: written from the ledger alone, in one read transaction, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from importer.ledger import CauseCount, LedgerView, NotesRead
from importer.report.balance import Balance, Following, balance_of
from importer.report.failures_file import write_failures
from importer.report.files import make_folder
from importer.report.orphans import write_orphans
from importer.report.summary import summary_of, write_summary
from importer.report.tables import write_open_notes, write_results
from importer.report.unlinked import notes_of

__all__ = ["Balance", "Following", "Reports", "balance_of", "notes_of", "summary_of", "write_reports"]


class Reports(NamedTuple):
    """Where the reports are and what they say in short.

    Attributes:
        failures: Rows to correct; no file at all if there are none.
        half_read: Files that are in none of them.
        orphans: Notes of second files that belong to no row.
        notes: What second files of notes came to.
        open_notes: Only if notes follow cases by updates.
    """

    balance: Balance
    causes: tuple[CauseCount, ...]
    requests: int
    results: Path
    failures: tuple[Path, ...]
    summary: Path
    half_read: tuple[str, ...] = ()
    orphans: tuple[Path, ...] = ()
    notes: tuple[NotesRead, ...] = ()
    open_notes: Path | None = None
    target: str | None = None  #: what the ledger belongs to
    unlinked: tuple[str, ...] = ()  #: links between rows that were not made as the file has them


def write_reports(ledger: Path, folder: Path, *, source: int | None = None) -> Reports:
    """Write ``results.csv``, ``failures.csv``, ``summary.json`` and ``notes-without-case.csv`` into ``folder``.

    Beside them ``open-notes.csv``, if notes follow cases by updates. ``failures.csv`` only if a row needs correction.

    Args:
        ledger: The ledger; it may be in use.
        folder: Made if missing; files of these names in it are replaced.
        source: Only this source; None for the whole ledger.

    Raises:
        LedgerError: the ledger cannot be read.
        ConfigError: a file cannot be written.
    """
    make_folder(folder)
    with LedgerView(ledger, source=source) as view:
        results = folder / "results.csv"
        write_results(view, results)
        failures = write_failures(view, folder)
        summary = folder / "summary.json"
        write_summary(view, summary)
        books, causes, requests = balance_of(view), tuple(view.causes()), view.requests()
        orphans = tuple(write_orphans(view, folder))
        notes = tuple(notes for info in view.sources() for notes in info.notes)
        files = (results, tuple(failures), summary)
        open_notes = _write_open_notes(view, folder / "open-notes.csv") if books.following.total else None
        return Reports(
            books,
            causes,
            requests,
            *files,
            view.half_read(),
            orphans,
            notes,
            open_notes,
            target=view.identity()[1],
            unlinked=notes_of(view),
        )


def _write_open_notes(view: LedgerView, path: Path) -> Path:
    write_open_notes(view, path)
    return path
