"""The verbs that send or decide.

Each exists twice: a coroutine (``run_import_async``) and a plain function (``run_import``).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from importer.delivery.stopping import Stop
from importer.errors import ConfigError
from importer.intake.export import Export, ExportOptions, folder_of, open_export
from importer.intake.staging import Reading
from importer.ledger.database import is_unread_rebuild
from importer.mapping import Mapping
from importer.models import StrPath
from importer.progress.progress import Progress
from importer.report import ReportOptions
from importer.settings.model import Settings
from importer.verbs.folders import folder_of_reports
from importer.verbs.ledger_run import LedgerRun, RunOptions
from importer.verbs.plain import plain
from importer.verbs.results import RunResult
from importer.verbs.session import AccountOptions, Session

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
        as_is: See :class:`importer.intake.staging.Reading`.
        accept_existing: Send also if the account has cases of these tickets that another ledger created.
        solve_untried: Solve cases also in an account where that was never tried, see
            :func:`importer.verbs.try_row.try_row_async`.
        report_options: Which reports are written, and how.
        options: ``settings``, ``progress`` and ``stop`` of :class:`importer.verbs.session.AccountOptions`; and all
            of :class:`importer.intake.export.ExportOptions`.

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


run_import = plain(run_import_async)
rebuild = plain(rebuild_async)
