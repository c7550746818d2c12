"""What shows a run: bars at a terminal, otherwise a plain line per minute on standard error; and a log file."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from tqdm import tqdm

from importer.cli.output import is_terminal, one_line, say, say_prose
from importer.errors import CaseImporterError, ConfigError, ExitCode
from importer.models import CaseUpdateState, Notice, State
from importer.progress.progress import Progress
from importer.report import Totals
from importer.talkdesk.addresses import is_sandbox, is_trial
from importer.text.wording import duration, printable

_SECOND, _MINUTE = 1.0, 60.0
_READ_BAR = "{desc} {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}{postfix}]"
_SEND_BAR = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}]{postfix}"
#: What is counted while something is done.
_COUNTED = {"reading": "rows", "sending": "rows", "updating": "case updates", "verifying": "cases"}
_FAILED = (State.REFUSED, State.INVALID, State.DUPLICATE)


@contextmanager
def watching(*, quiet: bool, log: Path | None = None) -> Iterator[Progress]:
    """What shows a run at the terminal, unless it is quiet, and appends to the log file.

    Raises:
        ConfigError: the log file cannot be written.
    """
    bars = is_terminal() and not quiet
    lines = not bars and not quiet
    with ExitStack() as stack:
        watch = Watch(bars=bars, lines=lines, log=stack.enter_context(_log_file(log)) if log else None)
        stack.callback(watch.close)
        if not quiet or log:
            stack.enter_context(ticking(watch))
        try:
            yield watch
        except BaseException as error:
            watch.failed(error)
            raise


class Watch(Progress):
    """Counts what happens, draws ``bars`` or prints ``lines`` on standard error, and writes JSON Lines to ``log``.

    The log has time, level, event and its fields, with no text of a cell and no secret. A terminal that went away and a
    full disk stop neither the run nor each other. ``clock`` is monotonic seconds.
    """

    def __init__(
        self,
        *,
        bars: bool = False,
        lines: bool = False,
        log: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bars = bars
        self._lines = lines
        self._file = log
        self._clock = clock
        self._stage = ""
        self._is_paused = False
        self._total: int | None = None
        self._done = 0
        self._last = clock(), 0
        self._counts: Counter[State] = Counter()
        self._is_heard = False  # something was shown or logged
        # The stubs make tqdm generic over what it iterates; a bar that is moved by hand iterates over nothing.
        self._bar: tqdm | None = None  # type: ignore[type-arg]

    def begun(self, *, command: str, source: str, mapping: str, target: str, ledger: Path) -> None:
        """Say what starts now."""
        if self._bars:
            here = "the embedded sandbox" if is_sandbox(target) else "a server on this machine"
            where, trial = (here, " (trial: nothing leaves this machine)") if is_trial(target) else (target, "")
            what = {
                "retry": f"Sending rows of {ledger} again to {where}",
                "reconcile": f"Looking up rows of {ledger} in {where}",
                "rebuild": f"Making a new ledger for {source} from {where}, mapping {mapping}",
            }.get(command, f"Importing {source} into {where}, mapping {mapping}")
            say_prose(what + trial, error=True)
        self._log("run_started", command=command, source=source, mapping=mapping, target=target, ledger=ledger)

    def read(self, share: float, rows: int) -> None:
        """Show how much has been read."""
        if self._stage != "reading":
            self._enter("reading", None, total=1.0, desc="Reading", bar_format=_READ_BAR)
        self._done = rows
        if self._bar is not None:
            self._draw(share - self._bar.n, f"{rows:,} rows")
        if share >= 1.0:
            self.close()

    def staged(self, counts: Counter[State]) -> None:
        """Log what has been read."""
        self._log("staged", rows=counts.total(), **{state.value: count for state, count in counts.items()})

    def sending(self, total: int) -> None:
        """Start to count rows that are sent."""
        self._enter("sending", total, desc="Sending", unit=" cases", bar_format=_SEND_BAR, smoothing=0.05)

    def settled(self, state: State) -> None:
        """Count a row."""
        self._counts[state] += 1
        self._move(1, f"{self._counts[State.CREATED]:,} created, {self._failures()}")

    def updating(self, total: int) -> None:
        """Start to count case updates."""
        self._enter("updating", total, desc="Case updates", unit=" updates", bar_format=_SEND_BAR, smoothing=0.05)

    def updated(self, state: CaseUpdateState) -> None:
        """Count an update."""
        self._move(1)

    def verifying(self, total: int) -> None:
        """Start to count cases that are read back."""
        self._enter("verifying", total, desc="Verifying", unit=" cases", bar_format=_SEND_BAR, smoothing=0.05)

    def verified(self, cases: int) -> None:
        """Count cases."""
        self._move(cases)

    def notice(self, notice: Notice) -> None:
        """Print it, above the bar if there is one, and log it without its text."""
        if notice.event in ("paused", "resumed"):
            self._is_paused = notice.event == "paused"
        for line in [notice.text, *([f"  hint: {notice.hint}"] if notice.hint else [])]:
            if self._bars:
                with contextlib.suppress(OSError, ValueError):
                    tqdm.write(one_line(line), file=sys.stderr)
            elif self._lines:
                say(line, error=True)
        self._log(notice.event, "warning", **notice.fields)

    def ended(self, exit_code: ExitCode, totals: Totals) -> None:
        """Log the totals."""
        level = "info" if exit_code is ExitCode.OK else "error"
        states = {state.value: count for state, count in totals.by_state()}
        self._log("run_ended", level, exit_code=int(exit_code), rows=totals.read, **states)

    def failed(self, error: BaseException) -> None:
        """Log that the run ended without a result. What the error says may name a row, so it is not here."""
        code = int(error.exit_code) if isinstance(error, CaseImporterError) else None
        self._log("run_failed", "error", exit_code=code, error=type(error).__name__)

    def second(self) -> None:
        """The first second is over: say that there is nothing to show yet, as of a workbook with many sheets."""
        if self._is_heard:
            return
        if self._bars:
            say("still working: a large file or ledger takes a while", error=True)
        self._log("progress", stage="opening")

    def minute(self) -> None:
        """A minute is over: tell how far the run is."""
        if not self._stage:
            return
        (before, done), now = self._last, self._clock()
        self._last = now, self._done
        rate = (self._done - done) / (now - before) if now > before else 0.0
        left = None if self._total is None or not rate else (self._total - self._done) / rate
        if self._lines:
            of = "" if self._total is None else f" of {self._total:,}"
            failed = f", {self._failures()}" if self._stage in ("sending", "updating") else ""
            about = "" if left is None else f", about {duration(left)} left"
            count = f"{self._done:,}{of} {_COUNTED[self._stage]}"
            how = "paused" if self._is_paused and not rate else f"{rate:,.1f}/s"
            say(f"{self._stage}: {count}, {how}{failed}{about}", error=True)
        self._log(
            "progress",
            stage=self._stage,
            done=self._done,
            total=self._total,
            per_second=round(rate, 2),
            failed=sum(self._counts[state] for state in _FAILED),
            unknown=self._counts[State.UNKNOWN],
            seconds_left=None if left is None else round(left),
        )

    def close(self) -> None:
        """Leave the last bar as it is."""
        if self._bar is not None:
            with contextlib.suppress(OSError, ValueError):
                self._bar.close()
            self._bar = None

    def _failures(self) -> str:
        unknown = self._counts[State.UNKNOWN]
        failed = sum(self._counts[state] for state in _FAILED)
        return f"{failed:,} failed" + (f", {unknown:,} unknown" if unknown else "")

    def _enter(self, stage: str, count: int | None, **bar: object) -> None:
        self._stage, self._total, self._done, self._is_heard = stage, count, 0, True
        self._last = self._clock(), 0
        self.close()
        if self._bars:
            bar = {"total": count, "file": sys.stderr, "dynamic_ncols": True, "mininterval": 0.2, **bar}
            self._bar = tqdm(**bar)  # type: ignore[call-overload]

    def _move(self, count: int, text: str = "") -> None:
        self._done += count
        self._draw(count, text)

    def _draw(self, by: float, text: str) -> None:
        if self._bar is None:
            return
        try:
            if text:
                self._bar.set_postfix_str(text, refresh=False)
            self._bar.update(by)
        except (OSError, ValueError):
            self._bars, self._bar = False, None

    def _log(self, event: str, level: str = "info", /, **fields: object) -> None:
        self._is_heard = True
        if self._file is None:
            return
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": at, "level": level, "event": event, **fields}, ensure_ascii=False, default=str)
        with contextlib.suppress(OSError, ValueError):
            self._file.write(f"{printable(line)}\n")
            self._file.flush()


@contextmanager
def _log_file(path: Path) -> Iterator[TextIO]:
    try:
        file = path.open("a", encoding="utf-8", errors="replace")
    except OSError as error:
        hint = "choose another file with --log-file"
        raise ConfigError(f"cannot write the log: {error.strerror}", where=str(path), hint=hint) from None
    try:
        yield file
    finally:
        with contextlib.suppress(OSError):
            file.close()


@contextmanager
def ticking(watch: Watch, every: float = _MINUTE) -> Iterator[None]:
    """While inside, a thread tells it when a second and each minute is over, also when nothing else happens."""
    over = threading.Event()

    def tick() -> None:
        if not over.wait(min(_SECOND, every)):
            watch.second()
        while not over.wait(every):
            watch.minute()

    thread = threading.Thread(target=tick, name="every minute", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
