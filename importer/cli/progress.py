"""Progress for a person at a terminal: bars with rate, created, failed, time left. And who else is told."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tqdm import tqdm

from importer.cli.every_minute import EveryMinute, PlainLines, log_file, ticking
from importer.cli.printing import is_terminal, say
from importer.errors import ExitCode
from importer.models import AdditionState, Notice, State
from importer.progress import Progress
from importer.report import Totals

_READ_BAR = "{desc} {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}{postfix}]"
_SEND_BAR = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}]{postfix}"
_FAILED = (State.REFUSED, State.INVALID, State.DUPLICATE)


@contextmanager
def watching(*, quiet: bool, log: Path | None = None) -> Iterator[Progress]:
    """Whoever is to be told of a run: a terminal or else a plain line per minute, unless it is quiet; and a log file.

    Raises:
        ConfigError: the log file cannot be written.
    """
    with ExitStack() as stack:
        told: list[Progress] = []
        if not quiet:
            told.append(stack.enter_context(contextlib.closing(Bars())) if is_terminal() else PlainLines())
        if log is not None:
            told.append(stack.enter_context(log_file(log)))
        by_the_minute = [each for each in told if isinstance(each, EveryMinute)]
        if by_the_minute:
            stack.enter_context(ticking(*by_the_minute))
        yield told[0] if len(told) == 1 else Several(told)


class Several(Progress):
    """Tells several others."""

    def __init__(self, others: list[Progress]) -> None:
        self._others = others

    def begun(self, *, command: str, source: str, mapping: str, target: str, ledger: Path) -> None:
        """Tell all."""
        for other in self._others:
            other.begun(command=command, source=source, mapping=mapping, target=target, ledger=ledger)

    def read(self, share: float, rows: int) -> None:
        """Tell all."""
        for other in self._others:
            other.read(share, rows)

    def staged(self, counts: Counter[State]) -> None:
        """Tell all."""
        for other in self._others:
            other.staged(counts)

    def sending(self, total: int) -> None:
        """Tell all."""
        for other in self._others:
            other.sending(total)

    def settled(self, state: State) -> None:
        """Tell all."""
        for other in self._others:
            other.settled(state)

    def following(self, total: int) -> None:
        """Tell all."""
        for other in self._others:
            other.following(total)

    def followed(self, state: AdditionState) -> None:
        """Tell all."""
        for other in self._others:
            other.followed(state)

    def notice(self, notice: Notice) -> None:
        """Tell all."""
        for other in self._others:
            other.notice(notice)

    def ended(self, exit_code: ExitCode, totals: Totals) -> None:
        """Tell all."""
        for other in self._others:
            other.ended(exit_code, totals)


class Bars(Progress):
    """Progress bars on standard error; to be closed."""

    def __init__(self) -> None:
        self._draws = True
        self._counts: Counter[State] = Counter()
        # The stubs make tqdm generic over what it iterates; a bar that is moved by hand iterates over nothing.
        self._bar: tqdm | None = None  # type: ignore[type-arg]

    def begun(self, *, command: str, source: str, mapping: str, target: str, ledger: Path) -> None:
        """Say what is about to happen."""
        is_trial = target.startswith("sandbox")
        where = "the embedded sandbox (trial: nothing leaves this machine)" if is_trial else target
        say(f"Importing {source} into {where} (mapping {mapping})", error=True)

    def read(self, share: float, rows: int) -> None:
        """Draw how much has been read."""
        if not self._draws:
            return
        bar = self._bar = self._bar or self._new(total=1.0, desc="Reading", bar_format=_READ_BAR)
        bar.set_postfix_str(f"{rows:,} rows", refresh=False)
        self._update(share - bar.n)
        if share >= 1.0:
            self.close()

    def sending(self, total: int) -> None:
        """Begin the bar of pass 2."""
        self._begin(total, "Sending", " cases")

    def settled(self, state: State) -> None:
        """Count one record."""
        if self._bar is None:
            return
        self._counts[state] += 1
        counts = self._counts
        failed = sum(counts[state] for state in _FAILED)
        unknown = f", {counts[State.UNKNOWN]:,} unknown" if counts[State.UNKNOWN] else ""
        self._bar.set_postfix_str(f"{counts[State.CREATED]:,} created, {failed:,} failed{unknown}", refresh=False)
        self._update(1)

    def following(self, total: int) -> None:
        """Begin the bar of the notes that follow."""
        self._begin(total, "Case updates", " updates")

    def followed(self, state: AdditionState) -> None:
        """Count one update."""
        if self._bar is not None:
            self._update(1)

    def notice(self, notice: Notice) -> None:
        """Print a line above the bar."""
        with contextlib.suppress(OSError, ValueError):
            tqdm.write(notice.text, file=sys.stderr)

    def close(self) -> None:
        """Leave the last bar as it is."""
        if self._bar is not None:
            with contextlib.suppress(OSError, ValueError):
                self._bar.close()
            self._bar = None

    def _begin(self, total: int, what: str, unit: str) -> None:
        self.close()
        if self._draws:
            self._bar = self._new(total=total, desc=what, bar_format=_SEND_BAR, unit=unit, smoothing=0.05)

    def _new(self, **options: object) -> tqdm:  # type: ignore[type-arg]
        return tqdm(file=sys.stderr, dynamic_ncols=True, mininterval=0.2, **options)  # type: ignore[call-overload,no-any-return]

    def _update(self, by: float) -> None:
        """A terminal that went away is no reason to stop."""
        try:
            assert self._bar is not None
            self._bar.update(by)
        except (OSError, ValueError):
            self._draws = False
            self._bar = None
