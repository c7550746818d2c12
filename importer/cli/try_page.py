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
    say_in_short,
    say_remarks,
    say_steps,
    section,
    width,
)
from importer.errors import ExitCode
from importer.models import CaseUpdateState, State, UpdateKind, clean
from importer.report.next_steps import Step
from importer.wording import duration, plural

if TYPE_CHECKING:
    from importer.delivery.comparison import SideEffect
    from importer.ledger.tries import TriedUpdate
    from importer.pipeline.trying import TryResult

_COLOURS = {
    CaseUpdateState.DONE: "green",
    CaseUpdateState.REFUSED: "red",
    CaseUpdateState.UNKNOWN: "magenta",
}
_EXIT_CODES = {
    ExitCode.ROWS_FAILED: "the case was refused, or something changed automatically",
    ExitCode.UNKNOWN_OUTCOME: "the outcome is unknown",
    ExitCode.TEMPORARY: "temporary failure: run the same command again",
}


def say_tried(result: TryResult, again: list[str]) -> None:
    """Print what became of the stand-in; ``again`` is the command line of the import."""
    is_trial = result.target == "sandbox"
    where = "trial in the embedded sandbox" if is_trial else result.target
    title = Styled(f"Row {result.row} ({clean(result.key, 60)}) of {result.source} → {where}", bold=True)
    say(title, f", {duration(result.seconds)}")
    say_remarks(result.notes)
    section("This try", [f"external id {result.external_id}", f"requester   {result.email}"])
    section("What was sent", _sent(result))
    if result.waited is not None:
        _say_effects(result)
    section("What is left", [_left(result)])
    if result.case_id is not None and result.error is None:
        say_steps(_next_steps(result, again, is_trial=is_trial))
    say_end(result.exit_code, exit_meaning(result.exit_code, _EXIT_CODES), result.error)


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
    heading(
        f"Read back{after}: {plural(len(changed), 'field')} changed automatically" if changed else f"Read back{after}"
    )
    if not changed:
        say("  Nothing changed automatically.")
    for effect in changed:
        _say_effect(effect)
    for effect in defaults:
        say(f"  {effect.field}: given by the account, {quoted(effect.found, width() - 40)}")
    if result.not_shown:
        say(f"  Not shown, so not compared: {', '.join(result.not_shown)}")


def _say_effect(effect: SideEffect) -> None:
    say("  ", Styled(effect.field, "red"))
    sent = "nothing" if effect.sent is None else quoted(effect.sent, width() - 16)
    say(f"      sent:  {sent}")
    say(f"      found: {quoted(effect.found, width() - 16)}")


def _left(result: TryResult) -> Styled:
    if result.case_id is not None and not result.left:
        return Styled(f"nothing: case {result.case_id} is in the Trash")
    if result.case_id is not None:
        return Styled(f"case {result.case_id} is in the account: delete it in Talkdesk when you have seen it", "yellow")
    if result.left:
        text = f"perhaps a case: search for {result.external_id} in Talkdesk, and delete it"
        return Styled(text, "yellow")
    return Styled("nothing: there is no case")


def _next_steps(result: TryResult, again: list[str], *, is_trial: bool) -> Iterator[Step]:
    if is_trial:
        yield Step("Try the row in the real account: the sandbox has no automations", [])
        return
    yield Step(f"Look into the mailbox of {result.email}: mail that came goes to each requester", [])
    what = "Pause what should not run for imported cases, and try again; then import"
    yield Step(what, ["case-importer", "run", *again])


def say_quietly(result: TryResult) -> None:
    """Print one line to standard error if something is wrong or left."""
    what = f"{exit_meaning(result.exit_code, _EXIT_CODES)}; left: {_left(result).text}"
    say_in_short(result.exit_code, what, result.error)
