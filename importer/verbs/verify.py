"""The verb that proves that an import arrived: every case is read back and compared with what was sent."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Unpack

from importer.delivery.verifier import Verifier
from importer.errors import CaseImporterError, ExitCode
from importer.files.whole import ReportFolder, Reports, reporting
from importer.ledger import Ledger, LedgerView, LedgerWriter
from importer.ledger.verification import Verification, VerificationPlan, begin, count_left, finish
from importer.models import StrPath
from importer.report import ReportOptions, Summary, summary_of
from importer.report.page import FILE_NAME, write_page
from importer.report.tables import write_verified
from importer.verbs.folders import existing_ledger
from importer.verbs.plain import plain
from importer.verbs.results import Ended, Problem, fields_of, write_summary
from importer.verbs.session import AccountOptions, Session, open_api, open_target


@dataclass(frozen=True, kw_only=True)
class VerifyResult(Ended, Summary):
    """How a verification ended, and what the ledger says after it."""

    command: Literal["verify"] = "verify"
    verification: Verification
    verified_file: Path  #: verified.csv
    page: Path  #: report.html
    summary_file: Path  #: this result as JSON
    kept: tuple[Path, ...]  #: see :class:`importer.report.Reports`
    continued: bool  #: it went on where an earlier one had stopped


async def verify_async(
    ledger: StrPath,
    *,
    sample: int | str | None = None,
    deep: bool = False,
    doubles: bool = False,
    again: bool = False,
    out: StrPath | None = None,
    csv_delimiter: str = ",",
    **account: Unpack[AccountOptions],
) -> VerifyResult:
    """Read the cases of a ledger back and compare them, field by field, with what was sent.

    Nothing is written to the account, and no record changes its state. What was found is kept in the ledger: a
    verification that was stopped is continued by the same call.

    Args:
        ledger: The ledger.
        sample: Only so many cases (200) or this share of them ("5%"); the same ones each time.
        deep: Read each case on its own as well, for what the list does not show.
        doubles: Search the whole list for second cases with external ids of this ledger.
        again: Start over, although the last one is not finished.
        out: Folder of the reports; by default that of the ledger.
        csv_delimiter: Between the cells of verified.csv; see :class:`importer.report.ReportOptions`.
        account: See :class:`importer.verbs.session.AccountOptions`.

    Raises:
        ConfigError: there is nothing to verify, or one that is not finished has other options.
        CaseImporterError: it could not begin, or the ledger failed; any other problem is in the result.
    """
    path = existing_ledger(ledger)
    options = ReportOptions(csv_delimiter=csv_delimiter)
    session = Session(path.parent, **account)
    plan = VerificationPlan(None if sample is None else str(sample), deep, doubles)
    async with session.holding(path, "verify") as opened:
        with session.stoppable():
            continued = await asyncio.to_thread(begin, opened, plan, again=again)
            error = await _read_back(opened, plan, session)
        if error is None and not session.stop.gently.is_set():
            finish(opened)
        folder = Path(out) if out is not None else path.parent
        result = _result(path, folder, options, session=session, error=error, continued=continued)
        opened.exit_code = result.exit_code
    return result


async def _read_back(ledger: Ledger, plan: VerificationPlan, session: Session) -> CaseImporterError | None:
    """Read from the account as a run searches in it, with its rate and its patience; says what ended it early."""
    settings, stop, progress = session.settings, session.stop, session.progress
    try:
        async with open_target(settings, ledger.path) as target:
            ledger.check_target(target.identity)
            async with (
                open_api(
                    target,
                    settings,
                    stop=stop,
                    progress=progress,
                    after_crash=ledger.was_cut_short,
                    was_reached=True,  # these cases were created there
                ) as api,
                LedgerWriter(ledger) as writer,
            ):
                progress.verifying(count_left(ledger))
                verifier = Verifier(api, writer, deep=plan.deep, workers=settings.workers, stop=stop)
                return await verifier.run(doubles=plan.doubles)
    except CaseImporterError as error:
        return error


def _result(
    path: Path,
    folder: Path,
    options: ReportOptions,
    *,
    session: Session,
    error: CaseImporterError | None,
    continued: bool,
) -> VerifyResult:
    """Write verified.csv, decide the exit code, and write the result as summary.json."""
    tables = ReportFolder(folder)
    with LedgerView(path) as view, reporting(path, folder):
        summary = summary_of(view)
        verified = write_verified(view, tables, delimiter=options.csv_delimiter)
        to_fix = [folder / "failures.xlsx", folder / "failures.csv"]  # of the run before
        reports = Reports(
            page=folder / FILE_NAME,
            failures=tuple(filter(Path.exists, to_fix)),
            verified=verified,
            kept=(kept := tables.finish()),
        )
        write_page(view, summary, folder / FILE_NAME, reports=reports)
    assert summary.verification is not None
    exit_code = summary.verification.exit_code
    if exit_code is ExitCode.OK and summary.case_updates.undelivered:
        exit_code = ExitCode.ROWS_FAILED
    if (early := session.exit_code(error, has_sent=True)) is not None:
        exit_code = early
    result = VerifyResult(
        **fields_of(summary),
        exit_code=exit_code,
        meaning=exit_code.name.lower(),
        verified_file=verified,
        page=folder / FILE_NAME,
        summary_file=folder / "summary.json",
        kept=kept,
        continued=continued,
        error=Problem.of(error),
        notes=session.settings.remarks,
        seconds=session.seconds,
    )
    with reporting(path, folder):
        write_summary(result, result.summary_file)
    return result


verify = plain(verify_async)
