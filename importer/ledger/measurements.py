"""How a run goes, written down every few seconds: for the report, and for nothing that is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from importer.ledger.ledger import Ledger
from importer.ledger.records import to_json

_INSERT = """
    INSERT OR REPLACE INTO measurement (run, at, seconds, created, requests, too_fast, waited, longest, rate)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_UPDATES = """
    SELECT count(*) FROM case_update JOIN record ON record.id = case_update.record
    WHERE case_update.state = 'pending' AND record.state IN ('pending', 'waiting', 'unknown', 'created')
        AND (:source IS NULL OR record.source = :source)"""


@dataclass(slots=True)
class Measurement:
    """A few seconds of a run, counted as they go by: see the table ``measurement``."""

    at: float
    seconds: float = 0.0
    created: int = 0
    requests: int = 0
    too_fast: int = 0
    waited: float = 0.0
    longest: float = 0.0
    rate: float | None = None

    def ended(self, seconds: float) -> None:
        """A request has ended after ``seconds``, with or without an answer."""
        self.requests += 1
        self.waited += seconds
        self.longest = max(self.longest, seconds)


def note_plan(ledger: Ledger, settings: Mapping[str, object], *, rows: int, source: int | None) -> None:
    """Note how a run is about to send ``rows`` rows, with the updates that their cases, and others, wait for."""
    updates = ledger.scalar(_UPDATES, {"source": source})
    with ledger.transaction() as connection:
        values = (to_json(settings), rows + updates, ledger.run)
        connection.execute("UPDATE run SET settings = ?, planned = ? WHERE id = ?", values)


def add_measurement(ledger: Ledger, measured: Measurement) -> None:
    """Enter a measurement of this run; inside a transaction of the writer."""
    counts = (measured.created, measured.requests, measured.too_fast)
    times = (measured.waited, measured.longest, measured.rate)
    ledger.connection.execute(_INSERT, (ledger.run, measured.at, measured.seconds, *counts, *times))
