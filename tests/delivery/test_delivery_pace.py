"""N10: the rate is a ceiling in any sliding second, and what the server asks for counts for everybody.

Mostly in virtual time: seconds cost nothing, and no machine is too slow for an exact answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiolimiter import AsyncLimiter
from delivering import desk, echo
from hypothesis import given
from hypothesis import strategies as st
from servers import Line, RawServer, Request
from virtual_time import VirtualLoop, now

from importer.delivery.ceiling import Ceiling, Departure
from importer.delivery.pace import PROBE_EVERY, Pace
from importer.delivery.speed import Speed


def busiest(times: list[float], span: float = 1.0) -> int:
    """The most events in any sliding span."""
    return max((sum(1 for time in times if start <= time < start + span) for start in times), default=0)


def in_virtual_time(story: Callable[[], Any]) -> Any:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(story())


async def send_for(pace: Pace, seconds: float, *, workers: int = 20, takes: float = 0.0) -> list[float]:
    """When requests left, with so many workers that send as often as they are let."""
    times: list[float] = []
    end = now() + seconds

    async def work() -> None:
        while True:
            await pace.turn()
            if await pace.leave(Departure()) and now() < end:
                times.append(now())
            await asyncio.sleep(takes)

    tasks = [asyncio.create_task(work()) for _ in range(workers)]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return times


def paced(rate: float | None) -> Pace:
    return Pace(Speed(rate), clock=now)


@pytest.mark.parametrize("rate", [1, 2, 5, 10, 33, 100, 250])
@pytest.mark.parametrize("workers", [1, 20, 200])
def test_no_sliding_second_holds_more_than_the_rate(rate: float, workers: int) -> None:
    times = in_virtual_time(lambda: send_for(paced(rate), 10.0, workers=workers))
    assert busiest(times) <= rate
    assert len(times) >= 0.97 * rate * 10 - 1


@pytest.mark.parametrize("rate", [0.1, 0.5, 1.5, 2.5, 7.9])
def test_a_rate_that_is_no_whole_number_is_not_exceeded_either(rate: float) -> None:
    times = in_virtual_time(lambda: send_for(paced(rate), 60.0))
    assert busiest(times, max(1.0, 1 / rate)) <= max(1.0, rate)
    assert len(times) >= 0.6 * rate * 60 - 1


def test_the_first_second_is_not_doubled() -> None:
    """A limiter with the capacity of the rate lets twice as many through at first."""
    times = in_virtual_time(lambda: send_for(paced(10), 3.0))
    assert len([time for time in times if time < 1.0]) <= 10


def test_an_idle_minute_is_not_saved_up() -> None:
    async def story() -> list[float]:
        pace = paced(10)
        await send_for(pace, 1.0)
        await asyncio.sleep(60)
        return await send_for(pace, 3.0)

    assert busiest(in_virtual_time(story)) <= 10


@pytest.mark.parametrize("blocked", [0.5, 2.0, 30.0])
def test_a_blocked_loop_is_not_made_up_for(blocked: float) -> None:
    """H5: after a suspended laptop, or a slow disk, late timers do not burst."""

    async def story() -> list[float]:
        pace = paced(10)
        sending = asyncio.create_task(send_for(pace, blocked + 6.0))
        for _ in range(3):
            await asyncio.sleep(1.0)
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualLoop)
            loop._jumping.now += blocked / 3
        return await sending

    assert busiest(in_virtual_time(story)) <= 10


async def send_bunched() -> list[float]:
    """The fence of forty rows took five seconds, and then all of them are ready in the same moment."""
    pace, times = paced(10), []

    async def work() -> None:
        await pace.turn()
        await asyncio.sleep(max(0.0, 5.0 - now()))
        if await pace.leave(Departure()):
            times.append(now())

    await asyncio.gather(*(work() for _ in range(40)))
    return times


def test_workers_that_bunch_up_behind_the_fence_are_spread_again() -> None:
    times = in_virtual_time(send_bunched)
    assert len(times) == 40
    assert busiest(times) <= 10


def test_without_the_ceiling_they_would_not_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: a limiter before the fence promises nothing about what leaves behind it."""
    monkeypatch.setattr(Ceiling, "wait", lambda self, now: 0.0)
    assert busiest(in_virtual_time(send_bunched)) > 10


