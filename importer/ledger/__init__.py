"""The durable state of an import: which row stands where, and how it got there."""

from importer.ledger.ledger import Ledger
from importer.ledger.values import (
    Doubtful,
    FailureLine,
    Known,
    Mark,
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
from importer.ledger.view import CauseCount, LedgerView
from importer.ledger.writer import LedgerWriter

__all__ = [
    "CauseCount",
    "Doubtful",
    "FailureLine",
    "Known",
    "Ledger",
    "LedgerView",
    "LedgerWriter",
    "Mark",
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
