"""The durable state of an import: which row stands where, and how it got there.

:class:`Ledger` has what the road of a row needs, from its mark to its outcome. All else is a function of the module of
its topic that is given the ledger: ``sources``, ``parents``, ``case_updates``, ``decisions``, ``verification`` and so
on. :class:`LedgerView` only looks.
"""

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
