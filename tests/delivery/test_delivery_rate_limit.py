"""When requests may leave: never more than the rate in any second, nearly all of it, never while the server says no."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiolimiter import AsyncLimiter
from delivering import CaseServer, run_once, staged_ledger
from hypothesis import given, settings
from hypothesis import strategies as st
from servers import Line, RawServer, Request
from virtual_time import VirtualLoop, now

from importer.delivery import rate_limit
from importer.delivery.rate_limit import FIRST_RATE, LOWEST_RATE, PROBE_EVERY, RateLimiter
from importer.ledger import LedgerWriter
from importer.talkdesk.auth import Tokens


def in_virtual_time(story: Callable[[], Awaitable[Any]]) -> Any:
    async def told() -> Any:
        return await story()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(told())


def fullest_second(starts: list[float]) -> int:
    """The most requests in any sliding second."""
    most = first = 0
    for last, moment in enumerate(starts):
        while starts[first] <= moment - 1.0 + 1e-9:
            first += 1
        most = max(most, last - first + 1)
    return most


async def starts_of(limiter: RateLimiter, count: int, *, workers: int = 8, takes: float = 0.2) -> list[float]:
    """When so many requests leave, if each worker sends one after the other."""
    starts: list[float] = []

    async def work() -> None:
        while len(starts) < count and await limiter.acquire():
            starts.append(now())
            await asyncio.sleep(takes)

    await asyncio.gather(*(work() for _ in range(workers)))
    return starts


@pytest.mark.parametrize("rate", [0.5, 1, 5, 20, 49, 50, 75, 100, 200, 500, 1000])
def test_no_second_holds_more_than_the_rate_and_nearly_all_of_it_is_used(rate: float) -> None:
    starts = in_virtual_time(lambda: starts_of(RateLimiter(rate), int(rate * 20) + 1, workers=500))
    assert fullest_second(starts) <= max(1, rate)
    assert len(starts) / (starts[-1] - starts[0] + 1 / rate) >= 0.97 * rate


def test_the_usual_way_to_write_it_lets_twice_the_rate_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: a limiter that holds a whole second of requests gives them all away at the start."""
    monkeypatch.setattr(rate_limit, "limiter_for", lambda rate: AsyncLimiter(rate, 1))
    starts = in_virtual_time(lambda: starts_of(RateLimiter(100), 400, workers=500))
    assert fullest_second(starts) > 150


@pytest.mark.parametrize("rate", [5, 100, 500])
def test_who_was_held_up_does_not_catch_up_too_fast(rate: int) -> None:
    """A disk that hangs, a loop that was busy, a minute without anything to do: nothing is saved up."""

    async def story() -> list[float]:
        limiter, starts = RateLimiter(rate), []
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        for number in range(rate * 10):
            assert await limiter.acquire()
            starts.append(now())
            if number % rate == rate // 2:
                loop.pass_time(0.7)
            if number == rate * 5:
                await asyncio.sleep(60)
        return starts

    assert fullest_second(in_virtual_time(story)) <= rate


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([5, 30, 120]))
def test_the_rate_holds_whatever_the_server_says(seed: int, rate: int) -> None:
    """Answers of 429, waits that it asks for, outages that begin and end, at any moment."""
    lots = Random(seed)

    async def disturb(limiter: RateLimiter) -> None:
        for _ in range(12):
            await asyncio.sleep(lots.expovariate(1.0))
            match lots.randrange(4):
                case 0:
                    limiter.throttled(lots.choice([None, 0.0, 3.0]), sent_at=now())
                case 1:
                    limiter.pause(lots.random() * 5)
                case 2:
                    limiter.outage(is_on=True)
                case 3:
                    limiter.outage(is_on=False)
        limiter.outage(is_on=False)

    async def story() -> list[float]:
        limiter = RateLimiter(rate)
        disturbing = asyncio.create_task(disturb(limiter))
        starts = await starts_of(limiter, rate * 20, workers=40)
        await disturbing
        return starts

    assert fullest_second(in_virtual_time(story)) <= rate


def test_without_a_rate_nobody_waits() -> None:
    starts = in_virtual_time(lambda: starts_of(RateLimiter(None), 1000, takes=0.0))
    assert starts[-1] < 0.1


# -- the server wants quiet -----------------------------------------------------------------------------


