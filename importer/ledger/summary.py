"""What a ledger says about an import: every row that was read is in exactly one state, and why it is no case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from importer.ledger import LedgerView
from importer.ledger.causes import Cause, causes
from importer.ledger.lines import UnlinkedCount
from importer.ledger.records import CompanionFile, FieldSet
from importer.ledger.totals import CaseUpdateTotals, Totals, totals_of
from importer.ledger.verification import Verification, verification_of
from importer.ledger.who_answers import UNSETTLED
from importer.reader.dialect import CUT_OFF
from importer.talkdesk.addresses import is_sandbox
from importer.text.wording import are, command_line, plural

_WHY_UNLINKED = {
    "missing_parent": "parent row not found",
    "parent_cycle": "their parents form a cycle",
    "parent_too_deep": "their parent row is a child row",
}


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
