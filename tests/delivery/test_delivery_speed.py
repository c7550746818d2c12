"""Which rate is right at the moment: pure arithmetic over a clock that the test turns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.delivery.speed import LOWEST_RATE, Curve, Speed


def test_without_trouble_a_fixed_rate_stays_what_the_user_said() -> None:
    speed = Speed(20.0)
    assert [speed.rate(now) for now in (0.0, 1.0, 1e6)] == [20.0] * 3


def test_without_a_rate_there_is_no_limit_until_the_server_objects() -> None:
    speed = Speed(None)
    assert speed.rate(0.0) is None
    for number in range(500):
        speed.accepted(9.0 + number / 500)
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
        speed.accepted(1.0 + number / 20)
    assert (speed.rate(2.0) or 0) > 2 * (first or 0)
    now = 3.0
    for number in range(30):
        speed.accepted(now - 1.0 + number / 30)
    speed.too_fast(now, sent_at=now)
    later = []
    for seconds in (0, 3, 6, 9, 12):
        for number in range(25):
            speed.accepted(now + seconds - 1.0 + number / 25)
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
            speed.accepted(5.0 + number / 50)
        speed.too_fast(6.0, sent_at=6.0)
        for number in range(40):
            speed.accepted(9.0 + number / 40)
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
