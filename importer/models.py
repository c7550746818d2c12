"""The values that travel between the packages. No behaviour beyond what a value can know about itself."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, TypedDict


class ReadingOptions(TypedDict, total=False):
    """How to read an export, where the user or the mapping decides it; what is absent or None is found."""

    #: Sheet of a workbook: its name, or its number among the tabs that are shown, 1-based. Otherwise the one that is
    #: shown and looks most like tickets, or at least has cells.
    sheet: str | int | None
    encoding: str | None  #: Of a text file. Otherwise a byte order mark tells it, or it is UTF-8.
    #: What separates the cells of a text file. Otherwise comma, semicolon, tab or bar, as header and rows show.
    delimiter: str | None
    #: Line of a text file, or row of a sheet, with the header, 1-based; 0 if there is none, and the columns are called
    #: by their place. Otherwise the first one, below titles.
    header_row: int | None


@dataclass(frozen=True, slots=True)
class FieldError:
    """One problem of one cell, as data. A row that does not fit carries all of its field errors."""

    code: str  #: Stable word for machines, such as ``too_long`` or ``unknown_value``.
    column: str | None  #: Column of the export as its header says; None when the whole row is meant.
    value: str  #: The offending text, at most :data:`VALUE_SHOWN` characters of it.
    rule: str  #: What is demanded, for a person: "at most 150 characters, this one has 212".
    hint: str  #: What the person can do: "shorten it, or …".
    target: str | None = None  #: Field of the case that the cell was meant for, such as ``custom_fields.date1``.
    suggestion: str = ""  #: What the cell may have been meant to be; empty if that is not known.

    @property
    def is_of_reader(self) -> bool:
        """Whether the reader found it, not the mapping, which says for which field of a case a cell was meant."""
        return self.target is None and self.code != "missing_key"

    def __str__(self) -> str:
        place = f"{self.column}: " if self.column is not None else ""
        shown = f"{self.value!r} " if self.value else ""
        return f"{place}{shown}{self.rule}; {self.hint}"


StrPath = str | os.PathLike[str]
#: What a case id looks like, as a regular expression.
CASE_ID = "[A-Za-z0-9_-]{1,64}"


class Row(NamedTuple):
    """One row of the export as it was read: text only, nothing guessed."""

    #: Where the row begins in the file: physical line of a CSV (1-based, the header counts), sheet row of a workbook,
    #: position + 1 in a DataFrame.
    number: int
    #: One text a column, in the order of the header. A row with too many or too few fields keeps exactly those it had.
    cells: tuple[str, ...]
    #: What the reader found wrong. An error without a column spoils the row; one with a column (an Excel error cell,
    #: say) spoils it only if the mapping uses that column.
    problems: tuple[FieldError, ...] = ()


class Link(NamedTuple):
    """What a row says about the row above it, whose case becomes the parent of its own."""

    name: str | None  #: What other rows call this row by; empty if nothing, None if it is the key.
    parent: str | None  #: What the row calls the row above it; None if there is none.


class Links(NamedTuple):
    """How a mapping links rows, and what to do with links that cannot be made."""

    column: str  #: The column that names the parent row, for messages.
    missing: str = "reject"  #: If there is no such row: ``reject`` or ``drop``.
    cycle: str = "reject"  #: If the parent rows lead back to the row: ``reject`` or ``drop``.
    #: If the parent row has a parent itself: ``reject``, ``drop``, or ``root`` (link to the top-level row).
    deep: str = "reject"


class UpdateKind(StrEnum):
    """What a case update carries."""

    NOTES = "notes"  #: notes for which the first request has no room; sending them twice adds them twice
    FIELDS = "fields"  #: fields that are set after the creation, such as type and group
    SOLVE = "solve"  #: the same, with a status that solves the case
    CLOSE = "close"  #: the status CLOSED alone


class UpdateBody(NamedTuple):
    """What is sent to a case after it was created: one request."""

    kind: UpdateKind  #: What it carries.
    body: bytes  #: The JSON that will be sent, byte for byte.
    items: int  #: How many notes it adds, or how many fields it sets.


class Mapped(NamedTuple):
    """What a mapping made of one row: a body to send, field errors, or the reason why it is left out; one of them."""

    key: str  #: What identifies the ticket for ever; empty when the row has none (then ``errors`` says so).
    body: bytes | None  #: The JSON that will be sent, byte for byte; None when the row is invalid or left out.
    errors: tuple[FieldError, ...] = ()  #: All field errors of the row.
    filtered_by: str | None = None  #: The condition by which the row is filtered. Its key may be empty then.
    #: What is sent to the case once it is there, in order: notes for which the first request has no room, then what is
    #: set after the creation.
    case_updates: tuple[UpdateBody, ...] = ()
    link: Link | None = None  #: What it says about the row above it; None if nothing, or if that cannot be read.


class State(StrEnum):
    """Where a record stands. See ``docs/design.md`` for who may move it where."""

    INVALID = "invalid"  #: mapping or validation failed; never sent
    SKIPPED = "skipped"  #: another record answers for its key, or the mapping leaves it out; never sent
    WAITING = "waiting"  #: its parent is not created yet
    PENDING = "pending"  #: may be sent
    SENDING = "sending"  #: marked on disk; a request may have left
    CREATED = "created"  #: the server returned a case id for this very row
    REFUSED = "refused"  #: the server proved that it did not create it, for a data reason
    UNKNOWN = "unknown"  #: may have been created; must be searched for before anything else
    DUPLICATE = "duplicate"  #: the search found two or more cases; for a person


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about a run that a person should know while it goes on."""

    event: str  #: Constant name, for logs.
    text: str  #: For a person.
    fields: dict[str, object] = field(default_factory=dict)  #: The same for a log: no text of a cell, and no secret.
    hint: str = ""  #: What to do about it.


