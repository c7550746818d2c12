"""How many requests may be repetitions: enough for bad luck, and never so many that trouble is multiplied."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from delivering import CaseServer, run_once, staged_ledger
from servers import Line, RawServer, Request, http

from importer.delivery.budget import RetryBudget
from importer.models import State


@pytest.mark.parametrize("rows", [0, 100, 10_000])
def test_at_most_a_tenth_of_all_requests_are_retries(rows: int) -> None:
    """P8, N11: a few are there from the start, for small files."""
    budget = RetryBudget()
    retries = 0
    for _ in range(rows):
        budget.first_attempt()
        retries += budget.take_retry()
    while budget.take_retry():
        retries += 1
    assert 10 + 0.1 * rows - 1 <= retries <= 10 + 0.1 * rows


def test_what_is_spent_is_spent() -> None:
    budget = RetryBudget(start=1.0)
    assert budget.take_retry()
    assert not budget.take_retry()
    for _ in range(11):
        budget.first_attempt()
    assert budget.take_retry()


def test_all_who_are_under_way_may_be_refused_at_once() -> None:
    budget = RetryBudget(64, start=1.0)
    assert all(budget.take_retry(too_fast=True) for _ in range(65))
    assert not budget.take_retry(too_fast=True)


def test_that_is_for_nothing_else() -> None:
    """N11: a server that fails is not asked more often because there are more workers."""
    budget = RetryBudget(64, start=1.0)
    assert budget.take_retry()
    assert not budget.take_retry()


async def test_a_limit_that_nobody_knew_leaves_nothing_for_the_next_run(tmp_path: Path) -> None:
    """A server that is sent to faster than it can take objects to all at once."""
    workers, all_there, refused, cases = 24, asyncio.Barrier(24), 0, CaseServer()

    async def step(line: Line, request: Request) -> None:
        nonlocal refused
        if request.method == "POST" and refused < workers:
            refused += 1
            await all_there.wait()
            await line.send(http(429, {}, "Retry-After: 0"))
        else:
            await cases(line, request)

    path = staged_ledger(tmp_path / "l.db", [str(number) for number in range(30)])
    async with RawServer(step) as server:
        result = await run_once(path, server.url, concurrency=workers, rate=500)
    assert (result.moved[State.CREATED], result.moved[State.PENDING]) == (30, 0)
    assert {len(made) for made in cases.cases.values()} == {1}
