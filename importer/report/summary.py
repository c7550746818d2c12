"""What a ledger says about an import: every row that was read is in exactly one state, and why it is no case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from importer.errors import ExitCode
from importer.ledger import LedgerView
from importer.ledger.causes import Cause, causes
from importer.ledger.records import CompanionFile, FieldSet, UnlinkedCount
from importer.ledger.verification import Verification, verification_of
from importer.ledger.who_answers import UNSETTLED
from importer.models import State
from importer.reader.dialect import CUT_OFF
from importer.regions import is_sandbox
from importer.wording import are, command_line, plural

_WHY_UNLINKED = {
    "missing_parent": "parent row not found",
    "parent_cycle": "their parents form a cycle",
    "parent_too_deep": "their parent row is a child row",
}
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


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was read into the ledger, and the companion files that were read with it."""

    name: str
    sha256: str
    rows: int
    mapping: str
    mapping_sha256: str
    note_files: tuple[CompanionFile, ...]
    #: Columns that the mapping does not read, and how many of their cells are filled, if that was counted.
    unread: tuple[tuple[str, int | None], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Where the rows of a ledger are, and why."""

    version: Literal[1] = 1  #: Of the JSON form of this result.
    ledger: str  #: Path of the ledger.
    ledger_id: str  #: Its id, which failures files carry.
    target: str | None  #: Where cases were created; None if nothing was sent yet.
    sources: tuple[Source, ...]  #: The files that were read into it.
    #: Names of files that are being read, or whose reading was cut short; they are in no other figure.
    half_read: tuple[str, ...]
    totals: Totals  #: Rows by state.
    causes: tuple[Cause, ...]  #: Why rows are not cases, most frequent first.
    case_updates: CaseUpdateTotals  #: Notes and fields that are sent after the creation of their case.
    fields_set: tuple[FieldSet, ...]  #: What was set after the creation: by field, in how many cases.
    #: Rows whose case has another parent than the file says, because the mapping wants it so.
    links_not_made: tuple[UnlinkedCount, ...]
    requests: int  #: Requests that were sent to create cases and to add notes to them.
    refusals: dict[str, int]  #: How many of them were answered with which HTTP status other than success.
    verification: Verification | None = None  #: What the last `verify` found; None if there was none.

    @property
    def held(self) -> int:
        """Rows that were skipped because their key has an unknown outcome."""
        return sum(cause.rows for cause in self.causes if cause.code == UNSETTLED)


def summary_of(view: LedgerView) -> Summary:
    """What the ledger says about the rows in view."""
    ledger_id, target = view.identity()
    updates = view.update_items()
    others = {name: updates[name] for name in ("done", "held", "refused", "dropped", "later", "changed")}
    in_doubt = updates["unknown"] + updates["sending"]  # what is being sent has no outcome until that has ended
    return Summary(
        ledger=str(view.path),
        ledger_id=ledger_id,
        target=target,
        sources=tuple(
            Source(
                *(each.name, each.sha256, each.rows, each.mapping_name, each.mapping_sha256, each.companions),
                unread=each.unread,
            )
            for each in view.sources()
        ),
        half_read=view.half_read(),
        totals=totals_of(view),
        causes=causes(view),
        case_updates=CaseUpdateTotals(**others, open=updates["pending"], unknown=in_doubt),
        fields_set=tuple(view.fields_set()),
        links_not_made=tuple(view.unlinked()),
        requests=view.requests(),
        refusals={str(status): count for status, count in view.refusals().items()},
        verification=verification_of(view),
    )


def warnings_of(view: LedgerView, summary: Summary) -> tuple[str, ...]:
    """What must be known of the file in view although no row of it is to blame: one line for each."""
    name = summary.sources[-1].name
    lines = [] if summary.totals.read else [f"{name} has no rows"]
    last = view.last_row()
    if last is not None and any(error.hint.startswith(CUT_OFF) for error in last[1]):
        lines.append(f"{name} is cut off: it ends inside row {last[0]}; export it again")
    if changed := sum(cause.rows for cause in summary.causes if cause.code == "already_created_changed"):
        rows = f"{plural(changed, 'row')} changed since {'it' if changed == 1 else 'they'} became"
        lines.append(f"{rows} {'a case' if changed == 1 else 'cases'}, which {are(changed)} not updated")
    others, first = view.unlike_duplicates(3)
    if others:
        which = f"{plural(others, 'row')} {'has' if others == 1 else 'have'} the key of an earlier row"
        shown = ", ".join(f"row {row} ({why})" for row, why in first) + ", …" * (others > len(first))
        lines.append(f"{which}, with different content, and {are(others)} not sent: {shown}")
    if count := view.left_open():
        sandbox = ["--sandbox"] if is_sandbox(summary.target) else []
        retry = command_line(["case-importer", "retry", "--ledger", summary.ledger, *sandbox])
        lines.append(
            f"{plural(count, 'row')} of earlier files {are(count)} not in {name} and not finished: run {retry}"
        )
    return tuple(lines)


def unlinked_remarks(counts: tuple[UnlinkedCount, ...]) -> tuple[str, ...]:
    """One line for each cause for which links between rows were not made as the file has them."""
    remarks = []
    for count in counts:
        instead = "attached to their top-level row" if count.led_to_root else "without a parent"
        why = f"{_WHY_UNLINKED[count.code]} (first: row {count.first_row})"
        remarks.append(f"{plural(count.rows, 'row')} {instead}: {why}")
    return tuple(remarks)
