"""report.html: one page about an import, for people: no script, nothing from a network, nothing that input could do."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from importer.ledger import LedgerView
from importer.models import UNSAFE, CaseVerdict
from importer.report.files import whole_file
from importer.report.meaning import VERDICTS, is_trial, next_steps, run_again
from importer.report.page_data import MOST_RUNS, MOST_SOURCES, page_data
from importer.report.plots import HEIGHT, WIDTH, plots
from importer.report.summary import Summary, unlinked_remarks
from importer.version import __version__
from importer.wording import carried, command_line, duration, plural

FILE_NAME = "report.html"
#: Characters of one text that are shown; none of ours is so long.
_LONGEST = 2000


def write_page(
    view: LedgerView, summary: Summary, path: Path, *, failures: Path | None = None, is_masked: bool = False
) -> None:
    """Write the page about the rows in view.

    Args:
        view: The ledger.
        summary: What it says; masked already if the page is.
        path: Where the page will be.
        failures: The file with the rows to fix, if it was written with the page.
        is_masked: Whether personal data is hidden.

    Raises:
        LedgerError: the ledger cannot be read.
        ConfigError: the page cannot be written.
    """
    data = page_data(view, summary, is_masked=is_masked)
    last = view.sources()[-1:]
    mapping = next((source.mapping_place or source.mapping_name for source in last), "MAPPING")
    to_fix = failures or Path("failures.csv")
    run = next(iter(data.runs[-1:]), None)
    again = run_again(run.verb if run else "run", limited=run is not None and run.settings.get("limit") is not None)
    steps = next_steps(summary, mapping=mapping, ledger=summary.ledger, failures=to_fix, again=again)
    with whole_file(path) as file:
        for part in page_template().generate(
            data=data,
            summary=summary,
            steps=[step.without_files() if is_masked else step for step in steps],
            plots=plots(data.intervals),
            plot_size=(WIDTH, HEIGHT),
            remarks=unlinked_remarks(summary.links_not_made),
            verdicts=VERDICTS,
            written_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            version=__version__,
            most_runs=MOST_RUNS,
            most_sources=MOST_SOURCES,
        ):
            file.write(part)


@cache
def page_template() -> Any:
    """The template of the page, compiled."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # only now: `status` needs none of it

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "carried": carried,
        "command": command_line,
        "duration": duration,
        "plural": plural,
    }
    environment.tests |= {"trial": is_trial}
    environment.globals |= {"CaseVerdict": CaseVerdict}
    return environment.get_template("report.html")


def _shown(value: Any) -> Any:
    """What is put into the page: no control character, no change of text direction, no half of a character."""
    if type(value) is not str:  # markup is ours
        return value
    text = UNSAFE.sub(" ", value).encode("utf-8", "replace").decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
