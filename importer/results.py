"""What the verbs give back to a caller."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from importer.errors import CaseImporterError, ExitCode
from importer.ledger import CauseCount, SourceInfo
from importer.models import FieldError, State
from importer.report import Balance, Reports

if TYPE_CHECKING:  # `status` has no export to look at, and shall not pay for what reads one
    from importer.survey import Surveyed
    from importer.survey.baseline import Change


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What an export would come to, without sending anything.

    Attributes:
        source: What was looked at.
        mapping: Name of the mapping.
        exit_code: ``CHANGED_SHAPE`` if it is not like the baseline, else ``ROWS_FAILED`` if any row is invalid.
        balance: Rows by state: pending ones would be sent.
        causes: Invalid and skipped rows by cause, most frequent first.
        notes: What the reader found worth saying (encoding, sheet, …).
        seconds: How long it took.
        found: What the rows, the columns and the mapping show.
        changes: What differs from the baseline.
        put_back: Cells of a failures file that only a spreadsheet had changed; they count as they were.
    """

    source: str
    mapping: str
    exit_code: ExitCode
    balance: Balance
    causes: tuple[CauseCount, ...]
    notes: tuple[str, ...]
    seconds: float
    found: Surveyed
    changes: tuple[Change, ...] = ()
    put_back: int = 0


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """One row as it would be sent: the exact bytes, what is wrong with it, or why it is left out.

    Attributes:
        row: Where it stands.
        key: Its key.
        body: What would be sent. The id of a parent that is another row is put in once that row is a case.
        errors: What is wrong with it.
        left_out: The condition by which the mapping leaves it out.
        additions: Bodies of updates with notes that follow once it is a case.
        parent: What it calls the row above it; None if it names none.
        parent_row: Where that row stands; None if it is not in this file.
    """

    row: int
    key: str
    body: bytes | None
    errors: tuple[FieldError, ...]
    left_out: str | None = None
    additions: tuple[bytes, ...] = ()
    parent: str | None = None
    parent_row: int | None = None


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run came to.

    Attributes:
        exit_code: As the command line ends.
        source: What was imported.
        mapping: Name of the mapping.
        reports: The books, the causes, and where the files are.
        ledger: The ledger.
        target: Where cases were created.
        moved: Records that reached each state in this very run.
        error: Why the run ended early, if it did.
        notes: What the reader found worth saying.
        seconds: How long it took.
        put_back: Cells of a failures file that only a spreadsheet had changed; they count as they were. 0 if the
            file had been read before.
    """

    exit_code: ExitCode
    source: str
    mapping: str
    reports: Reports
    ledger: Path
    target: str
    moved: Counter[State] = field(default_factory=Counter)
    error: CaseImporterError | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    put_back: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    """How a ledger stands at one moment.

    Attributes:
        ledger_id: Names the ledger in failures files.
        target: The API it is pinned to; None if nothing was sent yet.
        sources: The files that were read into it.
        balance: The books.
        causes: Records that are not created, by state and cause.
        requests: Requests that were sent to create cases.
        refusals: How many requests for cases and notes were answered with which HTTP status that is none of success.
        half_read: Files that are being read, or whose reading was cut short; they are in no other figure.
    """

    ledger_id: str
    target: str | None
    sources: tuple[SourceInfo, ...]
    balance: Balance
    causes: tuple[CauseCount, ...]
    requests: int
    refusals: Counter[int]
    half_read: tuple[str, ...] = ()
