"""The verb that shows what an account does by itself: one stand-in is created, updated, read back and removed."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack

from importer.delivery.api_access import ApiAccess, ReadError
from importer.delivery.reads import read_case
from importer.delivery.side_effects import SideEffect, side_effects
from importer.delivery.stopping import first_of
from importer.delivery.trash import put_into_trash
from importer.errors import CaseImporterError, ExitCode, OutageError
from importer.intake.export import Export
from importer.ledger import Ledger, LedgerView, tries
from importer.ledger import sources as entry
from importer.ledger.decisions import has_sent
from importer.ledger.records import NewSource, Selection, StagedRow
from importer.ledger.tries import StandIn, TriedUpdate
from importer.mapping import Mapping
from importer.models import Notice, Row, State, StrPath
from importer.progress.progress import Progress
from importer.report import exit_code_of, summary_of
from importer.verbs.folders import folder_of_reports
from importer.verbs.ledger_run import WITHOUT_EXTERNAL_ID, RunOptions, send_pending
from importer.verbs.plain import plain
from importer.verbs.results import Ended, Problem
from importer.verbs.run import ImportOptions, opened_import
from importer.verbs.session import OpenTarget, Session, open_api, open_target
from importer.verbs.stand_in import check_address, external_id_of, folder_of_tries, row_named, stand_in

if TYPE_CHECKING:
    from pandas import DataFrame

#: Seconds until a case of a real account is read back: automations run right after a create or an update.
WAIT = 30.0


@dataclass(frozen=True, kw_only=True)
class TryResult(Ended):
    """What became of a stand-in, and what changed in it by itself."""

    command: Literal["try"] = "try"
    source: str
    row: int  #: the row that it stands for
    key: str
    external_id: str  #: instead of the key
    email: str  #: instead of the requester's
    mapping: str
    target: str
    ledger: str  #: of tries; nothing of the import is in it
    state: State  #: what became of the create
    message: str  #: why
    case_id: str | None  #: None if there is none for sure
    updates: tuple[TriedUpdate, ...]  #: what was sent to the case afterwards
    waited: float | None  #: seconds until the case was read; None if it was not read
    effects: tuple[SideEffect, ...]  #: what the case has that was not sent, or not so
    not_shown: tuple[str, ...]  #: fields that were sent and that no read shows
    left: bool  #: whether the case may still be in the account


async def try_row_async(
    source: StrPath | DataFrame,
    row: str | int,
    mapping: StrPath | Mapping,
    *,
    email: str,
    wait: float | None = None,
    keep: bool = False,
    out: StrPath | None = None,
    **options: Unpack[ImportOptions],
) -> TryResult:
    """Send one case that stands in for a row, update it as the mapping says, read it back, and remove it.

    Its requester is ``email``, its external id that of no row; other addresses in it stay. It has a ledger of its own,
    in the folder ``try`` next to that of the import. What an earlier try could not remove is removed first.

    Args:
        source, mapping, options: See :func:`importer.verbs.run.run_import_async`; ``stop`` ends the waiting.
        row: Key of the row, or its row number.
        email: Your own address.
        wait: Seconds until the case is read back; by default 30, and 0 for a server on this machine.
        keep: Leave the case in the account.
        out: Folder of the reports of the import.

    Raises:
        SourceError: there is no such row, or it cannot be sent.
        ConfigError: ``email`` is not an address, or the ledger in the place of that of tries is that of an import.
        CaseImporterError: it could not begin, or the ledger failed; any other problem is in the result.
    """
    session, opened = opened_import(source, mapping, **options)
    target = session.settings.target
    folder = folder_of_tries(folder_of_reports(source, out), is_trial=target.api_url is None)
    own_address = check_address(email)
    async with session.holding(folder / "ledger.db", "try") as ledger:
        attempt = _Try(ledger, opened, session, keep=keep)
        with session.stoppable():
            await asyncio.to_thread(attempt.stage, str(row), own_address)
            await attempt.carry_out(WAIT if wait is None and not target.is_local else wait or 0.0)
        result = attempt.result(own_address)
        ledger.exit_code = result.exit_code
    return result


class _CaseNamer(Progress):
    """Passes notices on, and says which case the stand-in is as soon as that is on disk: a crash may come any time."""

    def __init__(self, outer: Progress, ledger: Path, source: int) -> None:
        self._outer, self._ledger, self._source = outer, ledger, source

    def settled(self, state: State) -> None:
        if state is State.CREATED:
            with LedgerView(self._ledger, source=self._source) as view:
                case_id = next(view.results()).case_id
            self._outer.notice(Notice("stand_in", f"case {case_id} was created for this try"))

    def notice(self, notice: Notice) -> None:
        self._outer.notice(notice)


@dataclass
class _Try:
    """One try, from the row to the Trash."""

    ledger: Ledger
    export: Export
    session: Session
    keep: bool = field(kw_only=True)
    error: CaseImporterError | None = None
    waited: float | None = None
    effects: list[SideEffect] = field(default_factory=list)
    not_shown: list[str] = field(default_factory=list)
    left: bool = False
    row: Row = field(init=False)
    key: str = field(init=False)
    source: int = field(init=False)

    def __post_init__(self) -> None:
        self.settings, self.stop, self.progress = self.session.settings, self.session.stop, self.session.progress

    def stage(self, name: str, email: str) -> None:
        """Enter the stand-in into the ledger of tries. Blocking."""
        ledger, mapping = self.ledger, self.export.mapping
        if mapping.external_id_field is None:
            self.progress.notice(WITHOUT_EXTERNAL_ID)
        with self.export.companions(ledger) as companions:
            self.row, mapped = row_named(self.export.reader, mapping, name, companions)
        self.key = mapped.key
        key, field = external_id_of(mapped.key, ledger), mapping.external_id_field
        new = NewSource(
            name=self.export.reader.name,
            sha256=sha256(key.encode()).hexdigest(),
            columns=self.export.columns,
            mapping_name=mapping.name,
            mapping_sha256=mapping.sha256,
            external_id_field=field,
        )
        self.source = entry.begin_source(ledger, new)
        staged = StagedRow(self.row, stand_in(mapped, key=key, email=email, external_id_field=field))
        entry.add_rows(ledger, self.source, [staged])
        entry.finish_source(ledger, self.source, whole=False)

    async def carry_out(self, wait: float) -> None:
        """Send it, wait, read it back, and remove it; ``error`` says what went wrong."""
        ledger, fields = self.ledger, self.export.mapping.account_fields
        async with open_target(self.settings, ledger.path, fields) as target:
            try:
                ledger.check_target(target.identity)
                await self._remove_what_was_left(target)
                namer = _CaseNamer(self.progress, ledger.path, self.source)
                chosen = RunOptions(chosen=Selection(source=self.source))
                delivered = await send_pending(ledger, target, self.settings, chosen, stop=self.stop, progress=namer)
                self.error = delivered.error
            except CaseImporterError as error:
                self.error = error
            await self._look_and_remove(target, wait)

    async def _remove_what_was_left(self, target: OpenTarget) -> None:
        for record, key, case_id in tries.left_behind(self.ledger):
            if case_id is None:
                what = f"warning: an earlier try may have left a case with the external id {key}"
                self.progress.notice(Notice("stand_in_left", what, hint="search for it in Talkdesk and delete it"))
                continue
            async with self._api(target) as api:
                await put_into_trash(api, case_id)
            tries.note_end(self.ledger, record, tries.UNSEEN)
            self.progress.notice(Notice("stand_in_removed", f"case {case_id} of an earlier try is in the Trash now"))

    async def _look_and_remove(self, target: OpenTarget, wait: float) -> None:
        standing = tries.stand_in_of(self.ledger, self.source)
        self.left = standing.state in (State.CREATED, State.UNKNOWN, State.DUPLICATE)
        if standing.state is not State.CREATED or standing.case_id is None:
            return
        if wait and self.error is None:
            await first_of(self.stop.gently.wait(), at_most=wait)
        try:
            async with self._api(target) as api:
                if self.error is None and not self.stop.gently.is_set():
                    await first_of(self._look(api, standing, standing.case_id, wait), self.stop.at_once.wait())
                if not self.keep:
                    await first_of(self._remove(api, standing.case_id), self.stop.at_once.wait())
        except CaseImporterError as error:
            self.error = self.error or error
        if self.keep or not self.left:
            # a case that was not read shows nothing, so the next run asks again
            end = tries.UNSEEN if self.waited is None else tries.KEPT if self.keep else tries.IN_TRASH
            tries.note_end(self.ledger, standing.record, end)

    async def _look(self, api: ApiAccess, standing: StandIn, case_id: str, wait: float) -> None:
        try:
            case = await read_case(api, case_id)
        except ReadError as error:
            self.error = OutageError(str(error), hint="the scope cases-public:read is needed to read it")
            return
        self.waited = wait
        self.effects, self.not_shown = side_effects(standing.fields, standing.notes, case)

    async def _remove(self, api: ApiAccess, case_id: str) -> None:
        await put_into_trash(api, case_id)
        self.left = False

    def _api(self, target: OpenTarget) -> AbstractAsyncContextManager[ApiAccess]:
        crashed = self.ledger.was_cut_short
        return open_api(target, self.settings, stop=self.stop, progress=self.progress, after_crash=crashed)

    def result(self, email: str) -> TryResult:
        """All of it."""
        standing = tries.stand_in_of(self.ledger, self.source)
        code = self._exit_code()
        return TryResult(
            exit_code=code,
            meaning=code.name.lower(),
            source=self.export.reader.name,
            row=self.row.number,
            key=self.key,
            external_id=standing.key,
            email=email,
            mapping=self.export.mapping.name,
            target=self.settings.target.name,
            ledger=str(self.ledger.path),
            state=standing.state,
            message=standing.message,
            case_id=standing.case_id,
            updates=standing.updates,
            waited=self.waited,
            effects=tuple(self.effects),
            not_shown=tuple(self.not_shown),
            left=self.left,
            error=Problem.of(self.error),
            notes=(*self.settings.remarks, *self.export.reader.notes, *self.export.mapping.notes),
            seconds=self.session.seconds,
        )

    def _exit_code(self) -> ExitCode:
        if (early := self.session.exit_code(self.error, has_sent=has_sent(self.ledger))) is not None:
            return early
        with LedgerView(self.ledger.path, source=self.source) as view:
            summary = summary_of(view)
        code = exit_code_of(summary.totals, summary.causes, summary.case_updates)
        is_changed = any(not each.is_default for each in self.effects)
        return ExitCode.ROWS_FAILED if code is ExitCode.OK and is_changed else code


try_row = plain(try_row_async)
