"""What goes into the ledger and comes out of it, apart from the shared values of ``importer.models``; JSON columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from importer.models import CaseUpdateState, FieldError, Links, Mapped, Row, State

# -- staging ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSource:
    """A source that is about to be read. Names are what messages call a file."""

    name: str
    sha256: str  #: of what is read
    columns: tuple[str, ...]  #: the header
    mapping_name: str
    mapping_sha256: str  #: of the mapping and all files that it names
    external_id_field: str | None  #: the custom field that carries the key; None for none
    links: Links | None = None  #: how the mapping links rows to each other; None if it does not
    mapping_place: str | None = None  #: path of the mapping, or name of a built-in one
    #: column → the only words that the mapping accepts in it, where these are known
    allowed: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FieldSet:
    """A field that case updates have set, and in how many cases."""

    field: str
    value: str | None  #: of a status; None of all other fields
    cases: int


@dataclass(frozen=True, slots=True)
class CompanionFile:
    """A companion file of a source, as it was read. Counts are None if the source is not a whole export."""

    file: str  #: what the mapping calls it
    path: str  #: where it was
    sha256: str  #: of what was read
    columns: tuple[str, ...]  #: its header
    rows: int
    without_row: int | None  #: how many of its rows belong to no row of the source
    rows_without: int | None  #: how many rows of the source have no entry in it


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInfo(NewSource):
    """One source as the ledger knows it."""

    id: int
    rows: int
    staged: bool
    #: columns that the mapping does not read, and how many of their cells are filled, if that was counted
    unread: tuple[tuple[str, int | None], ...] = ()
    companions: tuple[CompanionFile, ...] = ()


class StagedRow(NamedTuple):
    """One row of a source together with what the mapping made of it."""

    row: Row
    mapped: Mapped
    replaces: int | None = None  #: the record of this ledger that it corrects, if its file says so


class MergedRows(NamedTuple):
    """A row that is skipped because another one has its key, although their cells differ."""

    key: str  #: The key of both.
    row: int  #: The row that counts.
    skipped: int  #: The row that is skipped.
    column: str  #: The first column in which they differ.
    cell: str  #: What the row that counts has there.
    skipped_cell: str  #: What the skipped one has.


class UnsentRow(NamedTuple):
    """A record that never reached the server, with what is needed to map it anew."""

    id: int
    row: int
    state: State
    cells: tuple[str, ...]
    errors: tuple[FieldError, ...]


class Original(NamedTuple):
    """A row as it was read the first time, before a person corrected it in a failures file."""

    columns: tuple[str, ...]  #: the header of its file
    cells: tuple[str, ...]  #: more or fewer than columns if it was no good as a row
    errors: tuple[FieldError, ...]  #: none if it was refused, say


# -- sending ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Selection:
    """Which records a run is about; None does not narrow it."""

    source: int | None = None
    run: int | None = None  #: records that this run moved last, such as those that it has just reopened


@dataclass(frozen=True, slots=True)
class Pending:
    """A record that may be sent."""

    id: int
    row: int
    key: str
    body: bytes
    external_id_field: str | None
    released: bool = False  #: its parent became a case in this run: it comes out of order
    was_shut_out: bool = field(default=False, kw_only=True)  #: in an earlier run, which may have ended for it


@dataclass(frozen=True, slots=True)
class UnknownRecord(Pending):
    """A record that may have been created: it is searched for, and only then it may be sent again."""

    since: float = 0.0  #: when it was sent, seconds since 1970; may be a request's timeout off: searches leave a margin


class CreatedCase(NamedTuple):
    """A case of this ledger, which exists for sure. It was not made before ``sent_at`` (seconds
    since 1970), unless the ledger was made again from the cases."""

    case_id: str
    key: str
    external_id_field: str | None
    sent_at: float


class Outcome(NamedTuple):
    """Where a record goes after an attempt, or after a search, and on what evidence."""

    state: State
    case_id: str | None = None  #: the server's id for this very row; required for ``created``
    http_status: int | None = None  #: of the answer; None if there was none
    code: str | None = None  #: stable word for programs, such as ``no_answer``, or the server's own error code
    message: str | None = None  #: for a person; at most a few hundred characters, control characters removed


class Settlement(NamedTuple):
    """A move of a record that an answer, or a search, has earned it."""

    record: int
    before: State
    outcome: Outcome


class Mark(Enum):
    """What became of a request to mark a record as sending."""

    DONE = auto()  #: on disk: the request may leave
    DUPLICATE_KEY = auto()  #: another record with this key may be a case: this one was skipped
    NOT_PENDING = auto()  #: the record is no longer pending, or waits for its parent again


class Settled(Enum):
    """What became of a request to settle a record."""

    DONE = auto()
    CROSSED = auto()  #: the case id was reported for another record as well: both are unknown now
    LOST = auto()  #: the record was not in the state that the caller thought it was in


@dataclass(frozen=True, slots=True)
class CaseUpdate:
    """The next thing that the case of a record is to get."""

    record: int
    position: int  #: which update of this case, from 1
    kind: str  #: what it carries, one of :class:`importer.models.UpdateKind`
    case_id: str
    state: CaseUpdateState  #: ``pending``, or ``unknown`` if the case may have it already
    body: bytes  #: the JSON of the update


@dataclass(frozen=True, slots=True)
class UpdateOutcome:
    """Where a case update goes after an attempt, a look at the case or a decision; see :class:`Outcome`."""

    state: CaseUpdateState
    http_status: int | None = None
    code: str | None = None
    message: str | None = None


class SentBefore(NamedTuple):
    """Bodies that tell what a case must have got before an update for sure, and what it may have got in addition."""

    surely: tuple[bytes, ...]
    perhaps: tuple[bytes, ...]


# -- reports ---------------------------------------------------------------------------------------------


# -- bodies: what was sent, or is to be sent --------------------------------------------------------------


# -- JSON columns ----------------------------------------------------------------------------------------
