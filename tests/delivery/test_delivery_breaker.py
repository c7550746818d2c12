"""When a run pauses or stops, and how much trouble it can afford."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from importer.delivery.breaker import LOCKED_OUT_AFTER, LOCKED_OUT_LATER, OUTAGE_AFTER, PATIENCE, Breaker
from importer.delivery.causes import MOST, MOST_OF_LAST, Causes
from importer.delivery.judge import Signal, Verdict, judge, judge_silence
from importer.errors import ExitCode
from importer.ledger import Outcome
from importer.models import Notice, State
from importer.talkdesk.answers import Answer, NoAnswer, NotSent

BODY = orjson.dumps({"title": "T", "description": "D"})
SILENCE = judge_silence(NoAnswer("timeout", "no answer in time"))
UNREACHABLE = judge_silence(NotSent("unreachable", "the server cannot be reached"))


def verdict(status: int, **content: Any) -> Verdict:
    """What the judge makes of a faultless answer."""
    return judge(Answer(status, {}, orjson.dumps({"id": "1", **content})), BODY, stamp=None)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def breaker_of(**options: Any) -> Breaker:
    return Breaker(target="https://api.example.com", **options)


def hear(breaker: Breaker, *verdicts: Verdict) -> Breaker:
    for one in verdicts:
        breaker.hear(one)
    return breaker


# -- outage ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", [SILENCE, UNREACHABLE, verdict(500), verdict(502), verdict(503), verdict(504)])
def test_trouble_in_a_row_is_an_outage(trouble: Verdict) -> None:
    breaker = hear(breaker_of(), *[trouble] * (OUTAGE_AFTER - 1))
    assert not breaker.is_open
    assert hear(breaker, trouble).is_open
    assert breaker.stop is None  # it may pass


@pytest.mark.parametrize("records", [1, 2, OUTAGE_AFTER - 1])
def test_a_few_records_are_no_outage_however_often_they_are_tried(records: int) -> None:
    """They have soon used up their attempts, and nobody is left who would wait."""
    breaker = breaker_of()
    for attempt in range(100):
        breaker.hear(UNREACHABLE, attempt % records)
    assert not breaker.is_open


def test_as_many_records_as_it_takes_are_one_whatever_was_tried_in_between() -> None:
    breaker = breaker_of()
    for record in [1, 1, 1, 2, 2, 3, 1, 4]:
        breaker.hear(UNREACHABLE, record)
    assert not breaker.is_open
    breaker.hear(UNREACHABLE, 5)
    assert breaker.is_open


def test_a_pause_and_its_end_are_told_once() -> None:
    told: list[Notice] = []
    breaker = Breaker(target="https://api.example.com", notice=told.append)
    for record in range(2 * OUTAGE_AFTER):
        breaker.hear(UNREACHABLE, record)
    assert [notice.event for notice in told] == ["paused"]
    assert told[0].text.startswith("https://api.example.com does not answer (")
    for _ in range(2):
        breaker.hear_life()
    assert [notice.event for notice in told] == ["paused", "resumed"]


def test_records_are_counted_from_the_last_answer_on() -> None:
    breaker = breaker_of()
    for record in range(OUTAGE_AFTER - 1):
        breaker.hear(SILENCE, record)
    breaker.hear(verdict(201), 99)
    breaker.hear(SILENCE, 100)
    assert not breaker.is_open


def test_each_look_up_counts() -> None:
    """A row in doubt waits for the service, even if it is the only one."""
    breaker = hear(breaker_of(), SILENCE)
    for _ in range(OUTAGE_AFTER - 1):
        breaker.hear_outage("the list does not answer")
    assert breaker.is_open


@pytest.mark.parametrize("status", [201, 400, 401, 403, 404, 409, 422, 429])
def test_any_whole_answer_of_the_service_ends_an_outage(status: int) -> None:
    breaker = hear(breaker_of(), verdict(201), *[SILENCE] * OUTAGE_AFTER)
    assert breaker.is_open
    assert not hear(breaker, verdict(status)).is_open


def test_now_and_then_is_no_outage() -> None:
    """F26: half of everything fails; that is for the retry budget."""
    assert not hear(breaker_of(), *[SILENCE, verdict(201)] * 100).is_open


def test_an_outage_without_end_ends_the_run() -> None:
    """Exit code 5: run again later; nothing was lost."""
    clock = Clock()
    breaker = hear(breaker_of(clock=clock), *[SILENCE] * OUTAGE_AFTER)
    clock.now = PATIENCE - 1
    assert hear(breaker, SILENCE).stop is None
    clock.now = PATIENCE + 1
    stop = hear(breaker, SILENCE).stop
    assert stop is not None
    assert stop.exit_code is ExitCode.TEMPORARY


def test_patience_begins_with_each_outage() -> None:
    clock = Clock()
    breaker = hear(breaker_of(clock=clock), *[SILENCE] * OUTAGE_AFTER)
    clock.now = PATIENCE - 1
    hear(breaker, verdict(201), *[SILENCE] * OUTAGE_AFTER)
    clock.now = PATIENCE + 5
    assert hear(breaker, SILENCE).stop is None


# -- the wrong place ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [404, 405, 410, 501, 505, 301, 302, 303, 307, 308])
def test_the_wrong_endpoint_stops_on_the_first_answer(status: int) -> None:
    """F10, F24"""
    stop = hear(breaker_of(), verdict(status)).stop
    assert stop is not None
    assert stop.exit_code is ExitCode.TARGET


@pytest.mark.parametrize(("status", "stops"), [(404, False), (405, False), (410, False), (307, True), (302, True)])
def test_an_endpoint_that_was_right_before(status: int, stops: bool) -> None:
    """One 404 among successes is about one row; a redirect never is."""
    breaker = hear(breaker_of(), verdict(201), verdict(status))
    assert (breaker.stop is not None) is stops


# -- shut out -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "status", "patience"),
    [
        ([], 401, LOCKED_OUT_AFTER),
        ([], 403, LOCKED_OUT_AFTER),
        ([201], 401, LOCKED_OUT_AFTER),
        ([201], 403, LOCKED_OUT_LATER),  # a few rows that may not be created can stand together
    ],
)
def test_who_is_shut_out_stops(before: list[int], status: int, patience: int) -> None:
    """G1, G4"""
    breaker = hear(breaker_of(), *map(verdict, before), *[verdict(status)] * (patience - 1))
    assert breaker.stop is None
    stop = hear(breaker, verdict(status)).stop
    assert stop is not None
    assert stop.exit_code is ExitCode.TARGET


def test_a_row_that_may_not_be_created_is_no_lock_out() -> None:
    """F9: one 403 now and then is about its row."""
    assert hear(breaker_of(), *[verdict(403), verdict(201)] * 50).stop is None


# -- crossed, too many ----------------------------------------------------------------------------------


def test_crossed_answers_stop_at_once() -> None:
    crossed = verdict(201, title="Another ticket")
    assert crossed.signal is Signal.CROSSED
    by_echo, by_id = hear(breaker_of(), crossed), breaker_of()
    by_id.hear_crossed("77")
    for breaker in (by_echo, by_id):
        assert breaker.stop is not None
        assert breaker.stop.exit_code is ExitCode.IN_DOUBT


def test_the_first_reason_stays() -> None:
    breaker = hear(breaker_of(), verdict(404))
    reason = breaker.stop
    breaker.hear_crossed("77")
    assert breaker.stop is reason


@pytest.mark.parametrize("most", [0, 1, 5])
def test_more_refusals_than_allowed_stop_the_run(most: int) -> None:
    breaker = hear(breaker_of(most_refused=most), *[verdict(422)] * most, verdict(201), verdict(429))
    assert breaker.stop is None
    stop = hear(breaker, verdict(422)).stop
    assert stop is not None
    assert stop.exit_code is ExitCode.ROWS_FAILED


def test_without_a_limit_any_number_may_be_refused() -> None:
    assert hear(breaker_of(), *[verdict(422)] * 10_000).stop is None


# -- one cause, many refusals ---------------------------------------------------------------------------


def body(**fields: Any) -> bytes:
    return orjson.dumps({"title": "T", "description": "D", **fields})


def refusal(field: str = "", code: str = "0900001", status: int = 422) -> Verdict:
    return Verdict(Outcome(State.REFUSED, None, status, code, "no"), field=field)


CREATED = Verdict(Outcome(State.CREATED, "1", 201, "created"), Signal.CREATED)


def test_rows_that_carry_what_was_refused_are_left_alone_and_others_go_on() -> None:
    causes = Causes()
    for number in range(MOST_OF_LAST - 1):
        assert causes.hear(refusal("owner_id"), body(owner_id="gone", title=str(number))) is None
    assert causes.parks(body(owner_id="gone")) is None
    cause = causes.hear(refusal("owner_id"), body(owner_id="gone"))
    assert cause is not None
    assert "owner_id" in str(cause)
    assert causes.parks(body(owner_id="gone")) is cause
    assert causes.parks(body(owner_id="here")) is None
    assert causes.parks(body()) is None


def test_a_custom_field_is_meant_whichever_way_it_is_named() -> None:
    for name in ("text9", "custom_fields.text9"):
        causes = Causes()
        for _ in range(MOST_OF_LAST):
            causes.hear(refusal(name), body(custom_fields={"text9": "x"}))
        assert causes.parks(body(custom_fields={"text9": "x"})) is not None
        assert causes.parks(body(custom_fields={"text1": "x"})) is None


def test_different_causes_are_counted_apart() -> None:
    causes = Causes()
    for number in range(MOST_OF_LAST * 3):
        assert causes.hear(refusal("owner_id", code=f"{number % 4}"), body(owner_id="gone")) is None


def test_refusals_spread_thin_are_no_cause() -> None:
    """19 in the last thousand, again and again, until 200 are full: a dirty file, but its rows go on till then."""
    causes = Causes()
    for number in range(9):
        for _ in range(MOST_OF_LAST - 1):
            assert causes.hear(refusal("owner_id"), body(owner_id="gone")) is None, number
        for _ in range(1000):
            causes.hear(CREATED, body())
    for _ in range(MOST - 9 * (MOST_OF_LAST - 1) - 1):
        for _ in range(60):
            causes.hear(CREATED, body())
        assert causes.hear(refusal("owner_id"), body(owner_id="gone")) is None
    assert causes.hear(refusal("owner_id"), body(owner_id="gone")) is not None


def test_a_cause_that_is_every_rows_cause_parks_everything() -> None:
    """No field is named, and nothing was ever created: it is not about single rows."""
    causes = Causes()
    for number in range(MOST_OF_LAST):
        causes.hear(refusal(), body(title=str(number)))
    assert causes.parks(body(title="new")) is not None


def test_a_value_that_was_taken_after_all_is_no_cause() -> None:
    causes = Causes()
    for _ in range(MOST_OF_LAST):
        causes.hear(refusal("owner_id"), body(owner_id="gone"))
    causes.hear(CREATED, body(owner_id="gone"))
    assert causes.parks(body(owner_id="gone")) is None
