"""What a run tells where no terminal is: a plain line per minute on standard error, and a log file of JSON lines."""

from __future__ import annotations

import json
import logging
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from importer.cli.printing import duration, say
from importer.errors import CaseImporterError, ConfigError, ExitCode
from importer.models import AdditionState, Notice, State
from importer.progress import Progress
from importer.report import Totals

_MINUTE = 60.0
_FAILED = (State.REFUSED, State.INVALID, State.DUPLICATE)


@dataclass(frozen=True, slots=True)
class Figures:
    """How far a run is.

    Attributes:
        stage: ``reading``, ``sending`` or ``updating``.
        done: Rows, or updates, of this stage that are done.
        total: How many there are; None while reading.
        per_second: How many were done per second since the last time.
        failed: Rows that failed in this run.
        unknown: Rows with an unknown outcome.
        seconds_left: At the same rate; None if that cannot be said.
    """

    stage: str
    done: int
    total: int | None
    per_second: float
    failed: int
    unknown: int
    seconds_left: float | None

    def __str__(self) -> str:
        if self.total is None:
            return f"{self.stage}: {self.done:,} rows, {self.per_second:,.1f}/s"
        left = "" if self.seconds_left is None else f", about {duration(self.seconds_left)} left"
        unknown = f", {self.unknown:,} unknown" if self.unknown else ""
        things = "notes" if self.stage == "updating" else "rows"
        done = f"{self.stage}: {self.done:,} of {self.total:,} {things}, {self.per_second:,.1f}/s"
        return f"{done}, {self.failed:,} failed{unknown}{left}"


class EveryMinute(Progress, ABC):
    """Counts, so that it can tell once per minute how far the run is.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stage = ""
        self._total: int | None = None
        self._done = 0
        self._counts: Counter[State] = Counter()
        self._last = clock(), 0

    @abstractmethod
    def tell(self, figures: Figures) -> None:
        """Tell how far the run is."""

    def minute(self) -> None:
        """A minute is over."""
        if not self._stage:
            return
        (before, done), now = self._last, self._clock()
        self._last = now, self._done
        rate = (self._done - done) / (now - before) if now > before else 0.0
        left = None if self._total is None or not rate else (self._total - self._done) / rate
        failed = sum(self._counts[state] for state in _FAILED)
        unknown = self._counts[State.UNKNOWN]
        self.tell(Figures(self._stage, self._done, self._total, rate, failed, unknown, left))

    def read(self, share: float, rows: int) -> None:
        """Count rows that are read."""
        if self._stage != "reading":
            self._enter("reading", None)
        self._done = rows

    def sending(self, total: int) -> None:
        """Begin to count rows that are sent."""
        self._enter("sending", total)

    def settled(self, state: State) -> None:
        """Count a row."""
        self._done += 1
        self._counts[state] += 1

    def following(self, total: int) -> None:
        """Begin to count updates."""
        self._enter("updating", total)

    def followed(self, state: AdditionState) -> None:
        """Count an update."""
        self._done += 1

    def _enter(self, stage: str, total: int | None) -> None:
        self._stage, self._total, self._done = stage, total, 0
        self._last = self._clock(), 0


class PlainLines(EveryMinute):
    """A plain line per minute on standard error."""

    def tell(self, figures: Figures) -> None:
        """Print it."""
        say(str(figures), error=True)

    def notice(self, notice: Notice) -> None:
        """Print it at once."""
        say(notice.text, error=True)


class JsonLines(logging.Formatter):
    """A log record as one line of JSON: time, level, event, and the fields of the event."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": at, "level": record.levelname.lower(), "event": record.msg, **getattr(record, "fields", {})}
        return json.dumps(line, ensure_ascii=False, default=str)


class LogFile(EveryMinute):
    """Writes what happens to a logger. Events have constant names; no text of a cell and no secret is in any field.

    Args:
        logger: Where to.
        clock: Monotonic seconds.
    """

    def __init__(self, logger: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        self._logger = logger

    def begun(self, *, command: str, source: str, mapping: str, target: str, ledger: Path) -> None:
        """Log it."""
        self._log("run_started", command=command, source=source, mapping=mapping, target=target, ledger=ledger)

    def staged(self, counts: Counter[State]) -> None:
        """Log it."""
        self._log("staged", rows=counts.total(), **{state.value: count for state, count in counts.items()})

    def tell(self, figures: Figures) -> None:
        """Log it."""
        self._log(
            "progress",
            stage=figures.stage,
            done=figures.done,
            total=figures.total,
            per_second=round(figures.per_second, 2),
            failed=figures.failed,
            unknown=figures.unknown,
            seconds_left=None if figures.seconds_left is None else round(figures.seconds_left),
        )

    def notice(self, notice: Notice) -> None:
        """Log it, without its text."""
        self._log(notice.event, logging.WARNING, **notice.fields)

    def ended(self, exit_code: ExitCode, totals: Totals) -> None:
        """Log it."""
        level = logging.INFO if exit_code is ExitCode.OK else logging.ERROR
        states = {state.value: count for state, count in totals.by_state()}
        self._log("run_ended", level, exit_code=int(exit_code), rows=totals.read, **states)

    def failed(self, error: BaseException) -> None:
        """Log that the run ended without a result. What the error says may name a row, so it is not here."""
        code = int(error.exit_code) if isinstance(error, CaseImporterError) else None
        self._log("run_failed", logging.ERROR, exit_code=code, error=type(error).__name__)

    def _log(self, event: str, level: int = logging.INFO, **fields: object) -> None:
        self._logger.log(level, event, extra={"fields": fields})


@contextmanager
def log_file(path: Path) -> Iterator[LogFile]:
    """A log at the end of ``path``, which is made if it is missing.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        handler = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        hint = "choose another file with --log-file"
        raise ConfigError(f"cannot write the log: {error.strerror}", where=str(path), hint=hint) from None
    logging.raiseExceptions = False  # a full disk ends the log, not the run
    handler.setFormatter(JsonLines())
    logger = logging.Logger("case_importer", logging.INFO)
    logger.addHandler(handler)
    log = LogFile(logger)
    try:
        yield log
    except BaseException as error:
        log.failed(error)
        raise
    finally:
        handler.close()


@contextmanager
def ticking(*listeners: EveryMinute, every: float = _MINUTE) -> Iterator[None]:
    """While inside, a thread tells the listeners when a minute is over, also when nothing else happens."""
    over = threading.Event()

    def tick() -> None:
        while not over.wait(every):
            for listener in listeners:
                listener.minute()

    thread = threading.Thread(target=tick, name="every minute", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
