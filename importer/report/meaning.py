"""What states and verdicts mean for the person who reads a result, and what to do next: on every page."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from importer.ledger.causes import Cause
from importer.models import CaseVerdict, State
from importer.report.summary import Summary
from importer.wording import are, carried, plural

MEANINGS = {
    State.CREATED: "Talkdesk cases",
    State.PENDING: "not sent yet: run the same command again",
    State.WAITING: "waiting for their parent row to become a case",
    State.SENDING: "being sent",
    State.INVALID: "not sent: fix them in the failures file or in the mapping",
    State.REFUSED: "rejected by Talkdesk: fix them in the failures file",
    State.UNKNOWN: "may be cases: run reconcile before you send them again",
    State.DUPLICATE: "two or more cases each: choose one with resolve",
}
#: Of a trial, where nothing reached Talkdesk.
OF_TRIAL = {
    State.CREATED: "trial: cases in the sandbox, not in Talkdesk",
    State.REFUSED: "trial: rejected by the sandbox: fix them in the failures file",
}
#: Why rows are skipped, by code.
_SKIPPED = {
    "duplicate_key": "duplicate key in this file",
    "already_created": "already a case",
    "already_created_unverified": "already a case",
    "already_created_changed": "already a case, with different content; not updated",
    "key_unsettled": "same key has an unknown outcome",
    "superseded": "replaced by a later row",
    "filtered": "filtered by `only:` or `skip:`",
    "resolved": "not to be sent, by resolve",
}
#: How a case that was read back compares with what was sent.
VERDICTS = {
    CaseVerdict.GONE: "deleted, or in the Trash",
    CaseVerdict.FEWER_NOTES: "a note is missing",
    CaseVerdict.DIFFERS: "not as sent, at the import or soon after it",
    CaseVerdict.CUT: "a text is cut off",
    CaseVerdict.ESCAPED: "a text has HTML entities (&lt;) for characters",
    CaseVerdict.MORE_NOTES: "a note that was not sent, at the import or soon after it",
    CaseVerdict.MOVED_ON: "changed later, by people or automations",
    CaseVerdict.SAME_BUT: "as sent, but for line breaks, outer spaces, case, order",
    CaseVerdict.SAME: "as sent, in all fields that the API shows",
}
#: What a row may be that is not a case and is no success either.
FAILED = (State.INVALID, State.REFUSED, State.UNKNOWN, State.DUPLICATE, State.PENDING, State.WAITING)
#: Rows that the failures file is for.
TO_FIX = (State.INVALID, State.REFUSED)


class Step(NamedTuple):
    """One thing to do."""

    what: str
    command: list[str]  #: its words; none if there is no command for it

    def without_files(self) -> Step:
        """The step for somebody who has not the files that its command names."""
        return Step(f"{self.what} ({' '.join(self.command[:2])})" if self.command else self.what, [])


def is_trial(target: str | None) -> bool:
    """Whether the cases are in the embedded sandbox."""
    return (target or "").startswith("sandbox")


def skipped_because(causes: Iterable[Cause]) -> Counter[str]:
    """Why rows are skipped, in words, and how many of them."""
    skipped: Counter[str] = Counter()
    for cause in causes:
        if cause.state is State.SKIPPED:
            skipped[_SKIPPED.get(cause.code or "", cause.rule)] += cause.rows
    return skipped


def run_again(verb: str, *, limited: bool) -> str:
    """How to send what this command has left; ``limited`` if it was not to send all rows."""
    if verb not in ("run", "retry"):
        return "Run the import again"
    return "Run the same command again, without --limit" if limited else "Run the same command again"


def next_steps(
    summary: Summary,
    *,
    mapping: str,
    ledger: str,
    failures: Path | None = None,
    rebuilt_from: str | None = None,
    again: str | None = None,
) -> Iterator[Step]:
    """What to do, and the command for it; nothing if all is well.

    Args:
        summary: What the ledger says.
        mapping: The mapping, as it is typed.
        ledger: The ledger, as it is typed.
        failures: The file with the rows to fix, if it can be imported.
        rebuilt_from: The export, if the ledger was made again from it and nothing was sent.
        again: How what is pending is sent, see :func:`run_again`; None if that would not help.
    """
    totals, updates = summary.totals, summary.case_updates
    target = ["--sandbox"] if is_trial(summary.target) else []
    if totals.unknown:
        what = f"Settle {plural(totals.unknown, 'row')} with an unknown outcome"
        yield Step(what, ["case-importer", "reconcile", "--ledger", ledger, *target])
    if totals.duplicate:
        resolve = ["case-importer", "resolve", "KEY", "--ledger", ledger, "--created", "ID", "--reason", "WHY"]
        yield Step(f"Choose one case for {plural(totals.duplicate, 'row')} with several", resolve)
    if totals.pending and rebuilt_from is not None:
        what = f"Import the {plural(totals.pending, 'row')} that {are(totals.pending)} not cases"
        yield Step(what, ["case-importer", "run", rebuilt_from, "--mapping", mapping, "--ledger", ledger, *target])
    elif totals.pending and again is not None:
        yield Step(f"{again}: {plural(totals.pending, 'row')} {are(totals.pending)} not sent yet", [])
    if updates.unknown:
        what = f"Settle {carried(updates.unknown)} with an unknown outcome"
        yield Step(what, ["case-importer", "reconcile", "--ledger", ledger, *target])
    elif updates.refused:
        what = f"Look at case-updates.csv, then send {carried(updates.refused)} again"
        yield Step(what, ["case-importer", "retry", "--ledger", ledger, *target])
    if failures is not None and any(totals.counts[state] for state in TO_FIX):
        names = ["--mapping", mapping, "--ledger", ledger, "--out", _next_folder(failures.parent), *target]
        what = f"Fix the rows in {failures}, save it, and import it"
        yield Step(what, ["case-importer", "run", str(failures), *names])


def _next_folder(folder: Path) -> str:
    """Where the reports of the next round go: never to the file that it reads, which they would replace."""
    if folder.name == "second-import":
        return "import-3"
    number = re.fullmatch(r"import-([0-9]{1,6})", folder.name)
    return f"import-{int(number[1]) + 1}" if number else "second-import"
