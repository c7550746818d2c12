"""What the page of an import shows, read from the ledger: figures and short lists, so that its size has a bound."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from importer.ledger import LedgerView
from importer.ledger.causes import Cause
from importer.models import State
from importer.regions import is_loopback
from importer.report.id_map import case_link
from importer.report.masking import HIDDEN, mask
from importer.report.meaning import FAILED, MEANINGS, OF_TRIAL, is_trial, skipped_because
from importer.report.plots import Interval, intervals
from importer.report.summary import Summary
from importer.wording import carried, plural

MOST_CAUSES = 30
MOST_UNKNOWN = 20
MOST_RUNS = 12
MOST_SOURCES = 12
SPOT_CHECKS = 10

#: What became of rows that had an unknown outcome, in words.
_SETTLED = {
    "found": "found in the account: they are cases",
    "again": "proven not to be cases, sent again, and cases now",
    "absent": "proven not to be cases, and not sent again yet",
    "failed": "proven not to be cases, and rejected, invalid or skipped now",
    "resolved": "settled by you with resolve",
    "duplicate": "found more than once: choose one with resolve",
    "open": "still unknown",
}
_WERE_UNKNOWN = """
    SELECT CASE WHEN state IN ('unknown', 'sending') THEN 'open' WHEN state = 'duplicate' THEN 'duplicate'
        WHEN code = 'resolved' THEN 'resolved' WHEN state = 'created' THEN iif(code = 'found', 'found', 'again')
        WHEN state IN ('pending', 'waiting') THEN 'absent' ELSE 'failed' END, count(*)
    FROM record {where} GROUP BY 1"""
_NOT_SETTLED = f"""
    SELECT row, key, state, code, message FROM record {{where}} ORDER BY record.id LIMIT {MOST_UNKNOWN}"""
_RUNS = f"""
    SELECT run.id, verb, version, started_at, settings, planned, sum(requests), sum(seconds), sum(created),
        (SELECT count(DISTINCT run) FROM measurement)
    FROM measurement JOIN run ON run.id = measurement.run GROUP BY run.id ORDER BY run.id DESC LIMIT {MOST_RUNS}"""
#: A case so many cases after another one: all of them together read the ledger once, however large it is.
_CASE = """
    SELECT record.id, row, key, case_id, CAST(body AS BLOB) FROM record
    LEFT JOIN content ON content.record = record.id
    WHERE record.id = (SELECT id FROM record {where} ORDER BY id LIMIT 1 OFFSET :skipped)"""


class Answer(NamedTuple):
    """Did everything arrive?"""

    mood: str  #: ``good``, ``open`` or ``bad``
    text: str


@dataclass(frozen=True, slots=True)
class Share:
    """A state in the bar of the totals."""

    state: str
    count: int
    percent: float
    left: float  #: where it begins in the bar, in percent
    width: float
    meaning: str


class Settled(NamedTuple):
    """How many unknown outcomes were settled in one way."""

    rows: int
    how: str


class OpenRow(NamedTuple):
    """A row that may be a case, or has several."""

    row: int
    key: str
    state: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class RunFacts:
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


class SpotCheck(NamedTuple):
    """A case to compare with its row."""

    row: int
    key: str
    case_id: str
    title: str | None  #: None if the contents were deleted
    link: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageData:
    """Everything on the page, in its order."""

    summary: Summary
    is_trial: bool  #: in the embedded sandbox, or to a server on this machine
    is_masked: bool
    answer: Answer
    shares: list[Share]
    causes: list[Cause]
    more_causes: list[Cause]
    settled: list[Settled]
    not_settled: list[OpenRow]
    intervals: list[Interval]
    runs: list[RunFacts]
    all_runs: int
    spot_checks: list[SpotCheck]


def page_data(view: LedgerView, summary: Summary, *, is_masked: bool) -> PageData:
    """What the page says about the rows in view. ``summary`` is masked already if the page is."""
    trial = is_trial(summary.target) or is_loopback(summary.target or "")
    failed = [cause for cause in summary.causes if cause.state in FAILED and cause.code is not None]
    runs, all_runs = _runs(view)
    return PageData(
        summary=summary,
        is_trial=trial,
        is_masked=is_masked,
        answer=answer(summary),
        shares=shares(summary, trial=trial),
        causes=failed[:MOST_CAUSES],
        more_causes=failed[MOST_CAUSES:],
        settled=_settled(view),
        not_settled=_not_settled(view, is_masked=is_masked),
        intervals=intervals(view, [run.id for run in runs]),
        runs=runs,
        all_runs=all_runs,
        spot_checks=_spot_checks(view, summary, is_masked=is_masked),
    )


def answer(summary: Summary) -> Answer:
    """The first sentence of the page."""
    totals, updates, found = summary.totals, summary.case_updates, summary.verification
    missing = totals.read - totals.created - totals.skipped
    rows = plural(totals.read, "row")
    if not totals.match:
        return Answer("bad", "The totals do not add up: keep the ledger and report this bug.")
    unclear = totals.unknown + totals.duplicate + totals.sending
    if unclear:
        what = "has an unclear outcome" if unclear == 1 else "have an unclear outcome"
        rest = f"{_not_cases(missing - unclear, totals.read)}, and " if missing > unclear else ""
        return Answer("bad", f"Not yet: {rest}{unclear:,} {'' if rest else f'of {rows} '}{what}.")
    if missing:
        return Answer("open", f"Not yet: {_not_cases(missing, totals.read)}.")
    if updates.undelivered:
        return Answer("open", f"Not yet: all rows are cases, but {carried(updates.undelivered)} did not reach them.")
    if found is not None and (found.bad or found.doubles):
        what = plural(found.bad + found.doubles, "case")
        return Answer("bad", f"Not as sent: all rows are cases, but {what} must be checked in Talkdesk.")
    if summary.half_read:
        return Answer("open", "Not yet: a file was not read to its end.")
    if not totals.read:
        return Answer("open", "Nothing was read.")
    return Answer("good", f"Yes: {_all_of(totals.created, totals.skipped)}.")


def _not_cases(count: int, rows: int) -> str:
    return f"{count:,} of {plural(rows, 'row')} {'is not a case' if count == 1 else 'are not cases'}"


def _all_of(created: int, skipped: int) -> str:
    if not skipped:
        return f"all {created:,} rows are cases" if created != 1 else "the row is a case"
    cases = "is a case" if created == 1 else "are cases"
    return f"{plural(created, 'row')} {cases}, and {skipped:,} {'was' if skipped == 1 else 'were'} skipped"


def shares(summary: Summary, *, trial: bool) -> list[Share]:
    """The bar of the totals: no share is so small that it cannot be seen."""
    totals = summary.totals
    meanings = MEANINGS | (OF_TRIAL if trial else {})
    skipped = "; ".join(f"{count:,} {why}" for why, count in skipped_because(summary.causes).most_common(8))
    visible = {state: max(0.8, 100 * count / max(1, totals.read)) for state, count in totals.by_state()}
    scale, left, found = 100 / max(1.0, sum(visible.values())), 0.0, []
    for state, count in totals.by_state():
        width = visible[state] * scale
        meaning = skipped if state is State.SKIPPED else meanings.get(state, "")
        found.append(Share(state, count, 100 * count / totals.read, left, width, meaning))
        left += width
    return found


def _settled(view: LedgerView) -> list[Settled]:
    which = "id IN (SELECT record FROM event WHERE event.state = 'unknown')"
    counts: Counter[str] = Counter(dict(view.select(_WERE_UNKNOWN, which)))
    return [Settled(counts[how], words) for how, words in _SETTLED.items() if counts[how]]


def _not_settled(view: LedgerView, *, is_masked: bool) -> list[OpenRow]:
    rows = view.read(OpenRow, _NOT_SETTLED, "state IN ('unknown', 'duplicate', 'sending')")
    return [row._replace(message=HIDDEN if is_masked else row.message or "") for row in rows]


def _runs(view: LedgerView) -> tuple[list[RunFacts], int]:
    """The last runs that sent, oldest first, and how many there are."""
    found = list(view.select(_RUNS))
    runs = [
        RunFacts(number, verb, version, started_at, json.loads(settings or "{}"), *figures)
        for number, verb, version, started_at, settings, *figures, _ in reversed(found)
    ]
    return runs, found[0][-1] if found else 0


def _spot_checks(view: LedgerView, summary: Summary, *, is_masked: bool) -> list[SpotCheck]:
    """Cases that are spread evenly over all cases; always the same ones of the same ledger, and all if they are few."""
    cases = summary.totals.created
    gaps = max(1, min(SPOT_CHECKS, cases) - 1)
    last, before, found = 0, -1, []
    for place in sorted({(cases - 1) * number // gaps for number in range(gaps + 1)}):
        after = {"last": last, "skipped": place - before - 1}
        for record, row, key, case_id, body in view.select(_CASE, "state = 'created' AND id > :last", **after):
            title = str(orjson.loads(body).get("title", "")) if body else None
            shown = mask(title) if is_masked and title else title
            found.append(SpotCheck(row, key, case_id, shown, case_link(summary.target, case_id) or None))
            last, before = record, place
    return found
