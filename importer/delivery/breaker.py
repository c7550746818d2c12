"""When a run must pause or stop, whatever its single rows say."""

from __future__ import annotations

import time
from collections.abc import Callable

from importer.delivery.judge import Signal, Verdict
from importer.errors import CaseImporterError, ExitCode, TargetError
from importer.models import Notice, State

#: Records whose attempts meet an outage, one after the other, before everybody stands still. Not attempts: a file of
#: two rows would reach any number by its own retries, and wait for a service that it has no more use for.
OUTAGE_AFTER = 5
#: Seconds of outage after which the run ends, to be taken up again later.
PATIENCE = 900.0
#: Refusals of the whole account in a row that end the run: before the first success, and after it, when a few rows
#: that may not be created can stand together.
LOCKED_OUT_AFTER, LOCKED_OUT_LATER = 3, 20


class OutageError(CaseImporterError):
    """The service was not to be had for so long that the run ended; what is not sent is still pending."""

    exit_code = ExitCode.TEMPORARY


class CrossedError(CaseImporterError):
    """Answers came back to the wrong rows; whatever is between here and the server cannot be trusted."""

    exit_code = ExitCode.IN_DOUBT


class ContradictionError(CaseImporterError):
    """An answer said that a row was not created, and it was."""

    exit_code = ExitCode.IN_DOUBT


class TooManyFailuresError(CaseImporterError):
    """More rows failed than the user allows."""

    exit_code = ExitCode.ROWS_FAILED


class Breaker:
    """Listens to every verdict of a run.

    Args:
        target: Where to, for messages.
        most_refused: Stop when more rows than this are refused; None for no limit.
        on_stop: Is called when the run must stop.
        notice: Is told when sending is paused, and when it resumes.
        clock: Monotonic seconds.
        patience: Seconds of outage after which the run ends.

    Attributes:
        stop: Why the run must stop, once it must.
    """

    def __init__(
        self,
        *,
        target: str,
        most_refused: int | None = None,
        on_stop: Callable[[], None] = lambda: None,
        notice: Callable[[Notice], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        patience: float = PATIENCE,
    ) -> None:
        self._target = target
        self._refusals_left = most_refused
        self._on_stop = on_stop
        self._notice = notice
        self._clock = clock
        self._patience = patience
        self._succeeded = False
        self._silent: set[object] = set()
        self._silent_since = 0.0
        self._locked_out = 0
        self.stop: CaseImporterError | None = None

    @property
    def is_open(self) -> bool:
        """Whether the last attempts, of several records, all met an outage."""
        return len(self._silent) >= OUTAGE_AFTER

    def hear(self, verdict: Verdict, record: int | None = None) -> None:
        """Take one verdict into account, of an attempt for ``record``."""
        signal = verdict.signal
        if signal is Signal.OUTAGE:
            self.hear_outage(str(verdict.outcome.message), record)
            return
        if signal is Signal.HOPELESS:
            hint = verdict.hint or "check --api-url; for a certificate of your own company give it with --ca-file"
            self._stop(TargetError(str(verdict.outcome.message), where=self._target, hint=hint))
            return
        self.hear_life()
        if verdict.outcome.state is State.REFUSED:
            self._hear_refused()
        if signal is Signal.CREATED:
            self._succeeded = True
            self._locked_out = 0
        elif signal is Signal.WRONG_PLACE:
            self._hear_wrong_place(verdict)
        elif signal is Signal.CROSSED:
            self._stop(CrossedError(str(verdict.outcome.message), where=self._target, hint=_CROSSED_HINT))
        elif signal in (Signal.FORBIDDEN, Signal.UNAUTHORIZED):
            self._hear_locked_out(verdict)

    def hear_crossed(self, case_id: str) -> None:
        """A case id was given to two rows."""
        what = f"case {case_id} was reported for two different rows"
        self._stop(CrossedError(what, where=self._target, hint=_CROSSED_HINT))

    def hear_contradiction(self, status: int, key: str) -> None:
        """The list shows a case for a row of which an answer said that it was not created."""
        self._stop(
            ContradictionError(
                f"HTTP {status} was answered for the row {key!r}, which is a case all the same",
                where=self._target,
                hint="run the same command again, and reconcile if the ledger holds other files too: all rows that were"
                f" answered like that are looked up, and from now on HTTP {status} proves nothing",
            )
        )

    def hear_life(self) -> None:
        """The service gave a whole answer, whatever it says: there is no outage."""
        if self.is_open:
            self._notice(Notice("resumed", f"{self._target} answers again", {"target": self._target}))
        self._silent.clear()

    def _stop(self, error: CaseImporterError) -> None:
        self.stop = self.stop or error
        self._on_stop()

    def _hear_refused(self) -> None:
        if self._refusals_left is None:
            return
        self._refusals_left -= 1
        if self._refusals_left < 0:
            self._stop(
                TooManyFailuresError(
                    "more rows failed than --max-failures allows; the rest was not sent",
                    where=self._target,
                    hint="see why in failures.csv; then run the same command again",
                )
            )

    def hear_outage(self, what: str, record: int | None = None) -> None:
        """A request brought no whole answer, or a server error.

        Args:
            what: Says it for a person.
            record: For which it was sent; None for a look-up, each of which counts: rows in doubt need the service.
        """
        if not self._silent:
            self._silent_since = self._clock()
        if not self.is_open:
            self._silent.add(object() if record is None else record)
            if self.is_open:
                text = f"{self._target} does not answer ({what}); sending is paused until it does"
                self._notice(Notice("paused", text, {"target": self._target}))
        if self.is_open and self._clock() - self._silent_since > self._patience:
            self._stop(outage(what, where=self._target, seconds=self._patience))

    def _hear_wrong_place(self, verdict: Verdict) -> None:
        status = verdict.outcome.http_status or 0
        if not self._succeeded or 300 <= status < 400:
            self._stop(
                TargetError(
                    f"this address does not create cases (HTTP {status})",
                    where=self._target,
                    hint="check --region and --account, or --api-url",
                )
            )

    def _hear_locked_out(self, verdict: Verdict) -> None:
        self._locked_out += 1
        outcome = verdict.outcome
        patience = LOCKED_OUT_LATER if self._succeeded and verdict.signal is Signal.FORBIDDEN else LOCKED_OUT_AFTER
        if self._locked_out >= patience:
            self._stop(
                TargetError(
                    f"the API refuses these credentials (HTTP {outcome.http_status}: {outcome.message})",
                    where=self._target,
                    hint="check the credentials and the scope cases-public:write; then run the same command again",
                )
            )


def outage(what: str, *, where: str, seconds: float) -> OutageError:
    """The error that ends a run because a service has not been there for so long."""
    return OutageError(
        f"there was no answer for {seconds / 60:.0f} minutes ({what})",
        where=where,
        hint="run the same command again later; it goes on where it stopped",
    )


_CROSSED_HINT = "look for a proxy or balancer on the way; the rows concerned are unknown and are looked up first"
