"""What a ledger says about an import: the part that every result and ``summary.json`` have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from importer.ledger import CompanionFile, LedgerView
from importer.ledger.causes import Cause, causes
from importer.ledger.records import UnlinkedCount
from importer.report.totals import CaseUpdateTotals, Totals, case_updates_of, totals_of

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
    case_updates: CaseUpdateTotals  #: Notes that are sent after their case, because its first call had no room.
    #: Rows whose case has another parent than the file says, because the mapping wants it so.
    links_not_made: tuple[UnlinkedCount, ...]
    requests: int  #: Requests that were sent to create cases and to add notes to them.
    refusals: dict[str, int]  #: How many of them were answered with which HTTP status other than success.


def summary_of(view: LedgerView) -> Summary:
    """What the ledger says about the rows in view."""
    ledger_id, target = view.identity()
    return Summary(
        ledger=str(view.path),
        ledger_id=ledger_id,
        target=target,
        sources=tuple(
            Source(each.name, each.sha256, each.rows, each.mapping_name, each.mapping_sha256, each.companions)
            for each in view.sources()
        ),
        half_read=view.half_read(),
        totals=totals_of(view),
        causes=causes(view),
        case_updates=case_updates_of(view),
        links_not_made=tuple(view.unlinked()),
        requests=view.requests(),
        refusals={str(status): count for status, count in view.refusals().items()},
    )


def unlinked_remarks(counts: tuple[UnlinkedCount, ...]) -> tuple[str, ...]:
    """One line for each cause for which links between rows were not made as the file has them."""
    return tuple(
        f"{count.rows:,} row{'s' * (count.rows != 1)}"
        f" {'attached to their top-level row' if count.led_to_root else 'without a parent'}:"
        f" {_WHY_UNLINKED[count.code]} (first: row {count.first_row})"
        for count in counts
    )