class CaseUpdateState(StrEnum):
    """Where a case update stands: what is sent to a case after it was created."""

    PENDING = "pending"  #: may be sent once its row is a case and all before it are there
    SENDING = "sending"  #: marked on disk; a request may have left
    DONE = "done"  #: the case has it
    REFUSED = "refused"  #: the server proved that it did not take it
    UNKNOWN = "unknown"  #: the case may have it; must be read before anything else
    DROPPED = "dropped"  #: a person decided that nobody is to send it


class CaseVerdict(StrEnum):
    """How a case that was read back compares with what was sent, from the worst to the best."""

    GONE = "gone"  #: deleted, or in the Trash
    UNREADABLE = "unreadable"  #: this client may not read it, so it was not compared
    FEWER_NOTES = "fewer_notes"  #: a note is missing
    DIFFERS = "differs"
    CUT = "cut"  #: ours begins with theirs
    ESCAPED = "escaped"  #: theirs is ours in HTML entities
    MORE_NOTES = "more_notes"  #: there is a note that was not sent
    MOVED_ON = "moved_on"  #: differs, and the case was changed after our last write to it: it is being worked on
    SAME_BUT = "same_but"  #: the same but for line ends, spaces at the ends, Unicode form, case, order, way of writing
    SAME = "same"  #: all fields that are shown are as sent
    NOT_SHOWN = "not_shown"  #: of a field: no answer gives it

    @property
    def is_bad(self) -> bool:
        """Whether a person must look at the case: it is not as it was sent, and the import may be why."""
        return self not in (CaseVerdict.MOVED_ON, CaseVerdict.SAME_BUT, CaseVerdict.SAME, CaseVerdict.NOT_SHOWN)


@dataclass(frozen=True, slots=True)
class Finding:
    """What reading a case back has shown about one field of it; about the whole case if ``field`` is empty."""

    verdict: CaseVerdict
    field: str = ""
    sent: str = ""  #: text of the value, or the part of it that differs
    found: str = ""


@dataclass(frozen=True, slots=True)
class SettleDelay:
    """How long to wait before a search for a case can be believed."""

    #: Seconds from when an outcome became unknown to the first search: the longest that the server, and anything before
    #: it, may still work on a request whose answer was lost.
    first: float
    #: Seconds to the second search, if the first found nothing: the longest that a new case may be missing from the
    #: list.
    again: float
