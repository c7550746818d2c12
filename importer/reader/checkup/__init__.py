"""A check-up of an export for damage that happened to it before: by Excel, by a wrong encoding, by hand.

Each topic is a small accumulator that is fed with batches of rows and keeps counts, never rows, so memory is flat.
Findings are warnings: nothing is repaired, and no row becomes invalid by them.
"""

from __future__ import annotations

from collections.abc import Iterator

from importer.reader.checkup.cells import CellCheck
from importer.reader.checkup.dates import DateCheck
from importer.reader.checkup.finding import Batch, Check, Finding, batch_of
from importer.reader.checkup.layout import EmptyColumnCheck, HeaderCheck, TotalCheck
from importer.reader.checkup.numbers import LeadingZeroCheck, RoundedCheck, ScientificCheck
from importer.reader.checkup.text import CutCellCheck, TextCheck

__all__ = ["Batch", "CheckUp", "Finding", "batch_of"]

_CHECKS = (
    CutCellCheck,
    ScientificCheck,
    RoundedCheck,
    LeadingZeroCheck,
    TextCheck,
    DateCheck,
    CellCheck,
    HeaderCheck,
    TotalCheck,
    EmptyColumnCheck,
)


class CheckUp:
    """All checks of one export.

    Args:
        columns: Its header.
    """

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._checks: list[Check] = [check(columns) for check in _CHECKS]

    def take(self, batch: Batch) -> None:
        """Look at the next rows."""
        for check in self._checks:
            check.take(batch)

    def findings(self) -> Iterator[Finding]:
        """What has been found so far, topic by topic."""
        for check in self._checks:
            yield from check.findings()
