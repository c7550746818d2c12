"""The heart of the tool: one record, one attempt, one outcome. The only place from which a case is created.

The order matters more than anything else here. A token may take seconds, so there is one before anything is marked. The
mark is on disk before anything leaves. The rate limit is last, so that no wait for disk or token bunches requests; what
leaves then takes the token of that moment, and a row for which there is none any more is unmarked and begins again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from importer.delivery.api_access import ApiAccess
from importer.delivery.error_groups import ErrorGroup, ErrorGroups
from importer.delivery.retry_budget import RetryBudget
from importer.delivery.verdicts import Signal, Verdict, classify
from importer.errors import OutageError
from importer.ledger import Ledger, LedgerWriter
from importer.ledger.records import Mark, Pending, Settled
from importer.models import Notice, State
from importer.talkdesk.transport import Answer


class Sent(NamedTuple):
    """The state of a record that was to be sent, and what follows."""

    state: State
    retry_in: float | None = None  #: seconds after which it should be sent again; None if not in this run
    is_suppressed: bool = False  #: it was not sent, because rows like it were refused over and over


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends records, one at a time for each worker that calls it."""

    api: ApiAccess
    ledger: LedgerWriter
    budget: RetryBudget
    groups: ErrorGroups = field(default_factory=ErrorGroups)
    others_succeeded: bool = False  #: rows became cases beside those that were shut out, or since then

    async def send(self, record: Pending) -> Sent:
        """Mark, send, classify, settle."""
        if (group := self.groups.suppressing(record.body)) is not None:
            self._tell(group)
            message = f"suppressed: {group.refused:,} rows were refused with the same error ({group})"
            await self.ledger.call(Ledger.note, record.id, code="suppressed", message=message)
            return Sent(State.PENDING, is_suppressed=True)
        await self.api.token()
        with self.api.under_way():
            mark = await self.ledger.mark_sending(record.id)  # on disk before anything leaves
            if mark is not Mark.DONE:
                return Sent(State.SKIPPED if mark is Mark.DUPLICATE_KEY else State.WAITING)
            if (token := await self.api.turn()) is None:
                await self.ledger.call(Ledger.unmark, record.id)  # proven not sent
                await self._note_outage(record)
                return Sent(State.PENDING, retry_in=0.0)
            verdict = await self.api.attempt(
                self.api.client.create_case(record.body, token),
                lambda answer: self._judge(answer, record),
                token=token,
                record=record.id,
            )
            settled = await self.ledger.settle(record.id, verdict.outcome)  # on disk when it returns
        return self._after(record, verdict, settled)

    async def _note_outage(self, record: Pending) -> None:
        """Say why a row is still pending when an outage has ended the run while it waited."""
        if isinstance(error := self.api.breaker.error, OutageError):
            await self.ledger.call(Ledger.note, record.id, code="unreachable", message=error.what)

    def _judge(self, answer: Answer, record: Pending) -> Verdict:
        """What an answer proves. A row that is shut out again while others become cases is refused for itself."""
        verdict = classify(answer, record)
        others_succeeded = self.others_succeeded or self.api.breaker.has_succeeded
        is_for_itself = verdict.signal is Signal.FORBIDDEN and record.was_shut_out and others_succeeded
        return verdict._replace(signal=Signal.NONE) if is_for_itself else verdict

    def _after(self, record: Pending, verdict: Verdict, settled: Settled) -> Sent:
        """What follows from an outcome that is on disk."""
        retry_in = self.budget.after(record.id, verdict)
        self.groups.record(verdict, record.body)
        if settled is Settled.CROSSED:
            case_id = verdict.outcome.case_id
            self.api.breaker.record_crossed(f"case {case_id} was returned for two different rows; the run stopped")
            return Sent(State.UNKNOWN)
        return Sent(verdict.state, retry_in)

    def _tell(self, group: ErrorGroup) -> None:
        """Say once that rows are suppressed, when the first one is: not every refusal shows which rows are like it."""
        if not group.is_told:
            group.is_told = True
            text = f"{group.refused:,} rows refused ({group}); similar rows are suppressed for the rest of this run"
            facts = {"refused": group.refused, "status": group.status, "code": group.code, "field": group.field}
            self.api.progress.notice(Notice("group_suppressed", text, facts))
