"""The progress bar: rate, created, failed, time left."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Self

from tqdm import tqdm

from importer.cli.printing import is_terminal, say
from importer.models import AdditionState, State

_READ_BAR = "{desc} {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}{postfix}]"
_SEND_BAR = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}]{postfix}"
_FAILED = (State.REFUSED, State.INVALID, State.DUPLICATE)


class Terminal:
    """An observer that draws progress bars on standard error, if somebody is watching. Use as a context manager.

    Args:
        quiet: Say nothing at all.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._draws = not quiet and is_terminal()
        self._counts: Counter[State] = Counter()
        # The stubs make tqdm generic over what it iterates; a bar that is moved by hand iterates over nothing.
        self._bar: tqdm | None = None  # type: ignore[type-arg]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def begun(self, *, source: str, mapping: str, target: str, ledger: Path) -> None:
        """Say what is about to happen, if somebody is watching."""
        if self._draws:
            where = "the embedded sandbox (trial: nothing leaves this machine)" if target == "sandbox" else target
            say(f"Importing {source} with mapping {mapping} into {where}", error=True)

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
        self.close()
        if self._draws:
            self._bar = self._new(total=total, desc="Sending", bar_format=_SEND_BAR, unit=" cases", smoothing=0.05)

    def settled(self, state: State) -> None:
        """Count one record."""
        if self._bar is None:
            return
        self._counts[state] += 1
        counts = self._counts
        failed = sum(counts[state] for state in _FAILED)
        doubt = f", {counts[State.UNKNOWN]} in doubt" if counts[State.UNKNOWN] else ""
        self._bar.set_postfix_str(f"{counts[State.CREATED]:,} created, {failed:,} failed{doubt}", refresh=False)
        self._update(1)

    def following(self, total: int) -> None:
        """Begin the bar of the notes that follow."""
        self.close()
        if self._draws:
            self._bar = self._new(total=total, desc="Notes that follow", bar_format=_SEND_BAR, unit=" updates")

    def followed(self, state: AdditionState) -> None:
        """Count one update."""
        if self._bar is not None:
            self._update(1)

    def notice(self, text: str) -> None:
        """Print a line above the bar."""
        if not self._quiet:
            with contextlib.suppress(OSError, ValueError):
                tqdm.write(text, file=sys.stderr)

    def close(self) -> None:
        """Leave the last bar as it is."""
        if self._bar is not None:
            with contextlib.suppress(OSError, ValueError):
                self._bar.close()
            self._bar = None

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
