"""The page of ``verify``: did everything arrive?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from importer.cli.help import exit_meaning
from importer.cli.output import (
    KEPT,
    Styled,
    heading,
    quoted,
    say,
    say_count,
    say_end,
    say_files,
    say_remarks,
    say_steps,
    say_title,
    width,
)
from importer.errors import ExitCode
from importer.ledger.verification import DOUBLE
from importer.models import CaseVerdict, State
from importer.report.next_steps import Step
from importer.talkdesk.addresses import is_sandbox
from importer.text.meaning import VERDICTS
from importer.text.safe import clean
from importer.text.wording import carried, duration, plural

if TYPE_CHECKING:
    from importer.ledger.verification import Verification, VerifiedLine
    from importer.verbs.verify import VerifyResult

#: Fields that no read shows.
_NEVER_SHOWN = frozenset({"parent_id", "requester_type"})
#: Rows that are neither cases nor skipped.
_OPEN = (State.PENDING, State.WAITING, State.SENDING, State.INVALID, State.REFUSED, State.UNKNOWN, State.DUPLICATE)


def say_verified(result: VerifyResult) -> None:
    """Print how the cases compare with what was sent."""
    found = result.verification
    say_title(Path(result.ledger).name, result.target, f"read back in {duration(result.seconds)}")
    say_remarks((*result.notes, *_remarks(result)))
    _say_verdicts(found)
    if found.examples:
        heading("First of each kind")
    for line in found.examples:
        _say_example(line)
    say_steps(_next_steps(result, ["--sandbox"] if is_sandbox(result.target) else []))
    page = (result.page, "open this first: what arrived, what failed and why")
    say_files([page, (result.verified_file, "every finding"), *((path, KEPT) for path in result.kept)])
    say_end(result)


def _remarks(result: VerifyResult) -> Iterator[str]:
    found = result.verification
    if result.continued:
        yield "continued where the last verification stopped"
    if found.sample:
        yield f"sample of {found.sample}: {found.verified + found.left:,} of {plural(result.totals.created, 'case')}"
    if found.forgotten:
        yield f"{plural(found.forgotten, 'case')} not compared: their contents were deleted with forget"
    if count := result.case_updates.undelivered:
        yield f"{carried(count)} did not reach their cases, so they are not compared: see case-updates.csv"
    if count := sum(result.totals.counts[state] for state in _OPEN):
        which = "is not a case" if count == 1 else "are not cases"
        yield f"{count:,} of {plural(result.totals.read, 'row')} {which}: see case-importer status"


def _say_verdicts(found: Verification) -> None:
    """The totals, a line for each verdict, and what could not be compared."""
    say()
    are_same = list(found.verdicts) == [CaseVerdict.SAME]
    compared = " in the fields that were compared" if found.not_shown else ""
    outcome = f", all as sent{compared}" if are_same and not found.left + found.newer else ""
    say(f"{plural(found.verified, 'case')} read back{outcome}")
    if found.left + found.newer:
        say(f"{plural(found.left + found.newer, 'case')} not read yet")
    if not are_same and found.verdicts:
        say()
        for name, count in reversed(found.verdicts.items()):
            verdict = CaseVerdict(name)
            colour = "red" if verdict.is_bad else "green" if verdict is CaseVerdict.SAME else None
            say_count(count, name, VERDICTS[verdict], colour, room=11)
    if found.doubles:
        say_count(found.doubles, DOUBLE, "a second case with the external id of one above", "red", room=11)
    elif found.searched_doubles and found.ended_at:
        say("  No second case has the external id of one of these.")
    if found.not_shown:
        fields = ", ".join(f"{field} ({count:,})" for field, count in found.not_shown.items())
        say(f"  Not shown, so not compared: {fields}")
    if found.not_shown.keys() - _NEVER_SHOWN:
        say("  The list does not show all fields; --deep reads each case on its own.")


def _say_example(line: VerifiedLine) -> None:
    is_double = line.verdict == DOUBLE
    case = f"cases {line.case_id} and {line.found}" if is_double else f"case {line.case_id}"
    place = " · ".join(part for part in (line.key, case, line.field) if part)
    say("  ", Styled(f"{line.verdict:<11}", "red"), f" {clean(place, width() - 15)}")
    is_note = line.verdict in (CaseVerdict.FEWER_NOTES, CaseVerdict.MORE_NOTES)  # there is but one of both texts
    for name, value in (("sent", line.sent), ("found", line.found)):
        if not is_double and (value or (line.sent and not is_note)):
            say(f"{'':14}{name + ':':<7}{quoted(value or '', width() - 24)}")


def _next_steps(result: VerifyResult, target: list[str]) -> Iterator[Step]:
    found = result.verification
    verify = ["case-importer", "verify", "--ledger", result.ledger]
    if result.exit_code is ExitCode.TARGET:
        return  # the error says what to do
    if found.ended_at is None:
        yield Step("Run the same command again to continue", [])
        return
    if found.doubles:
        yield Step("Delete the second cases in Talkdesk (verified.csv has their ids)", [])
    if found.bad:
        yield Step("Check the cases that are not as sent in Talkdesk (verified.csv lists them)", [])
    if found.bad or found.doubles:
        yield Step("Verify again", [*verify, *(["--doubles"] if found.searched_doubles else []), *target])
    elif found.sample is not None:
        yield Step("Verify all cases", [*verify, *target])
    elif result.case_updates.undelivered:
        yield Step("Deliver what did not reach its case", ["case-importer", "retry", *verify[2:], *target])
    elif not any(result.totals.counts[state] for state in _OPEN):
        yield Step("After the sign-off, delete the contents from the ledger", ["case-importer", "forget", *verify[2:]])


def in_short(result: VerifyResult) -> str:
    """What is wrong, and where it is listed."""
    found = result.verification
    count = f"{found.bad:,} of {plural(found.verified, 'case')} not as sent, or gone" if found.bad else ""
    doubles = f"{plural(found.doubles, 'second case')}" if found.doubles else ""
    what = "; ".join(filter(None, (doubles, count))) or exit_meaning(result.exit_code, result.command)
    return f"{what}: see {result.verified_file}"