def test_while_the_server_wants_quiet_nobody_leaves() -> None:
    """Not those that wait already either, and a shorter wait does not shorten a longer one."""

    async def story() -> list[float]:
        limiter = RateLimiter(10)
        sending = asyncio.create_task(starts_of(limiter, 100))
        await asyncio.sleep(3.05)
        limiter.pause(20.0)
        limiter.pause(1.0)
        return await sending

    starts = in_virtual_time(story)
    assert [moment for moment in starts if 3.05 < moment < 23.05] == []
    assert fullest_second(starts) <= 10
    assert starts[-1] < 32


def test_a_stop_tells_all_who_wait() -> None:
    """However long they would have waited; and nobody leaves afterwards."""

    async def story() -> tuple[list[bool], float]:
        limiter = RateLimiter(0.01)
        limiter.pause(3600.0)
        waiting = [asyncio.create_task(limiter.acquire()) for _ in range(5)]
        await asyncio.sleep(7.0)
        limiter.stop()
        return [*(await asyncio.gather(*waiting)), await limiter.acquire()], now()

    said, moment = in_virtual_time(story)
    assert said == [False] * 6
    assert moment == pytest.approx(7.0, abs=0.01)


def test_without_a_rate_a_stop_and_a_pause_hold_as_well() -> None:
    async def story() -> list[object]:
        limiter = RateLimiter(None)
        limiter.pause(5.0)
        first = await limiter.acquire()
        later = now()
        limiter.stop()
        return [first, round(later), await limiter.acquire()]

    assert in_virtual_time(story) == [True, 5, False]


def test_who_gives_up_waiting_takes_no_turn() -> None:
    async def story() -> list[float]:
        limiter = RateLimiter(1)
        assert await limiter.acquire()
        waiting = asyncio.create_task(limiter.acquire())
        await asyncio.sleep(0.5)
        waiting.cancel()
        assert await limiter.acquire()
        return [now()]

    assert in_virtual_time(story) == [pytest.approx(1.0, abs=0.01)]


# -- outage ---------------------------------------------------------------------------------------------


def test_during_an_outage_one_probe_goes_through_in_thirty_seconds() -> None:
    """Hearing of the outage again does not put it off; when it is over, nobody waits for the next probe."""

    async def story() -> list[float]:
        limiter = RateLimiter(100)
        limiter.outage(is_on=True)
        sending = asyncio.create_task(starts_of(limiter, 50, takes=0.0))
        for _ in range(10):
            await asyncio.sleep(10)
            limiter.outage(is_on=True)
        limiter.outage(is_on=False)
        return await sending

    starts = in_virtual_time(story)
    assert [round(moment) for moment in starts[:3]] == [PROBE_EVERY, 2 * PROBE_EVERY, 3 * PROBE_EVERY]
    assert 100 <= starts[3] <= starts[-1] < 101


# -- too fast -------------------------------------------------------------------------------------------


async def rates_after(limiter: RateLimiter, *seconds: float) -> list[float | None]:
    """The rate after each of these seconds."""
    rates, began = [], now()
    for moment in seconds:
        await asyncio.sleep(began + moment - now())
        rates.append(None if limiter.rate is None else round(limiter.rate, 1))
    return rates


def test_the_rate_falls_by_a_tenth_and_is_back_within_a_minute() -> None:
    async def story() -> list[float | None]:
        limiter = RateLimiter(100)
        limiter.throttled(0.0, sent_at=now())
        return await rates_after(limiter, 0, 30, 60, 1000)

    assert in_virtual_time(story) == [90.0, 95.0, 100.0, 100.0]


def test_heard_again_within_a_minute_it_is_halved() -> None:
    async def story() -> list[float | None]:
        limiter = RateLimiter(100)
        limiter.throttled(0.0, sent_at=now())
        await asyncio.sleep(30)
        limiter.throttled(0.0, sent_at=now())
        return await rates_after(limiter, 0, 30, 60)

    assert in_virtual_time(story) == [47.5, 73.8, 100.0]


def test_many_answers_about_one_moment_count_once() -> None:
    """All that was under way when the rate fell says nothing about the new rate."""

    async def story() -> float | None:
        limiter = RateLimiter(100)
        sent_at = now()
        for _ in range(20):
            await asyncio.sleep(0.01)
            limiter.throttled(0.0, sent_at=sent_at)
        return limiter.rate

    assert in_virtual_time(story) == pytest.approx(90.0, abs=0.1)