def test_without_a_rate_nobody_waits() -> None:
    async def story() -> float:
        pace = paced(None)
        for _ in range(1000):
            await pace.turn()
            assert await pace.leave(Departure())
        return now()

    assert in_virtual_time(story) < 0.01


@given(st.lists(st.tuples(st.floats(0, 0.4), st.floats(0.3, 40)), min_size=1, max_size=120), st.floats(0.3, 40))
def test_the_ceiling_holds_whatever_comes_and_however_the_rate_changes(
    steps: list[tuple[float, float]], rate: float
) -> None:
    """Requests come bunched, the rate changes under them; no second holds more than the highest rate in it."""
    ceiling, moment = Ceiling(rate), 0.0
    granted: list[float] = []
    highest = rate
    for pause, new_rate in steps:
        moment += pause
        if pause > 0.3:  # now and then
            ceiling.set_rate(new_rate)
            highest = max(highest, new_rate)
        moment += ceiling.wait(moment)
        assert ceiling.wait(moment) <= 1e-9
        ceiling.note(Departure(moment))
        granted.append(moment)
    assert busiest(granted) <= max(1, int(highest))


def test_a_limit_that_turns_out_to_be_none_is_waited_for_no_longer() -> None:
    """A hundred requests in a row look like a limit, until the rest of what was under way is taken as well."""

    async def story() -> tuple[float | None, float | None, float]:
        pace, sent_at = paced(None), now()
        assert pace.rate is None
        for _ in range(100):
            pace.accepted(Departure(sent_at))
        await asyncio.sleep(0.05)
        pace.slow_down(Departure(sent_at))
        limited = pace.rate
        await pace.turn()
        assert await pace.leave(Departure())
        pace.accepted(Departure(sent_at))
        begun = now()
        for _ in range(1000):
            await pace.turn()
            assert await pace.leave(Departure())
        return limited, pace.rate, now() - begun

    limited, rate, took = in_virtual_time(story)
    assert limited == 95.0
    assert rate is None
    assert took < 0.05


# -- the gate -------------------------------------------------------------------------------------------


def test_retry_after_closes_the_gate_for_all() -> None:
    """F16: 20 workers, some before their turn, some behind the fence: none sends for five whole seconds."""

    async def story() -> tuple[float, list[float]]:
        pace = paced(50)
        sending = asyncio.create_task(send_for(pace, 12.0, takes=0.05))
        await asyncio.sleep(3.0)
        pace.close_gate(5.0)
        return now(), await sending

    closed_at, times = in_virtual_time(story)
    assert [time for time in times if closed_at < time < closed_at + 5.0] == []
    after = [time for time in times if time >= closed_at + 5.0]
    assert busiest(after) <= 50  # and then they do not all come at once
    assert len(after) > 100


def test_a_shorter_wait_does_not_shorten_a_longer_one() -> None:
    async def story() -> float:
        pace = paced(None)
        pace.close_gate(5.0)
        pace.close_gate(1.0)
        assert pace.closed_for == pytest.approx(5.0, abs=0.001)
        await pace.turn()
        return now()

    assert in_virtual_time(story) == pytest.approx(5.0, abs=0.001)


def test_a_gate_that_is_closed_again_while_one_waits() -> None:
    async def story() -> float:
        pace = paced(None)
        pace.close_gate(1.0)
        waiting = asyncio.create_task(pace.turn())
        await asyncio.sleep(0.5)
        pace.close_gate(3.0)
        await waiting
        return now()

    assert in_virtual_time(story) == pytest.approx(3.5, abs=0.001)


def test_who_gives_up_waiting_leaves_no_trace() -> None:
    """C13: a cancelled turn is nobody's turn."""

    async def story() -> list[float]:
        pace = paced(5)
        waiting = [asyncio.create_task(pace.turn()) for _ in range(50)]
        await asyncio.sleep(0.5)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return await send_for(pace, 4.0)

    times = in_virtual_time(story)
    assert busiest(times) <= 5
    assert len(times) >= 18


