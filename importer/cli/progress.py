"""Who is told of a run: bars at a terminal, otherwise a plain line per minute on standard error; and a log file."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from tqdm import tqdm

from importer.cli.output import duration, is_terminal, one_line, say
from importer.errors import CaseImporterError, ConfigError, ExitCode
from importer.models import CaseUpdateState, Notice, State
from importer.progress import Progress
from importer.report import Totals

_MINUTE = 60.0
_READ_BAR = "{desc} {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}{postfix}]"
_SEND_BAR = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}]{postfix}"
_FAILED = (State.REFUSED, State.INVALID, State.DUPLICATE)


@contextmanager
def watching(*, quiet: bool, log: Path | None = None) -> Iterator[Progress]:
    """What shows a run at the terminal, unless it is quiet, and appends to the log file.

    Raises:
        ConfigError: the log file cannot be written.
    """
    with ExitStack() as stack:
        listeners: list[Progress] = []
        if not quiet:
            listeners.append(stack.enter_context(contextlib.closing(Bars())) if is_terminal() else PlainLines())
        if log is not None:
            listeners.append(stack.enter_context(log_file(log)))
        by_the_minute = [each for each in listeners if isinstance(each, EveryMinute)]
        if by_the_minute:
            stack.enter_context(ticking(*by_the_minute))
        yield listeners[0] if len(listeners) == 1 else Several(listeners)


class Several(Progress):
    """Tells several others what it is told."""

    def __init__(self, listeners: list[Progress]) -> None:
        for name in vars(Progress):
            if not name.startswith("_"):
                setattr(self, name, _call_each([getattr(listener, name) for listener in listeners]))


def _call_each(methods: list[Callable[..., None]]) -> Callable[..., None]:
    def call(*arguments: object, **named: object) -> None:
        for method in methods:
            method(*arguments, **named)

    return call


def _lines(notice: Notice) -> list[str]:
    return [notice.text, *([f"  hint: {notice.hint}"] if notice.hint else [])]


class Bars(Progress):
    """Progress bars on standard error; to be closed. A terminal that went away does not stop the run."""

    def __init__(self) -> None:
        self._draws = True
        self._counts: Counter[State] = Counter()
        # The stubs make tqdm generic over what it iterates; a bar that is moved by hand iterates over nothing.
        self._bar: tqdm | None = None  # type: ignore[type-arg]

    def begun(self, *, command: str, source: str, mapping: str, target: str, ledger: Path) -> None:
        """Print what starts now."""
        is_trial = target.startswith("sandbox")
        where = "the embedded sandbox (trial: nothing leaves this machine)" if is_trial else target
        say(f"Importing {source} into {where} (mapping {mapping})", error=True)

    def read(self, share: float, rows: int) -> None:
        """Draw how much has been read."""
        if self._bar is None:
            self._start(total=1.0, desc="Reading", bar_format=_READ_BAR)
        if self._bar is not None:
            self._move(share - self._bar.n, f"{rows:,} rows")
        if share >= 1.0:
            self.close()

    def sending(self, total: int) -> None:
        """Start the bar of pass 2."""
        self._start(total=total, desc="Sending", unit=" cases", bar_format=_SEND_BAR, smoothing=0.05)

    def settled(self, state: State) -> None:
        """Count one record."""
        self._counts[state] += 1
        counts = self._counts
        unknown = f", {counts[State.UNKNOWN]:,} unknown" if counts[State.UNKNOWN] else ""
        failed = sum(counts[each] for each in _FAILED)
        self._move(1, f"{counts[State.CREATED]:,} created, {failed:,} failed{unknown}")

    def updating(self, total: int) -> None:
        """Start the bar of case updates."""
        self._start(total=total, desc="Case updates", unit=" updates", bar_format=_SEND_BAR, smoothing=0.05)

    def updated(self, state: CaseUpdateState) -> None:
        """Count one update."""
        self._move(1)

    def verifying(self, total: int) -> None:
        """Start the bar of cases that are read back."""
        self._start(total=total, desc="Verifying", unit=" cases", bar_format=_SEND_BAR, smoothing=0.05)

    def verified(self, cases: int) -> None:
        """Count cases."""
        self._move(cases)

    def notice(self, notice: Notice) -> None:
        """Print a line above the bar."""
        with contextlib.suppress(OSError, ValueError):
            for line in _lines(notice):
                tqdm.write(one_line(line), file=sys.stderr)

    def close(self) -> None:
        """Leave the last bar as it is."""
        if self._bar is not None:
            with contextlib.suppress(OSError, ValueError):
                self._bar.close()
            self._bar = None

    def _start(self, **options: object) -> None:
        self.close()
        if self._draws:
            self._bar = tqdm(file=sys.stderr, dynamic_ncols=True, mininterval=0.2, **options)  # type: ignore[call-overload]

    def _move(self, by: float, text: str = "") -> None:
        if self._bar is None:
            return
        try:
            if text:
                self._bar.set_postfix_str(text, refresh=False)
            self._bar.update(by)
        except (OSError, ValueError):
            self._draws, self._bar = False, None


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
        seconds_left: At the same rate; None if that is unclear.
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


class EveryMinute(Progress):
    """Counts, and tells once per minute how far the run is. ``clock`` is monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stage = ""
        self._total: int | None = None
        self._done = 0
        self._counts: Counter[State] = Counter()
        self._last = clock(), 0

    def tell(self, figures: Figures) -> None:
        """Tell how far the run is."""
        raise NotImplementedError

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
        """Start to count rows that are sent."""
        self._enter("sending", total)

    def settled(self, state: State) -> None:
        """Count a row."""
        self._done += 1
        self._counts[state] += 1

    def updating(self, total: int) -> None:
        """Start to count updates."""
        self._enter("updating", total)

    def updated(self, state: CaseUpdateState) -> None:
        """Count an update."""
        self._done += 1

    def verifying(self, total: int) -> None:
        """Start to count cases that are read back."""
        self._enter("verifying", total)

    def verified(self, cases: int) -> None:
        """Count cases."""
        self._done += cases

    def _enter(self, stage: str, total: int | None) -> None:
        self._stage, self._total, self._done = stage, total, 0
        self._last = self._clock(), 0


