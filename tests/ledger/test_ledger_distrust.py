"""Answers that proved wrong: every row that rests on one is in doubt again, and no other."""

from __future__ import annotations

from typing import Any

from ledgers import do, row_of, stage, valid

from importer.ledger import Ledger, Outcome
from importer.ledger.distrust import distrust, distrusted, doubt_again
from importer.records import State

DENIED = Outcome(State.PENDING, None, 429, "http_429", "too fast")
REFUSED = Outcome(State.REFUSED, None, 422, "no", "too long")
UNKNOWN = Outcome(State.UNKNOWN, None, None, "no_answer", "no answer in time")
NOT_CREATED = Outcome(State.PENDING, None, None, "not_created", "looked up: not created")


def made(number: int, code: str = "created") -> Outcome:
    return Outcome(State.CREATED, f"c{number}", 201, code)


def live(ledger: Ledger, record: int, *answers: Outcome) -> None:
    """Send a record once for each answer; what follows an unknown one is the look-up."""
    before = State.PENDING
    for answer in answers:
        if before is not State.UNKNOWN:
            do(ledger, lambda: ledger.fence(record))
            before = State.SENDING
        do(ledger, lambda before=before, answer=answer: ledger.settle(record, before, answer))
        before = answer.state


def states(ledger: Ledger) -> list[str]:
    return [state for (state,) in ledger.connection.execute("SELECT state FROM record ORDER BY id")]


def staged(ledger: Ledger, *lives: tuple[Outcome, ...]) -> None:
    stage(ledger, [valid(f"K{number}", row=number + 1) for number in range(1, len(lives) + 1)])
    for record, answers in enumerate(lives, 1):
        live(ledger, record, *answers)


def contradict(ledger: Ledger, record: int) -> None:
    do(ledger, lambda: distrust(ledger, record, 429))


def test_the_row_itself_is_unknown_at_once(ledger: Ledger) -> None:
    staged(ledger, (DENIED,), (DENIED,))
    contradict(ledger, 1)
    row: dict[str, Any] = row_of(ledger, "K1")
    assert (row["state"], row["http_status"], row["code"]) == ("unknown", 429, "contradicted")
    assert "HTTP 429" in row["message"]
    assert row_of(ledger, "K2")["state"] == "pending"
    assert distrusted(ledger) == {429}
    assert [doubtful.key for doubtful in ledger.doubtful()] == ["K1"], "the next run looks it up"


def test_all_that_rests_on_such_an_answer_is_in_doubt(ledger: Ledger) -> None:
    """Sent again and created: it may have two cases. Sent again and refused, or to be sent again: it may have one."""
    staged(ledger, (DENIED,), (DENIED, made(2)), (DENIED, REFUSED), (DENIED, DENIED), (made(5),), (REFUSED,), ())
    contradict(ledger, 1)
    assert doubt_again(ledger) == {State.UNKNOWN: 3, State.CREATED: -1}
    assert states(ledger) == ["unknown"] * 4 + ["created", "refused", "pending"]


def test_what_was_looked_up_since_is_settled(ledger: Ledger) -> None:
    looked_up = (DENIED, UNKNOWN, NOT_CREATED, made(2))
    staged(ledger, (DENIED,), looked_up, (DENIED, UNKNOWN, made(3, "found")), (DENIED, UNKNOWN, NOT_CREATED, DENIED))
    contradict(ledger, 1)
    doubt_again(ledger)
    assert states(ledger) == ["unknown", "created", "created", "unknown"]
    live_on = Outcome(State.CREATED, "c4", None, "found")
    do(ledger, lambda: ledger.settle(4, State.UNKNOWN, live_on))
    assert not doubt_again(ledger)
    assert states(ledger) == ["unknown", "created", "created", "created"], "once is enough"


def test_other_answers_are_believed_as_before(ledger: Ledger) -> None:
    busy = DENIED._replace(http_status=425, code="http_425")
    staged(ledger, (DENIED,), (busy, made(2)), (busy,))
    contradict(ledger, 1)
    assert not doubt_again(ledger)
    assert states(ledger) == ["unknown", "created", "pending"]


def test_nothing_is_in_doubt_without_a_contradiction(ledger: Ledger) -> None:
    staged(ledger, (DENIED, made(1)), (DENIED,))
    assert (distrusted(ledger), doubt_again(ledger)) == (frozenset(), {})
    assert states(ledger) == ["created", "pending"]
