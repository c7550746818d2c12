"""The page of ``try``: what an account did with a stand-in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from importer.cli.help import exit_meaning
from importer.cli.output import (
    Styled,
    heading,
    quoted,
    say,
    say_end,
    say_remarks,
    say_steps,
    say_title,
    section,
    width,
)
from importer.models import CaseUpdateState, State, UpdateKind
from importer.report.next_steps import Step
from importer.talkdesk.addresses import is_sandbox
from importer.text.safe import clean
from importer.text.wording import duration, plural

if TYPE_CHECKING:
    from importer.ledger.tries import TriedUpdate
    from importer.verbs.try_row import TryResult

_COLOURS = {
    CaseUpdateState.DONE: "green",
    CaseUpdateState.REFUSED: "red",
    CaseUpdateState.UNKNOWN: "magenta",
}


def say_tried(result: TryResult, again: list[str]) -> None:
    """Print what became of the stand-in; ``again`` is the command line of the import."""
    what = f"Row {result.row} ({clean(result.key, 60)}) of {result.source}"
    say_title(what, result.target, duration(result.seconds))
    say_remarks(result.notes)
    section("This try", [f"external id {result.external_id}", f"requester   {result.email}"])
    section("What was sent", _sent(result))
    if result.waited is not None:
        _say_effects(result)
    section("What is left", [_left(result)])
    if result.case_id is not None and result.error is None:
        say_steps(_next_steps(result, again))
    say_end(result)


def _sent(result: TryResult) -> Iterator[Styled]:
    case = f" case {result.case_id}" if result.case_id else ""
    why = f": {result.message}" if result.message and result.state is not State.CREATED else ""
    colour = "green" if result.state is State.CREATED else "red"
    yield Styled(f"{result.state}{case}{why}", colour)
    for update in result.updates:
        why = f" ({update.message})" if update.message else ""
        yield Styled(f"{update.state}: {_carries(update)}{why}", _COLOURS.get(update.state))


def _carries(update: TriedUpdate) -> str:
    words = {UpdateKind.NOTES: "more notes", UpdateKind.CLOSE: "closing the case"}
    if update.kind in words:
        return words[update.kind]
    return f"{'solving the case: ' if update.kind is UpdateKind.SOLVE else 'set '}{', '.join(update.fields)}"


def _say_effects(result: TryResult) -> None:
    changed = [each for each in result.effects if not each.is_default]
    defaults = [each for each in result.effects if each.is_default]
    after = f", {duration(result.waited or 0)} later" if result.waited else ""
    heading(f"Read back{after}: {plural(len(changed), 'field') if changed else 'nothing'} changed automatically")
    for effect in changed:
        say("  ", Styled(effect.field, "red"))
        say(f"      sent:  {'nothing' if effect.sent is None else quoted(effect.sent, width() - 16)}")
        say(f"      found: {quoted(effect.found, width() - 16)}")
    for effect in defaults:
        say(f"  {effect.field}: given by the account, {quoted(effect.found, width() - 40)}")
    if result.not_shown:
        say(f"  Not shown, so not compared: {', '.join(result.not_shown)}")


def _left(result: TryResult) -> Styled:
    if not result.left:
        return Styled(f"nothing: {f'case {result.case_id} is in the Trash' if result.case_id else 'there is no case'}")
    if result.case_id is not None:
        return Styled(f"case {result.case_id} is in the account: delete it in Talkdesk when you have seen it", "yellow")
    return Styled(f"perhaps a case: search for {result.external_id} in Talkdesk, and delete it", "yellow")


def _next_steps(result: TryResult, again: list[str]) -> Iterator[Step]:
    if is_sandbox(result.target):
        yield Step("Try the row in the real account: the sandbox has no automations", [])
        return
    yield Step(f"Look into the mailbox of {result.email}: mail that came goes to each requester", [])
    what = "Pause what should not run for imported cases, and try again; then import"
    yield Step(what, ["case-importer", "run", *again])


def in_short(result: TryResult) -> str:
    """What is wrong, and what is left."""
    return f"{exit_meaning(result.exit_code, result.command)}; left: {_left(result).text}"
