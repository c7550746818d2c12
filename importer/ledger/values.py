"""What goes into the ledger and comes out of it, apart from the shared values of ``importer.models``."""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

from importer.models import FieldError, Mapped, Row, State


class Outcome(NamedTuple):
    """Where a record goes after an attempt, or after a look-up, and on what evidence.

    Attributes:
        state: The state it moves to.
        case_id: The server's id for this very row; required for ``created``.
        http_status: Status of the answer; None if there was none.
        code: Stable word for machines (``created``, ``refused``, ``no_answer``, …) or the server's own error code.
        message: For a person; at most a few hundred characters, control characters removed.
    """

    state: State
    case_id: str | None = None
    http_status: int | None = None
    code: str | None = None
    message: str | None = None


#: Of a row whose key another one answers for.
TAKEN = Outcome(State.SKIPPED, code="in_doubt", message="another row with this key was sent")


class Settled(Enum):
    """What became of a request to settle a record."""

    DONE = auto()
    #: The case id belongs to another record already: both are unknown now, and answers cannot be trusted.
    CROSSED = auto()
    #: The record was not in the state that the caller thought it was in.
    LOST = auto()


class Mark(Enum):
    """What became of a request to mark a record as being sent."""

    DONE = auto()  #: durable: the request may leave
    DUPLICATE_KEY = auto()  #: another record with this key may be at the server: this one was skipped
    NOT_PENDING = auto()  #: the record is no longer pending


class Pending(NamedTuple):
    """A record that may be sent."""

    id: int
    row: int
    key: str
    body: bytes
    stamp: str | None
    released: bool = False  #: its parent became a case in this run: it comes out of order
    denied: int | None = None  #: the HTTP status of the answer that left it pending in an earlier run, if one did


class Selection(NamedTuple):
    """Which records a run is about; None does not narrow it.

    Attributes:
        source: Records of this source.
        run: Records that this run moved last, such as those that it has just reopened.
    """

    source: int | None = None
    run: int | None = None


class Doubtful(NamedTuple):
    """A record that may have been created, with what is needed to look it up."""

    id: int
    row: int
    key: str
    body: bytes
    stamp: str | None
    since: float


class Known(NamedTuple):
    """A case that exists for sure: this ledger created it."""

    case_id: str
    key: str
    stamp: str | None
    at: float


class StagedRow(NamedTuple):
    """One row of a source together with what the mapping made of it."""

    row: Row
    mapped: Mapped
    replaces: int | None = None  #: record of this ledger that this row corrects (failures files name it)


class Unsent(NamedTuple):
    """A record that never reached the server, with what is needed to map it anew."""

    id: int
    row: int
    state: State
    cells: tuple[str, ...]
    errors: tuple[FieldError, ...]


class NotesRead(NamedTuple):
    """A file of notes that was read together with a source.

    Attributes:
        file: What the mapping calls it.
        path: Where it was.
        sha256: Of what was read.
        columns: Its header.
        rows: How many rows it has.
        without_row: How many of them belong to no row of the source; None if the source is not a whole export.
        rows_without: How many rows of the source have no note in it; None likewise.
    """

    file: str
    path: str
    sha256: str
    columns: tuple[str, ...]
    rows: int
    without_row: int | None
    rows_without: int | None


class OrphanNote(NamedTuple):
    """A row of a file of notes that belongs to no row of its source.

    Attributes:
        source: The source.
        file: Which of its files of notes, from 0.
        row: Where it stands in that file.
        key: What it says to belong to; text with halves of characters written out.
        code: Stable word for machines.
        message: Why it is a note of no case.
        cells: As they were read.
    """

    source: int
    file: int
    row: int
    key: str
    code: str
    message: str
    cells: tuple[str, ...]


class SourceInfo(NamedTuple):
    """One source as the ledger knows it."""

    id: int
    name: str
    sha256: str
    columns: tuple[str, ...]
    mapping_name: str
    mapping_sha256: str
    stamp: str | None
    rows: int
    staged: bool
    notes: tuple[NotesRead, ...] = ()


class ResultLine(NamedTuple):
    """One record for the reports, in input order."""

    id: int
    source: int
    row: int
    key: str
    state: State
    case_id: str | None
    http_status: int | None
    attempts: int
    code: str | None
    message: str | None


class FailureLine(NamedTuple):
    """One record that needs a person, with the user's own cells."""

    result: ResultLine
    cells: tuple[str, ...]
    errors: tuple[FieldError, ...]
