"""The books: every row that was read stands in exactly one state, or the exit code says that it does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from importer.errors import ExitCode
from importer.ledger import LedgerView, SourceInfo
from importer.models import State


class Following(NamedTuple):
    """Notes for which the first call had no room, by where they stand.

    Attributes:
        done: The cases have them.
        open: To be sent.
        held: Not sent, because those before them are in doubt or were refused.
        refused: The server did not take them.
        unknown: The cases may have them.
        dropped: A person decided against them.
        later: Their rows are not cases yet.
    """

    done: int = 0
    open: int = 0
    held: int = 0
    refused: int = 0
    unknown: int = 0
    dropped: int = 0
    later: int = 0

    @property
    def total(self) -> int:
        """All notes that follow cases that exist."""
        return sum(self) - self.later


class Balance(NamedTuple):
    """Rows read against records by state.

    Attributes:
        read: Rows that were read, as counted while reading.
        counts: Records by state, as counted in the ledger.
        left_out: How many of the skipped ones the mapping leaves out on purpose.
        following: Notes that follow their cases. They are no rows, but no import is finished without them.
        waits_for: Waiting records by where the rows stand that they wait for; None: for one that will not be a case.
    """

    read: int
    counts: Counter[State]
    left_out: int = 0
    following: Following = Following()
    waits_for: Counter[State | None] = Counter()  # noqa: RUF012  (never changed)

    @property
    def is_true(self) -> bool:
        """Whether the books balance."""
        return self.read == sum(self.counts.values())

    @property
    def exit_code(self) -> ExitCode:
        """What the states alone say about how a run ended; the most alarming thing wins."""
        return _code_of(self._standing, self.following) if self.is_true else ExitCode.LEDGER

    @property
    def _standing(self) -> Counter[State]:
        """Records by state, those that wait for another row with that row: what keeps it back keeps them back."""
        counts = Counter(self.counts)
        for state, waiting in self.waits_for.items():
            counts[State.WAITING] -= waiting
            counts[State.INVALID if state is None else state] += waiting
        return counts

    @property
    def exit_code_without_pending(self) -> ExitCode:
        """As :attr:`exit_code`, if what is pending was meant to stay behind."""
        others = self._standing
        del others[State.PENDING]
        return _code_of(others, self.following) if self.is_true else self.exit_code

    def as_dict(self) -> dict[str, int | bool]:
        """For JSON: every state, also those with no records."""
        return {"read": self.read, **{state.value: self.counts[state] for state in State}, "balanced": self.is_true}


_CODES = (
    (ExitCode.DUPLICATE, (State.DUPLICATE,), ()),
    (ExitCode.IN_DOUBT, (State.UNKNOWN, State.SENDING), ("unknown",)),
    (ExitCode.TEMPORARY, (State.PENDING, State.WAITING), ("open",)),
    (ExitCode.ROWS_FAILED, (State.REFUSED, State.INVALID), ("refused",)),
)


def _code_of(counts: Counter[State], following: Following) -> ExitCode:
    for code, states, standings in _CODES:
        if any(counts[state] > 0 for state in states) or any(getattr(following, name) for name in standings):
            return code
    return ExitCode.OK


def balance_of(view: LedgerView) -> Balance:
    """The books of what ``view`` looks at."""
    counts = view.counts()
    waits_for = view.waits_for() if counts[State.WAITING] else Counter[State | None]()
    return Balance(rows_read(view.sources()), counts, view.filtered(), following_of(view.following()), waits_for)


def following_of(notes: Counter[str]) -> Following:
    """The notes that follow, from what the ledger says; one that is being sent is in doubt until that has ended."""
    others = {name: notes[name] for name in ("done", "held", "refused", "dropped", "later")}
    return Following(**others, open=notes["pending"], unknown=notes["unknown"] + notes["sending"])


def rows_read(sources: Iterable[SourceInfo]) -> int:
    """Rows that were read from ``sources``."""
    return sum(source.rows for source in sources)
