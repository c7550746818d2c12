"""Pass 2: one time that a ledger is locked for sending; which packages work together, in which order."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from importer.delivery.case_list import settle_from_list
from importer.delivery.circuit_breaker import failure_limit
from importer.delivery.existing import refuse_existing
from importer.delivery.measuring import measuring
from importer.delivery.queue import RecordQueue
from importer.delivery.reconcile import Reconciler
from importer.delivery.retry_budget import RetryBudget
from importer.delivery.sender import Sender
from importer.delivery.stopping import Stop
from importer.delivery.update_sender import UpdateSender
from importer.delivery.verdicts import SHUT_OUT
from importer.delivery.workers import Delivered, WorkerOptions, Workers
from importer.errors import (
    CaseImporterError,
    ExitCode,
    LedgerError,
    OutageError,
    ReportError,
    TargetError,
    TooManyFailuresError,
)
from importer.files.whole import make_folder, reporting
from importer.intake.export import Export
from importer.intake.staging import Reading, identity_of, stage_source, staged_before
from importer.ledger import Ledger, LedgerView, LedgerWriter
from importer.ledger.case_updates import count_waiting
from importer.ledger.decisions import has_sent, others_were_created, reopen_refused
from importer.ledger.measurements import note_plan
from importer.ledger.records import Selection
from importer.ledger.sources import decide_again, drop_half_read
from importer.mapping import Mapping
from importer.models import Notice, State
from importer.progress.progress import Progress
from importer.report import (
    ReportOptions,
    Reports,
    Summary,
    exit_code_of,
    summary_of,
    unlinked_remarks,
    warnings_of,
    write_reports,
)
from importer.settings.model import Settings
from importer.text.wording import duration, plural
from importer.verbs.results import Command, Problem, RunResult, fields_of, write_summary
from importer.verbs.session import OpenTarget, Session, at_most, may_read_cases, open_api, open_target
from importer.verbs.untried import refuse_untried

WITHOUT_EXTERNAL_ID = Notice(
    "no_external_id",
    "warning: the mapping sets no external id, so a row whose response is lost stays unknown until you resolve it",
    hint="add a line such as `external_id_field: text1` to the mapping, with a text field used for nothing else",
)


#: Seconds, after the settle delay, for what earlier runs left unknown, before a new file is read.
LOOK_UP_FOR = 300.0


def _looking_up(rows: int, seconds: float) -> Notice:
    what = plural(rows, "row") if rows else "case updates"
    text = f"looking up {what} of earlier runs with an unknown outcome first, {duration(seconds)} at most"
    return Notice("looking_up", text, {"rows": rows, "seconds_at_most": seconds})


class StoppedWhileReading(CaseImporterError):
    """The user stopped the run before anything was sent."""

    def __init__(self, exit_code: ExitCode | None, what: str = "reading") -> None:
        super().__init__(f"stopped while {what}; nothing was sent", hint="run the same command again")
        self.exit_code = exit_code or ExitCode.INTERRUPTED


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What a run is to do."""

    chosen: Selection = field(default_factory=Selection)  #: which records it is about
    limit: int | None = None  #: send at most so many records; 0 settles unknown outcomes only
    resend: bool = True  #: send records again that turn out not to have been created
    besides: int | None = None  #: settle no unknown record of this source
    max_failures: int | str | None = None  #: stop when more rows fail than so many, or ``2%`` of all
    max_refused: int | None = None  #: how many of these may still be refused
    refuse_existing: bool = False  #: stop before the first record if some are found to be cases of another ledger
    solve_untried: bool = False  #: solve cases also if nobody has tried what the account does then
    listed_by: str | None = None  #: read the whole list of cases first; settle what it shows by this custom field


