"""How a run goes, written down every few seconds: for the report, and for nothing that is decided."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any, NamedTuple

from importer.ledger.json_columns import from_json, to_json
from importer.ledger.ledger import Ledger
from importer.ledger.view import LedgerView

_INSERT = """
    INSERT OR REPLACE INTO measurement (run, at, seconds, created, requests, too_fast, waited, longest, rate)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_UPDATES = """
    SELECT count(*) FROM case_update JOIN record ON record.id = case_update.record
    WHERE case_update.state = 'pending' AND record.state IN ('pending', 'waiting', 'unknown', 'created')
        AND (:source IS NULL OR record.source = :source)"""
_SPANS = """
    SELECT run, min(at - seconds), max(at), avg(seconds) FROM measurement
    WHERE run IN (SELECT value FROM json_each(:runs)) GROUP BY run ORDER BY run"""
_INTERVALS = """
    SELECT CAST(middle / :length AS INTEGER) * :length AS begin, avg(middle), sum(seconds), sum(created), sum(requests),
        sum(too_fast), max(longest), CASE WHEN count(*) = count(rate) THEN sum(rate * seconds) / sum(seconds) END,
        ifnull(sum(requests) / sum(seconds), 0.0), ifnull(60.0 * sum(created) / sum(seconds), 0.0),
        sum(waited) / nullif(sum(requests), 0)
    FROM (SELECT measurement.*, at - seconds / 2 - span.value ->> '$[1]' + span.value ->> '$[2]' AS middle
          FROM json_each(:spans) AS span JOIN measurement ON run = span.value ->> '$[0]')
    GROUP BY begin ORDER BY begin"""
_RUNS = """
    SELECT run.id, verb, version, started_at, settings, planned, sum(requests), sum(seconds), sum(created),
        (SELECT count(DISTINCT run) FROM measurement)
    FROM measurement JOIN run ON run.id = measurement.run GROUP BY run.id ORDER BY run.id DESC LIMIT :most"""
MOST_INTERVALS = 60
#: Lengths of intervals that people can read; in seconds.
_LENGTHS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400)


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
    ledger.connection.execute(_INSERT, (ledger.run, *astuple(measured)))


# -- for the report ---------------------------------------------------------------------------------


class Interval(NamedTuple):
    """Some time of sending; pauses between runs are not counted."""

    begin: float  #: seconds of sending before it
    middle: float  #: the same for the middle of what was measured
    seconds: float  #: how much of it was measured
    created: int
    requests: int
    too_fast: int  #: answers with HTTP 429
    longest: float  #: seconds to the slowest answer
    allowed: float | None  #: requests per second; None for no limit
    used: float  #: requests per second
    per_minute: float  #: cases
    latency: float | None  #: mean seconds to the answer; None without requests


def intervals(view: LedgerView, runs: Sequence[int]) -> list[Interval]:
    """What these runs measured, in at most :data:`MOST_INTERVALS` intervals of one length, in order."""
    spans, total, measured = [], 0.0, 0.0
    for run, begin, end, seconds in view.select(_SPANS, runs=to_json(runs)):
        spans.append((run, begin, total))
        total, measured = total + end - begin, max(measured, seconds)
    least = max(total / MOST_INTERVALS, measured)
    length = next((each for each in _LENGTHS if each >= least), math.ceil(least))
    return list(view.read(Interval, _INTERVALS, spans=to_json(spans), length=length))


@dataclass(frozen=True, slots=True)
class MeasuredRun:
    """One run that sent: what was planned, and what it took."""

    id: int
    verb: str
    version: str
    started_at: str
    settings: dict[str, Any]
    planned: int | None
    requests: int
    seconds: float
    created: int

    @property
    def rate(self) -> str:
        """Requests per second that it was allowed, in words."""
        rate = self.settings.get("rate")
        return f"{rate:g}/s" if isinstance(rate, int | float) else str(rate or "no limit")

    @property
    def forecast(self) -> float | None:
        """Seconds that the planned requests take at the rate of the run; None if it had none."""
        rate = self.settings.get("rate")
        if self.planned is None or not isinstance(rate, int | float):
            return None
        return self.planned / (rate * (1 - float(self.settings.get("reserve", 0))))


def measured_runs(view: LedgerView, most: int) -> tuple[list[MeasuredRun], int]:
    """The last runs that sent, oldest first, and how many there are."""
    found = list(view.select(_RUNS, most=most))
    runs = [
        MeasuredRun(number, verb, version, started_at, from_json(settings or "{}"), *figures)
        for number, verb, version, started_at, settings, *figures, _ in reversed(found)
    ]
    return runs, found[0][-1] if found else 0
