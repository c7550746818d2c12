"""Reports: written from the ledger alone, in one read transaction, in flat memory, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import orjson

from importer.errors import ConfigError
from importer.ledger import LedgerView
from importer.report import page
from importer.report.failures_file import write_failures
from importer.report.files import csv_file, make_folder, remove
from importer.report.id_map import case_link, write_id_map
from importer.report.masking import masked, refuse_unmasked
from importer.report.summary import (
    CaseUpdateTotals,
    Summary,
    Totals,
    exit_code_of,
    summary_of,
    totals_of,
    unlinked_remarks,
)
from importer.report.verified_file import write_verified
from importer.report.workbook import write_workbooks

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
    "write_reports",
]

RESULT_COLUMNS = (
    *("row", "key", "title", "state", "case_id", "link"),
    *("http_status", "attempts", "code", "message"),
)
UPDATE_COLUMNS = (
    *("key", "case_id", "part", "state", "http_status", "code", "message", "what_to_do"),
    *("field", "value", "note_title", "public"),
)
ORPHAN_COLUMNS = ("importer_file", "importer_row", "importer_key", "importer_code", "importer_reason")
#: What to do about a case update, by how it stands.
_UPDATE_HINTS = {
    "pending": "run the same command again",
    "held": "sent automatically after the case updates before it",
    "refused": "case-importer retry; or enter it by hand, then case-importer resolve KEY --update-done",
    "unknown": "run case-importer reconcile; or check the case, then case-importer resolve KEY with --update-done,"
    " --update-not-done or --update-dropped",
    "sending": "wait for the run to finish",
    "done": "the case shows another value than the one that was sent: check it",
}


Format = Literal["html", "csv", "xlsx", "json"]
FORMATS: tuple[Format, ...] = get_args(Format)
DELIMITERS = (",", ";", "\t", "|")


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


@dataclass(frozen=True, slots=True)
class Reports:
    """Where the reports are; None for those that were not written."""

    results: Path | None  #: Every row.
    #: Rows to fix, with the columns of their source: more than one file if columns differ, and none if there are no
    #: such rows.
    failures: tuple[Path, ...]
    summary: Path | None  #: For scripts; written last, once it is known how the command ends.
    orphans: tuple[Path, ...] = ()  #: Notes of companion files that match no row.
    #: Case updates that were not delivered, or changed by the server; None if there are none.
    case_updates: Path | None = None
    verified: Path | None = None  #: How the cases compare with what was sent; None if they were not read back.
    page: Path | None = None  #: For people: did everything arrive, what failed and why, what to do next.
    id_map: Path | None = None  #: Which old ticket is which case; None if there is no case yet.
    workbooks: tuple[Path, ...] = ()  #: The rows of ``failures`` as workbooks to fix them in.
    beyond_workbooks: int = 0  #: How many of these rows are not in a workbook, because a sheet has no room for them.


def write_reports(
    ledger: Path, folder: Path, *, source: int | None = None, options: ReportOptions | None = None
) -> tuple[Reports, Summary]:
    """Write the reports into ``folder``, all from one moment of the ledger; ``summary.json`` is left to the caller.

    ``id_map.csv``, ``failures.csv``, ``failures.xlsx``, ``notes-without-case.csv``, ``case-updates.csv`` and
    ``verified.csv`` only if there is something to write into them.

    Args:
        ledger: The ledger; it may be in use.
        folder: Where they go. Made if missing; files of these names in it are replaced.
        source: Only this source; None for the whole ledger.
        options: Which reports, and how.

    Returns:
        Where they are, and what the ledger said at the same moment.

    Raises:
        LedgerError: the ledger cannot be read.
        ConfigError: a file cannot be written, or masked reports would be next to others.
    """
    options = options or ReportOptions()
    make_folder(folder)
    if options.mask:
        kept: dict[Format, str] = {"html": page.FILE_NAME, "json": "summary.json"}
        refuse_unmasked(folder, [name for form, name in kept.items() if not options.wants(form)])
    with LedgerView(ledger, source=source) as view:
        summary = summary_of(view)
        if options.mask:
            summary = masked(summary)
        reports = Reports(None, (), folder / "summary.json" if options.wants("json") else None)
        if options.wants("csv"):
            reports = _write_tables(view, folder, summary, reports, delimiter=options.csv_delimiter)
        if options.wants("xlsx"):
            workbooks, beyond = write_workbooks(view, folder, summary.causes)
            reports = replace(reports, workbooks=tuple(workbooks), beyond_workbooks=beyond)
        if options.wants("html"):
            reports = replace(reports, page=folder / page.FILE_NAME)
            failures = next(iter((*reports.workbooks, *reports.failures)), None)
            page.write_page(view, summary, folder / page.FILE_NAME, failures=failures, is_masked=options.mask)
    return reports, summary


def _write_tables(view: LedgerView, folder: Path, summary: Summary, reports: Reports, *, delimiter: str) -> Reports:
    results = folder / "results.csv"
    write_results(view, results, delimiter=delimiter)
    case_updates = folder / "case-updates.csv"
    has_updates = bool(summary.case_updates.undelivered or summary.case_updates.changed)
    if has_updates:
        _write_case_updates(view, case_updates, delimiter=delimiter)
    else:
        remove(case_updates)
    verified = None
    if view.source is None and summary.verification is not None:  # which is about the whole ledger
        verified = folder / "verified.csv"
        write_verified(view, verified, delimiter=delimiter)
    return replace(
        reports,
        results=results,
        id_map=write_id_map(view, folder / "id_map.csv", delimiter=delimiter),
        failures=tuple(write_failures(view, folder, delimiter=delimiter)),
        orphans=tuple(_write_orphans(view, folder, delimiter=delimiter)),
        case_updates=case_updates if has_updates else None,
        verified=verified,
    )


def write_results(view: LedgerView, path: Path, *, delimiter: str = ",") -> None:
    """One line for every row that was read, in input order."""
    _, target = view.identity()
    with csv_file(path, RESULT_COLUMNS, for_spreadsheets=False, delimiter=delimiter) as write:
        for line in view.results(titles=True):
            case = (line.case_id, case_link(target, line.case_id), line.http_status, line.attempts)
            write((line.row, line.key, line.title, line.state, *case, line.code or None, line.message or None))


def _write_case_updates(view: LedgerView, path: Path, *, delimiter: str) -> None:
    """One line for every note and field that its case does not have yet, whole, so that nothing is lost; and for those
    that the server changed."""
    with csv_file(path, UPDATE_COLUMNS, delimiter=delimiter) as write:
        for part in view.updates_to_report():
            answer = (part.http_status, part.code, part.message, _UPDATE_HINTS[part.standing])
            for line in _carried(orjson.loads(part.body)):
                write((part.key, part.case_id, part.position, part.standing, *answer, *line))


def _carried(body: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """What an update carries: field, value, and of a note its title and whether the requester sees it."""
    for note in body.pop("notes", ()):
        yield "note", note["note_body"], note.get("note_title", ""), str(note["public"]).lower()
    custom = {f"custom_fields.{key}": packed["value"] for key, packed in body.pop("custom_fields", {}).items()}
    for field, value in (body | custom).items():
        yield field, value if isinstance(value, str) else orjson.dumps(value).decode(), "", ""


def _write_orphans(view: LedgerView, folder: Path, *, delimiter: str) -> list[Path]:
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
        with csv_file(paths[-1], (*ORPHAN_COLUMNS, *columns), is_exact=True, delimiter=delimiter) as write:
            for orphan in view.orphans():
                if name := files.get((orphan.source, orphan.file)):
                    write((name, orphan.row, orphan.key, orphan.code, orphan.message, *orphan.cells))
    return paths
