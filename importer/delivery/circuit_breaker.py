"""When a run must pause or stop, whatever its single rows say."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from importer.delivery.rate_limit import RateLimiter
from importer.delivery.response_policy import Signal, Verdict
from importer.errors import (
    CaseImporterError,
    ConfigError,
    CrossedError,
    OutageError,
    TargetError,
    TooManyFailuresError,
)
from importer.models import Notice, State

#: Records whose attempts meet an outage, one after the other, before everybody stands still. Not attempts: a file of
#: two rows would reach any number by its own retries, and wait for a service that it has no more use for.
OUTAGE_AFTER = 5
#: Seconds of outage after which the run ends, to be taken up again later.
PATIENCE = 900.0
#: Refusals of the whole account in a row that end the run: before the first success, and after it, when a few rows
#: that may not be created can stand together.
SHUT_OUT_AFTER, SHUT_OUT_LATER = 3, 20

_CROSSED_HINT = (
    "check for a proxy or load balancer that mixes up responses;"
    " the affected rows stay unknown until they are searched for"
)


def failure_limit(text: str) -> Callable[[int], int]:
    """How many of so many rows may fail, as a user wrote it: ``50`` or ``2%``.

    Raises:
        ConfigError: it is neither.
    """
    match = re.fullmatch(r"([0-9]{1,9})(%?)", text.strip())
    if match is None or (match[2] and int(match[1]) > 100):
        raise ConfigError(f"--max-failures {text!r} is not a number or a percentage", hint="write 50 or 2%")
    number, is_percent = int(match[1]), bool(match[2])
    return lambda rows: rows * number // 100 if is_percent else number


@dataclass
class CircuitBreaker:
    """Hears what every answer says about the run. While it is open, the rate limiter only lets probes through."""

    rate_limit: RateLimiter
    target: str  #: where to, for messages
    on_stop: Callable[[], None] = lambda: None  #: is called when the run must stop
    max_refused: int | None = None  #: stop when more rows than this are refused; None for no limit
    notice: Callable[[Notice], None] = lambda _: None  #: is told when sending is paused, and when it resumes
    error: CaseImporterError | None = field(default=None, init=False)  #: why the run must stop, once it must

    def __post_init__(self) -> None:
        self._refusals_left = self.max_refused
        self._has_succeeded = False
        self._failing: set[object] = set()
        self._failing_since = 0.0
        self._shut_out = 0

    @property
    def is_open(self) -> bool:
        """Whether the last attempts, of several records, all met an outage."""
        return len(self._failing) >= OUTAGE_AFTER

    def record(self, verdict: Verdict, record: int) -> None:
        """Take the verdict of an attempt for this record into account."""
        signal, outcome = verdict.signal, verdict.outcome
        if verdict.stops is not None:
            self._stop(verdict.stops)
            return
        if signal is Signal.OUTAGE:
            self.record_outage(str(outcome.message), record)
            return
        self.record_life()
        if verdict.state is State.REFUSED and self._refusals_left is not None:
            self._refusals_left -= 1
            if self._refusals_left < 0:
                what = "more rows failed than --max-failures allows; the rest were not sent"
                hint = "see the failures file, then run the same command again"
                self._stop(TooManyFailuresError(what, where=self.target, hint=hint))
        if signal is Signal.CREATED:
            self._has_succeeded, self._shut_out = True, 0
        elif signal is Signal.WRONG_TARGET:
            what = f"cases cannot be created at this address (HTTP {outcome.http_status})"
            self._stop(TargetError(what, where=self.target, hint="check --region and --account, or --api-url"))
        elif signal is Signal.CROSSED:
            self.record_crossed(str(outcome.message))
        elif signal in (Signal.FORBIDDEN, Signal.UNAUTHORIZED):
            self._shut_out += 1
            is_later = self._has_succeeded and signal is Signal.FORBIDDEN
            if self._shut_out >= (SHUT_OUT_LATER if is_later else SHUT_OUT_AFTER):
                what = f"the API rejected the credentials (HTTP {outcome.http_status}: {outcome.message})"
                hint = "check the credentials and the scope cases-public:write, then run the same command again"
                self._stop(TargetError(what, where=self.target, hint=hint))

    def record_crossed(self, what: str) -> None:
        """An answer belongs to another row."""
        self._stop(CrossedError(what, where=self.target, hint=_CROSSED_HINT))

    def record_life(self) -> None:
        """The service gave a whole answer, whatever it says: there is no outage."""
        if self.is_open:
            self.notice(Notice("resumed", f"{self.target} answers again", {"target": self.target}))
            self.rate_limit.outage(is_on=False)
        self._failing.clear()

    def record_outage(self, what: str, record: int | None = None) -> None:
        """A request brought no whole answer, or a server error, as ``what`` says for a person.

        It was sent for a ``record``, or (None) for a search, each of which counts: unknown outcomes need the service.
        """
        now = asyncio.get_running_loop().time()
        if not self._failing:
            self._failing_since = now
        if self.is_open:
            if now - self._failing_since > PATIENCE:
                self._stop(outage(what, where=self.target, seconds=PATIENCE))
            return
        self._failing.add(object() if record is None else record)
        if self.is_open:
            most = f"{PATIENCE / 60:.0f} minutes at most"
            text = f"{self.target} does not answer ({what}); sending is paused until it does, {most}"
            self.notice(Notice("paused", text, {"target": self.target}))
            self.rate_limit.outage(is_on=True)

    def _stop(self, error: CaseImporterError) -> None:
        self.error = self.error or error
        self.on_stop()


def outage(what: str, *, where: str, seconds: float) -> OutageError:
    """The error that ends a run because a service has not been there for so long."""
    return OutageError(
        f"no response for {seconds / 60:.0f} minutes ({what}); the run stopped",
        where=where,
        hint="run the same command again later to resume",
    )
