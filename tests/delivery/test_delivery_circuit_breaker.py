"""When a run pauses or stops, and how much trouble it can afford."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from virtual_time import VirtualLoop

from importer.delivery.circuit_breaker import OUTAGE_AFTER, PATIENCE, SHUT_OUT_AFTER, SHUT_OUT_LATER, CircuitBreaker
from importer.delivery.rate_limit import RateLimiter
from importer.delivery.verdicts import Signal, Verdict, classify, classify_error
from importer.errors import ExitCode
from importer.ledger.records import Pending
from importer.models import Notice
from importer.talkdesk.transport import Answer, NoAnswer, NotSent

RECORD = Pending(1, 2, "A", orjson.dumps({"title": "T", "description": "D"}), None)
SILENCE = classify_error(NoAnswer("timeout", "no answer in time"))
UNREACHABLE = classify_error(NotSent("unreachable", "the server cannot be reached"))


def verdict(status: int, **content: Any) -> Verdict:
    """What a faultless answer proves."""
    return classify(Answer(status, {}, orjson.dumps({"id": "1", **content})), RECORD)


def breaker_of(**options: Any) -> CircuitBreaker:
    return CircuitBreaker(RateLimiter(None), target="https://api.example.com", **options)


def hear(breaker: CircuitBreaker, *verdicts: Verdict) -> CircuitBreaker:
    """Each verdict is about a record of its own."""
    for one in verdicts:
        breaker.record(one, next(NUMBERS))
    return breaker


NUMBERS = itertools.count(1000)


@pytest.fixture(autouse=True)
def loop() -> Iterator[VirtualLoop]:
    """A loop whose time goes only when told; the breaker asks it for the time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        made = runner.get_loop()
        assert isinstance(made, VirtualLoop)
        asyncio._set_running_loop(made)
        yield made
        asyncio._set_running_loop(None)


def wait(loop: VirtualLoop, seconds: float) -> None:
    """Let time pass, and happen what is due."""
    asyncio._set_running_loop(None)
    loop.run_until_complete(asyncio.sleep(seconds))
    asyncio._set_running_loop(loop)


# -- outage ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", [SILENCE, UNREACHABLE, verdict(500), verdict(502), verdict(503), verdict(504)])
def test_trouble_in_a_row_is_an_outage(trouble: Verdict) -> None:
    breaker = hear(breaker_of(), *[trouble] * (OUTAGE_AFTER - 1))
    assert not breaker.is_open
    assert hear(breaker, trouble).is_open
    assert breaker.error is None  # it may pass


def test_a_pause_and_its_end_are_told_once() -> None:
    told: list[Notice] = []
    breaker = hear(breaker_of(notice=told.append), *[UNREACHABLE] * (2 * OUTAGE_AFTER))
    assert [notice.event for notice in told] == ["paused"]
    assert told[0].text.startswith("https://api.example.com does not answer (")
    assert told[0].text.endswith("); sending is paused until it does, 15 minutes at most")
    for _ in range(2):
        breaker.record_life()
    assert [notice.event for notice in told] == ["paused", "resumed"]


@pytest.mark.parametrize("records", [1, 2, OUTAGE_AFTER - 1])
def test_a_few_records_are_no_outage_however_often_they_are_tried(records: int) -> None:
    """They have soon used up their attempts, and nobody is left who would wait."""
    breaker = breaker_of()
    for attempt in range(100):
        breaker.record(UNREACHABLE, attempt % records)
    assert not breaker.is_open


def test_as_many_records_as_it_takes_are_one_whatever_was_tried_in_between() -> None:
    breaker = breaker_of()
    for record in [1, 1, 1, 2, 2, 3, 1, 4]:
        breaker.record(UNREACHABLE, record)
    assert not breaker.is_open
    breaker.record(UNREACHABLE, 5)
    assert breaker.is_open


def test_records_are_counted_from_the_last_answer_on() -> None:
    breaker = breaker_of()
    for record in range(OUTAGE_AFTER - 1):
        breaker.record(SILENCE, record)
    breaker.record(verdict(201), 99)
    breaker.record(SILENCE, 100)
    assert not breaker.is_open


def test_each_look_up_counts() -> None:
    """A row with an unknown outcome waits for the service, even if it is the only one."""
    breaker = hear(breaker_of(), SILENCE)
    for _ in range(OUTAGE_AFTER - 1):
        breaker.record_outage("the list does not answer")
    assert breaker.is_open


