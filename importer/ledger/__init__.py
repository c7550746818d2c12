"""The durable state of an import: which row stands where, and how it got there."""

from importer.ledger.ledger import Ledger
from importer.ledger.queries import LedgerView
from importer.ledger.records import (
    CaseUpdate,
    CompanionFile,
    CreatedCase,
    FailureLine,
    Mark,
    NewSource,
    Orphan,
    Outcome,
    Pending,
    ResultLine,
    Selection,
    Settled,
    SourceInfo,
    StagedRow,
    UnknownRecord,
    UpdateOutcome,
)
from importer.ledger.writer import LedgerWriter

__all__ = [
    "CaseUpdate",
    "CompanionFile",
    "CreatedCase",
    "FailureLine",
    "Ledger",
    "LedgerView",
    "LedgerWriter",
    "Mark",
    "NewSource",
    "Orphan",
    "Outcome",
    "Pending",
    "ResultLine",
    "Selection",
    "Settled",
    "SourceInfo",
    "StagedRow",
    "UnknownRecord",
    "UpdateOutcome",
]