def test_answers_of_429_without_end_do_not_stop_everything() -> None:
    async def story() -> float | None:
        limiter = RateLimiter(100)
        for _ in range(200):
            await asyncio.sleep(0.1)
            limiter.throttled(0.0, sent_at=now())
        return limiter.rate

    assert LOWEST_RATE <= in_virtual_time(story) < 5


@pytest.mark.parametrize(("reserve", "rate"), [(0.0, 50.0), (0.2, 40.0)])
def test_a_reserve_is_a_share_of_the_rate(reserve: float, rate: float) -> None:
    assert RateLimiter(50, reserve=reserve).rate == rate


class LimitedServer:
    """Takes ``limit`` requests in any sliding second."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.taken: list[float] = []
        self.refused = 0

    async def work(self, limiter: RateLimiter, until: float) -> None:
        while now() < until and await limiter.acquire():
            sent_at = now()
            await asyncio.sleep(0.05)
            if sum(moment > now() - 1.0 for moment in self.taken[-int(self.limit) :]) < self.limit:
                self.taken.append(now())
            else:
                self.refused += 1
                limiter.throttled(0.5, sent_at=sent_at)


@pytest.mark.parametrize("options", [{"auto": True}, {}], ids=["auto", "no rate"])
@pytest.mark.parametrize("limit", [8, 30, 200])
def test_a_limit_that_nobody_told_is_found(options: dict[str, bool], limit: int) -> None:
    seconds = 600.0 if limit < 100 else 90.0

    async def story() -> LimitedServer:
        limiter, server = RateLimiter(None, **options), LimitedServer(limit)
        await asyncio.gather(*(server.work(limiter, seconds) for _ in range(32)))
        return server

    server = in_virtual_time(story)
    assert len(server.taken) > 0.55 * limit * seconds
    assert server.refused < 0.05 * len(server.taken)


def test_auto_begins_with_little_and_doubles_only_what_is_used() -> None:
    async def story(takes: float) -> float | None:
        limiter = RateLimiter(None, auto=True)
        assert limiter.rate == FIRST_RATE
        await starts_of(limiter, int(15 / takes), workers=4, takes=takes)
        return limiter.rate

    assert in_virtual_time(lambda: story(0.02)) > 100
    assert in_virtual_time(lambda: story(1.0)) <= 10  # four workers that take a second each never use more than four


# -- in a whole run, over real sockets ------------------------------------------------------------------


async def arrivals(tmp_path: Path, rate: int, count: int, **target: Any) -> list[float]:
    """When the requests of a run arrive."""
    moments: list[float] = []
    cases = CaseServer()

    async def step(line: Line, request: Request) -> None:
        moments.append(time.monotonic())
        await cases(line, request)

    path = staged_ledger(tmp_path / "l.db", [f"K{number}" for number in range(count)])
    async with RawServer(step) as server:
        await run_once(path, server.url, rate=rate, concurrency=16, target=target)
    return moments


async def test_the_server_sees_no_second_above_the_rate(tmp_path: Path, loop_factory: Any) -> None:
    moments = await arrivals(tmp_path, 40, 100)
    assert fullest_second(moments) <= 40 * 1.25  # on a busy machine some come closer together than they left


@pytest.mark.parametrize("slow", ["disk", "token"])
async def test_pauses_of_the_disk_and_of_tokens_bunch_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    """All workers wait together for the mark, or for a token; then they leave one after the other all the same."""
    if slow == "disk":
        commit = LedgerWriter.commit

        def slowly(self: LedgerWriter, group: Any) -> Any:
            time.sleep(0.25)
            return commit(self, group)

        monkeypatch.setattr(LedgerWriter, "commit", slowly)
    else:
        get, asked = Tokens.get, []

        async def at_times(self: Tokens) -> str:
            asked.append(None)
            await asyncio.sleep(0.5 - asyncio.get_running_loop().time() % 0.5)
            return await get(self)

        monkeypatch.setattr(Tokens, "get", at_times)
    moments = await arrivals(tmp_path, 20, 50)
    gaps = [after - before for before, after in pairwise(moments)]
    assert fullest_second(moments) <= 20 * 1.25
    assert sum(gap < 0.02 for gap in gaps) <= 5