def turns_used(rate: float) -> float:
    """The share of a rate that is used while the loop is held up for 0 to 40 ms again and again."""

    async def story() -> list[float]:
        sending, lots, loop = asyncio.create_task(send_for(paced(rate), 30.0)), Random(1), asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        while not sending.done():
            loop._jumping.now += 0.04 * lots.random()
            await asyncio.sleep(0.05)
        return await sending

    return len(in_virtual_time(story)) / (rate * 30.0)


@pytest.mark.parametrize("rate", [7, 8, 20, 100])
def test_who_wakes_late_catches_up(rate: float) -> None:
    assert turns_used(rate) >= 0.98


def test_without_that_it_would_be_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: a turn is counted from when the one before was really taken."""

    async def take(pace: Pace, turns: AsyncLimiter, count: float = 1.0) -> None:
        await take_turns(pace, turns, count)
        pace._next_turn = now() + turns.time_period / turns.max_rate

    take_turns = Pace._take
    monkeypatch.setattr(Pace, "_take", take)
    assert turns_used(7) < 0.98


class CoarseLoop(VirtualLoop):
    """Its timers count in milliseconds, as those of uvloop do, and the last part of a wait is rounded to nothing."""

    def call_at(self, when: float, *args: Any, **more: Any) -> asyncio.TimerHandle:
        return super().call_at(self.time() + round((when - self.time()) * 1000) / 1000, *args, **more)


def looks_for_turns(turns: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """How often it was worked out whether the next turn is there, until so many had been taken, at 300 a second."""
    looks, leak = 0, AsyncLimiter._leak

    def look(limiter: AsyncLimiter) -> None:
        nonlocal looks
        looks += 1
        leak(limiter)

    async def story() -> None:
        pace = Pace(Speed(300), clock=now)
        await asyncio.gather(*(pace.turn() for _ in range(turns)))

    monkeypatch.setattr(AsyncLimiter, "_leak", look)
    with asyncio.Runner(loop_factory=CoarseLoop) as runner:
        runner.run(story())
    return looks


def test_who_waits_for_a_turn_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor that is kept busy by waiting is one that others do not have."""
    assert looks_for_turns(100, monkeypatch) < 2_000


def test_the_limiter_alone_would_not_let_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control."""
    monkeypatch.setattr(Pace, "_take", lambda pace, turns, count=1.0: turns.acquire(count))
    assert looks_for_turns(100, monkeypatch) > 5_000


# -- outage ---------------------------------------------------------------------------------------------


def test_during_an_outage_one_probe_goes_through_in_thirty_seconds() -> None:
    """F27, P8"""

    async def story() -> list[float]:
        pace = paced(50)
        pace.outage(is_on=True)
        return await send_for(pace, 10 * PROBE_EVERY + 1)

    times = in_virtual_time(story)
    assert len(times) == 10
    assert busiest(times, PROBE_EVERY) == 1


def test_when_the_service_is_back_nobody_waits_for_the_next_probe() -> None:
    async def story() -> list[float]:
        pace = paced(50)
        pace.outage(is_on=True)
        sending = asyncio.create_task(send_for(pace, PROBE_EVERY + 10))
        await asyncio.sleep(PROBE_EVERY + 1)
        pace.outage(is_on=False)
        return await sending

    times = in_virtual_time(story)
    assert len([time for time in times if time < PROBE_EVERY + 1]) == 1
    assert len([time for time in times if PROBE_EVERY + 1 <= time < PROBE_EVERY + 2]) >= 40
    assert busiest(times) <= 50


def test_hearing_of_an_outage_again_does_not_put_off_the_probe() -> None:
    async def story() -> list[float]:
        pace = paced(None)
        pace.outage(is_on=True)
        sending = asyncio.create_task(send_for(pace, PROBE_EVERY + 1, takes=0.1))
        for _ in range(int(PROBE_EVERY)):
            await asyncio.sleep(1.0)
            pace.outage(is_on=True)
        return await sending

    assert len(in_virtual_time(story)) == 1


# -- slowing down ---------------------------------------------------------------------------------------


def test_too_fast_over_and_over_halves_the_rate_and_it_climbs_back() -> None:
    """F15: at once, for all; and the user's rate is reached again, never exceeded."""

    async def story() -> list[float]:
        pace = paced(40)
        sending = asyncio.create_task(send_for(pace, 180.0))
        await asyncio.sleep(9.0)
        for _ in range(4):
            await asyncio.sleep(0.25)
            pace.slow_down(Departure(sent_at=now()))
        return await sending

    times = in_virtual_time(story)

    def per_second(start: float) -> int:
        return sum(1 for time in times if start <= time < start + 1)

    assert per_second(8) >= 38
    assert 15 <= per_second(11) <= 23
    assert per_second(25) > per_second(12)
    assert per_second(170) >= 38
    assert busiest(times) <= 40


