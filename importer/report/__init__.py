"""Reports: written from the ledger alone, in one read transaction, whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from importer.ledger import LedgerView
from importer.report.failures_file import write_failures
from importer.report.files import make_folder
from importer.report.results_file import write_open_notes, write_orphans, write_results
from importer.report.summary import Summary, summary_of, unlinked_remarks
from importer.report.totals import CaseUpdateTotals, Totals, exit_code_of, totals_of

__all__ = [
    "CaseUpdateTotals",
    "Reports",
    "Summary",
    "Totals",
    "exit_code_of",
    "summary_of",
    "totals_of",
    "unlinked_remarks",
    "write_reports",
]


@dataclass(frozen=True, slots=True)
class Reports:
    """Where the reports are."""

    results: Path  #: Every row.
    #: Rows to fix, with the columns of their source: more than one file if columns differ, and none if there are no
    #: such rows.
    failures: tuple[Path, ...]
    summary: Path  #: For scripts; written last, once it is known how the command ends.
    orphans: tuple[Path, ...] = ()  #: Notes of companion files that match no row.
    open_notes: Path | None = None  #: Notes that were not delivered; None if no note is sent after its case.


def write_reports(ledger: Path, folder: Path, *, source: int | None = None) -> tuple[Reports, Summary]:
    """Write ``results.csv``, ``failures.csv``, ``notes-without-case.csv`` and ``open-notes.csv`` into ``folder``.

    All but the first only if there is something to write into them.

    Args:
        ledger: The ledger; it may be in use.
        folder: Made if missing; files of these names in it are replaced.
        source: Only this source; None for the whole ledger.

    Returns:
        Where they are, and what the ledger said at the same moment.

    Raises:
        LedgerError: the ledger cannot be read.
        ConfigError: a file cannot be written.
    """
    make_folder(folder)
    with LedgerView(ledger, source=source) as view:
        summary = summary_of(view)
        results = folder / "results.csv"
        write_results(view, results)
        failures = tuple(write_failures(view, folder))
        orphans = tuple(write_orphans(view, folder))
        open_notes = folder / "open-notes.csv" if summary.case_updates.total else None
        if open_notes is not None:
            write_open_notes(view, open_notes)
    return Reports(results, failures, folder / "summary.json", orphans, open_notes), summary
