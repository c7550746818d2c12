"""What reports read from a ledger, line by line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from importer.models import FieldError, State


@dataclass(frozen=True, slots=True)
class ResultLine:
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
    title: str | None  #: of the case that was sent, or is to be sent; None if nothing can be, or unasked


@dataclass(frozen=True, slots=True)
class FailureLine:
    """One record that needs a person, with the user's own cells."""

    result: ResultLine
    cells: tuple[str, ...]
    errors: tuple[FieldError, ...]


@dataclass(frozen=True, slots=True)
class OpenUpdate:
    """One case update that did not reach its case, with its body; ``standing`` as in ``LedgerView.update_items``."""

    key: str
    case_id: str
    position: int
    standing: str
    http_status: int | None
    code: str | None
    message: str | None
    body: bytes


class KnownCase(NamedTuple):
    """Which case a row is, and since when that is known (seconds since 1970)."""

    key: str
    case_id: str
    at: float


@dataclass(frozen=True, slots=True)
class RunLine:
    """One time that a process had the ledger."""

    id: int
    command: str
    version: str
    started_at: str  #: ISO 8601
    ended_at: str | None  #: None if it has not ended, or was killed
    exit_code: int | None
    requests: int  #: that were sent to create cases and to update them
    rows: dict[str, int]  #: rows that it moved, by the state in which it left them


@dataclass(frozen=True, slots=True)
class Orphan:
    """A row of a companion file that belongs to no row of its source; code and message say why."""

    source: int
    file: int  #: which of the companion files of its source, from 0
    row: int  #: where it begins in that file
    key: str  #: what it says to belong to; text with halves of characters written out
    code: str
    message: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnlinkedCount:
    """How many links between rows were not made as the file has them, for one cause (``code``)."""

    code: str
    led_to_root: bool  #: they lead to the top-level row instead; else they were dropped
    rows: int
    first_row: int


@dataclass(frozen=True, slots=True)
class SimilarKeys:
    """Different keys that look alike: how many, and two of them, each with the first row that has it."""

    keys: int
    first: tuple[int, str]
    second: tuple[int, str]
