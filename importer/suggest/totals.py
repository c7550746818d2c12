"""Lines at the end of an export that are sums or remarks, and would become cases."""

from __future__ import annotations

from importer.reader import Reader
from importer.reader.checkup.finding import Finding, batch_of
from importer.reader.checkup.layout import TotalCheck

_TAIL = 3


def total_lines(source: Reader) -> Finding | None:
    """What is said about the last lines of an export, if they look like no tickets.

    Raises:
        SourceError: The export turns out to be unreadable.
    """
    check = TotalCheck(source.columns)
    for chunk in source.chunks():
        check.take(batch_of(list(chunk.rows())[-_TAIL:], len(source.columns)))
    return next(check.findings(), None)