@pytest.mark.parametrize("status", [201, 400, 401, 403, 404, 409, 422, 429])
def test_any_whole_answer_of_the_service_ends_an_outage(status: int) -> None:
    breaker = hear(breaker_of(), verdict(201), *[SILENCE] * OUTAGE_AFTER)
    assert breaker.is_open
    assert not hear(breaker, verdict(status)).is_open


def test_now_and_then_is_no_outage() -> None:
    """Half of everything fails; that is for the retry budget."""
    assert not hear(breaker_of(), *[SILENCE, verdict(201)] * 100).is_open


def test_an_outage_without_end_ends_the_run_by_the_clock(loop: VirtualLoop) -> None:
    """Exit code 5: run again later; nothing was lost. Nobody need ask: all may be waiting for something."""
    stopped: list[float] = []
    breaker = hear(breaker_of(on_stop=lambda: stopped.append(loop.time())), *[SILENCE] * OUTAGE_AFTER)
    wait(loop, PATIENCE - 1)
    assert hear(breaker, SILENCE).error is None
    wait(loop, 2)
    assert stopped == [pytest.approx(PATIENCE, abs=0.1)]
    assert breaker.error is not None
    assert breaker.error.exit_code is ExitCode.TEMPORARY
    assert breaker.error.what == "no response for 15 minutes (no answer in time); the run stopped"


def test_patience_begins_with_each_outage(loop: VirtualLoop) -> None:
    breaker = hear(breaker_of(), *[SILENCE] * OUTAGE_AFTER)
    wait(loop, PATIENCE - 1)
    hear(breaker, verdict(201), *[SILENCE] * OUTAGE_AFTER)
    wait(loop, PATIENCE - 1)
    assert breaker.error is None
    breaker.record_life()
    wait(loop, PATIENCE)
    assert breaker.error is None


def test_an_address_that_never_answered_is_not_waited_for_so_long(loop: VirtualLoop) -> None:
    told: list[Notice] = []
    breaker = hear(breaker_of(connect_for=60.0, notice=told.append), *[UNREACHABLE] * OUTAGE_AFTER)
    assert told[0].text.endswith("; sending is paused until it does, 60 seconds at most")
    wait(loop, 59)
    assert breaker.error is None
    wait(loop, 2)
    assert breaker.error is not None
    assert breaker.error.exit_code is ExitCode.TEMPORARY
    assert breaker.error.what.startswith("no first response within 60 seconds (")


def test_any_answer_makes_an_address_one_that_is_waited_for(loop: VirtualLoop) -> None:
    breaker = hear(breaker_of(connect_for=60.0), verdict(429), *[UNREACHABLE] * OUTAGE_AFTER)
    wait(loop, PATIENCE - 1)
    assert breaker.error is None


def test_a_token_that_is_missing_is_an_outage_until_there_is_one(loop: VirtualLoop) -> None:
    told: list[Notice] = []
    breaker = breaker_of(notice=told.append)
    for _ in range(100):
        breaker.record_no_token("HTTP 503")
        wait(loop, 5)
    breaker.record_token()
    wait(loop, PATIENCE)
    assert [notice.event for notice in told] == ["paused", "resumed"]
    assert told[0].text == "no access token (HTTP 503); sending is paused until there is one, 15 minutes at most"
    assert breaker.error is None


def test_a_token_ends_no_outage_of_the_api(loop: VirtualLoop) -> None:
    breaker = hear(breaker_of(), *[SILENCE] * OUTAGE_AFTER)
    breaker.record_no_token("HTTP 503")
    breaker.record_token()
    assert breaker.is_open
    wait(loop, PATIENCE + 1)
    assert breaker.error is not None


# -- too fast -------------------------------------------------------------------------------------------


def test_too_fast_and_nothing_else_is_said_and_comes_to_an_end(loop: VirtualLoop) -> None:
    told: list[Notice] = []
    breaker = breaker_of(notice=told.append)
    while breaker.error is None and loop.time() < 2 * PATIENCE:
        hear(breaker, verdict(429))
        wait(loop, 10)
    assert breaker.error is not None
    assert breaker.error.exit_code is ExitCode.TEMPORARY
    assert loop.time() == pytest.approx(PATIENCE, abs=21)
    assert [notice.event for notice in told] == ["throttled"]


