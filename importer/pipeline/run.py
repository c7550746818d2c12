"""The verbs that send or decide.

Each exists twice: a coroutine (``run_import_async``) and a plain function (``run_import``).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from importer.delivery.retry import retryable
from importer.delivery.workers import Stop
from importer.errors import ConfigError
from importer.ledger import Ledger
from importer.ledger.database import is_unread_rebuild
from importer.ledger.decisions import reopen_refused
from importer.ledger.records import Selection
from importer.mapping import Mapping
from importer.models import State, StrPath
from importer.pipeline.companions import Export, ExportOptions, folder_of, open_export, opened_mapping
from importer.pipeline.ledger_verbs import existing_ledger
from importer.pipeline.results import RunResult
from importer.pipeline.sending import LedgerRun, RunOptions, StoppedWhileReading
from importer.pipeline.session import AccountOptions, Session
from importer.pipeline.staging import Reading, remap_all
from importer.plain import plain
from importer.progress import Progress
from importer.report import ReportOptions
from importer.report.failures_file import FILE_NAME
from importer.settings import Settings

if TYPE_CHECKING:
    from pandas import DataFrame


class ImportOptions(ExportOptions, AccountOptions, total=False):
    """What each verb takes that imports an export."""


async def run_import_async(
    source: StrPath | DataFrame,
    mapping: StrPath | Mapping,
    *,
    ledger: StrPath | None = None,
    out: StrPath | None = None,
    limit: int | None = None,
    max_failures: int | str | None = None,
    as_is: bool = False,
    accept_existing: bool = False,
    solve_untried: bool = False,
    report_options: ReportOptions | None = None,
    **options: Unpack[ImportOptions],
) -> RunResult:
    """Import an export: every valid row becomes exactly one case. The same call again resumes where it stopped.

    Args:
        source: File or DataFrame.
        mapping: File, name of a built-in mapping, or a loaded one.
        ledger, out: The state, by default ``ledger.db`` in ``out``; the reports, by default named after the export.
        limit, max_failures: Send at most so many records; stop when more rows ("20", "2%" of all) fail.
        as_is: See :class:`importer.pipeline.staging.Reading`.
        accept_existing: Send also if the account has cases of these tickets that another ledger created.
        solve_untried: Solve cases also in an account where that was never tried, see
            :func:`importer.pipeline.trying.try_row_async`.
        report_options: Which reports are written, and how.
        options: ``settings``, ``progress`` and ``stop`` of :class:`importer.pipeline.session.AccountOptions`; and all
            of :class:`importer.pipeline.companions.ExportOptions`.

    Raises:
        CaseImporterError: the run could not begin, or its ledger failed; any other problem is in the result.
    """
    session, export = opened_import(source, mapping, **options)
    folder = folder_of_reports(source, out)
    path = Path(ledger) if ledger is not None else folder / "ledger.db"
    orders = RunOptions(
        limit=limit,
        max_failures=max_failures,
        refuse_existing=not accept_existing,
        solve_untried=solve_untried,
    )
    run = LedgerRun("run", path, folder, session, orders, report_options)
    return await run.import_export(export, Reading(export.reading, as_is))


def opened_import(
    source: StrPath | DataFrame,
    mapping: StrPath | Mapping,
    *,
    settings: Settings | None = None,
    progress: Progress | None = None,
    stop: Stop | None = None,
    **export: Unpack[ExportOptions],
) -> tuple[Session, Export]:
    """What holds the ledger, and the export. Settings are checked first: they are quickly read."""
    session = Session(folder_of(source), settings=settings, progress=progress, stop=stop)
    return session, open_export(source, mapping, **export).fitting()


async def rebuild_async(
    source: StrPath | DataFrame,
    mapping: StrPath | Mapping,
    *,
    ledger: StrPath | None = None,
    out: StrPath | None = None,
    report_options: ReportOptions | None = None,
    **options: Unpack[ImportOptions],
) -> RunResult:
    """Make a new ledger in the place of a lost one, from an export and the cases in the account; send nothing.

    Rows that the list of cases shows are created. Those that it does not show when it is read twice are pending; where
    that proves nothing they are searched for one by one. What cannot be decided stays unknown, so all rows of a mapping
    without external id.

    Args:
        source, mapping, report_options, options: See :func:`run_import_async`.
        ledger, out: Where the new ledger and the reports go; there must be no ledger yet, or only one whose rebuild
            ended before the export was read.

    Raises:
        ConfigError: there is a ledger already.
    """
    session, export = opened_import(source, mapping, **options)
    folder = folder_of_reports(source, out)
    path = Path(ledger) if ledger is not None else folder / "ledger.db"
    if path.exists() and path.stat().st_size and not is_unread_rebuild(path):
        hint = "choose a new folder with --out, then use the ledger there for this import"
        raise ConfigError("there is a ledger already; it is left as it is", where=str(path), hint=hint)
    orders = RunOptions(limit=0, resend=False, listed_by=export.mapping.external_id_field)
    run = LedgerRun("rebuild", path, folder, session, orders, report_options)
    return await run.import_export(export, Reading(export.reading))


def folder_of_reports(source: object, out: StrPath | None) -> Path:
    """Where the reports of an import go, and its ledger: by default a folder named after the export.

    Raises:
        ConfigError: they would replace the failures file that is to be read, fixes and all.
    """
    path = Path(source) if isinstance(source, str | os.PathLike) else Path("dataframe")
    folder = Path(out) if out is not None else Path(f"{path.name.split('.', 1)[0] or 'export'}-import")
    if FILE_NAME.fullmatch(path.name) and path.resolve().parent == folder.resolve():
        raise ConfigError(
            "the reports of this run would replace the file that it reads",
            where=str(path),
            hint="choose another folder for the reports with --out, and keep --ledger",
        )
    return folder


async def retry_async(
    ledger: StrPath,
    *,
    states: Collection[State] | None = None,
    mapping: StrPath | Mapping | None = None,
    notes: Iterable[StrPath] = (),
    allow_files: Iterable[StrPath] = (),
    out: StrPath | None = None,
    limit: int | None = None,
    max_failures: int | str | None = None,
    accept_existing: bool = False,
    solve_untried: bool = False,
    report_options: ReportOptions | None = None,
    **account: Unpack[AccountOptions],
) -> RunResult:
    """Send rows of a ledger again that never became cases; nothing else is sent.

    Args:
        ledger: The ledger.
        states: Which rows: ``refused`` and ``pending`` by default; if there is a new mapping also ``invalid`` ones,
            and of the ``skipped`` ones those that the mapping filtered.
        mapping: Map these rows again, then send those that are valid.
        notes, allow_files: With ``mapping``: see :class:`~importer.pipeline.companions.ExportOptions`; by default as
            first read.
        out: Folder of the reports; by default that of the ledger.
        limit, max_failures, accept_existing, solve_untried, report_options: See :func:`run_import_async`.
        account: See :class:`importer.pipeline.session.AccountOptions`.

    Raises:
        ConfigError: a state cannot be retried.
    """
    path = existing_ledger(ledger)
    session = Session(path.parent, **account)
    wanted = retryable(states, has_mapping=mapping is not None)
    loaded = None if mapping is None else opened_mapping(mapping, allow_files)

    def between() -> None:
        if session.stop.gently.is_set():
            raise StoppedWhileReading(session.exit_code(), "mapping the rows again")

    def reopen(open_ledger: Ledger) -> Selection:
        if loaded is not None:
            states = wanted | {State.WAITING} if State.PENDING in wanted else wanted
            remap_all(open_ledger, loaded, states=states, notes=notes, between=between)
        if State.REFUSED in wanted:
            reopen_refused(open_ledger)
        return Selection(run=None if State.PENDING in wanted else open_ledger.run)

    orders = RunOptions(
        limit=limit,
        max_failures=max_failures,
        refuse_existing=not accept_existing,
        solve_untried=solve_untried,
    )
    folder, what = Path(out or path.parent), f"{path.name}: {', '.join(sorted(wanted))} rows again"
    run = LedgerRun("retry", path, folder, session, orders, report_options, what, loaded)
    return await run.go(reopen)


async def reconcile_async(
    ledger: StrPath,
    *,
    out: StrPath | None = None,
    report_options: ReportOptions | None = None,
    **account: Unpack[AccountOptions],
) -> RunResult:
    """Look up rows with an unknown outcome and settle them; send nothing.

    A row that was not created is pending afterwards; ``retry`` or the next run sends it.

    Args:
        ledger: The ledger.
        out: Folder of the reports; by default that of the ledger.
        report_options, account: See :func:`retry_async`.
    """
    path = existing_ledger(ledger)
    session = Session(path.parent, **account)
    folder, what = Path(out or path.parent), f"{path.name}: rows with an unknown outcome"
    run = LedgerRun("reconcile", path, folder, session, RunOptions(limit=0, resend=False), report_options, what)
    return await run.go(lambda _: Selection())


run_import = plain(run_import_async)
rebuild = plain(rebuild_async)
reconcile = plain(reconcile_async)
retry = plain(retry_async)