@dataclass(slots=True)
class LedgerRun:
    """One time that a ledger is locked for sending: the same for a new source, a retry and a reconciliation."""

    verb: Command
    path: Path  #: of the ledger
    folder: Path  #: of the reports
    session: Session
    options: RunOptions
    report_options: ReportOptions | None = None
    source: str = ""  #: what is imported
    mapping: Mapping | None = None
    remarks: tuple[str, ...] = ()
    put_back: int = 0

    def __post_init__(self) -> None:
        if self.options.max_failures is not None:
            failure_limit(str(self.options.max_failures))  # a typing mistake ends the run before anything is read

    async def import_export(self, export: Export, reading: Reading) -> RunResult:
        """Read an export, with its companion files, then send it."""
        self.source, self.mapping = export.reader.name, export.mapping
        if export.mapping.external_id_field is None:
            self.session.progress.notice(WITHOUT_EXTERNAL_ID)

        def on_read(share: float, rows: int) -> None:
            if self.session.stop.gently.is_set():
                raise StoppedWhileReading(self.session.exit_code())
            self.session.progress.read(share, rows)

        def stage(ledger: Ledger) -> Selection:
            known_here = export.as_in(ledger)
            self.remarks = known_here.remarks
            with known_here.companions(ledger) as companions:
                known = (ledger, export.reader, export.mapping)
                staged = stage_source(*known, companions=companions, reading=reading, progress=on_read)
            self.put_back = staged.put_back
            return Selection(source=staged.source.id)

        def resumed(ledger: Ledger) -> int | None:
            with export.companions(ledger) as companions:
                identity = identity_of(export.reader, reading)
                before = staged_before(ledger, export.reader, export.mapping, companions, identity)
            return before.id if before else None

        return await self.go(stage, resumed)

    async def go(
        self, prepare: Callable[[Ledger], Selection], resumed: Callable[[Ledger], int | None] | None = None
    ) -> RunResult:
        """Lock the ledger, prepare it, send what is pending, and write the reports whatever happened.

        Args:
            prepare: Brings the ledger into shape (blocking; runs in a thread) and returns which records to send.
            resumed: For a source that is to be read: its number, if the ledger has it already (blocking as well).
        """
        session, target = self.session, self.session.settings.target
        session.progress.begun(
            command=self.verb, source=self.source, mapping=self._mapping_name, target=target.name, ledger=self.path
        )
        async with session.holding(self.path, self.verb) as ledger:
            with session.stoppable():
                chosen = await self._prepared(ledger, prepare, resumed)
                if self.options.resend and not self.options.solve_untried and target.api_url is not None:
                    folders = (self.path.parent, self.folder)
                    await asyncio.to_thread(refuse_untried, ledger, chosen.source, target=target.name, folders=folders)
                await asyncio.to_thread(make_folder, self.folder)  # where nothing can be written, nothing is sent
                session.progress.staged(ledger.counts(chosen.source))
                try:
                    delivered = await self._deliver(ledger, chosen)
                except CaseImporterError as error:
                    delivered = Delivered(error=error)
            try:
                decide_again(ledger)
                return self._result(ledger, chosen, delivered)
            except CaseImporterError as error:  # the ledger cannot be read for them
                raise delivered.error or error from None

    async def _prepared(
        self,
        ledger: Ledger,
        prepare: Callable[[Ledger], Selection],
        resumed: Callable[[Ledger], int | None] | None,
    ) -> Selection:
        """Which records to send, once it is known what became of those of earlier runs, as far as that can be known."""
        drop_half_read(ledger)
        if resumed is not None:
            await self._look_up(ledger, resumed)
        await asyncio.to_thread(decide_again, ledger)
        try:
            return await asyncio.to_thread(prepare, ledger)
        except CaseImporterError:
            with suppress(LedgerError):
                drop_half_read(ledger)
            raise

    async def _look_up(self, ledger: Ledger, resumed: Callable[[Ledger], int | None]) -> None:
        """Settle for a while what earlier runs left unknown, so that the rows of a new file meet what is known.

        What belongs to a source that is resumed is settled while that is sent. An outage is left to the sending.
        """
        if not ledger.counts()[State.UNKNOWN] and not count_waiting(ledger, None, only_unknown=True):
            return
        source = await asyncio.to_thread(resumed, ledger)
        rows = len(ledger.unknown(besides=source))
        if not rows and source is not None:
            return
        settings, seconds = self.session.settings, self.session.settings.delay.first + LOOK_UP_FOR
        self.session.progress.notice(_looking_up(rows, seconds))
        options, delivered = RunOptions(limit=0, resend=False, besides=source), Delivered()
        with suppress(OutageError), at_most(seconds, self.session.stop) as stop:
            async with open_target(settings, self.path) as target:
                ledger.check_target(target.identity)
                delivered = await send_pending(ledger, target, settings, options, stop=stop, progress=Progress())
        ledger.released.clear()  # children of rows that are about to be replaced; the queue finds all others
        if delivered.error is not None and not isinstance(delivered.error, OutageError):
            raise delivered.error

    @property
    def _mapping_name(self) -> str:
        return self.mapping.name if self.mapping else "as before"

    async def _deliver(self, ledger: Ledger, chosen: Selection) -> Delivered:
        counts = ledger.counts(chosen.source)
        pending = ledger.count_pending(chosen)
        # Children are sent by the same run, if their parents become cases.
        sendable = pending + counts[State.WAITING] if pending or counts[State.UNKNOWN] else 0
        total = counts[State.UNKNOWN] + (sendable if self.options.limit is None else min(sendable, self.options.limit))
        if total == 0 and count_waiting(ledger, chosen.source, only_unknown=not self.options.resend) == 0:
            return Delivered()
        options = replace(self.options, chosen=chosen, max_refused=self._max_refused(counts))
        account_fields = self.mapping.account_fields if self.mapping else ()
        await asyncio.to_thread(note_plan, ledger, self._plan(), rows=total, source=chosen.source)
        settings, stop, progress = self.session.settings, self.session.stop, self.session.progress
        async with open_target(settings, self.path, account_fields) as target:
            ledger.check_target(target.identity)
            progress.sending(total)
            return await send_pending(ledger, target, settings, options, stop=stop, progress=progress)

    def _plan(self) -> dict[str, object]:
        """What the report says about how it was sent; nothing secret."""
        settings = self.session.settings
        return {
            "rate": settings.rate or settings.top_rate,
            "reserve": settings.reserve,
            "concurrency": settings.workers,
            "settle_delay": settings.delay.first,
            "proxy": settings.through.name if settings.through else None,
            "limit": self.options.limit,
            "max_failures": self.options.max_failures,
        }

    def _max_refused(self, counts: Counter[State]) -> int | None:
        """How many rows may still be refused; invalid rows count as failures before anything is sent."""
        if self.options.max_failures is None:
            return None
        invalid, total = counts[State.INVALID], counts.total()
        left = failure_limit(str(self.options.max_failures))(total) - invalid
        if left < 0:
            raise TooManyFailuresError(
                f"{invalid:,} of {total:,} rows are invalid, more than --max-failures allows; nothing was sent",
                hint="fix the rows in the failures file or the mapping, then run again",
            )
        return left

    def _result(self, ledger: Ledger, chosen: Selection, delivered: Delivered) -> RunResult:
        """Write the reports, decide the exit code, and write the result as summary.json, which has the same code."""
        try:
            reports, summary = write_reports(self.path, self.folder, source=chosen.source, options=self.report_options)
            result = self._ended(ledger, chosen, delivered, reports, summary)
            with reporting(self.path, self.folder):
                write_summary(result, reports.summary)
        except ReportError as error:
            with LedgerView(self.path, source=chosen.source) as view:
                summary = summary_of(view)
            result = self._ended(ledger, chosen, delivered, Reports(), summary, unwritten=error)
        ledger.exit_code = result.exit_code
        self.session.progress.ended(result.exit_code, result.totals)
        return result

    def _ended(
        self,
        ledger: Ledger,
        chosen: Selection,
        delivered: Delivered,
        reports: Reports,
        summary: Summary,
        *,
        unwritten: ReportError | None = None,
    ) -> RunResult:
        code = self._exit_code(ledger, delivered, summary, unwritten)
        with LedgerView(self.path, source=chosen.source) as view:
            warnings = warnings_of(view, summary) if chosen.source and self.verb != "rebuild" else ()
        remarks = (*self.session.settings.remarks, *self.remarks, *unlinked_remarks(summary.links_not_made))
        if unwritten is not None and delivered.error is not None:
            remarks = (*remarks, f"warning: {unwritten.where}: {unwritten.what}; {unwritten.hint}")
        known = fields_of(summary) | {"target": summary.target or self.session.settings.target.name}
        return RunResult(
            **known,
            exit_code=code,
            meaning=code.name.lower(),
            command=self.verb,
            source=self.source,
            mapping=self._mapping_name,
            reports=reports,
            moved={state.value: count for state, count in delivered.moved.items()},
            error=Problem.of(delivered.error or unwritten),
            notes=remarks,
            warnings=warnings,
            put_back=self.put_back,
            seconds=self.session.seconds,
        )

    def _exit_code(
        self, ledger: Ledger, delivered: Delivered, summary: Summary, unwritten: ReportError | None
    ) -> ExitCode:
        if (early := self.session.exit_code(delivered.error, has_sent=has_sent(ledger))) is not None:
            return early
        # What a rebuild leaves, or a limit, was not to be sent, and running again would not help suppressed rows.
        options, is_limited = self.options, self.options.limit is not None or delivered.suppressed > 0
        is_meant = options.resend and is_limited and delivered.left_over == delivered.suppressed
        code = exit_code_of(
            summary.totals,
            summary.causes,
            replace(summary.case_updates, open=0) if delivered.updates_suppressed else summary.case_updates,
            pending_is_meant=is_meant or self.verb == "rebuild",
        )
        return unwritten.exit_code if unwritten and code in (ExitCode.OK, ExitCode.ROWS_FAILED) else code


