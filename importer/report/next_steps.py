"""What to do next, and the command for it: in the terminal and on the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

from importer.files.whole import Reports
from importer.ledger.summary import Summary
from importer.talkdesk.addresses import is_sandbox
from importer.text.meaning import TO_FIX
from importer.text.wording import are, carried, plural


class Step(NamedTuple):
    """One thing to do."""

    what: str
    command: list[str]  #: its words; none if there is no command for it

    def without_files(self) -> Step:
        """The step for somebody who has not the files that its command names."""
        return Step(f"{self.what} ({' '.join(self.command[:2])})" if self.command else self.what, [])


def next_steps(
    summary: Summary,
    reports: Reports,
    *,
    mapping: str,
    verb: str | None,
    can_be_fixed: bool = True,
    rebuilt_from: str | None = None,
    limited: bool = False,
) -> Iterator[Step]:
    """What to do, and the command for it; nothing if all is well.

    Args:
        summary, reports: What the ledger says, and where the files about it are.
        mapping: As it is typed.
        verb: The last command; None if it would not help to give it again.
        can_be_fixed: Whether there are rows for a failures file.
        rebuilt_from: The export, if the ledger was made again from it and nothing was sent.
        limited: Whether the ``--limit`` of the last command has left rows.
    """
    totals, updates, ledger = summary.totals, summary.case_updates, summary.ledger
    failures = next(iter((*reports.workbooks, *reports.failures)), None)
    if verb == "rehearse":  # nothing can be sent to its sandbox any more
        fix = f"correct in the export or the mapping what {failures or 'failures.xlsx'} lists, then "
        source = summary.sources[-1].name if summary.sources else "EXPORT"
        what = "This was a rehearsal: " + (fix if any(totals.counts[state] for state in TO_FIX) else "")
        yield Step(f"{what}import it into your account", ["case-importer", "run", source, "--mapping", mapping])
        return
    target = ["--sandbox"] if is_sandbox(summary.target) else []
    if unknown := totals.unknown + summary.held:
        what = f"Settle {plural(unknown, 'row')} with an unknown outcome"
        yield Step(what, ["case-importer", "reconcile", "--ledger", ledger, *target])
    if totals.duplicate:
        resolve = ["case-importer", "resolve", "KEY", "--ledger", ledger, "--created", "ID", "--reason", "WHY"]
        yield Step(f"Choose one case for {plural(totals.duplicate, 'row')} with several", resolve)
    if totals.pending and rebuilt_from is not None:
        what = f"Import the {plural(totals.pending, 'row')} that {are(totals.pending)} not cases"
        yield Step(what, ["case-importer", "run", rebuilt_from, "--mapping", mapping, "--ledger", ledger, *target])
    elif totals.pending and verb is not None:
        again = "Run the same command again" if verb in ("run", "retry") else "Run the import again"
        if limited and verb in ("run", "retry"):
            again += ", without --limit"
        yield Step(f"{again}: {plural(totals.pending, 'row')} {are(totals.pending)} not sent yet", [])
    if updates.unknown:
        what = f"Settle {carried(updates.unknown)} with an unknown outcome"
        yield Step(what, ["case-importer", "reconcile", "--ledger", ledger, *target])
    elif updates.refused:
        what = f"Look at case-updates.csv, then send {carried(updates.refused)} again"
        yield Step(what, ["case-importer", "retry", "--ledger", ledger, *target])
    to_fix = can_be_fixed and any(totals.counts[state] for state in TO_FIX)
    if to_fix and failures is not None:
        names = ["--mapping", mapping, "--ledger", ledger, "--out", _next_folder(failures.parent), *target]
        changed = max((path for path in reports.kept if path.name.startswith("failures")), default=None)
        what = f"Fix the rows in {failures}, save it, and import it"
        if changed is not None:
            what = f"Import what you fixed in {changed}; the rows as they are now are in {failures}"
        yield Step(what, ["case-importer", "run", str(changed or failures), *names])
    elif to_fix and (written := reports.page or reports.summary):
        what = "Write failures.xlsx, which has the rows to fix"
        yield Step(what, ["case-importer", "report", "--ledger", ledger, "--out", str(written.parent)])


def _next_folder(folder: Path) -> str:
    """Where the reports of the next round go: to no folder that is there, whose reports they would replace."""
    earlier = re.fullmatch(r"import-([0-9]{1,6})", folder.name)
    first = 3 if folder.name == "second-import" else int(earlier[1]) + 1 if earlier else 2
    names = ("second-import" if number == 2 else f"import-{number}" for number in count(first))
    return next(name for name in names if not Path(name).exists())
