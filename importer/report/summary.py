"""What a ledger says about an import: the part that every result and ``summary.json`` have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from importer.ledger.causes import Cause, causes
from importer.ledger.values import NotesRead, SourceInfo
from importer.ledger.view import LedgerView, UnlinkedCount
from importer.report.totals import Following, Totals, following_of, totals_of

_WHY_UNLINKED = {
    "missing_parent": "the row that they name is not there",
    "parent_cycle": "the rows above them lead back to them",
    "parent_too_deep": "the row that they name is below another one",
}


@dataclass(frozen=True, slots=True)
class NoteFile:
    """A file of notes that was read together with a source; see :class:`importer.ledger.NotesRead`."""

    file: str
    path: str
    sha256: str
    columns: tuple[str, ...]
    rows: int
    without_row: int | None
    rows_without: int | None


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was read into the ledger."""

    name: str
    sha256: str
    rows: int
    mapping: str
    mapping_sha256: str
    note_files: tuple[NoteFile, ...]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Where the rows of a ledger are, and why.

    Attributes:
        version: Of the JSON form of this result.
        ledger: Path of the ledger.
        ledger_id: Its id, which failures files carry.
        target: Where cases were created; None if nothing was sent yet.
        sources: The files that were read into it.
        half_read: Names of files that are being read, or whose reading was cut short; they are in no other figure.
        totals: Rows by state.
        causes: Why rows are not cases, most frequent first.
        notes_that_follow: Notes for which the first call had no room.
        links_not_made: Rows whose case has another parent than the file says, because the mapping wants it so.
        requests: Requests that were sent to create cases and to add notes to them.
        refusals: How many of them were answered with which HTTP status other than success.
    """

    version: Literal[1] = 1
    ledger: str
    ledger_id: str
    target: str | None
    sources: tuple[Source, ...]
    half_read: tuple[str, ...]
    totals: Totals
    causes: tuple[Cause, ...]
    notes_that_follow: Following
    links_not_made: tuple[UnlinkedCount, ...]
    requests: int
    refusals: dict[str, int]


def summary_of(view: LedgerView) -> Summary:
    """What the ledger says about the rows in view."""
    ledger_id, target = view.identity()
    return Summary(
        ledger=str(view.path),
        ledger_id=ledger_id,
        target=target,
        sources=tuple(map(_source, view.sources())),
        half_read=view.half_read(),
        totals=totals_of(view),
        causes=causes(view),
        notes_that_follow=following_of(view),
        links_not_made=tuple(view.unlinked()),
        requests=view.requests(),
        refusals={str(status): count for status, count in view.refusals().items()},
    )


def _source(info: SourceInfo) -> Source:
    notes = tuple(map(_note_file, info.notes))
    return Source(info.name, info.sha256, info.rows, info.mapping_name, info.mapping_sha256, notes)


def _note_file(notes: NotesRead) -> NoteFile:
    return NoteFile(**notes._asdict())


def unlinked_remarks(counts: tuple[UnlinkedCount, ...]) -> tuple[str, ...]:
    """One line for each cause for which links between rows were not made as the file has them."""
    return tuple(
        f"{count.rows:,} row{'s' * (count.rows != 1)}"
        f" {'below the topmost row' if count.led_to_root else 'without a parent'}: {_WHY_UNLINKED[count.code]}"
        f" (first: row {count.first_row})"
        for count in counts
    )
