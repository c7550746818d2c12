"""Notes of files beside a source that belong to no row of it: kept, so that nothing of an export is lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from importer.ledger import store
from importer.ledger.ledger import Ledger
from importer.ledger.packing import packed, unpacked
from importer.ledger.values import OrphanNote
from importer.ledger.view import LedgerView

_AT_ONCE = 2000
_LINE = "source, file, row, key, code, message, cells"


def add_orphans(ledger: Ledger, orphans: Iterable[OrphanNote]) -> int:
    """Enter orphans of a source that is not finished yet; returns how many there were."""
    count, left = 0, iter(orphans)
    while batch := list(islice(left, _AT_ONCE)):
        rows = [(*orphan[:-1], packed(orphan.cells)) for orphan in batch]
        with store.translated(ledger.path), store.transaction(ledger.connection):
            ledger.connection.executemany(f"INSERT INTO orphan ({_LINE}) VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        count += len(batch)
    return count


def orphans(view: LedgerView, *, file: int | None = None, most: int = -1) -> Iterator[OrphanNote]:
    """The orphans of the sources in view, in the order of their files.

    Args:
        view: The ledger.
        file: Only those of this file of a source; None for all.
        most: At most so many; -1 for all.
    """
    where = "" if file is None else f"file = {file:d}"
    for line in view.select(f"SELECT {_LINE} FROM orphan {{where}} ORDER BY id LIMIT {most:d}", where):
        orphan = OrphanNote(*line)
        yield orphan._replace(cells=tuple(unpacked(line[-1])))
