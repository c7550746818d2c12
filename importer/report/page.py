"""report.html: one page about an import, for people: no script, nothing from a network, nothing that input could do.

It has figures and short lists, so that its size has a bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from importer.files.whole import Reports, whole_file
from importer.ledger import LedgerView
from importer.ledger.causes import skipped_because
from importer.ledger.measurements import MeasuredRun, intervals, measured_runs
from importer.ledger.summary import Summary, unlinked_remarks
from importer.models import State
from importer.report.answer import answer
from importer.report.masking import HIDDEN, mask
from importer.report.next_steps import Step, next_steps
from importer.report.plots import plots
from importer.report.tables import case_link
from importer.talkdesk.addresses import is_sandbox, is_trial
from importer.text.meaning import SETTLED, UPDATES, VERDICTS, meaning_of
from importer.text.safe import UNSAFE
from importer.text.wording import carried, command_line, duration, plural
from importer.version import __version__

FILE_NAME = "report.html"
MOST_CAUSES = 30
SPOT_CHECKS = 10
_MOST_UNKNOWN = 20
_MOST_RUNS = 12
_MOST_SOURCES = 12
#: Characters of one text that are shown; none of ours is so long.
_LONGEST = 2000


def write_page(view: LedgerView, summary: Summary, path: Path, *, reports: Reports, is_masked: bool = False) -> None:
    """Write the page about the rows in view, which names only ``reports``; ``summary`` is masked already if it is.

    Raises:
        LedgerError: the ledger cannot be read.
        ConfigError: the page cannot be written.
    """
    runs, all_runs = measured_runs(view, _MOST_RUNS)
    measured = intervals(view, [run.id for run in runs])
    failed = [cause for cause in summary.causes if cause.is_failure]
    settled = view.were_unknown()
    with whole_file(path) as file:
        for part in _template().generate(
            summary=summary,
            reports=reports,
            is_masked=is_masked,
            is_trial=is_trial(summary.target),
            answer=answer(summary),
            shares=list(_shares(summary)),
            steps=_steps(view, summary, runs, reports=reports, is_masked=is_masked),
            causes=failed[:MOST_CAUSES],
            more_causes=failed[MOST_CAUSES:],
            settled=[(settled[how], words) for how, words in SETTLED.items() if settled[how]],
            not_settled=view.not_settled(_MOST_UNKNOWN),
            hidden=HIDDEN if is_masked else None,
            measured=measured,
            plots=plots(measured),
            runs=runs,
            all_runs=all_runs,
            spot_checks=list(spot_checks(view, summary, is_masked=is_masked)),
            remarks=unlinked_remarks(summary.links_not_made),
            updates=UPDATES,
            verdicts={verdict.value: words for verdict, words in VERDICTS.items()},
            written_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            version=__version__,
            sources=summary.sources[-_MOST_SOURCES:],
        ):
            file.write(part)


@cache
def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # only now: `status` needs none of it

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"carried": carried, "command": command_line, "duration": duration, "plural": plural}
    environment.tests |= {"sandbox": is_sandbox}
    return environment.get_template("report.html")


def _shown(value: Any) -> Any:
    """What is put into the page: no control character, no change of text direction, no half of a character."""
    if type(value) is not str:  # markup is ours
        return value
    text = UNSAFE.sub(" ", value).encode("utf-8", "replace").decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


class _Share(NamedTuple):
    """A state in the bar of the totals, which is as long as all widths together."""

    state: State
    rows: int
    percent: float
    left: float
    width: float
    meaning: str


def _shares(summary: Summary) -> Iterator[_Share]:
    """No share is so small that it cannot be seen."""
    skipped = "; ".join(f"{why}: {count:,}" for why, count in skipped_because(summary.causes).most_common(8))
    left = 0.0
    for state, count in summary.totals.by_state():
        percent = 100 * count / max(1, summary.totals.read)
        width = max(0.8, percent)
        meaning = meaning_of(state, count, trial=is_trial(summary.target))
        yield _Share(state, count, percent, left, width, skipped if state is State.SKIPPED else str(meaning))
        left += width


def _steps(
    view: LedgerView, summary: Summary, runs: list[MeasuredRun], *, reports: Reports, is_masked: bool
) -> list[Step]:
    if is_masked:
        reports = replace(reports, failures=(Path("failures.csv"),))  # which is where the import was made
    steps = next_steps(
        summary,
        reports,
        mapping=view.last_mapping(),
        can_be_fixed=is_masked or view.has_rows_to_fix(),
        verb=runs[-1].verb if runs else "run",
        limited=bool(runs) and runs[-1].settings.get("limit") is not None and runs[-1].created > 0,
    )
    return [step.without_files() if is_masked else step for step in steps]


class SpotCheck(NamedTuple):
    """A case to compare with its row."""

    row: int
    key: str
    case_id: str
    title: str | None  #: None if the contents were deleted
    link: str


def spot_checks(view: LedgerView, summary: Summary, *, is_masked: bool = False) -> Iterator[SpotCheck]:
    """Cases that are spread evenly over all cases; always the same ones of the same ledger, and all if they are few."""
    cases = summary.totals.created
    gaps = max(1, min(SPOT_CHECKS, cases) - 1)
    places = sorted({(cases - 1) * number // gaps for number in range(gaps + 1)})
    for row, key, case_id, body in view.cases_at(places if cases else []):
        title = str(orjson.loads(body).get("title", "")) if body else None
        shown = mask(title) if is_masked and title else title
        yield SpotCheck(row, key, case_id, shown, case_link(summary.target, case_id))
