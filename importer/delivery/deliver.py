"""The life of one record: turn, fence, request, judgement, settlement; again if that is proven safe.

This is the only place from which a case is created. Order matters more than anything else here:
whatever can be waited for is waited for before the fence. Behind it only a connection and the last permission are
waited for, and nothing between that permission and the request.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

from importer.delivery.breaker import Breaker
from importer.delivery.budget import RetryBudget
from importer.delivery.causes import Cause, Causes
from importer.delivery.ceiling import Departure
from importer.delivery.judge import Signal, Verdict, judge, judge_silence
from importer.delivery.pace import Pace
from importer.delivery.trust import Trust
from importer.delivery.waits import backoff
from importer.ledger import Fence, LedgerWriter, Outcome, Pending, Settled
from importer.models import Notice, State
from importer.talkdesk.answers import Answer, HeldBack, Leave, NoAnswer, NotSent

#: Requests for one record in one run; after that it stays pending, and the run says "temporary".
MOST_ATTEMPTS = 3
#: Seconds: first back-off after trouble on the way, after "too fast", and the longest of all.
_BASE, _BASE_THROTTLED, _CAP = 0.05, 1.0, 20.0


class CreateCase(Protocol):
    """Sends one body, once."""

    async def create(self, body: bytes, *, authorization: str, leave: Leave | None = None) -> Answer:
        """See :meth:`importer.talkdesk.client.CaseApi.create`."""
        ...

    async def is_followed(self, answer: Answer) -> bool:
        """See :meth:`importer.talkdesk.client.CaseApi.is_followed`."""
        ...


class TokenSource(Protocol):
    """Where the Authorization header comes from."""

    async def authorization(self) -> str:
        """See :meth:`importer.talkdesk.auth.Tokens.authorization`."""
        ...

    def refused(self, header: str) -> bool:
        """The API did not accept this header; says whether that is news."""
        ...


class Handed(NamedTuple):
    """What :meth:`Courier.deliver` says about the record it was given.

    Attributes:
        state: Where the record stands now.
        retry_in: Seconds after which the queue should hand it out again; None if not in this run.
    """

    state: State
    retry_in: float | None = None


#: Is told that the success of a record is on disk; or that it is no success, because another row has its case.
Then = Callable[[Pending, Handed], None]


class Courier:
    """Delivers records, one at a time for each worker that calls it.

    Args:
        api: Sends.
        tokens: Authorizes.
        ledger: Remembers, durably.
        pace: Says when.
        budget: Says whether a retry can be afforded.
        breaker: Hears every verdict.
        causes: Says which rows to leave alone.
        trust: Says whether answers that deny a case are believed.
        notice: Is told what a person should know now.
        jitter: Random number in [0, 1).
    """

    def __init__(
        self,
        *,
        api: CreateCase,
        tokens: TokenSource,
        ledger: LedgerWriter,
        pace: Pace,
        budget: RetryBudget,
        breaker: Breaker,
        causes: Causes,
        trust: Trust,
        notice: Callable[[Notice], None],
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._api = api
        self._tokens = tokens
        self._ledger = ledger
        self._pace = pace
        self._budget = budget
        self._breaker = breaker
        self._causes = causes
        self._trust = trust
        self._notice = notice
        self._jitter = jitter
        self._attempts: dict[int, int] = {}

    def cause_to_park(self, record: Pending) -> Cause | None:
        """Why to leave the record alone, if rows like it were refused over and over."""
        return self._causes.parks(record.body)

    async def park(self, record: Pending, cause: Cause) -> None:
        """Note why the record is not sent in this run."""
        message = f"not sent: {cause.refused} rows were refused for the same cause ({cause})"
        await self._ledger.call(lambda: self._ledger.ledger.note(record.id, code="parked", message=message))

    async def get_ready(self) -> str:
        """Everything that may be waited for: a token, a turn. Cancelling it leaves no trace.

        Returns:
            The Authorization header to send.
        """
        await self._pace.turn()
        return await self._tokens.authorization()

    async def deliver(self, record: Pending, authorization: str, then: Then | None = None) -> Handed:
        """Fence, send, judge, settle. Once the fence is up this must not be cancelled except to end the process.

        Args:
            record: What to send.
            authorization: The header to send.
            then: If given, a success is not waited for until it is on disk; ``then`` is called when it is. It is on
                disk before the next fence of the same worker is up, so that no worker ever has two rows in doubt.
        """
        if (fence := await self._ledger.fence(record.id)) is not Fence.UP:
            return Handed(State.SKIPPED if fence is Fence.TAKEN else State.PENDING)
        verdict = await self.attempt(
            lambda leave: self._api.create(record.body, authorization=authorization, leave=leave),
            lambda answer: judge(answer, record.body, stamp=record.stamp),
            authorization,
            about=record.id,
        )
        if verdict is None:
            await self._ledger.call(lambda: self._ledger.ledger.unfence(record.id))
            return Handed(State.PENDING, retry_in=0.0)
        attempt = self._attempts.get(record.id, 0) + 1
        if attempt == 1:
            self._budget.first_attempt()
        if (cause := self._causes.hear(verdict, record.body)) is not None:
            self._notice(suppressed(cause))
        if verdict.outcome.state is State.CREATED and then is not None:
            self._ledger.settle_soon(
                record.id,
                verdict.outcome,
                lambda settled: then(record, self._settled(record, verdict, attempt, settled)),
            )
            return Handed(State.CREATED)
        settled = await self._ledger.settle(record.id, verdict.outcome)
        return self._settled(record, verdict, attempt, settled)

    async def attempt(
        self,
        request: Callable[[Leave], Awaitable[Answer]],
        judge: Callable[[Answer], Verdict],
        authorization: str,
        *,
        about: int,
    ) -> Verdict | None:
        """Send one request whose fence is up, and say what its answer proves; everybody who must know is told.


        Args:
            request: Sends it, as soon as what it is given says so.
            judge: Judges a whole answer.
            authorization: The header that it carries.
            about: The record that it is about.

        Returns:
            None if it was held back: nothing has left.
        """
        if self._pace.closed_for > 0:  # no need to ask for a connection
            return None
        departure = Departure()
        answer = await _outcome(request(lambda: self._pace.leave(departure)))
        if answer is None:
            return None
        self._pace.answered(departure)
        verdict = self._judge(answer, judge, authorization)
        self._tell_everybody(verdict, about, authorization, departure)
        if isinstance(answer, Answer) and answer.connection is not None and await self._api.is_followed(answer):
            return _STRAY  # "not done" may have been said to somebody else
        return verdict

    def _judge(
        self, answer: Answer | NotSent | NoAnswer, judge: Callable[[Answer], Verdict], authorization: str
    ) -> Verdict:
        if not isinstance(answer, Answer):
            return judge_silence(answer)
        verdict = self._trust.weigh(judge(answer))
        message, secret = verdict.outcome.message, authorization.removeprefix("Bearer ")
        if message and secret in message:  # a server may repeat what it was sent; the ledger must not
            return verdict._replace(outcome=verdict.outcome._replace(message=message.replace(secret, "***")))
        return verdict

    def _tell_everybody(self, verdict: Verdict, record: int, authorization: str, departure: Departure) -> None:
        if verdict.signal is not Signal.UNAUTHORIZED or self._tokens.refused(authorization):
            self._breaker.hear(verdict, record)
        if verdict.signal is Signal.CREATED:
            self._pace.accepted(departure)
        elif verdict.signal is Signal.THROTTLED:
            self._pace.slow_down(departure)
        if verdict.wait is not None:
            self._pace.close_gate(verdict.wait)
        elif verdict.signal is Signal.THROTTLED:
            self._pace.close_gate(backoff(1, base=_BASE_THROTTLED, cap=_CAP, random=self._jitter))
        self._pace.outage(is_on=self._breaker.is_open)

    def _settled(self, record: Pending, verdict: Verdict, attempt: int, settled: Settled) -> Handed:
        """The outcome is on disk."""
        outcome = verdict.outcome
        if settled is Settled.CROSSED:
            self._breaker.hear_crossed(str(outcome.case_id))
            return Handed(State.UNKNOWN)
        if outcome.state is not State.PENDING:
            # A row in doubt may come back; its attempts in this run still count then.
            if outcome.state is State.UNKNOWN:
                self._attempts[record.id] = attempt
            else:
                self._attempts.pop(record.id, None)
            return Handed(outcome.state)
        return self._plan_retry(record, verdict, attempt)

    def take_again(self, record: int) -> bool:
        """Whether a record that was looked up and is no case may be sent in this run; if so, that is paid for."""
        return self.take_attempt(self._attempts.get(record, 0))

    def take_attempt(self, before: int, *, too_fast: bool = False) -> bool:
        """Whether what was sent ``before`` times in this run may be sent once more; if so, that is paid for."""
        return before == 0 or (before < MOST_ATTEMPTS and self._budget.take_retry(too_fast=too_fast))

    def _plan_retry(self, record: Pending, verdict: Verdict, attempt: int) -> Handed:
        if verdict.signal is not Signal.UNAUTHORIZED:
            self._attempts[record.id] = attempt
        planned = self.retry_wait(verdict, attempt)
        return Handed(State.PENDING, retry_in=self._trust.wait(record, verdict, planned))

    def retry_wait(self, verdict: Verdict, attempt: int) -> float | None:
        """Seconds until what is proven not done may be sent again; None if not in this run."""
        if verdict.signal is Signal.UNAUTHORIZED:  # says nothing about the row, so it does not use up an attempt
            return 0.0
        too_fast = verdict.signal is Signal.THROTTLED
        if not self.take_attempt(attempt, too_fast=too_fast):
            return None
        base = _BASE_THROTTLED if too_fast else _BASE
        return backoff(attempt, base=base, cap=_CAP, random=self._jitter)


def suppressed(cause: Cause) -> Notice:
    """Rows are not sent any more, because similar ones were refused."""
    text = f"{cause.refused:,} rows refused ({cause}); similar rows are suppressed for the rest of this run"
    status, code, name = cause.signature
    return Notice("group_suppressed", text, {"refused": cause.refused, "status": status, "code": code, "field": name})


async def _outcome(request: Awaitable[Answer]) -> Answer | NotSent | NoAnswer | None:
    """None for a request that was held back."""
    try:
        return await request
    except HeldBack:
        return None
    except (NotSent, NoAnswer) as trouble:
        return trouble


_STRAY = Verdict(
    Outcome(State.UNKNOWN, None, None, "stray_answer", "the answer may have been meant for another request")
)
