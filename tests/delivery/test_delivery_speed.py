"""Which rate is right at the moment: pure arithmetic over a clock that the test turns."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from server_model import Server, run

from importer.delivery.limit import Curve
from importer.delivery.speed import LOWEST_RATE, Speed


def test_without_trouble_a_fixed_rate_stays_what_the_user_said() -> None:
    speed = Speed(20.0)
    assert [speed.rate(now) for now in (0.0, 1.0, 1e6)] == [20.0] * 3


def test_without_a_rate_there_is_no_limit_until_the_server_objects() -> None:
    speed = Speed(None)
    assert speed.rate(0.0) is None
    for number in range(500):
        speed.accepted(9.0 + number / 500, sent_at=9.0 + number / 500)
    speed.too_fast(10.0, sent_at=9.9)
    rate = speed.rate(10.0)
    assert rate is not None
    assert rate < 500


@pytest.mark.parametrize(("complaints", "left"), [(1, 95.0), (2, 90.0), (3, 80.0), (4, 60.0), (5, 50.0), (9, 50.0)])
def test_too_fast_lowers_a_fixed_rate_which_climbs_back_and_never_above_the_users_word(
    complaints: int, left: float
) -> None:
    """Each time by a larger share; between two of them there is time here to climb back."""
    speed = Speed(100.0)
    for number in range(complaints):
        speed.rate(number * 100.0)
        speed.too_fast(number * 100.0, sent_at=number * 100.0)
    last = (complaints - 1) * 100.0
    rates = [speed.rate(last + seconds) or 0.0 for seconds in range(0, 200, 5)]
    assert rates[0] == pytest.approx(left)
    assert rates == sorted(rates)
    assert rates[-1] == 100.0
    assert max(rates) <= 100.0


def test_one_accident_costs_little_and_is_forgotten() -> None:
    """What a minute loses by one "too fast"; an hour later it costs no more."""
    speed = Speed(100.0)
    for moment in (0.0, 3600.0):
        speed.rate(moment)
        speed.too_fast(moment, sent_at=moment)
        lost = sum(100.0 - (speed.rate(moment + step / 10) or 0.0) for step in range(600)) / 600
        assert lost < 0.2


def test_a_rate_that_is_much_too_high_falls_faster_and_faster() -> None:
    """The user said 100, the account takes 10: heard again at every climb, not once a second."""
    speed, moment, heard = Speed(100.0), 0.0, 0
    while moment < 600.0:
        moment += 0.1
        if (speed.rate(moment) or 0.0) > 10.0:
            speed.too_fast(moment, sent_at=moment)
            heard += 1
    assert heard < 40


def test_requests_that_were_under_way_when_it_was_heard_say_nothing_new() -> None:
    speed = Speed(100.0)
    speed.rate(0.0)
    speed.too_fast(1.0, sent_at=0.9)
    before = speed.rate(1.1)
    for _ in range(31):
        speed.too_fast(1.1, sent_at=0.95)
    assert speed.rate(1.1) == before


def test_auto_doubles_until_the_server_objects_then_stays_near_its_limit() -> None:
    """The server takes 30 a second: after two objections the rate keeps close to that."""
    speed = Speed(None, auto=True)
    first = speed.rate(0.0)
    for number in range(20):
        speed.accepted(1.0 + number / 20, sent_at=1.0 + number / 20)
    assert (speed.rate(2.0) or 0) > 2 * (first or 0)
    now = 3.0
    for number in range(30):
        speed.accepted(now - 1.0 + number / 30, sent_at=now - 1.0 + number / 30)
    speed.too_fast(now, sent_at=now)
    later = []
    for seconds in (0, 3, 6, 9, 12):
        for number in range(25):
            speed.accepted(now + seconds - 1.0 + number / 25, sent_at=now + seconds - 1.0 + number / 25)
        later.append(speed.rate(now + seconds) or 0.0)
    assert later == sorted(later)
    assert 20 < later[0] < 30
    assert later[-1] == pytest.approx(speed.rate(now + 12), abs=0.1)
    assert 28 < later[-1] <= 41


def test_a_reserve_leaves_its_share_to_others() -> None:
    assert Speed(10.0, reserve=0.2).rate(0.0) == pytest.approx(8.0)
    shared, alone = Speed(None, auto=True, reserve=0.2), Speed(None, auto=True)
    for speed in (shared, alone):
        speed.rate(0.0)
        for number in range(50):
            speed.accepted(5.0 + number / 50, sent_at=5.0 + number / 50)
        speed.too_fast(6.0, sent_at=6.0)
        for number in range(40):
            speed.accepted(9.0 + number / 40, sent_at=9.0 + number / 40)
    assert (shared.rate(10.0) or 0) < 0.85 * (alone.rate(10.0) or 0)


@given(top=st.floats(0.3, 1000), troubles=st.lists(st.floats(0.01, 100), max_size=20), reserve=st.floats(0, 0.9))
def test_no_history_brings_a_rate_above_the_top_or_below_the_lowest(
    top: float, troubles: list[float], reserve: float
) -> None:
    speed = Speed(top, reserve=reserve)
    now = 0.0
    for pause in troubles:
        now += pause
        rate = speed.rate(now)
        assert rate is not None
        assert min(LOWEST_RATE, top * (1 - reserve)) <= rate <= top * (1 - reserve)
        speed.too_fast(now, sent_at=now)


def test_the_curve_is_back_at_the_limit_after_its_span() -> None:
    curve = Curve(fall=0.3, span=10.0)
    assert curve.at(0.0, 100.0) == pytest.approx(70.0)
    assert curve.at(10.0, 100.0) == pytest.approx(100.0)
    assert curve.at(20.0, 100.0) > 100.0


def test_beyond_the_limit_a_curve_may_rise_otherwise_than_it_fell() -> None:
    curve = Curve(fall=0.05, span=10.0, rise=0.3)
    assert curve.at(0.0, 100.0) == pytest.approx(95.0)
    assert curve.at(20.0, 100.0) == pytest.approx(130.0)


# -- a limit that nobody told ------------------------------------------------------------------------------


def always(limit: float | None) -> Callable[[float], float | None]:
    return lambda _: limit


def turns(limit: float, at: float, then: float) -> Callable[[float], float | None]:
    return lambda since: limit if since < at else then


@pytest.mark.parametrize("by_clock", [True, False], ids=["clock", "sliding"])
@pytest.mark.parametrize("way", [0.004, 0.05])
def test_once_the_limit_was_met_nobody_objects_for_a_minute_and_the_limit_is_used(by_clock: bool, way: float) -> None:
    """The first second tells by a whole burst of refusals what the server takes."""
    ran = run(Speed(None), Server(always(500), by_clock=by_clock), 62.0, way=way)
    assert len(ran.refused) > 20
    assert ran.objections() == []
    assert ran.used(500, 2.0, 62.0) > 0.95


def test_the_time_until_the_limit_is_asked_for_again_doubles() -> None:
    ran = run(Speed(None), Server(always(100)), 900.0)
    first, second, *_ = asked = ran.objections()
    assert len(asked) <= 4
    assert first > 60.0
    assert second - first > 1.5 * first
    assert len(ran.refused) - 64 <= 3 * len(asked)
    assert ran.used(100, 2.0, 900.0) > 0.95


def test_one_refusal_after_a_hundred_taken_in_a_row_is_a_limit_as_well() -> None:
    """Nothing is under way that could tell more: one worker sends, or the others wait for the disk."""
    ran = run(Speed(None), Server(always(500)), 42.0, workers=1, way=0.0005)
    assert len(ran.refused) == 1
    assert ran.used(500, 2.0, 42.0) > 0.94


@pytest.mark.parametrize("limit", [1, 5, 30])
def test_of_a_small_limit_no_whole_request_is_given_up_for_a_fraction(limit: int) -> None:
    ran = run(Speed(None), Server(always(limit)), 60.0)
    assert ran.used(limit, 3.0, 60.0) > 0.94
    assert len(ran.objections(3.0)) <= 1


def test_a_count_that_was_too_high_is_put_right_with_the_next_objections() -> None:
    """The burst began in one second of the server and ended in the next: almost twice the limit was taken."""
    ran = run(Speed(None), Server(always(500), by_clock=True), 60.0, began=0.965)
    assert sum(time < 1.0 for time in ran.taken) > 700
    assert len(ran.objections(1.0, 15.0)) <= 3
    assert ran.used(500, 8.0, 60.0) > 0.9


@pytest.mark.parametrize("by_clock", [True, False], ids=["clock", "sliding"])
@pytest.mark.parametrize("then", [480, 300, 100])
def test_a_limit_that_falls_is_found(by_clock: bool, then: int) -> None:
    ran = run(Speed(None), Server(turns(500, 30.0, then), by_clock=by_clock), 90.0)
    assert len(ran.objections(30.0, 50.0)) <= 10
    assert len(ran.objections(50.0)) <= 4
    assert ran.used(then, 50.0, 90.0) > 0.85


@pytest.mark.parametrize("by_clock", [True, False], ids=["clock", "sliding"])
def test_a_limit_that_grows_is_found_within_minutes(by_clock: bool) -> None:
    ran = run(Speed(None), Server(turns(100, 30.0, 300), by_clock=by_clock), 330.0)
    assert ran.used(300, 300.0, 330.0) > 0.85


@pytest.mark.parametrize("retry_after", [0.3, 1.0])
@pytest.mark.parametrize("whim", [0.0001, 0.001])
def test_a_whim_now_and_then_is_no_limit(whim: float, retry_after: float) -> None:
    """A server that takes what comes, and says "too fast" to one of so many: the machine sends 1,000 a second."""
    server = Server(always(None), whim=whim)
    ran = run(Speed(None), server, 60.0, workers=256, way=0.1, fastest=1000, retry_after=retry_after)
    assert len(ran.refused) >= 3
    assert ran.used(1000, 0.0, 60.0) > (0.8 if whim < 0.001 else 0.2)


@pytest.mark.parametrize(("whim", "least"), [(0.01, 20), (0.05, 5)])
def test_whims_without_end_slow_a_run_down_and_do_not_stop_it(whim: float, least: int) -> None:
    """Each of them asks for a second of quiet, so a hundred or twenty a second are the most that there could be."""
    ran = run(Speed(None), Server(always(None), whim=whim), 120.0, workers=256, way=0.1, fastest=1000)
    assert ran.used(1, 0.0, 120.0) > least


def test_the_first_whims_of_a_run_leave_no_trace() -> None:
    """The rest of what was under way was taken, so the second was not full: nobody slows down for it."""
    speed = Speed(None)
    speed.rate(0.0)
    for number in range(20):
        speed.accepted(0.1 + number / 1000, sent_at=0.0)
    speed.too_fast(0.12, sent_at=0.05)
    for number in range(40):
        speed.accepted(0.13 + number / 1000, sent_at=0.06)
    speed.too_fast(0.17, sent_at=0.06)
    assert speed.rate(0.2) is None


def test_a_burst_counts_what_was_taken_and_not_how_fast() -> None:
    """Fifty requests in a twentieth of a second are fifty in a second, if all others were refused."""
    speed = Speed(None)
    speed.rate(0.0)
    for number in range(48):
        speed.accepted(0.1 + number / 1000, sent_at=0.1)
    speed.too_fast(0.15, sent_at=0.12)
    for _ in range(2):
        speed.accepted(0.151, sent_at=0.11)
    for _ in range(10):
        speed.too_fast(0.152, sent_at=0.13)
    assert speed.rate(1.0) == 48.0
    assert speed.rate(120.2) == pytest.approx(50.0)


def test_a_reserve_is_kept_from_a_limit_that_was_found() -> None:
    alone, shared = (run(Speed(None, reserve=share), Server(always(100)), 60.0) for share in (0.0, 0.5))
    assert shared.used(100, 2.0, 60.0) < 0.55 * alone.used(100, 2.0, 60.0)


@pytest.mark.parametrize(("limit", "then"), [(30, 30), (80, 25)])
def test_auto_uses_nine_tenths_of_a_limit_and_asks_rarely(limit: int, then: int) -> None:
    ran = run(Speed(None, auto=True), Server(turns(limit, 60.0, then)), 120.0)
    assert len(ran.taken) >= 0.9 * (60 * limit + 60 * then)
    assert len(ran.refused) <= 0.01 * len(ran.taken)
