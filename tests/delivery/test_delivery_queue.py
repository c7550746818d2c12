"""The queue: everything once, in order, back when it is given back, and an end exactly when nothing can come back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from virtual_time import VirtualLoop

from importer.delivery.queue import PAGE, RecordQueue
from importer.errors import LedgerError
from importer.ledger.records import Pending


def record(number: int) -> Pending:
    return Pending(number, number + 1, f"K{number}", b"{}", None)


class Rows:
    """What the ledger would give: records 1 to ``count``, page by page, taking its time."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.asked: list[tuple[int, int]] = []

    async def __call__(self, after: int, limit: int) -> list[Pending]:
        self.asked.append((after, limit))
        await asyncio.sleep(0.01)
        return [record(number) for number in range(after + 1, self.count + 1)][:limit]


def in_virtual_time(story: Callable[[], Any]) -> Any:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(story())


def queue_of(count: int, **options: Any) -> RecordQueue:
    return RecordQueue(Rows(count), **options)


async def drain(queue: RecordQueue, *, takers: int = 1, takes: float = 0.0) -> list[int]:
    """Take and finish everything; the numbers in the order in which they were taken."""
    taken: list[int] = []

    async def take() -> None:
        while (one := await queue.take()) is not None:
            taken.append(one.id)
            await asyncio.sleep(takes)
            queue.done()

    await asyncio.gather(*(take() for _ in range(takers)))
    return taken


@pytest.mark.parametrize("count", [0, 1, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE])
@pytest.mark.parametrize("takers", [1, 7])
def test_every_record_once_and_in_order(count: int, takers: int) -> None:
    assert in_virtual_time(lambda: drain(queue_of(count), takers=takers)) == list(range(1, count + 1))


@pytest.mark.parametrize("limit", [0, 1, PAGE, PAGE + 1, 10_000])
def test_a_limit_is_kept(limit: int) -> None:
    count = 2 * PAGE
    taken = in_virtual_time(lambda: drain(queue_of(count, limit=limit), takers=3))
    assert taken == list(range(1, min(limit, count) + 1))


def test_a_limit_is_kept_while_awaited_records_take_places_during_the_loading() -> None:
    """Outcomes of earlier runs are settled at any time, also while the last page of a limit is read."""

    async def story() -> tuple[list[int], list[tuple[int, int]]]:
        rows = Rows(2 * PAGE)
        queue = RecordQueue(rows, limit=10)
        for _ in range(3):
            queue.expect()
        taken = asyncio.create_task(drain(queue))
        await asyncio.sleep(0.005)  # the page is being read
        for number in (901, 902, 903):
            assert queue.has_room()
            queue.again(record(number))
        return await taken, rows.asked

    taken, asked = in_virtual_time(story)
    assert sorted(taken) == [*range(1, 8), 901, 902, 903]
    assert asked == [(0, 10)]


def test_a_record_that_is_put_off_leaves_its_place_to_another() -> None:
    async def story() -> list[int]:
        queue = queue_of(10, limit=2)
        assert await queue.take() == record(1)
        queue.put_off()
        return await drain(queue)

    assert in_virtual_time(story) == [2, 3]


def test_a_place_that_becomes_free_when_nobody_looks_any_more_is_taken() -> None:
    """Another worker found no place, before a record in hand was put off."""

    async def story() -> list[int]:
        queue = queue_of(10, limit=2)
        assert (await queue.take(), await queue.take()) == (record(1), record(2))
        waiting = asyncio.create_task(queue.take())
        await asyncio.sleep(1)
        queue.put_off()
        queue.done()
        return [taken.id for taken in [await waiting] if taken]

    assert in_virtual_time(story) == [3]


def test_a_record_that_comes_back_does_not_count_against_the_limit() -> None:
    async def story() -> list[int]:
        queue = queue_of(10, limit=2)
        first = await queue.take()
        assert first is not None
        queue.again(first)
        return await drain(queue)

    assert sorted(in_virtual_time(story)) == [1, 2]


def test_pages_are_loaded_once_however_many_wait() -> None:
    async def story() -> list[tuple[int, int]]:
        rows = Rows(PAGE + 3)
        await drain(RecordQueue(rows), takers=20)
        return rows.asked

    assert in_virtual_time(story) == [(0, PAGE), (PAGE, PAGE)]


def test_a_record_comes_back_behind_those_that_are_loaded() -> None:
    async def story() -> list[int]:
        queue = queue_of(3)
        first = await queue.take()
        assert first is not None
        queue.again(first)
        return await drain(queue)

    assert in_virtual_time(story) == [2, 3, 1]


def test_nobody_is_sent_home_while_a_record_may_come_back() -> None:
    """The last record is in hand; whoever waits must get it if it is given back."""

    async def story() -> list[int]:
        queue = queue_of(1)
        one = await queue.take()
        assert one is not None
        waiting = [asyncio.create_task(queue.take()) for _ in range(5)]
        await asyncio.sleep(100.0)
        assert not any(task.done() for task in waiting)
        queue.again(one)
        await asyncio.sleep(0.1)
        got = [task.result() for task in waiting if task.done()]
        assert len(got) == 1
        queue.done()
        assert [await task for task in waiting].count(None) == 4
        return [taken.id for taken in got]

    assert in_virtual_time(story) == [1]


