"""How much of a server's limit is used, and how often it says "too fast": whole runs of the pace, in virtual time.

The server here counts a request when it arrives, in a sliding second. Between that and our clock are a way that takes
its time, work that takes longer, and moments in which the server does nothing at all.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from statistics import mean
from typing import NamedTuple

import pytest
from virtual_time import VirtualLoop, now

from importer.delivery.ceiling import Ceiling, Departure
from importer.delivery.pace import Pace
from importer.delivery.speed import Speed


@dataclass(frozen=True)
class Way:
    """How long things take.

    Args:
        there: Seconds to the server, at least; what comes on top is drawn.
        work: Seconds from when the request was counted to its answer, drawn between these two.
        stall: Every so many seconds the server does nothing for so many seconds.
    """

    there: float = 0.0003
    work: tuple[float, float] = (0.0, 0.0003)
    stall: tuple[float, float] = (1e9, 0.0)

    def arrival(self, left: float, lots: Random) -> float:
        arrives = left + self.there + lots.expovariate(3000)
        every, length = self.stall
        return max(arrives, arrives // every * every + length)


NEAR = Way()
FAR = Way(there=0.02, work=(0.15, 0.45))


class Server:
    """Takes ``limit(seconds since the first request)`` requests in any second."""

    def __init__(self, limit: Callable[[float], float]) -> None:
        self._limit = limit
        self._taken: deque[float] = deque()
        self.arrivals: list[float] = []
        self.refused = 0

    def takes(self) -> bool:
        self.arrivals.append(now())
        while self._taken and self._taken[0] <= now() - 1.0:
            self._taken.popleft()
        if len(self._taken) >= self._limit(now() - self.arrivals[0]):
            self.refused += 1
            return False
        self._taken.append(now())
        return True


class Used(NamedTuple):
    """What a run came to."""

    share: float
    refused: int
    requests: int


def run(
    speed: Speed, limit: Callable[[float], float], *, rows: int, way: Way = NEAR, workers: int = 32, seed: int = 1
) -> Used:
    """Send so many rows; "too fast" asks for a second of quiet."""
    server, lots, left = Server(limit), Random(seed), itertools.repeat(None, rows)

    async def send(pace: Pace) -> bool:
        await pace.turn()
        await asyncio.sleep(0.001 + 0.003 * lots.random())  # the fence
        departure = Departure()
        if not await pace.leave(departure):
            return False
        await asyncio.sleep(way.arrival(now(), lots) - now())
        is_taken = server.takes()
        await asyncio.sleep(way.there + lots.uniform(*way.work))
        pace.answered(departure)
        if is_taken:
            pace.accepted(departure)
        else:
            pace.slow_down(departure)
            pace.close_gate(1.0)
        return is_taken

    async def story() -> None:
        pace = Pace(speed, clock=now)

        async def work() -> None:
            for _ in left:
                while not await send(pace):
                    pass

        await asyncio.gather(*(work() for _ in range(workers)))

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(story())
    begun, end = server.arrivals[0], server.arrivals[-1]
    allowed = sum(limit(step / 100) for step in range(int((end - begun) * 100))) / 100
    return Used(rows / allowed, server.refused, len(server.arrivals))


WAYS = {
    "near": NEAR,
    "near, short stalls": Way(stall=(0.7, 0.02)),
    "near, long stalls": Way(stall=(3.3, 0.06)),
}


@pytest.mark.parametrize("rate", [20, 100])
@pytest.mark.parametrize("way", ["near", "near, short stalls", "near, long stalls"])
def test_a_rate_that_the_server_enforces_is_used_and_never_exceeded(rate: int, way: str) -> None:
    used = run(Speed(rate), lambda _: rate, rows=rate * 40, way=WAYS[way])
    assert used.refused == 0
    assert used.share >= 0.99


def test_a_server_that_works_for_a_while_before_it_answers_costs_little() -> None:
    """How late an answer is does not tell there whether the way or the work took longer."""
    used = run(Speed(50), lambda _: 50, rows=50 * 40, way=FAR)
    assert used.refused == 0
    assert used.share >= 0.97


def test_a_request_that_was_held_up_on_its_way_counts_on() -> None:
    """It left a second ago, and arrived 60 ms later, as its answer shows."""
    ceiling = Ceiling(1)
    for number in range(100):
        ceiling.accepted(Departure(number, number + 0.01))
    ceiling.note(Departure(200.0, 200.07))
    assert ceiling.wait(201.0) == pytest.approx(0.065)
    ceiling.note(Departure(300.0, 300.01))
    assert ceiling.wait(301.0) == pytest.approx(0.005)
    ceiling.note(Departure(400.0))  # no answer, and it is not known where it is
    assert ceiling.wait(401.0) == pytest.approx(0.255)


@pytest.mark.parametrize(
    ("took", "level"), [([1.0, 1.0], 1.0), ([1.0, 1.002], 1.0), ([1.0, 1.1], 1.092), ([1, 2, 3], 2.988)]
)
def test_what_is_usual_leaves_four_milliseconds_on_an_average(took: list[float], level: float) -> None:
    ceiling = Ceiling(1)
    for number in range(30):
        ceiling.accepted(Departure(0.0, took[number % len(took)]))
    assert ceiling._usual == pytest.approx(level)


def test_without_that_a_stall_of_the_server_is_an_answer_of_429(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control."""
    monkeypatch.setattr(Ceiling, "_late", lambda self, departure, now: 0.0)
    assert run(Speed(100), lambda _: 100, rows=4000, way=WAYS["near, long stalls"]).refused > 0


@pytest.mark.parametrize(
    ("limit", "rows", "least"),
    [
        (lambda _: 30, 1800, 0.9),
        (lambda since: 80 if since < 60 else 25, 6300, 0.9),
        (lambda since: 10 if since < 30 else 60, 2100, 0.4),  # to six times as much it is a climb of a minute
    ],
    ids=["30", "80, then 25", "10, then 60"],
)
def test_auto_finds_the_limit_and_stays_near_it(limit: Callable[[float], float], rows: int, least: float) -> None:
    used = run(Speed(None, auto=True), limit, rows=rows)
    assert used.refused <= 0.01 * used.requests
    assert used.share >= least


def test_auto_far_away() -> None:
    """ "Too fast" is heard 200 ms late, of all that left in between. One run says little there: an average does."""
    runs = [run(Speed(None, auto=True), lambda _: 30, rows=1800, way=FAR, seed=seed) for seed in range(12)]
    assert sum(used.refused for used in runs) <= 0.01 * sum(used.requests for used in runs)
    assert mean(used.share for used in runs) >= 0.85


def test_auto_with_a_reserve_leaves_it() -> None:
    used = run(Speed(None, auto=True, reserve=0.2), lambda _: 30, rows=1800)
    assert 0.65 <= used.share <= 0.82


def test_a_user_who_orders_more_than_the_account_takes_gets_most_of_it() -> None:
    used = run(Speed(100), lambda _: 60, rows=60 * 60)
    assert used.share >= 0.7
    assert used.refused <= 0.01 * used.requests