async def send_pending(
    ledger: Ledger, target: OpenTarget, settings: Settings, options: RunOptions, *, stop: Stop, progress: Progress
) -> Delivered:
    """Settle what is unknown and send what is pending; then send the case updates.

    Raises:
        TargetError: the credentials are refused; nothing was sent.
        ExistingCaseError: a record is a case of another ledger; nothing was sent.
        LedgerError: the ledger failed; what was sent is in it.
    """
    chosen, max_refused, before = options.chosen, options.max_refused, ledger.counts(options.chosen.source)
    async with (
        open_api(
            target,
            settings,
            stop=stop,
            progress=progress,
            after_crash=ledger.was_cut_short,
            max_refused=max_refused,
            was_reached=ledger.counts()[State.CREATED] > 0,
        ) as api,
        LedgerWriter(ledger) as writer,
        measuring(api, writer),
    ):
        ledger.pin_target(target.identity)
        if options.refuse_existing and may_read_cases(api.tokens):
            await refuse_existing(writer, api, chosen, stop=stop.gently)
        if options.listed_by is not None:
            await settle_from_list(writer, api, options.listed_by, delay=settings.delay, stop=stop.gently)
        budget = RetryBudget(settings.workers)
        how = WorkerOptions(settings.workers, settings.grace, options.resend)
        queue = RecordQueue(
            lambda after, count: writer.call(Ledger.next_page, chosen, after=after, limit=count),
            released=lambda: bool(ledger.released),
            limit=options.limit,
            load_last=lambda after, count: writer.call(
                Ledger.next_page, chosen, after=after, limit=count, shut_out=True
            ),
        )
        reconciler = Reconciler(api, writer, delay=settings.delay)
        sender = Sender(api, writer, budget, others_succeeded=others_were_created(ledger))
        workers = Workers(sender, queue, reconciler, options=how, stop=stop)
        delivered = await workers.run(ledger.unknown(chosen.source, besides=options.besides))
        if delivered.error is None and not stop.gently.is_set():
            waiting = await writer.call(count_waiting, chosen.source, only_unknown=not options.resend)
            if waiting:
                progress.updating(waiting)
                updates = UpdateSender(
                    api, writer, source=chosen.source, budget=budget, delay=settings.delay, options=how, stop=stop
                )
                delivered.error = await updates.run()
                delivered.updates_suppressed = updates.is_suppressed
    if isinstance(delivered.error, TargetError):
        reopen_refused(ledger, shut_out=SHUT_OUT)
    delivered.moved = ledger.counts(chosen.source) - before
    return delivered