def test_a_record_whose_look_up_is_under_way_is_waited_for() -> None:
    async def story() -> list[int]:
        queue = queue_of(0)
        queue.expect()
        queue.expect()
        waiting = asyncio.create_task(queue.take())
        await asyncio.sleep(50.0)
        assert not waiting.done()
        queue.done()  # one was found
        await asyncio.sleep(50.0)
        assert not waiting.done()
        queue.again(record(9))  # the other was not
        one = await waiting
        assert one is not None
        queue.done()
        assert await queue.take() is None
        return [one.id]

    assert in_virtual_time(story) == [9]


def test_all_who_wait_hear_of_the_end() -> None:
    async def story() -> list[None]:
        queue = queue_of(1)
        await queue.take()
        waiting = [asyncio.create_task(queue.take()) for _ in range(20)]
        await asyncio.sleep(1.0)
        queue.done()
        return [await task for task in waiting]

    assert in_virtual_time(story) == [None] * 20


def test_many_takers_with_work_and_returns_lose_nothing() -> None:
    async def story() -> list[int]:
        queue, done = queue_of(2 * PAGE), []

        async def work(number: int) -> None:
            while (one := await queue.take()) is not None:
                await asyncio.sleep((one.id * 7 + number) % 5 / 10)
                if (one.id, "again") not in seen and one.id % 3 == 0:
                    seen.add((one.id, "again"))
                    await asyncio.sleep(one.id % 4)
                    queue.again(one)
                else:
                    done.append(one.id)
                    queue.done()

        seen: set[tuple[int, str]] = set()
        await asyncio.gather(*(work(number) for number in range(13)))
        return done

    assert sorted(in_virtual_time(story)) == list(range(1, 2 * PAGE + 1))


def test_a_ledger_that_fails_is_heard_of_by_everybody() -> None:
    """Nobody waits for records that nobody can load any more."""

    async def fail(after: int, limit: int) -> list[Pending]:
        raise LedgerError("the disk reported an error")

    async def story() -> list[Any]:
        queue = RecordQueue(fail)
        return await asyncio.gather(*(queue.take() for _ in range(5)), return_exceptions=True)

    assert [type(result) for result in in_virtual_time(story)] == [LedgerError] * 5


def test_who_gives_up_waiting_takes_nothing_along() -> None:
    async def story() -> list[int]:
        queue = queue_of(3)
        waiting = asyncio.create_task(queue.take())
        await asyncio.sleep(0.001)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        return await drain(queue)

    assert in_virtual_time(story) == [1, 2, 3]


# -- children that are let go ---------------------------------------------------------------------------


class Families:
    """A ledger of parents 1 to ``count``, each of which lets a child go when it is finished, as one list of pages."""

    def __init__(self, count: int, *, foreign: int = 0) -> None:
        self.rows = Rows(count)
        self.foreign = foreign
        self.free: list[Pending] = []

    def finish(self, number: int) -> None:
        if 0 < number <= self.rows.count:
            self.free.append(replace(record(self.foreign - number), released=True))

    async def __call__(self, after: int, limit: int) -> list[Pending]:
        self.rows.asked.append((after, limit))
        await asyncio.sleep(0.01)
        freed, self.free = self.free[:limit], self.free[limit:]
        more = range(after + 1, self.rows.count + 1)
        return [*freed, *(record(number) for number in more)][:limit]


async def drain_families(families: Families, *, takers: int, limit: int | None = None) -> list[int]:
    queue = RecordQueue(families, released=lambda: bool(families.free), limit=limit)
    taken: list[int] = []

    async def take() -> None:
        while (one := await queue.take()) is not None:
            taken.append(one.id)
            await asyncio.sleep(0.1)
            families.finish(one.id)
            queue.done()

    await asyncio.gather(*(take() for _ in range(takers)))
    return taken


@pytest.mark.parametrize("takers", [1, 7, 40])
@pytest.mark.parametrize("count", [1, 5, PAGE, PAGE + 1])
@pytest.mark.parametrize("foreign", [0, 10**6], ids=["before the cursor", "of another source"])
def test_children_come_in_the_run_that_lets_them_go(count: int, takers: int, foreign: int) -> None:
    taken = in_virtual_time(lambda: drain_families(Families(count, foreign=foreign), takers=takers))
    assert sorted(taken) == sorted([*range(1, count + 1), *(foreign - number for number in range(1, count + 1))])


def test_the_end_of_the_queue_waits_for_children_without_asking_again_and_again() -> None:
    families = Families(3)
    taken = in_virtual_time(lambda: drain_families(families, takers=9))
    assert sorted(taken) == [-3, -2, -1, 1, 2, 3]
    assert len(families.rows.asked) <= 1 + 3, "one page, and at most one for each child"


@pytest.mark.parametrize("limit", [0, 1, 3, 4, 5, 6, 7])
def test_children_count_against_the_limit(limit: int) -> None:
    taken = in_virtual_time(lambda: drain_families(Families(3), takers=2, limit=limit))
    assert len(taken) == min(limit, 6)
