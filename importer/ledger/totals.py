"""How many rows are in which state, and the exit code that follows from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from importer.errors import ExitCode
from importer.ledger import LedgerView
from importer.ledger.causes import Cause
from importer.ledger.who_answers import UNSETTLED
from importer.models import State
from importer.text.wording import plural

#: The states in the order in which people ask for them.
_ORDER = (
    *(State.CREATED, State.PENDING, State.WAITING, State.SENDING, State.INVALID, State.REFUSED),
    *(State.SKIPPED, State.UNKNOWN, State.DUPLICATE),
)


#: Exit codes, the first that applies; with the states of rows and the figure of case updates that lead to it.
_CODES = (
    (ExitCode.DUPLICATE, (State.DUPLICATE,), ""),
    (ExitCode.UNKNOWN_OUTCOME, (State.UNKNOWN, State.SENDING), "unknown"),
    (ExitCode.TEMPORARY, (State.PENDING, State.WAITING), "open"),
    (ExitCode.ROWS_FAILED, (State.REFUSED, State.INVALID), "refused"),
)


@dataclass(frozen=True, slots=True)
class CaseUpdateTotals:
    """Notes and fields that are sent after the creation of their case, by how it is with them."""

    done: int = 0  #: The cases have them.
    open: int = 0  #: To be sent.
    held: int = 0  #: Not sent, because those before them have an unknown outcome or were refused.
    refused: int = 0  #: The server refused them.
    unknown: int = 0  #: The cases may have them.
    dropped: int = 0  #: Not to be sent, by `resolve`.
    later: int = 0  #: Their rows are not cases yet.
    changed: int = 0  #: Of those that are done: of an update of which the server made something else.

    @property
    def undelivered(self) -> int:
        """Those that their cases do not have for sure."""
        return self.open + self.held + self.refused + self.unknown

    def remarkable(self) -> list[tuple[str, int]]:
        """Those that are not merely delivered or to be sent with their rows: how they stand, and how many."""
        standings = ("open", "refused", "unknown", "held", "dropped", "changed")
        return [(standing, count) for standing in standings if (count := getattr(self, standing))]

    @property
    def total(self) -> int:
        """All whose cases exist."""
        return self.done + self.open + self.held + self.refused + self.unknown + self.dropped


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Rows that were read, and records by state: two counts, so that a lost record is noticed."""

    read: int  #: Rows, as counted while reading.
    invalid: int = 0
    skipped: int = 0
    waiting: int = 0
    pending: int = 0
    sending: int = 0
    created: int = 0
    refused: int = 0
    unknown: int = 0
    duplicate: int = 0
    match: bool  #: Whether both counts are the same.

    @classmethod
    def of(cls, read: int, counts: Counter[State]) -> Totals:
        """Totals of rows that were read, and of the states of their records."""
        by_name = {state.value: count for state, count in counts.items()}
        return cls(read=read, match=read == counts.total(), **by_name)

    @property
    def counts(self) -> Counter[State]:
        """Records by state; of states that have some."""
        return Counter({state: count for state in State if (count := int(getattr(self, state.value)))})

    def by_state(self) -> list[tuple[State, int]]:
        """The states that have records, in the order in which people ask for them."""
        counts = self.counts
        return [(state, counts[state]) for state in _ORDER if counts[state]]

    @property
    def equation(self) -> str:
        """``1,000 rows = 980 created + 18 invalid + 2 skipped``."""
        rows = plural(self.read, "row")
        terms = " + ".join(f"{count:,} {state}" for state, count in self.by_state())
        return f"{rows} = {terms}" if terms else rows


def exit_code_of(
    totals: Totals,
    causes: Iterable[Cause] = (),
    updates: CaseUpdateTotals | None = None,
    *,
    pending_is_meant: bool = False,
) -> ExitCode:
    """What the states alone say about how a run ended: of several codes, the first of 6, 4, 5, 3, 0.

    Args:
        totals: Rows by state.
        causes: A waiting row counts like the parent row that it waits for, which its cause names; a row that was
            skipped for an unknown outcome counts like that.
        updates: Case updates are not rows, but no import is finished without them.
        pending_is_meant: Rows that are pending were meant to stay so, by ``--limit`` for example.
    """
    if not totals.match:
        return ExitCode.LEDGER
    counts = totals.counts
    for cause in causes:
        if cause.code == UNSETTLED:
            counts[State.UNKNOWN] += cause.rows
        elif cause.state is State.WAITING:
            parent = (cause.code or "").removeprefix("parent_")
            counts[State.WAITING] -= cause.rows
            counts[State(parent) if parent in _ORDER else State.INVALID] += cause.rows
    if pending_is_meant:
        del counts[State.PENDING]
    for code, states, standing in _CODES:
        if any(counts[state] > 0 for state in states) or (updates and standing and getattr(updates, standing)):
            return code
    return ExitCode.OK


def totals_of(view: LedgerView) -> Totals:
    """The totals of what ``view`` looks at."""
    return Totals.of(sum(source.rows for source in view.sources()), view.counts())
