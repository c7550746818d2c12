"""Bringing case updates to their cases: notes for which the first call had no room, then fields that are set late.

The rules of a create hold here as well: an update is marked on disk before it leaves, and only what is proven not to
have been taken is sent again. All of one case go strictly one after another, and what cannot be settled holds up those
behind it. A case is solved or closed when those below it are done.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from importer.delivery.api_access import ApiAccess, ReadError
from importer.delivery.reads import list_filtered, read_case
from importer.delivery.reconcile import look_twice
from importer.delivery.retry_budget import MAX_ATTEMPTS, RetryBudget
from importer.delivery.side_effects import with_first_status
from importer.delivery.stopping import Stop, run_until_done
from importer.delivery.update_lookup import Shown, changed_by_server, fields_in_case, notes_in_case
from importer.delivery.verdicts import Verdict, classify_update
from importer.delivery.workers import WorkerOptions
from importer.errors import CaseImporterError
from importer.ledger import Ledger, LedgerWriter
from importer.ledger.case_updates import (
    mark_update_sending,
    next_case_update,
    sent_before,
    settle_update,
    unmark_update,
    waiting_cases,
)
from importer.ledger.records import CaseUpdate, UpdateOutcome
from importer.models import CaseUpdateState, Notice, SettleDelay, State, UpdateKind
from importer.talkdesk.bodies import all_sent, fields_in, notes_in
from importer.talkdesk.search import Encoding, by_ids
from importer.talkdesk.shown import case_in
from importer.talkdesk.transport import Answer
from importer.text.safe import clean

PAGE = 500
#: Refusals in a row after which the other updates of this run are not sent: they would be refused as well.
REFUSED_IN_A_ROW = 20

_STATES = {
    State.CREATED: CaseUpdateState.DONE,
    State.REFUSED: CaseUpdateState.REFUSED,
    State.PENDING: CaseUpdateState.PENDING,
    State.UNKNOWN: CaseUpdateState.UNKNOWN,
}


@dataclass
class UpdateSender:
    """Sends what cases wait for, one case at a time for each worker."""

    api: ApiAccess
    ledger: LedgerWriter
    source: int | None = field(kw_only=True)  #: only cases of this source; None for all
    budget: RetryBudget = field(kw_only=True)
    delay: SettleDelay = field(kw_only=True)
    options: WorkerOptions = field(kw_only=True)  #: without ``resend`` only unknown outcomes are settled
    stop: Stop = field(kw_only=True)

    def __post_init__(self) -> None:
        self._begun = _now()
        self._page: deque[int] = deque()
        self._last = 0
        self._loading = asyncio.Lock()
        self._held: dict[int, None] = {}
        self._is_repeating = False
        self._done = self._refused = 0

    async def run(self) -> CaseImporterError | None:
        """Send updates until no case waits or the run is stopped; says what ended it early, if it was an error.

        Cases that had to wait for those below them come again, for as long as that gets on. Never leaves an update in
        ``sending``.
        """
        while True:
            done = self._done
            work = [self._work() for _ in range(self.options.concurrency)]
            try:
                error = await run_until_done(work, api=self.api, stop=self.stop, grace=self.options.grace)
            finally:
                await self.ledger.call(Ledger.abandon)
            if error is not None or self._is_ending or not self._held or self._done == done:
                return error
            self._page, self._held, self._is_repeating = deque(self._held), {}, True

    @property
    def is_suppressed(self) -> bool:
        """Whether the rest was not sent, because it would be refused as well."""
        return self._refused >= REFUSED_IN_A_ROW

    @property
    def _is_ending(self) -> bool:
        return self.stop.gently.is_set() or self.is_suppressed

    async def _work(self) -> None:
        while not self._is_ending and (record := await self._take()) is not None:
            await self._follow(record)

    async def _take(self) -> int | None:
        """The next case that waits."""
        only_unknown = not self.options.resend
        async with self._loading:
            if not self._page and not self._is_repeating:
                page = await self.ledger.call(
                    waiting_cases, self.source, after=self._last, limit=PAGE, only_unknown=only_unknown
                )
                self._page.extend(page)
                self._last = page[-1] if page else self._last
            return self._page.popleft() if self._page else None

    async def _follow(self, record: int) -> None:
        """Send what the case of ``record`` waits for, in order, until it has everything or something is in the way."""
        goes_on = True
        while goes_on and not self._is_ending:
            update = await self.ledger.call(next_case_update, record)
            if update is None:
                return
            attempts = self.budget.attempts[record, update.position]
            if update.state is CaseUpdateState.UNKNOWN:
                # Whatever an earlier process left behind was under way before this one began.
                since = _now() if attempts else self._begun
                await asyncio.sleep(max(0.0, since + self.delay.first - _now()))
                result = await self._look_up(update)
                await self._settle(update, CaseUpdateState.UNKNOWN, result)
                is_again = result.state is CaseUpdateState.PENDING and self.budget.allows(attempts)
                goes_on = is_again or result.state is CaseUpdateState.DONE
            else:
                goes_on = self.options.resend and attempts < MAX_ATTEMPTS and await self._send(update)

    async def _send(self, update: CaseUpdate) -> bool:
        """One attempt; says whether to go on with this case."""
        await self.api.token()
        with self.api.under_way():
            if not await self.ledger.call(mark_update_sending, update):
                self._held[update.record] = None
                return False
            if (token := await self.api.turn()) is None:
                await self.ledger.call(unmark_update, update)  # proven not sent
                return True
            verdict = await self.api.attempt(
                self.api.client.update_case(update.case_id, update.body, token),
                lambda answer: _classify(answer, update),
                token=token,
                record=update.record,
            )
            outcome = verdict.outcome
            result = UpdateOutcome(_STATES[outcome.state], outcome.http_status, outcome.code, outcome.message)
            await self._settle(update, CaseUpdateState.SENDING, result)
        wait = self.budget.after((update.record, update.position), verdict)
        if verdict.state is not State.PENDING:
            return verdict.state is not State.REFUSED
        if wait is None or self._is_ending:
            return False
        await asyncio.sleep(wait)
        return True

    async def _settle(self, update: CaseUpdate, before: CaseUpdateState, result: UpdateOutcome) -> None:
        await self.ledger.call(settle_update, update, before, result)
        self._done += result.state is CaseUpdateState.DONE
        if result.state is CaseUpdateState.DONE:
            self._refused = 0
        elif result.state is CaseUpdateState.REFUSED:
            self._refused += 1
            if self._refused == REFUSED_IN_A_ROW:
                text = f"{self._refused} case updates in a row were refused ({result.message}); the others are not sent"
                facts: dict[str, object] = {"refused": self._refused, "status": result.http_status}
                self.api.progress.notice(Notice("updates_suppressed", text, facts))
        if result.state in (CaseUpdateState.DONE, CaseUpdateState.REFUSED):
            self.api.progress.updated(result.state)

    async def _look_up(self, update: CaseUpdate) -> UpdateOutcome:
        """Two looks that find nothing are proof; one that finds the notes, or the values, is enough."""
        try:
            looks = await look_twice(
                lambda: self._look(update),
                is_enough=lambda shown: shown is Shown.THERE,
                api=self.api,
                again=self.delay.again,
            )
        except ReadError as error:
            return UpdateOutcome(CaseUpdateState.UNKNOWN, None, "unreadable", clean(str(error)))
        what = "notes" if update.kind == UpdateKind.NOTES else "values"
        if Shown.THERE in looks:
            return UpdateOutcome(CaseUpdateState.DONE, None, "found", f"looked up: the case has these {what}")
        if Shown.UNCLEAR in looks:
            message = f"looked up: the case has different {what}, so the outcome stays unknown; check it in Talkdesk"
            return UpdateOutcome(CaseUpdateState.UNKNOWN, None, "unclear", message)
        message = f"looked up: the case does not have these {what}"
        return UpdateOutcome(CaseUpdateState.PENDING, None, "not_updated", message)

    async def _look(self, update: CaseUpdate) -> Shown:
        """What one look at the case shows of an update."""
        before = await self.ledger.call(sent_before, update)
        alone = await read_case(self.api, update.case_id)
        if update.kind == UpdateKind.NOTES:
            return notes_in_case(
                None if alone.notes is None else [note.text for note in alone.notes],
                surely=[note["note_body"] for body in before.surely for note in notes_in(body)],
                perhaps=[note["note_body"] for body in before.perhaps for note in notes_in(body)],
                sent=[note["note_body"] for note in notes_in(update.body)],
            )
        sent, listed = fields_in(update.body), None
        if "group_id" in sent and alone.group_id is None:  # reading one case need not show its group
            for encoding in Encoding:
                found = await list_filtered(self.api, by_ids([update.case_id], encoding=encoding)) or ()
                if listed := next((case for case in found if case.id == update.case_id), None):
                    break
        known, _ = all_sent((*before.surely, *before.perhaps))
        return fields_in_case(sent, with_first_status(known), listed=listed, alone=alone)


def _classify(answer: Answer, update: CaseUpdate) -> Verdict:
    """What an answer proves, and which of the fields that were set have another value in the case."""
    verdict = classify_update(answer, update.case_id)
    case = case_in(answer) if verdict.state is State.CREATED and update.kind != UpdateKind.NOTES else None
    changed = "; ".join(changed_by_server(fields_in(update.body), case)) if case else ""
    if not changed:
        return verdict
    return verdict._replace(outcome=verdict.outcome._replace(code="changed", message=clean(changed)))


def _now() -> float:
    return asyncio.get_running_loop().time()
