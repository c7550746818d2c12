"""The books: every row that was read stands in exactly one state, or the exit code says that it does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from importer.errors import ExitCode
from importer.ledger import LedgerView, SourceInfo
from importer.records import State


class Balance(NamedTuple):
    """Rows read against records by state.

    Attributes:
        read: Rows that were read, as counted while reading.
        counts: Records by state, as counted in the ledger.
        left_out: How many of the skipped ones the mapping leaves out on purpose.
    """

    read: int
    counts: Counter[State]
    left_out: int = 0

    @property
    def is_true(self) -> bool:
        """Whether the books balance."""
        return self.read == sum(self.counts.values())

    @property
    def exit_code(self) -> ExitCode:
        """What the states alone say about how a run ended; the most alarming thing wins."""
        if not self.is_true:
            return ExitCode.LEDGER
        for code, states in _CODES:
            if any(self.counts[state] for state in states):
                return code
        return ExitCode.OK

    @property
    def exit_code_without_pending(self) -> ExitCode:
        """As :attr:`exit_code`, if what is pending was meant to stay behind."""
        others = Counter(self.counts)
        del others[State.PENDING]
        return Balance(sum(others.values()), others).exit_code if self.is_true else self.exit_code

    def as_dict(self) -> dict[str, int | bool]:
        """For JSON: every state, also those with no records."""
        return {"read": self.read, **{state.value: self.counts[state] for state in State}, "balanced": self.is_true}


_CODES = (
    (ExitCode.DUPLICATE, (State.DUPLICATE,)),
    (ExitCode.IN_DOUBT, (State.UNKNOWN, State.SENDING)),
    (ExitCode.TEMPORARY, (State.PENDING, State.WAITING)),
    (ExitCode.ROWS_FAILED, (State.REFUSED, State.INVALID)),
)


def balance_of(view: LedgerView) -> Balance:
    """The books of what ``view`` looks at."""
    return Balance(rows_read(view.sources()), view.counts(), view.left_out())


def rows_read(sources: Iterable[SourceInfo]) -> int:
    """Rows that were read from ``sources``."""
    return sum(source.rows for source in sources)
