"""The durable state of an import: which row stands where, and how it got there."""

from importer.ledger.ledger import Ledger
from importer.ledger.values import (
    Doubtful,
    FailureLine,
    Fence,
    Known,
    NotesRead,
    OrphanNote,
    Outcome,
    Pending,
    ResultLine,
    Selection,
    Settled,
    SourceInfo,
    StagedRow,
)
from importer.ledger.view import LedgerView
from importer.ledger.writer import LedgerWriter

__all__ = [
    "Doubtful",
    "FailureLine",
    "Fence",
    "Known",
    "Ledger",
    "LedgerView",
    "LedgerWriter",
    "NotesRead",
    "OrphanNote",
    "Outcome",
    "Pending",
    "ResultLine",
    "Selection",
    "Settled",
    "SourceInfo",
    "StagedRow",
]
