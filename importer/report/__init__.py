"""Reports: written from the ledger alone, in one read transaction, in flat memory, whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from importer.errors import ConfigError
from importer.failures.table import write_failures
from importer.failures.workbook import write_workbooks
from importer.files.whole import ReportFolder, Reports, reporting
from importer.ledger import LedgerView
from importer.ledger.summary import Summary, summary_of, unlinked_remarks, warnings_of
from importer.ledger.totals import CaseUpdateTotals, Totals, exit_code_of, totals_of
from importer.reader.dialect import DELIMITERS
from importer.report import page
from importer.report.masking import masked, refuse_unmasked
from importer.report.tables import write_case_updates, write_id_map, write_orphans, write_results, write_verified

__all__ = [
    "CaseUpdateTotals",
    "Format",
    "ReportOptions",
    "Reports",
    "Summary",
    "Totals",
    "exit_code_of",
    "summary_of",
    "totals_of",
    "unlinked_remarks",
    "warnings_of",
    "write_reports",
]

Format = Literal["html", "csv", "xlsx", "json"]
FORMATS: tuple[Format, ...] = get_args(Format)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions:
    """Which reports are written, and how.

    Attributes:
        formats: ``html``: the page; ``csv``: the tables; ``xlsx``: failures.xlsx; ``json``: summary.json. Files of
            other formats that are there stay as they are.
        csv_delimiter: One of :data:`DELIMITERS`.
        mask: Hide personal data. Only the page and summary.json are written: all tables have contents of rows.

    Raises:
        ConfigError: a format or a delimiter is unknown.
    """

    formats: tuple[Format, ...] = FORMATS
    csv_delimiter: str = ","
    mask: bool = False

    def __post_init__(self) -> None:
        if unknown := [name for name in self.formats if name not in FORMATS]:
            what = f"unknown report format: {', '.join(unknown)}"
            raise ConfigError(what, hint=f"use one or more of {', '.join(FORMATS)}")
        if self.csv_delimiter not in DELIMITERS:
            raise ConfigError(f"{self.csv_delimiter!r} is not a delimiter", hint="use , ; | or a tab")

    def wants(self, form: Format) -> bool:
        """Whether reports of this format are written."""
        return form in self.formats and not (self.mask and form in ("csv", "xlsx"))


def write_reports(
    ledger: Path, folder: Path, *, source: int | None = None, options: ReportOptions | None = None
) -> tuple[Reports, Summary]:
    """Write the reports into ``folder``, all from one moment of the ledger; ``summary.json`` is left to the caller.

    ``id_map.csv``, ``failures.csv``, ``failures.xlsx``, ``notes-without-case.csv``, ``case-updates.csv`` and
    ``verified.csv`` only if there is something to write into them.

    Args:
        ledger: The ledger; it may be in use.
        folder: Where they go. Made if missing; files of these names in it are replaced, but for tables that a person
            changed or has open (`Reports.kept`).
        source: Only this source; None for the whole ledger.
        options: Which reports, and how.

    Returns:
        Where they are, and what the ledger said at the same moment.

    Raises:
        LedgerError: the ledger cannot be read.
        ReportError: a file cannot be written.
        ConfigError: there can be no such folder, or masked reports would be next to others.
    """
    options = options or ReportOptions()
    tables = ReportFolder(folder)
    if options.mask:
        if not (options.wants("html") or options.wants("json")):
            raise ConfigError("--mask writes the page and summary.json only", hint="add html to --report-format")
        kept: dict[Format, str] = {"html": page.FILE_NAME, "json": "summary.json"}
        refuse_unmasked(folder, [name for form, name in kept.items() if not options.wants(form)])
    with LedgerView(ledger, source=source) as view, reporting(ledger, folder):
        summary = summary_of(view)
        if options.mask:
            summary = masked(summary)
        reports = Reports(summary=folder / "summary.json" if options.wants("json") else None)
        if options.wants("csv"):
            reports = _write_csv_files(view, tables, summary, reports, delimiter=options.csv_delimiter)
        if options.wants("xlsx"):
            workbooks, beyond = write_workbooks(view, tables, summary.causes)
            reports = replace(reports, workbooks=tuple(workbooks), beyond_workbooks=beyond)
        reports = replace(reports, kept=tables.finish())
        if options.wants("html"):
            reports = replace(reports, page=folder / page.FILE_NAME)
            page.write_page(view, summary, folder / page.FILE_NAME, reports=reports, is_masked=options.mask)
    return reports, summary


def _write_csv_files(
    view: LedgerView, folder: ReportFolder, summary: Summary, reports: Reports, *, delimiter: str
) -> Reports:
    is_verified = view.source is None and summary.verification is not None  # which is about the whole ledger
    return replace(
        reports,
        results=write_results(view, folder, delimiter=delimiter),
        verified=write_verified(view, folder, delimiter=delimiter) if is_verified else None,
        id_map=write_id_map(view, folder, delimiter=delimiter),
        failures=tuple(write_failures(view, folder, delimiter=delimiter)),
        orphans=tuple(write_orphans(view, folder, delimiter=delimiter)),
        case_updates=write_case_updates(view, folder, delimiter=delimiter),
    )
