"""When a run must pause or stop, whatever its single rows say."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from importer.delivery.rate_limit import RateLimiter
from importer.delivery.verdicts import Signal, Verdict
from importer.errors import (
    CaseImporterError,
    ConfigError,
    CrossedError,
    OutageError,
    TargetError,
    TooManyFailuresError,
)
from importer.models import Notice, State
from importer.text.wording import duration

#: Records whose attempts meet an outage, one after the other, before everybody stands still. Not attempts: a file of
#: two rows would reach any number by its own retries, and wait for a service that it has no more use for.
OUTAGE_AFTER = 5
#: Seconds after which the run ends, to be taken up again later: of outage, or of "too fast" and nothing else.
PATIENCE = 900.0
#: Refusals of the whole account in a row that end the run: before the first success, and after it, when a few rows
#: that may not be created can stand together.
SHUT_OUT_AFTER, SHUT_OUT_LATER = 3, 20
#: Seconds of standing still that somebody should hear of; and between two words about tokens.
_WORTH_SAYING, _SELDOM = 30.0, 60.0

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
    #: seconds of outage after which the run ends if there never was an answer; None if this address answered before
    connect_for: float | None = None
    error: CaseImporterError | None = field(default=None, init=False)  #: why the run must stop, once it must

    def __post_init__(self) -> None:
        self._refusals_left = self.max_refused
        self.has_succeeded = False  #: Whether a case was created, or updated, since this run began.
        self._failing: set[object] = set()
        self._failing_since = 0.0
        self._why = ""
        self._end: asyncio.TimerHandle | None = None
        self._lacks_token = False  # and that is why it is open
        self._shut_out: list[int] = []  # the records of the last answers, in a row
        self._too_fast_since: float | None = None
        self._told_at = dict[str, float]()

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
        self._count_too_fast(is_one=verdict.is_too_fast)
        if verdict.state is State.REFUSED and self._refusals_left is not None:
            self._refusals_left -= 1
            if self._refusals_left < 0:
                what = "more rows failed than --max-failures allows; the rest were not sent"
                hint = "see the failures file, then run the same command again"
                self._stop(TooManyFailuresError(what, where=self.target, hint=hint))
        if signal is Signal.CREATED:
            self.has_succeeded = True
        if signal is Signal.WRONG_TARGET:
            what = f"cases cannot be created at this address (HTTP {outcome.http_status})"
            self._stop(TargetError(what, where=self.target, hint="check --region and --account, or --api-url"))
        elif signal is Signal.CROSSED:
            self.record_crossed(str(outcome.message))
        elif signal in (Signal.FORBIDDEN, Signal.UNAUTHORIZED):
            self._count_shut_out(verdict, record)
        elif verdict.state in (State.CREATED, State.REFUSED):  # whoever is shut out hears nothing of a row
            self._shut_out.clear()

    def _count_shut_out(self, verdict: Verdict, record: int) -> None:
        """Once there are cases, one row that is refused again and again says nothing about the others."""
        self._shut_out.append(record)
        outcome, is_forbidden = verdict.outcome, verdict.signal is Signal.FORBIDDEN
        refused = len(set(self._shut_out) if self.has_succeeded else self._shut_out)
        if refused >= (SHUT_OUT_LATER if self.has_succeeded and is_forbidden else SHUT_OUT_AFTER):
            what = f"the API rejected the credentials (HTTP {outcome.http_status}: {outcome.message})"
            hint = "check the credentials and the scope cases-public:write, then run the same command again"
            self._stop(TargetError(what, where=self.target, hint=hint))
        elif not is_forbidden and _now() - self._told_at.get("token_rejected", -_SELDOM) >= _SELDOM:
            self._told_at["token_rejected"] = _now()
            text = f"{self.target} rejected the access token (HTTP 401: {outcome.message}); getting a new one"
            self.notice(Notice("token_rejected", text, {"target": self.target}))

    def _count_too_fast(self, *, is_one: bool) -> None:
        """A limit that lets some requests through is for the rate; one that lets none through ends the run."""
        since, now = self._too_fast_since, _now()
        if not is_one:
            self._too_fast_since = None
        elif since is None:
            self._too_fast_since = now
            self._told_at.pop("throttled", None)
        elif now - since > PATIENCE:
            what = "HTTP 429 (too many requests) to everything"
            self._stop(_outage(what, where=self.target, seconds=now - since))
        elif now - since >= _WORTH_SAYING and "throttled" not in self._told_at:
            self._told_at["throttled"] = now
            text = (
                f"{self.target} answers HTTP 429 (too many requests) to everything; trying slowly, {_at_most(PATIENCE)}"
            )
            self.notice(Notice("throttled", text, {"target": self.target}))

    def record_wait(self, seconds: float, what: str) -> None:
        """The server asks everybody to wait for so long; called before the rate limiter is told."""
        if seconds >= _WORTH_SAYING and seconds > self.rate_limit.closed_for + _WORTH_SAYING:
            text = f"{self.target} asks to wait ({what}); sending is paused for {duration(seconds)}"
            self.notice(Notice("throttled", text, {"target": self.target, "seconds": round(seconds)}))

    def record_crossed(self, what: str) -> None:
        """An answer belongs to another row."""
        self._stop(CrossedError(what, where=self.target, hint=_CROSSED_HINT))

    def record_life(self) -> None:
        """The service gave a whole answer, whatever it says: there is no outage."""
        self.connect_for = None
        self._resume(f"{self.target} answers again")

    def _resume(self, text: str) -> None:
        if self.is_open:
            self.notice(Notice("resumed", text, {"target": self.target}))
            self.rate_limit.outage(is_on=False)
        self.close()
        self._failing.clear()
        self._lacks_token = False

    def record_outage(self, what: str, record: int | None = None) -> None:
        """A request brought no whole answer, or a server error, as ``what`` says for a person.

        It was sent for a ``record``, or (None) for a search, each of which counts: unknown outcomes need the service.
        """
        text = f"{self.target} does not answer ({what}); sending is paused until it does"
        self._note_failing(what, {object() if record is None else record}, text)

    def record_no_token(self, what: str) -> None:
        """There is no token, so nothing can leave: an outage at once."""
        self._lacks_token = self._lacks_token or not self.is_open
        text = f"no access token ({what}); sending is paused until there is one"
        self._note_failing(f"no access token: {what}", {object() for _ in range(OUTAGE_AFTER)}, text)

    def record_token(self) -> None:
        """There is a token. If that was all that was missing, there is no outage any more."""
        if self._lacks_token:
            self._resume("there is an access token again")

    def _note_failing(self, what: str, who: set[object], text: str) -> None:
        self._why = what
        if self.is_open:
            return
        if not self._failing:
            self._failing_since = _now()
        self._failing |= who
        if self.is_open:
            patience = PATIENCE if self.connect_for is None else self.connect_for
            self.notice(Notice("paused", f"{text}, {_at_most(patience)}", {"target": self.target}))
            self.rate_limit.outage(is_on=True)
            # by the clock: who would notice may be waiting for a probe, or for an answer
            self._end = asyncio.get_running_loop().call_at(self._failing_since + patience, self._give_up, patience)

    def _give_up(self, patience: float) -> None:
        if self.connect_for is None:
            self._stop(_outage(self._why, where=self.target, seconds=patience))
            return
        what = f"no first response within {_span(patience)} ({self._why}); the run stopped"
        hint = "check the address and the network; --connect-for SECONDS waits longer"
        self._stop(OutageError(what, where=self.target, hint=hint))

    def close(self) -> None:
        """Nobody waits any more."""
        if self._end is not None:
            self._end.cancel()

    def _stop(self, error: CaseImporterError) -> None:
        self.error = self.error or error
        self.on_stop()


def _outage(what: str, *, where: str, seconds: float) -> OutageError:
    return OutageError(
        f"no response for {_span(seconds)} ({what}); the run stopped",
        where=where,
        hint="run the same command again later to resume",
    )


def _at_most(seconds: float) -> str:
    return f"{_span(seconds)} at most"


def _span(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:g} seconds"


def _now() -> float:
    return asyncio.get_running_loop().time()
