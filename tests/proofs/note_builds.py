"""Builds that treat notes that follow their cases wrongly, made from outside, and points at which one can die."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from crash_points import die

import importer.delivery.update_sender as update_sender
from importer.ledger import Ledger
from importer.mapping.mapper import RowMapper
from importer.models import CaseUpdateState, Mapped, State
from importer.talkdesk.client import CaseApi


def sends_notes_again_blindly() -> None:
    """An update whose answer was lost is simply sent again."""
    update_sender._STATES[State.UNKNOWN] = CaseUpdateState.PENDING


def forgets_notes_in_flight() -> None:
    """What a dead process was sending is simply sent again."""
    begin_run = Ledger._begin_run

    def forgetful(self: Ledger, verb: str) -> int:
        self.connection.execute("UPDATE case_update SET state = 'pending' WHERE state = 'sending'")
        return begin_run(self, verb)

    Ledger._begin_run = forgetful  # type: ignore[method-assign]


def takes_unknown_for_success() -> None:
    """An update whose answer was lost is called done."""
    update_sender._STATES[State.UNKNOWN] = CaseUpdateState.DONE


def drops_the_last_part() -> None:
    """Some notes never get into the ledger, so the totals balance all the same."""
    mapped = RowMapper._sent

    def careless(self: RowMapper, *row: Any) -> Mapped:
        found = mapped(self, *row)
        return found._replace(case_updates=found.case_updates[:-1])

    RowMapper._sent = careless  # type: ignore[method-assign]


def turns_notes_around() -> None:
    """The updates of a case go in the wrong order."""
    mapped = RowMapper._sent

    def backwards(self: RowMapper, *row: Any) -> Mapped:
        found = mapped(self, *row)
        return found._replace(case_updates=found.case_updates[::-1])

    RowMapper._sent = backwards  # type: ignore[method-assign]


class Built(NamedTuple):
    """A build with one of these changes, that may die at its ``hit``-th update.

    Attributes:
        change: The name of a function of this module; empty for the right build.
        hit: At which update it dies; 0 for none.
        before: Before the update leaves; otherwise when its answer has arrived, and nothing was made of it.
    """

    change: str = ""
    hit: int = 0
    before: bool = False

    @contextmanager
    def __call__(self) -> Iterator[None]:
        if self.change:
            globals()[self.change]()
        update, hits = CaseApi.update_case, []

        async def watched(api: CaseApi, *what: Any) -> Any:
            hits.append(None)
            is_last = len(hits) == self.hit
            if is_last and self.before:
                die()
            try:
                return await update(api, *what)
            finally:
                if is_last:
                    die()

        CaseApi.update_case = watched  # type: ignore[method-assign]
        yield


def built(change: Callable[[], None] | None = None, **more: Any) -> Built:
    """A build with this change, a function of this module."""
    return Built(change.__name__ if change else "", **more)
