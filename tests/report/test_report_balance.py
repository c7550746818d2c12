"""Promise P3: the books, and the exit code that they make."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable

import pytest

from importer.errors import ExitCode
from importer.ledger import Ledger, LedgerView
from importer.models import State
from importer.report import Balance, balance_of

#: The most alarming thing first: what each state makes of an exit code, and which code wins.
ALARMS = (
    (6, {State.DUPLICATE}),
    (4, {State.UNKNOWN, State.SENDING}),
    (5, {State.PENDING, State.WAITING}),
    (3, {State.REFUSED, State.INVALID}),
    (0, {State.CREATED, State.SKIPPED}),
)
SUBSETS = [set(chosen) for size in range(len(State) + 1) for chosen in itertools.combinations(State, size)]


def books(states: Iterable[State], *, missing: int = 0) -> Balance:
    counts = Counter(states)
    return Balance(counts.total() + missing, counts)


def expected(states: set[State]) -> int:
    return next((code for code, alarming in ALARMS if states & alarming), 0)


def test_every_state_has_its_place_in_the_table() -> None:
    assert sorted(state for _, states in ALARMS for state in states) == sorted(State)


def test_every_combination_of_states() -> None:
    """All 512 of them."""
    wrong = [states for states in SUBSETS if books(states).exit_code != expected(states)]
    assert wrong == []


def test_what_a_limit_leaves_behind_is_no_alarm() -> None:
    wrong = [
        states for states in SUBSETS if books(states).exit_code_without_pending != expected(states - {State.PENDING})
    ]
    assert wrong == []


@pytest.mark.parametrize("missing", [1, -1, 1000])
@pytest.mark.parametrize("states", [set(), {State.CREATED}, set(State)])
def test_books_that_do_not_balance_are_the_worst(states: set[State], missing: int) -> None:
    balance = books(states, missing=missing)
    assert not balance.is_true
    assert balance.exit_code is ExitCode.LEDGER
    assert balance.exit_code_without_pending is ExitCode.LEDGER
    assert balance.as_dict()["balanced"] is False


def test_as_json_every_state_is_named() -> None:
    assert books([State.CREATED, State.CREATED, State.REFUSED]).as_dict() == {
        "read": 3,
        "invalid": 0,
        "skipped": 0,
        "waiting": 0,
        "pending": 0,
        "sending": 0,
        "created": 2,
        "refused": 1,
        "unknown": 0,
        "duplicate": 0,
        "balanced": True,
    }


def test_the_books_of_a_ledger_balance(mixed: Ledger) -> None:
    with LedgerView(mixed.path) as view:
        balance = balance_of(view)
    assert balance.is_true
    assert balance.read == 8
    assert balance.exit_code is ExitCode.DUPLICATE


def test_a_record_that_is_missing_is_noticed(mixed: Ledger) -> None:
    """Rows are counted while they are read, records when the books are made: two counts, not one."""
    mixed.connection.execute("DELETE FROM record WHERE id = 8")
    with LedgerView(mixed.path) as view:
        assert balance_of(view).exit_code is ExitCode.LEDGER