def test_too_fast_now_and_then_is_for_the_rate(loop: VirtualLoop) -> None:
    told: list[Notice] = []
    breaker = breaker_of(notice=told.append)
    while loop.time() < 2 * PATIENCE:
        hear(breaker, verdict(429), verdict(429), verdict(201))
        wait(loop, 10)
    assert (breaker.error, told) == (None, [])


def test_a_long_wait_that_is_asked_for_is_said_once() -> None:
    """Eight workers may be told so at once."""
    told: list[Notice] = []
    breaker = breaker_of(notice=told.append)
    for _ in range(8):
        breaker.record_wait(3600.0, "HTTP 429")
        breaker.rate_limit.pause(3600.0)
    breaker.record_wait(5.0, "HTTP 429")
    assert [notice.text for notice in told] == [
        "https://api.example.com asks to wait (HTTP 429); sending is paused for 1 h 00 min"
    ]


# -- the wrong place ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [404, 405, 410, 501, 505, 301, 302, 303, 307, 308])
def test_the_wrong_endpoint_stops_on_the_first_answer(status: int) -> None:
    stop = hear(breaker_of(), verdict(status)).error
    assert stop is not None
    assert stop.exit_code is ExitCode.TARGET


@pytest.mark.parametrize("status", [404, 405, 410, 307])
def test_an_endpoint_that_was_right_before_stops_it_too(status: int) -> None:
    """A create looks nothing up that could be missing: these say nothing about the row."""
    assert hear(breaker_of(), verdict(201), verdict(status)).error is not None


# -- shut out -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "status", "patience"),
    [
        ([], 401, SHUT_OUT_AFTER),
        ([], 403, SHUT_OUT_AFTER),
        ([201], 401, SHUT_OUT_AFTER),
        ([201], 403, SHUT_OUT_LATER),  # a few rows that may not be created can stand together
    ],
)
def test_who_is_shut_out_stops(before: list[int], status: int, patience: int) -> None:
    breaker = hear(breaker_of(), *map(verdict, before), *[verdict(status)] * (patience - 1))
    assert breaker.error is None
    stop = hear(breaker, verdict(status)).error
    assert stop is not None
    assert stop.exit_code is ExitCode.TARGET


@pytest.mark.parametrize("status", [201, 400, 422])
def test_a_row_that_may_not_be_created_is_no_lock_out(status: int) -> None:
    """One 403 now and then is about its row: who is shut out hears nothing of others."""
    assert hear(breaker_of(), *[verdict(403), verdict(status)] * 50).error is None


def test_one_row_without_end_is_no_lock_out_once_there_are_cases() -> None:
    breaker = hear(breaker_of(), verdict(201))
    for _ in range(2 * SHUT_OUT_AFTER):
        breaker.record(verdict(401), 7)
    assert breaker.error is None
    assert hear(breaker, *[verdict(401)] * (SHUT_OUT_AFTER - 1)).error is not None


def test_a_token_that_is_rejected_is_said_once_a_minute(loop: VirtualLoop) -> None:
    told: list[Notice] = []
    breaker = breaker_of(notice=told.append)
    for _ in range(100):
        hear(breaker, verdict(401), verdict(201))
        wait(loop, 1)
    assert [notice.event for notice in told] == ["token_rejected"] * 2


# -- crossed, too many ----------------------------------------------------------------------------------


def test_crossed_answers_stop_at_once() -> None:
    crossed = verdict(201, title="Another ticket")
    assert crossed.signal is Signal.CROSSED
    by_echo, by_id = hear(breaker_of(), crossed), breaker_of()
    by_id.record_crossed("77")
    for breaker in (by_echo, by_id):
        assert breaker.error is not None
        assert breaker.error.exit_code is ExitCode.UNKNOWN_OUTCOME


def test_the_first_reason_stays() -> None:
    breaker = hear(breaker_of(), verdict(404))
    reason = breaker.error
    breaker.record_crossed("77")
    assert breaker.error is reason


@pytest.mark.parametrize("most", [0, 1, 5])
def test_more_refusals_than_allowed_stop_the_run(most: int) -> None:
    breaker = hear(breaker_of(max_refused=most), *[verdict(422)] * most, verdict(201), verdict(429))
    assert breaker.error is None
    stop = hear(breaker, verdict(422)).error
    assert stop is not None
    assert stop.exit_code is ExitCode.ROWS_FAILED


def test_without_a_limit_any_number_may_be_refused() -> None:
    assert hear(breaker_of(), *[verdict(422)] * 10_000).error is None
