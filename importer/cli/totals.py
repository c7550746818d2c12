"""Totals and causes on the pages: how many rows are in which state, and what that means for the reader."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import click

from importer.cli.printing import COLOURS, complain, explain, heading, plural, say
from importer.ledger.causes import Cause
from importer.models import State
from importer.report import CaseUpdateTotals, Totals

_CAUSES_SHOWN = 10
_MEANINGS = {
    State.CREATED: "Talkdesk cases",
    State.PENDING: "not sent yet: run the same command again",
    State.WAITING: "waiting for their parent row to become a case",
    State.SENDING: "being sent",
    State.INVALID: "not sent: fix them in failures.csv or in the mapping",
    State.REFUSED: "rejected by Talkdesk: fix them in failures.csv",
    State.UNKNOWN: "may be cases: run reconcile before you send them again",
    State.DUPLICATE: "two or more cases each: choose one with resolve",
}
#: Of a trial, where nothing reached Talkdesk.
OF_TRIAL = {
    State.CREATED: "trial: cases in the sandbox, not in Talkdesk",
    State.REFUSED: "trial: rejected by the sandbox: fix them in failures.csv",
}
#: Of a check, which sends nothing.
OF_CHECK = {
    State.PENDING: "ready to send",
    State.WAITING: "sent after their parent row becomes a case",
    State.INVALID: "would not be sent",
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
#: What a row may be that is not a case and is no success either.
_FAILED = (State.INVALID, State.REFUSED, State.UNKNOWN, State.DUPLICATE, State.PENDING, State.WAITING)


def say_totals(totals: Totals, causes: Iterable[Cause], meanings: Mapping[State, str] | None = None) -> None:
    """Print the totals, and a line for each state if there are several.

    Args:
        totals: Rows by state.
        causes: Tell why rows are skipped.
        meanings: What states mean here, where it is not what they usually mean.
    """
    special = meanings or {}
    if not totals.match:
        complain(f"totals do not add up: {totals.equation}\nkeep the ledger and report this bug")
        return
    say(f"\n{totals.equation}")
    lines = list(_lines(totals, causes, {**_MEANINGS, **special}))
    if State.CREATED in special or [state for state, _, _ in lines] != [State.CREATED]:
        say()
        for state, count, meaning in lines:
            say(f"  {count:>7,}  {click.style(f'{state.value:<9}', fg=COLOURS.get(state))} {meaning}")


def _lines(totals: Totals, causes: Iterable[Cause], meanings: Mapping[State, str]) -> Iterator[tuple[State, int, str]]:
    for state, count in totals.by_state():
        if state is not State.SKIPPED:
            yield state, count, meanings[state]
            continue
        reasons: dict[str, int] = {}
        for cause in causes:
            if cause.state is State.SKIPPED:
                reason = _SKIPPED.get(cause.code or "", cause.rule)
                reasons[reason] = reasons.get(reason, 0) + cause.rows
        yield from ((state, rows, reason) for reason, rows in reasons.items())


def say_causes(causes: Iterable[Cause]) -> None:
    """Print why rows are not cases, most frequent first; rows that are skipped or only wait for their turn are not."""
    shown = [cause for cause in causes if cause.state in _FAILED and cause.code is not None]
    if not shown:
        return
    heading("Rows that are not cases, by error")
    for cause in shown[:_CAUSES_SHOWN]:
        state = click.style(f"{cause.state.value:<9}", fg=COLOURS.get(cause.state))
        place = f"{cause_place(cause)} · " if cause.state is State.INVALID else ""
        say(f"  {cause.rows:>7,}  {state} {place}{cause.code} · first: row {cause.first_rows[0]}")
        explain(cause, 21)
    if len(shown) > _CAUSES_SHOWN:
        say(f"  {len(shown) - _CAUSES_SHOWN} more errors: see summary.json")


def cause_place(cause: Cause) -> str:
    """The column, and the field that it is for."""
    from importer.models import clean

    names = (cause.column and clean(cause.column, 40), cause.target)
    return " → ".join(name for name in names if name) or "whole row"


def say_following(following: CaseUpdateTotals) -> None:
    """Print where the notes are for which the first call had no room; nothing if there are none."""
    if following.later:
        say(f"  {plural(following.later, 'note')} will be sent as case updates once their rows are cases")
    if not following.total:
        return
    words = (
        (following.open, "not sent yet: run the same command again"),
        (following.refused, "refused: see open-notes.csv"),
        (following.unknown, "unknown outcome: run reconcile, then resolve"),
        (following.held, "blocked by those before them"),
        (following.dropped, "dropped with resolve"),
    )
    rest = "".join(f"; {count:,} {word}" for count, word in words if count)
    say(f"  Case updates: {following.done:,} of {following.total:,} notes delivered{rest}")
