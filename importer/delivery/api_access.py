"""What all share that talk to the API in one run: token and rate limit, and who is told what an answer means."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from importer.delivery.circuit_breaker import CircuitBreaker
from importer.delivery.rate_limit import RateLimiter
from importer.delivery.retry_budget import backoff
from importer.delivery.verdicts import FINAL_READS, Signal, Verdict, classify_error
from importer.ledger.measurements import Measurement
from importer.progress.progress import Progress
from importer.talkdesk.auth import Tokens, TokenTrouble
from importer.talkdesk.client import CaseApi
from importer.talkdesk.search import UnreadableListError
from importer.talkdesk.shown import error_body
from importer.talkdesk.transport import Answer, NotSent, TransportError
from importer.talkdesk.wait_headers import asked_wait

T = TypeVar("T")

#: Seconds between attempts to get a token while the token endpoint is in trouble.
_TOKEN_WAIT = 5.0
#: Times as many attempts of a read get that came too fast: they wait as asked, and the rate falls.
_PATIENCE_THROTTLED = 4


@dataclass(slots=True)
class ApiAccess:
    """The API of one run."""

    client: CaseApi
    tokens: Tokens
    rate_limit: RateLimiter
    breaker: CircuitBreaker
    progress: Progress
    #: the tasks that have something under way; they must not be cancelled except to end the process
    in_flight: set[asyncio.Task[None] | None] = field(default_factory=set)
    measured: Measurement = field(default_factory=lambda: Measurement(time.time()))  #: since the last measurement
    read_attempts: int = 4  #: after so many failures a read is given up

    async def token(self) -> None:
        """Wait until there is a token: a token endpoint in trouble says nothing about any row.

        Raises:
            OutageError: it was in trouble for too long.
            TargetError: the credentials are refused.
        """
        while True:
            try:
                await self.tokens.get()
            except TokenTrouble as trouble:
                self.breaker.record_no_token(str(trouble))
            else:
                self.breaker.record_token()
                return
            await asyncio.sleep(_TOKEN_WAIT)
            if self.breaker.error is not None:
                raise self.breaker.error

    async def turn(self) -> str | None:
        """Wait until a request may leave, at once and with the token returned. None: it must not leave.

        The wait may be one of minutes, so the token is the one of this moment. If that has run out, or was rejected,
        the turn is another one's: whoever has it marks nothing until there is a new one.
        """
        if not await self.rate_limit.acquire():
            return None
        token = self.tokens.current
        if token is None:
            self.rate_limit.give_back()
        return token

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """While inside, the running task gets the grace time when the run stops."""
        task = asyncio.current_task()
        self.in_flight.add(task)
        try:
            yield
        finally:
            self.in_flight.discard(task)

    async def attempt(
        self, request: Awaitable[Answer], classify: Callable[[Answer], Verdict], *, token: str, record: int
    ) -> Verdict:
        """Send one request for a record, which is marked and may leave now, and say what its answer proves."""
        sent_at = asyncio.get_running_loop().time()
        try:
            verdict = classify(await request)
        except TransportError as error:  # its words are ours
            verdict = classify_error(error)
        self.measured.ended(asyncio.get_running_loop().time() - sent_at)
        if verdict.is_unauthorized and not self.tokens.reject(token):
            self.breaker.record_life()  # of a token that has been replaced: no news but this
        else:
            self.breaker.record(verdict, record)
        if verdict.signal is Signal.OUTAGE and self.breaker.is_open:
            verdict = verdict._replace(in_outage=True)
        if verdict.wait is not None:
            self.breaker.record_wait(verdict.wait, f"HTTP {verdict.outcome.http_status}")
        if verdict.is_too_fast:
            self.measured.too_fast += 1
            self.rate_limit.throttled(verdict.wait, sent_at=sent_at)
        elif verdict.wait is not None:
            self.rate_limit.pause(verdict.wait)
        return verdict

    async def read(self, ask: Callable[[str], Awaitable[Answer]], parse: Callable[[Answer], T], *, what: str) -> T:
        """Ask for ``what`` with a token, and parse the answer; again if that may help, for reading twice does no harm.

        Attempts during an outage do not count: the circuit breaker ends it.

        Raises:
            ReadError: it could not be read, or ``parse`` raised UnreadableListError every time.
            OutageError, TargetError: there is no token.
        """
        failures = 0
        while True:
            try:
                found = parse(await self._ask(ask, what))
                self.breaker.record_life()
                return found
            except UnreadableListError as error:
                self.breaker.record_outage(str(error))
                failure = ReadError(f"cannot read {what}: {error}")
            except ReadError as error:
                failure = error
            failures += not self.breaker.is_open
            most = self.read_attempts * (_PATIENCE_THROTTLED if failure.status == 429 else 1)
            if failure.is_final or failures >= most or self.breaker.error is not None:
                raise failure
            await asyncio.sleep(backoff(failures))

    async def _ask(self, ask: Callable[[str], Awaitable[Answer]], what: str) -> Answer:
        """One attempt. A whole answer that says why there is nothing to parse is no sign of an outage."""
        await self.token()
        while (token := await self.turn()) is None:
            if self.rate_limit.is_stopped:
                raise ReadError("the run is stopping", is_final=True)
            await self.token()
        sent_at = asyncio.get_running_loop().time()
        try:
            answer = await ask(token)
        except TransportError as error:
            is_final = isinstance(error, NotSent) and error.stops is not None
            if is_final:
                self.breaker.record(classify_error(error), record=0)
            else:
                self.breaker.record_outage(error.message)
            raise ReadError(f"cannot read {what}: {error}", is_final=is_final) from None
        finally:
            self.measured.ended(asyncio.get_running_loop().time() - sent_at)
        if answer.status == 401:
            self.tokens.reject(token)
        elif answer.status == 429:
            self.measured.too_fast += 1
            wait = asked_wait(answer.headers, error_body(answer).retry_hint)
            self.breaker.record_wait(wait or 0.0, "HTTP 429")
            self.rate_limit.throttled(1.0 if wait is None else wait, sent_at=sent_at)
        elif answer.status not in FINAL_READS:
            return answer
        self.breaker.record_life()
        message = f"cannot read {what}: HTTP {answer.status} {error_body(answer).text}".strip()
        raise ReadError(message, is_final=answer.status in FINAL_READS, status=answer.status)


class ReadError(Exception):
    """Something could not be read; this says nothing about any case."""

    def __init__(self, message: str, *, is_final: bool = False, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status  #: HTTP status of the answer that said so; None if it was something else
        self.is_final = is_final  #: asking again in this run would not help
