"""Reports: written from the ledger alone, in one read transaction, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from importer.ledger import CauseCount, LedgerView
from importer.report.balance import Balance, balance_of
from importer.report.files import make_folder
from importer.report.summary import summary_of, write_summary
from importer.report.tables import write_failures, write_results

__all__ = ["Balance", "Reports", "balance_of", "summary_of", "write_reports"]


class Reports(NamedTuple):
    """Where the reports are and what they say in short; ``half_read`` names files that are in none of them."""

    balance: Balance
    causes: tuple[CauseCount, ...]
    requests: int
    results: Path
    failures: tuple[Path, ...]
    summary: Path
    half_read: tuple[str, ...] = ()


def write_reports(ledger: Path, folder: Path, *, source: int | None = None) -> Reports:
    """Write ``results.csv``, ``failures.csv`` and ``summary.json`` into ``folder``.

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
        return Reports(books, causes, requests, results, tuple(failures), summary, view.half_read())
