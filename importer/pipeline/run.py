"""The verbs that send or decide: which packages work together, in which order.

Each that uses the network exists twice: a coroutine (``run_import_async``) and a plain function (``run_import``).
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from importer.delivery.circuit_breaker import failure_limit
from importer.delivery.retry import retryable
from importer.delivery.workers import Delivered, Stop
from importer.errors import CaseImporterError, ConfigError, ExitCode, TooManyFailuresError
from importer.ledger import Ledger, Selection
from importer.ledger.case_updates import count_waiting, reopen_refused_updates
from importer.ledger.decisions import reopen_refused
from importer.ledger.rebuilding import make_unproven_unknown
from importer.mapping import Mapping
from importer.models import Notice, State
from importer.pipeline.companions import StrPath, open_companions, opened_mapping
from importer.pipeline.ledger_verbs import existing
from importer.pipeline.results import Command, Problem, RunResult, run_result, write_summary
from importer.pipeline.sending import (
    RunOptions,
    open_target,
    refuse_wrong_credentials,
    send_pending,
    stop_on_signals,
    usable_settings,
)
from importer.pipeline.staging import Reading, companions_known, remap_all, stage_source
from importer.plain import plain
from importer.progress import Progress
from importer.report import Summary, exit_code_of, unlinked_remarks, write_reports
from importer.report.failures_file import FILE_NAME
from importer.settings import Settings

if TYPE_CHECKING:
    from pandas import DataFrame

    from importer.reader import Reader, ReadingOptions


WITHOUT_EXTERNAL_ID = Notice(
    "no_external_id",
    "warning: the mapping sets no external id, so a row whose response is lost stays unknown until you resolve it",
    hint="add a line such as `external_id_field: text1` to the mapping, with a text field used for nothing else",
)


class StoppedWhileReading(CaseImporterError):
    """The user stopped the run before anything was sent."""

    exit_code = ExitCode.INTERRUPTED


async def run_import_async(
    source: StrPath | DataFrame,
    mapping: StrPath | Mapping,
    *,
    notes: Iterable[StrPath] = (),
    allow_files: Iterable[StrPath] = (),
    ledger: StrPath | None = None,
    out: StrPath | None = None,
    settings: Settings | None = None,
    limit: int | None = None,
    max_failures: int | str | None = None,
    accept_changes: bool = False,
    as_is: bool = False,
    accept_existing: bool = False,
    progress: Progress | None = None,
    stop: Stop | None = None,
    **reading: Unpack[ReadingOptions],
) -> RunResult:
    """Import an export: every valid row becomes exactly one case. The same call again resumes where it stopped.

    Args:
        source: File or DataFrame.
        mapping: File, name of a built-in mapping, or a loaded one.
        notes, allow_files, reading: See :func:`importer.pipeline.checking.check`.
        ledger, out: The state, by default ``ledger.db`` in ``out``; the reports, by default named after the export.
        settings: Target, rate, credentials; by default from environment and ``.env``.
        limit, max_failures: Send at most so many records; stop when more rows ("20", "2%" of all) fail.
        accept_changes, as_is: See :class:`importer.pipeline.staging.Reading`.
        accept_existing: Send also if the account has cases of these tickets that another ledger created.
        progress, stop: Is told what happens; stops the run. Without ``stop`` the signals of the process do.

    Raises:
        CaseImporterError: the run could not begin, or its ledger failed; any other problem is in the result.
    """
    from importer.pipeline.checking import folder_of, open_both  # with pandas, which a retry does not need

    settings = usable_settings(settings, folder_of(source))
    opened, loaded = open_both(source, mapping, reading, allow_files)
    folder = folder_of_reports(source, out)
    run = LedgerRun(
        verb="run",
        source=opened.name,
        mapping=loaded,
        path=Path(ledger) if ledger is not None else folder / "ledger.db",
        folder=folder,
        settings=settings,
        progress=progress or Progress(),
        outer_stop=stop,
        limit=limit,
        max_failures=max_failures,
        accept_existing=accept_existing,
        notes=(*opened.notes, *loaded.notes),
    )
    if loaded.external_id_field is None:
        run.progress.notice(WITHOUT_EXTERNAL_ID)

    how, folder = Reading(reading, accept_changes, as_is), folder_of(source)
    return await run.go(lambda ledger: Selection(source=run.stage(ledger, opened, loaded, folder, notes, how)))


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
    settings: Settings | None = None,
    limit: int | None = None,
    max_failures: int | str | None = None,
    accept_existing: bool = False,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> RunResult:
    """Send rows of a ledger again that never became cases; nothing else is sent.

    Args:
        ledger: The ledger.
        states: Which rows: ``refused`` and ``pending`` by default; if there is a new mapping also ``invalid`` ones,
            and of the ``skipped`` ones those that the mapping filtered.
        mapping: Map these rows again, then send those that are valid.
        notes, allow_files: With ``mapping``: see :func:`~importer.pipeline.checking.check`; by default as first read.
        out: Folder of the reports; by default that of the ledger.
        settings, limit, max_failures, accept_existing, progress, stop: See :func:`run_import_async`.

    Raises:
        ConfigError: a state cannot be retried.
        CaseImporterError: see :func:`run_import_async`.
    """
    path = existing(ledger)
    settings = usable_settings(settings, path.parent)
    wanted = retryable(states, has_mapping=mapping is not None)
    loaded = None if mapping is None else opened_mapping(mapping, allow_files)

    def reopen(open_ledger: Ledger) -> Selection:
        if loaded is not None:
            states = wanted | {State.WAITING} if State.PENDING in wanted else wanted
            remap_all(open_ledger, loaded, states=states, notes=notes)
        elif State.REFUSED in wanted:
            reopen_refused(open_ledger)
        if State.REFUSED in wanted:
            reopen_refused_updates(open_ledger)
        return Selection(run=None if State.PENDING in wanted else open_ledger.run)

    run = LedgerRun(
        verb="retry",
        source=f"{path.name}: {', '.join(sorted(wanted))} rows again",
        mapping=loaded,
        path=path,
        folder=Path(out) if out is not None else path.parent,
        settings=settings,
        progress=progress or Progress(),
        outer_stop=stop,
        limit=limit,
        max_failures=max_failures,
        accept_existing=accept_existing,
    )
    return await run.go(reopen)


async def reconcile_async(
    ledger: StrPath,
    *,
    out: StrPath | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> RunResult:
    """Look up rows with an unknown outcome and settle them; send nothing.

    A row that was not created is pending afterwards; ``retry`` or the next run sends it.

    Args:
        ledger: The ledger.
        out: Folder of the reports; by default that of the ledger.
        settings, progress, stop: See :func:`run_import_async`.

    Raises:
        CaseImporterError: see :func:`run_import_async`.
    """
    path = existing(ledger)
    settings = usable_settings(settings, path.parent)
    run = LedgerRun(
        verb="reconcile",
        source=f"{path.name}: rows with an unknown outcome",
        path=path,
        folder=Path(out) if out is not None else path.parent,
        settings=settings,
        progress=progress or Progress(),
        outer_stop=stop,
        limit=0,
        resend=False,
    )
    return await run.go(lambda _: Selection())


@dataclass(slots=True, kw_only=True)
class LedgerRun:
    """One time that a ledger is locked for sending: the same for a new source, a retry and a reconciliation."""

    verb: Command
    source: str
    mapping: Mapping | None = None
    path: Path
    folder: Path
    settings: Settings
    progress: Progress
    outer_stop: Stop | None
    limit: int | None = None
    max_failures: int | str | None = None
    accept_existing: bool = False
    resend: bool = True
    listed_by: str | None = None
    notes: tuple[str, ...] = ()
    put_back: int = 0
    heard: list[int] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)
    stop: Stop = field(init=False)

    def __post_init__(self) -> None:
        self.stop = self.outer_stop or Stop()
        if self.max_failures is not None:
            failure_limit(str(self.max_failures))  # a typing mistake ends the run before anything is read

    @property
    def mapping_name(self) -> str:
        """Its name in messages."""
        return self.mapping.name if self.mapping else "as before"

    def _on_read(self, share: float, rows: int) -> None:
        """Progress of pass 1, and the place where it can be stopped."""
        if self.stop.gently.is_set():
            raise StoppedWhileReading("stopped while reading; nothing was sent", hint="run the same command again")
        self.progress.read(share, rows)

    def stage(
        self,
        ledger: Ledger,
        source: Reader,
        mapping: Mapping,
        folder: Path,
        notes: Iterable[StrPath],
        reading: Reading,
    ) -> int:
        """Pass 1, with the companion files in ``folder`` or where ``notes`` say; returns the number of the source."""
        known = companions_known(ledger, source)
        with open_companions(ledger, mapping, folder, notes, known=known) as companions:
            staged = stage_source(
                ledger, source, mapping, companions=companions, reading=reading, progress=self._on_read
            )
        self.put_back = staged.put_back
        return staged.source.id

    async def go(self, prepare: Callable[[Ledger], Selection]) -> RunResult:
        """Lock the ledger, prepare it, send what is pending, and write the reports whatever happened.

        Args:
            prepare: Brings the ledger into shape (blocking; runs in a thread) and returns which records to send.
        """
        target, name = self.settings.target.name, self.mapping_name
        self.progress.begun(command=self.verb, source=self.source, mapping=name, target=target, ledger=self.path)
        await refuse_wrong_credentials(self.settings)
        with Ledger(self.path, verb=self.verb) as ledger:
            ledger.check_target(target)
            with nullcontext() if self.outer_stop else stop_on_signals(self.stop, self.heard):
                chosen = await asyncio.to_thread(prepare, ledger)
                await asyncio.to_thread(make_unproven_unknown, ledger)
                self.progress.staged(ledger.counts(chosen.source))
                try:
                    delivered = await self._deliver(ledger, chosen)
                except CaseImporterError as error:
                    delivered = Delivered(error=error)
            try:
                return self._result(ledger, chosen, delivered)
            except CaseImporterError as error:  # the reports cannot be written
                raise delivered.error or error from None

    async def _deliver(self, ledger: Ledger, chosen: Selection) -> Delivered:
        counts = ledger.counts(chosen.source)
        pending = ledger.count_pending(chosen)
        # Children are sent by the same run, if their parents become cases.
        sendable = pending + counts[State.WAITING] if pending or counts[State.UNKNOWN] else 0
        total = counts[State.UNKNOWN] + (sendable if self.limit is None else min(sendable, self.limit))
        if total == 0 and count_waiting(ledger, chosen.source, only_unknown=not self.resend) == 0:
            return Delivered()
        options = RunOptions(
            chosen=chosen,
            limit=self.limit,
            resend=self.resend,
            max_refused=self._max_refused(counts),
            refuse_existing=self.resend and not self.accept_existing,
            listed_by=self.listed_by,
        )
        account_fields = self.mapping.account_fields if self.mapping else ()
        async with open_target(self.settings, self.path, account_fields) as target:
            ledger.check_target(target.identity)
            self.progress.sending(total)
            return await send_pending(ledger, target, self.settings, options, stop=self.stop, progress=self.progress)

    def _max_refused(self, counts: Counter[State]) -> int | None:
        """How many rows may still be refused; invalid rows count as failures before anything is sent."""
        if self.max_failures is None:
            return None
        invalid, total = counts[State.INVALID], counts.total()
        left = failure_limit(str(self.max_failures))(total) - invalid
        if left < 0:
            raise TooManyFailuresError(
                f"{invalid:,} of {total:,} rows are invalid, more than --max-failures allows; nothing was sent",
                hint="fix the rows in failures.csv or the mapping, then run again",
            )
        return left

    def _result(self, ledger: Ledger, chosen: Selection, delivered: Delivered) -> RunResult:
        """Write the reports, decide the exit code, and write the result as summary.json, which has the same code."""
        reports, summary = write_reports(self.path, self.folder, source=chosen.source)
        ledger.exit_code = self._exit_code(delivered, summary)
        result = run_result(
            replace(summary, target=summary.target or self.settings.target.name),
            ledger.exit_code,
            command=self.verb,
            source=self.source,
            mapping=self.mapping_name,
            reports=reports,
            moved={state.value: count for state, count in delivered.moved.items()},
            error=None if delivered.error is None else Problem.of(delivered.error),
            notes=(*self.settings.remarks, *self.notes, *unlinked_remarks(summary.links_not_made)),
            put_back=self.put_back,
            seconds=round(time.monotonic() - self.begun, 3),
        )
        write_summary(result)
        self.progress.ended(result.exit_code, result.totals)
        return result

    def _exit_code(self, delivered: Delivered, summary: Summary) -> ExitCode:
        if delivered.error is not None:
            return delivered.error.exit_code
        if self.heard:
            return ExitCode.INTERRUPTED if self.heard[0] == signal.SIGINT else ExitCode.TERMINATED
        if self.verb == "rebuild":  # sends nothing, so what is pending afterwards is as it should be
            return exit_code_of(summary.totals, summary.causes, summary.case_updates, pending_is_meant=True)
        # What is beyond the limit was not to be sent, and running again would not help suppressed rows.
        is_meant = self.limit is not None or delivered.suppressed > 0
        return exit_code_of(
            summary.totals,
            summary.causes,
            summary.case_updates,
            pending_is_meant=self.resend and is_meant and delivered.left_over == delivered.suppressed,
        )


run_import = plain(run_import_async)
reconcile = plain(reconcile_async)
retry = plain(retry_async)
