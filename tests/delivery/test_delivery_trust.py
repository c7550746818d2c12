"""Which answers that deny a case are checked, and what becomes of those that proved wrong."""

from __future__ import annotations

from ledgers import STAMP

from importer.delivery.judge import Signal, Verdict
from importer.delivery.trust import ONE_IN, Trust
from importer.ledger import Outcome, Pending
from importer.models import State

LAG = 15.0


def denied(status: int | None = 429) -> Verdict:
    return Verdict(Outcome(State.PENDING, None, status, "http_429", "too fast"), Signal.THROTTLED)


def record(number: int, stamp: str | None = STAMP) -> Pending:
    return Pending(number, number + 1, f"K{number}", b"{}", stamp)


def chosen(trust: Trust, numbers: range, status: int = 429) -> list[int]:
    """Which of these records are looked up before they are sent again."""
    for number in numbers:
        trust.wait(record(number), denied(status), 1.0)
    return [number for number in numbers if trust.take_check(record(number)) is not None]


def test_all_are_checked_until_a_check_was_passed_then_one_in_some_hundred() -> None:
    trust = Trust(lag=LAG)
    assert chosen(trust, range(10)) == list(range(10))
    trust.confirm(429)
    assert len(chosen(trust, range(10, 10 + 5 * ONE_IN))) == 5
    assert chosen(trust, range(3), status=425) == [0, 1, 2], "another answer, another proof"


def test_one_check_is_enough_for_all_that_wait_for_theirs() -> None:
    """A burst of "too fast" costs one look-up, not one for each row of it."""
    trust = Trust(lag=LAG)
    for number in range(60):
        trust.wait(record(number), denied(425 if number == 7 else 429), 1.0)
    trust.confirm(429)
    assert [number for number in range(60) if trust.must_check(record(number))] == [7]


def test_a_check_that_cannot_be_made_is_made_for_the_next_one() -> None:
    """A burst need not fail once for each row of it; but a server in trouble is the one that may lie."""
    trust = Trust(lag=LAG)
    assert chosen(trust, range(3)) == [0, 1, 2]
    for number in range(3, 6):
        trust.wait(record(number), denied(), 1.0)
    trust.give_up(429)
    assert [number for number in range(6) if trust.take_check(record(number))] == []
    assert chosen(trust, range(6, 8)) == [6, 7]


def test_a_row_that_an_earlier_run_left_pending_is_checked_like_the_others() -> None:
    trust = Trust(lag=LAG)
    left = record(1)._replace(denied=429)
    assert trust.must_check(left)
    assert trust.take_check(left) == 429
    trust.confirm(429)
    assert trust.take_check(record(2)._replace(denied=429)) is None, "one that was passed is enough"
    assert trust.take_check(record(3, stamp=None)._replace(denied=429)) is None


def test_who_is_checked_waits_until_the_list_must_show_the_case() -> None:
    trust = Trust(lag=LAG)
    assert trust.wait(record(1), denied(), 1.0) == LAG
    assert trust.wait(record(2), denied(), 20.0) == 20.0
    trust.confirm(429)
    assert trust.wait(record(3), denied(), 1.0) == 1.0


def test_nothing_is_checked_that_cannot_be_or_need_not_be() -> None:
    trust = Trust(lag=LAG)
    assert trust.wait(record(1, stamp=None), denied(), 1.0) == 1.0, "without a stamp nothing can be told"
    assert trust.wait(record(2), denied(None), 1.0) == 1.0, "no connection was had: nobody else need be asked"
    assert trust.wait(record(3), denied(), None) is None, "it is not sent again in this run"
    assert not any(trust.must_check(record(number)) for number in (1, 2, 3))


def test_what_proved_wrong_proves_nothing() -> None:
    trust = Trust([429], lag=LAG)
    weighed = trust.weigh(denied())
    assert (weighed.outcome.state, weighed.signal) == (State.UNKNOWN, Signal.THROTTLED), "everybody still slows down"
    assert trust.weigh(denied(425)) == denied(425)
    refused = Verdict(Outcome(State.REFUSED, None, 422, "no", "no"))
    assert Trust([422]).weigh(refused) == refused