def test_many_complaints_about_one_moment_are_one_complaint() -> None:
    """Twenty requests were under way when the server first said so; the rate must not fall to nothing."""
    speed = Speed(40)
    speed.rate(0.0)
    for _ in range(20):
        speed.too_fast(10.0, sent_at=9.9)
    assert speed.rate(10.0) == 38.0
    speed.too_fast(11.0, sent_at=10.5)
    rate = speed.rate(11.0)
    assert rate is not None
    assert 34.0 < rate < 36.0


def test_complaints_without_end_do_not_stop_everything() -> None:
    speed = Speed(5)
    for second in range(1, 100):
        speed.too_fast(float(second), sent_at=second - 0.5)
    rate = speed.rate(100.0)
    assert rate is not None
    assert rate >= 0.2


@pytest.mark.parametrize("reserve", [0.2, 0.5])
def test_a_reserve_is_left_to_others(reserve: float) -> None:
    assert Speed(50, reserve=reserve).rate(0.0) == 50 * (1 - reserve)


@pytest.mark.parametrize("options", [{}, {"reserve": 0.2}])
def test_auto_finds_the_limit_and_stays_near_it(options: dict[str, float]) -> None:
    """A server that allows 40 a second, in a model of one request at a time."""

    def complaints(speed: Speed, limit: int, seconds: int) -> tuple[int, float]:
        refused, moment, taken = 0, 0.0, []
        while moment < seconds:
            rate = speed.rate(moment)
            assert rate is not None
            moment += 1 / rate
            taken = [time for time in taken if time > moment - 1]
            if len(taken) < limit:
                taken.append(moment)
                speed.accepted(moment, sent_at=moment)
            else:
                refused += 1
                speed.too_fast(moment, sent_at=moment)
        return refused, len(taken)

    refused, last_second = complaints(Speed(None, auto=True, **options), 40, 120)
    assert refused < 120  # in 120 seconds
    assert last_second >= 40 * (1 - options.get("reserve", 0.0)) * 0.6


def test_auto_lives_for_hours() -> None:
    speed = Speed(None, auto=True)
    speed.rate(0.0)
    assert speed.rate(3600.0) is not None


def test_auto_comes_down_from_a_rate_that_nobody_could_use() -> None:
    """50 a second are all that the workers manage; the wanted rate must not run away from that."""
    speed = Speed(None, auto=True)
    for step in range(50 * 20):
        speed.rate(step / 50)
        speed.accepted(step / 50, sent_at=step / 50)
    speed.too_fast(20.0, sent_at=19.9)
    rate = speed.rate(20.0)
    assert rate is not None
    assert rate <= 50


# -- over real time -------------------------------------------------------------------------------------


@pytest.mark.parametrize("fresh", [True, False], ids=["fresh", "reused"])
async def test_the_server_sees_no_second_above_the_rate(tmp_path: Path, loop_factory: Any, fresh: bool) -> None:
    """The whole way: turn, fence, ceiling, socket; times as the server takes them."""
    arrived: list[float] = []

    async def step(line: Line, request: Request) -> None:
        arrived.append(time.monotonic())
        await line.send(echo(request, str(len(arrived))))

    keys = [f"K{number}" for number in range(40)]
    async with RawServer(step) as server, desk(tmp_path / "l.db", server.url, keys=keys, fresh=fresh, rate=30) as here:

        async def work(mine: list[str]) -> None:
            for key in mine:
                await here.deliver(key)

        begun = time.monotonic()
        await asyncio.gather(*(work(keys[number::6]) for number in range(6)))
    assert busiest(arrived) <= 30 * 1.1 + 1  # the way to the server has some play
    assert sum(1 for moment in arrived if moment < begun + 1.0) <= 31
    assert len(arrived) == len(keys)