class PlainLines(EveryMinute):
    """A plain line per minute on standard error, and each notice at once."""

    def tell(self, figures: Figures) -> None:
        """Print it."""
        say(str(figures), error=True)

    def notice(self, notice: Notice) -> None:
        """Print it."""
        for line in _lines(notice):
            say(line, error=True)


class LogFile(EveryMinute):
    """Writes what happens as JSON Lines: time, level, event and its fields, with no text of a cell and no secret.

    A full disk ends the log, not the run.
    """

    def __init__(self, file: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        self._file = file

    def begun(self, *, command: str, source: str, mapping: str, target: str, ledger: Path) -> None:
        """Log it."""
        self._log("run_started", command=command, source=source, mapping=mapping, target=target, ledger=ledger)

    def staged(self, counts: Counter[State]) -> None:
        """Log it."""
        self._log("staged", rows=counts.total(), **{state.value: count for state, count in counts.items()})

    def tell(self, figures: Figures) -> None:
        """Log it."""
        left = None if figures.seconds_left is None else round(figures.seconds_left)
        rounded = {"per_second": round(figures.per_second, 2), "seconds_left": left}
        self._log("progress", **{**asdict(figures), **rounded})

    def notice(self, notice: Notice) -> None:
        """Log it, without its text."""
        self._log(notice.event, "warning", **notice.fields)

    def ended(self, exit_code: ExitCode, totals: Totals) -> None:
        """Log it."""
        level = "info" if exit_code is ExitCode.OK else "error"
        states = {state.value: count for state, count in totals.by_state()}
        self._log("run_ended", level, exit_code=int(exit_code), rows=totals.read, **states)

    def failed(self, error: BaseException) -> None:
        """Log that the run ended without a result. What the error says may name a row, so it is not here."""
        code = int(error.exit_code) if isinstance(error, CaseImporterError) else None
        self._log("run_failed", "error", exit_code=code, error=type(error).__name__)

    def _log(self, event: str, level: str = "info", /, **fields: object) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": at, "level": level, "event": event, **fields}, ensure_ascii=False, default=str)
        with contextlib.suppress(OSError, ValueError):
            self._file.write(f"{line}\n")
            self._file.flush()


@contextmanager
def log_file(path: Path) -> Iterator[LogFile]:
    """A log at the end of ``path``, which is made if it is missing.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        file = path.open("a", encoding="utf-8", errors="replace")
    except OSError as error:
        hint = "choose another file with --log-file"
        raise ConfigError(f"cannot write the log: {error.strerror}", where=str(path), hint=hint) from None
    log = LogFile(file)
    try:
        yield log
    except BaseException as error:
        log.failed(error)
        raise
    finally:
        with contextlib.suppress(OSError):
            file.close()


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
