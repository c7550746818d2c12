"""P3, M6: the totals, and the exit code that they make."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable

import pytest

from importer.errors import ExitCode
from importer.ledger import Ledger, LedgerView
from importer.ledger.causes import Cause
from importer.models import State
from importer.report import Totals, exit_code_of, totals_of

#: The most alarming thing first: what each state makes of an exit code, and which code wins.
ALARMS = (
    (6, {State.DUPLICATE}),
    (4, {State.UNKNOWN, State.SENDING}),
    (5, {State.PENDING, State.WAITING}),
    (3, {State.REFUSED, State.INVALID}),
    (0, {State.CREATED, State.SKIPPED}),
)
SUBSETS = [set(chosen) for size in range(len(State) + 1) for chosen in itertools.combinations(State, size)]


def totals(states: Iterable[State], *, missing: int = 0) -> Totals:
    counts = Counter(states)
    return Totals.of(counts.total() + missing, counts)


def expected(states: set[State]) -> int:
    return next((code for code, alarming in ALARMS if states & alarming), 0)


def test_every_state_has_its_place_in_the_table() -> None:
    assert sorted(state for _, states in ALARMS for state in states) == sorted(State)


def test_every_combination_of_states() -> None:
    """All 512 of them."""
    wrong = [states for states in SUBSETS if exit_code_of(totals(states)) != expected(states)]
    assert wrong == []


def test_what_a_limit_leaves_behind_is_no_alarm() -> None:
    wrong = [
        states
        for states in SUBSETS
        if exit_code_of(totals(states), pending_is_meant=True) != expected(states - {State.PENDING})
    ]
    assert wrong == []


@pytest.mark.parametrize("missing", [1, -1, 1000])
@pytest.mark.parametrize("states", [set(), {State.CREATED}, set(State)])
def test_totals_that_do_not_match_are_the_worst(states: set[State], missing: int) -> None:
    found = totals(states, missing=missing)
    assert not found.match
    assert exit_code_of(found) is ExitCode.LEDGER
    assert exit_code_of(found, pending_is_meant=True) is ExitCode.LEDGER


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [("parent_pending", 5), ("parent_unknown", 4), ("parent_duplicate", 6), ("parent_refused", 3), ("parent_gone", 3)],
)
def test_a_waiting_row_counts_like_the_row_that_it_waits_for(code: str, exit_code: int) -> None:
    cause = Cause(State.WAITING, code, None, None, 2, (2,), "", "waits", "")
    found = totals([State.WAITING, State.WAITING, State.CREATED])
    assert exit_code_of(found, [cause]) == exit_code
    assert exit_code_of(found, [cause], pending_is_meant=True) == (0 if exit_code == 5 else exit_code)


def test_the_equation_has_what_is_a_case_first() -> None:
    assert totals([State.SKIPPED, State.CREATED, State.CREATED, State.INVALID]).equation == (
        "4 rows = 2 created + 1 invalid + 1 skipped"
    )
    assert totals([]).equation == "0 rows"


def test_the_totals_of_a_ledger_match(mixed: Ledger) -> None:
    with LedgerView(mixed.path) as view:
        found = totals_of(view)
    assert (found.match, found.read) == (True, 8)
    assert exit_code_of(found) is ExitCode.DUPLICATE


def test_a_record_that_is_missing_is_noticed(mixed: Ledger) -> None:
    """Rows are counted while they are read, records when the totals are made: two counts, not one."""
    mixed.connection.execute("DELETE FROM record WHERE id = 8")
    with LedgerView(mixed.path) as view:
        assert exit_code_of(totals_of(view)) is ExitCode.LEDGER
