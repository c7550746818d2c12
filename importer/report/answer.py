"""Did everything arrive? The first words of the page."""

from __future__ import annotations

from typing import NamedTuple

from importer.ledger.summary import Summary
from importer.text.wording import carried, plural


class Answer(NamedTuple):
    """Did everything arrive?"""

    mood: str  #: ``good``, ``open`` or ``bad``
    text: str


def answer(summary: Summary) -> Answer:
    """The first sentence of the page."""
    totals, updates, found = summary.totals, summary.case_updates, summary.verification
    missing = totals.read - totals.created - totals.skipped + summary.held
    rows = plural(totals.read, "row")
    if not totals.match:
        return Answer("bad", "The totals do not add up: keep the ledger and report this bug.")
    unclear = totals.unknown + totals.duplicate + totals.sending + summary.held
    if unclear:
        what = f"{'has' if unclear == 1 else 'have'} an unclear outcome"
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
    skipped = f", or was skipped ({totals.skipped:,})" if totals.skipped else ""
    return Answer("good", f"Yes: every row is a case{skipped}.")


def _not_cases(count: int, rows: int) -> str:
    return f"{count:,} of {plural(rows, 'row')} {'is not a case' if count == 1 else 'are not cases'}"
