"""Answers that proved wrong: every row that rests on one is in doubt again, and no other."""

from __future__ import annotations

from typing import Any

import pytest
from ledgers import do, pending, row_of, stage, valid
from test_ledger_tree import child

from importer.ledger import Ledger, LedgerView, Outcome, Selection
from importer.ledger.distrust import distrust, distrusted, doubt_again
from importer.ledger.links import next_page
from importer.models import Links, State

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


def test_a_doubt_is_no_answer(ledger: Ledger) -> None:
    """`status` counts what the account answered, not what followed from it for other rows."""
    staged(ledger, (DENIED,), (DENIED, DENIED, made(2)), (REFUSED,), (made(4),))
    contradict(ledger, 1)
    doubt_again(ledger)
    assert states(ledger)[:2] == ["unknown", "unknown"]
    with LedgerView(ledger.path) as view:
        assert view.refusals() == {429: 3, 422: 1}


def test_what_is_forgotten_stays_as_it_is(ledger: Ledger) -> None:
    """Nobody could look it up any more, and somebody has signed it off."""
    staged(ledger, (DENIED,), (DENIED, made(2)), (DENIED, made(3)))
    contradict(ledger, 1)
    ledger.connection.execute("DELETE FROM content WHERE record = 2")
    doubt_again(ledger)
    assert states(ledger) == ["unknown", "created", "unknown"]


def test_what_a_person_decided_stays_decided(ledger: Ledger) -> None:
    staged(ledger, (DENIED,), (DENIED, made(2)), (DENIED,))
    contradict(ledger, 1)
    doubt_again(ledger)
    ledger.resolve("K2", Outcome(State.CREATED, "c2", None, "resolved", "seen: ana"))
    ledger.resolve("K3", Outcome(State.PENDING, None, None, "resolved", "not there: ana"))
    assert not doubt_again(ledger)
    assert states(ledger) == ["unknown", "created", "pending"]


def test_without_a_stamp_nothing_could_be_told(ledger: Ledger) -> None:
    staged(ledger, (DENIED,))
    stage(ledger, [valid("other", row=2)], stamp=None, sha256="2" * 64)
    live(ledger, 2, DENIED, made(2))
    contradict(ledger, 1)
    assert not doubt_again(ledger)
    assert states(ledger) == ["unknown", "created"]


def test_a_row_whose_key_another_one_answers_for_is_skipped(ledger: Ledger) -> None:
    """P1"""
    stage(ledger, [valid("X", row=2), valid("A", row=3), valid("A", row=4)], finish=False)
    ledger.connection.execute("UPDATE source SET staged = 1")
    live(ledger, 1, DENIED)
    live(ledger, 2, DENIED)
    live(ledger, 3, made(3))
    contradict(ledger, 1)
    assert not +doubt_again(ledger)
    assert states(ledger) == ["unknown", "skipped", "created"]


def test_nothing_counts_as_sent_that_was_not(ledger: Ledger) -> None:
    staged(ledger, (DENIED,), (DENIED,))
    contradict(ledger, 1)
    doubt_again(ledger)
    assert [row_of(ledger, key)["attempts"] for key in ("K1", "K2")] == [1, 1]


@pytest.mark.parametrize("of_child", [DENIED, REFUSED], ids=["pending", "refused"])
@pytest.mark.parametrize("waits", [False, True])
def test_a_child_that_was_denied_is_looked_up_before_it_is_sent_below_its_parent(
    ledger: Ledger, of_child: Outcome, waits: bool
) -> None:
    """A case that is in doubt has its children wait; one of them may be a case itself."""
    stage(ledger, [child("X"), child("P"), child("C", "P")], links=Links("P"))
    live(ledger, 1, DENIED)
    live(ledger, 2, DENIED, made(2))
    live(ledger, 3, *([DENIED] if of_child is DENIED else [DENIED, of_child]))
    if waits:
        ledger.connection.execute("UPDATE record SET state = 'waiting' WHERE id = 3")
    contradict(ledger, 1)
    assert doubt_again(ledger) == {State.UNKNOWN: 2, State.CREATED: -1}
    assert states(ledger) == ["unknown"] * 3
    do(ledger, lambda: ledger.settle(2, State.UNKNOWN, made(2, "found")))
    assert next_page(ledger, Selection(), after=0, limit=9) == [], "its parent alone does not send it"
    do(ledger, lambda: ledger.settle(3, State.UNKNOWN, NOT_CREATED))
    assert [record.key for record in pending(ledger)] == ["C"]
    do(ledger, lambda: ledger.fence(3))
    assert row_of(ledger, "C")["state"] == "sending"


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


def test_a_row_that_was_denied_is_handed_out_as_such(ledger: Ledger) -> None:
    """So that the next run checks it as this one would have."""
    staged(ledger, (DENIED,), (), (UNKNOWN, NOT_CREATED))
    assert [record.denied for record in pending(ledger)] == [429, None, None]
