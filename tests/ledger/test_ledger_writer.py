"""The writer: many wishes, one fsync, one failure for all that come after it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from ledgers import as_killed, row_of, stage, valid

from importer.errors import LedgerError
from importer.ledger import Ledger, LedgerWriter
from importer.ledger.records import Mark, Outcome, Settled
from importer.models import State


@pytest.fixture
def staged(ledger: Ledger) -> Ledger:
    """A hundred rows that may be sent."""
    stage(ledger, [valid(f"K{number}", row=number + 2) for number in range(100)])
    return ledger


@pytest.fixture
def commits(staged: Ledger) -> Iterator[list[str]]:
    """The transactions that the writer ends, as they happen."""
    ends: list[str] = []
    staged.connection.set_trace_callback(lambda query: ends.append(query) if query in ("COMMIT", "ROLLBACK") else None)
    yield ends
    staged.connection.set_trace_callback(None)


def created(number: int) -> Outcome:
    return Outcome(State.CREATED, f"case-{number}", 201, "created")


async def test_a_mark_is_on_disk_when_its_future_is_done(staged: Ledger, tmp_path: Path) -> None:
    """What a killed process leaves at that moment has the mark in it."""
    async with LedgerWriter(staged) as writer:
        assert await writer.mark_sending(7) is Mark.DONE
        killed = as_killed(staged, tmp_path / "killed")
    with Ledger(killed, verb="run") as again:
        assert [unknown.id for unknown in again.unknown_records()] == [7]


async def test_all_that_wait_share_one_commit(staged: Ledger, commits: list[str]) -> None:
    async with LedgerWriter(staged) as writer:
        begun, may_go_on = Event(), Event()
        blocker = asyncio.ensure_future(writer.call(lambda _: (begun.set(), may_go_on.wait(10))))
        await asyncio.to_thread(begun.wait, 10)
        marks = [asyncio.ensure_future(writer.mark_sending(number)) for number in range(1, 51)]
        await asyncio.sleep(0)
        may_go_on.set()
        assert await asyncio.gather(*marks) == [Mark.DONE] * 50
        await blocker
    assert commits == ["COMMIT"] * 2


async def test_wishes_are_carried_out_in_their_order(staged: Ledger) -> None:
    """When a mark is on disk, every outcome handed in before it is on disk as well."""
    async with LedgerWriter(staged) as writer:
        await writer.mark_sending(1)
        first = asyncio.ensure_future(writer.settle(1, created(1)))
        await writer.mark_sending(2)
        assert row_of(staged, "K0")["state"] == "created"
        assert await first is Settled.DONE
        order: list[int] = []
        await asyncio.gather(*(writer.call(lambda _, number=number: order.append(number)) for number in range(1200)))
    assert order == list(range(1200))


async def test_leaving_waits_for_what_was_asked(staged: Ledger) -> None:
    """Nothing that was handed in is lost when the run ends."""
    async with LedgerWriter(staged) as writer:
        marks = [asyncio.ensure_future(writer.mark_sending(number)) for number in range(1, 101)]
        await asyncio.sleep(0)
    assert staged.counts() == {State.SENDING: 100}
    assert await asyncio.gather(*marks) == [Mark.DONE] * 100


async def test_what_a_cancelled_worker_asked_for_is_done_all_the_same(staged: Ledger) -> None:
    """The ledger must not believe less than what may have happened."""
    async with LedgerWriter(staged) as writer:
        mark = asyncio.ensure_future(writer.mark_sending(1))
        await asyncio.sleep(0)
        mark.cancel()
        await writer.mark_sending(2)
    assert row_of(staged, "K0")["state"] == "sending"


async def test_after_a_failure_nothing_is_written_any_more(staged: Ledger) -> None:
    """A disk that failed once may have lost what it confirmed."""

    def fail(_: Ledger) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    async with LedgerWriter(staged) as writer:
        with pytest.raises(LedgerError, match="disk I/O error") as first:
            await writer.call(fail)
        for wish in (writer.mark_sending(1), writer.settle(1, created(1)), writer.call(lambda _: 1)):
            with pytest.raises(LedgerError) as later:
                await wish
            assert later.value is first.value
    assert staged.counts() == {State.PENDING: 100}


async def test_a_failure_undoes_its_whole_group(staged: Ledger) -> None:
    """Nobody is told that a mark is on disk which was rolled back with somebody else's failure."""
    async with LedgerWriter(staged) as writer:
        begun, may_go_on = Event(), Event()
        blocker = asyncio.ensure_future(writer.call(lambda _: (begun.set(), may_go_on.wait(10))))
        await asyncio.to_thread(begun.wait, 10)
        asked = (writer.mark_sending(1), writer.settle(2, created(2), before=State.PENDING), writer.mark_sending(3))
        wishes = [asyncio.ensure_future(wish) for wish in asked]
        await asyncio.sleep(0)
        may_go_on.set()
        results = await asyncio.gather(*wishes, return_exceptions=True)
        await blocker
    assert [type(result) for result in results] == [LedgerError] * 3
    assert staged.counts() == {State.PENDING: 100}


async def test_a_mistake_of_ours_reaches_those_who_wait(staged: Ledger) -> None:
    """An error that is none of SQLite's must not end the thread in silence, with everybody waiting for ever."""
    async with LedgerWriter(staged) as writer:
        with pytest.raises(ZeroDivisionError):
            await writer.call(lambda _: 1 // 0)
        assert await writer.mark_sending(1) is Mark.DONE


@pytest.mark.parametrize("away", ["moved", "deleted"])
async def test_nothing_is_marked_in_a_ledger_that_was_taken_away(staged: Ledger, away: str) -> None:
    """The next run could not see the mark."""
    async with LedgerWriter(staged) as writer:
        assert await writer.mark_sending(1) is Mark.DONE
        staged.path.rename(staged.path.with_name("elsewhere")) if away == "moved" else staged.path.unlink()
        with pytest.raises(LedgerError, match="moved or deleted"):
            await writer.mark_sending(2)
    assert staged.counts()[State.SENDING] == 1


async def test_another_program_that_holds_the_file_stops_the_run(staged: Ledger) -> None:
    """Busy means that somebody broke the rules; nobody waits for ever."""
    staged.connection.execute("PRAGMA busy_timeout=50")
    other = sqlite3.connect(staged.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    async with LedgerWriter(staged) as writer:
        with pytest.raises(LedgerError, match="another program has the ledger open"):
            await writer.mark_sending(1)
    other.close()


async def test_who_comes_after_the_end_does_not_wait_for_ever(staged: Ledger) -> None:
    async with LedgerWriter(staged) as writer:
        pass
    async with asyncio.timeout(30):
        with pytest.raises(LedgerError, match="closed"):
            await writer.mark_sending(1)
