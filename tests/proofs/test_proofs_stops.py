"""Promise P9: two runs at once, runs that are told to stop, runs whose clock is moved."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from pathlib import Path
from typing import NamedTuple

import pytest
import wrong_builds as wrong
from crash_points import Crash
from history import History
from launching import Change, Child
from program import Ended, SandboxProcess, sandbox_process, until
from scenes import LOST, Campaign, rows

from importer.errors import ExitCode

pytestmark = pytest.mark.slow

_LATENCY_MS = 100
_WORKERS = 8


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """An API that takes its time, so that something is under way at any moment."""
    with sandbox_process(tmp_path_factory.mktemp("slow"), "--latency", _LATENCY_MS) as server:
        yield server


def start(campaign: Campaign, *, change: Change = nullcontext) -> Child:
    """The command, left running."""
    return Child(campaign.folder, *campaign.command, change=change, variables=campaign.environment)


def side_by_side(tries: int, attempt: Callable[[int], object]) -> None:
    """Try it so many times; all of them must go well."""
    with ThreadPoolExecutor(5) as some:
        for done in [some.submit(attempt, number) for number in range(tries)]:
            done.result()


# -- told to stop ----------------------------------------------------------------------------------


class Stopped(NamedTuple):
    """A run that was told to stop."""

    campaign: Campaign
    ended: Ended
    latest_fence: float  #: seconds from the moment at which the process heard of the stop
    at_stop: History


def told_to_stop(folder: Path, server: SandboxProcess, number: int, *, change: Change, **variables: str) -> Stopped:
    tickets = rows(f"s{folder.name}-{number}", 100)
    campaign = Campaign(folder / str(number), server, tickets, ("--concurrency", _WORKERS), variables)
    child = start(campaign, change=change)
    enough = random.Random(number).randint(1, 60)
    until(lambda: len(campaign.cases()) >= enough, what="cases")
    assert child.process.pid is not None
    os.kill(child.process.pid, signal.SIGTERM)
    ended = child.end()
    heard = float((campaign.folder / "heard").read_text())
    with closing(sqlite3.connect(campaign.ledger)) as connection:
        (latest,) = connection.execute("SELECT max(at) FROM event WHERE state = 'sending'").fetchone()
    return Stopped(campaign, ended, latest - heard, campaign.history())


def test_no_row_is_begun_once_a_run_was_told_to_stop(slow: SandboxProcess, tmp_path: Path) -> None:
    """N9: no fence after 100 ms, everything under way is drained, and the same command ends the work."""

    def attempt(number: int) -> None:
        stopped = told_to_stop(tmp_path, slow, number, change=wrong.built(wrong.notes_the_stop))
        story = stopped.campaign.story(stopped.at_stop, number=number, ended=stopped.ended)
        assert stopped.ended.code == ExitCode.TERMINATED, story
        assert stopped.latest_fence < 0.1, story
        assert stopped.at_stop.doubtful == stopped.at_stop.duplicated == stopped.at_stop.phantom == [], story
        history = stopped.campaign.finish()
        assert history.offences == {}, stopped.campaign.story(history, number=number)

    side_by_side(10, attempt)


def test_a_run_that_goes_on_after_the_stop_is_caught(slow: SandboxProcess, tmp_path: Path) -> None:
    """The negative control."""
    stopped = told_to_stop(tmp_path, slow, 3, change=wrong.built(wrong.ignores_the_stop))
    assert stopped.latest_fence > 0.1


def test_what_is_not_drained_in_time_is_unknown(slow: SandboxProcess, tmp_path: Path) -> None:
    """Without any grace, no more rows than workers are in doubt, and the next run settles them."""

    def attempt(number: int) -> int:
        change = wrong.built(wrong.notes_the_stop)
        stopped = told_to_stop(tmp_path, slow, number, change=change, CASE_IMPORTER_GRACE="0")
        doubtful = len(stopped.at_stop.doubtful)
        assert stopped.ended.code == ExitCode.TERMINATED
        assert doubtful <= _WORKERS
        assert stopped.campaign.standing("sending") == 0
        history = stopped.campaign.finish()
        assert history.offences == {}, stopped.campaign.story(history, number=number)
        return doubtful

    with ThreadPoolExecutor(5) as some:
        assert sum(some.map(attempt, range(5))), "no stop met a request under way, so nothing was proven"


# -- two at once -----------------------------------------------------------------------------------


def test_of_two_runs_at_once_one_works(server: SandboxProcess, tmp_path: Path) -> None:
    """The other one sends nothing and says why; every row is one case."""

    def attempt(number: int) -> None:
        campaign = Campaign(tmp_path / str(number), server, rows(f"two{number}", 60), ("--rate", 120))
        assert (
            campaign.run(change=wrong.built(crash=Crash("in staging", 1))).code == -signal.SIGKILL
        )  # there is a ledger
        twin = Campaign(tmp_path / f"{number}b", server, campaign.tickets, ("--rate", 120), {}, campaign.folder / "out")
        both = [start(campaign), start(twin)]
        ends = [child.end() for child in both]
        assert sorted(end.code for end in ends) == [ExitCode.OK, ExitCode.LOCKED], ends
        assert campaign.requests() == len(campaign.cases()) == 60
        assert campaign.history().offences == {}

    side_by_side(10, attempt)


def test_a_ledger_that_is_being_made_is_nothing_to_fear(server: SandboxProcess, tmp_path: Path) -> None:
    """Of two first runs one may make the file and the other be the first to use it: it finds it empty."""
    campaign = Campaign(tmp_path / "c", server, rows("made", 5))
    campaign.ledger.parent.mkdir()
    campaign.ledger.touch(0o600)
    assert campaign.run().code == ExitCode.OK, campaign.ends


def test_a_run_that_sleeps_keeps_its_ledger(slow: SandboxProcess, tmp_path: Path) -> None:
    """A stopped process holds the lock as long as it lives, and goes on as if nothing had been."""
    campaign = Campaign(tmp_path / "c", slow, rows("sleeps", 60), ("--concurrency", _WORKERS))
    child = start(campaign)
    until(lambda: len(campaign.cases()) >= 10, what="cases")
    assert child.process.pid is not None
    os.kill(child.process.pid, signal.SIGSTOP)
    twin = Campaign(tmp_path / "twin", slow, campaign.tickets, (), {}, campaign.folder / "out")
    began = time.monotonic()
    assert start(twin).end().code == ExitCode.LOCKED
    assert time.monotonic() - began < 20, "a lock is refused at once"
    os.kill(child.process.pid, signal.SIGCONT)
    assert child.end().code == ExitCode.OK
    assert campaign.history().offences == {}


# -- clocks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("leap", [wrong.clock_leaps_ahead, wrong.clock_leaps_back])
def test_a_wall_clock_that_leaps_for_days_doubles_nothing(
    server: SandboxProcess, tmp_path: Path, leap: Callable[[], None]
) -> None:
    """What is waited for is waited for by another clock; what cannot be proven without one stays in doubt."""
    # All at once can lose five answers in a row: an outage, which is waited out for half a minute.
    few = ("--concurrency", _WORKERS)
    campaign = Campaign(tmp_path / "c", server, rows(leap.__name__, 40, every=4, fate=LOST), few)
    campaign.run(change=wrong.built(leap))
    history = campaign.history()
    assert history.duplicated == history.phantom == history.lost == [], campaign.story(history)
    history = campaign.finish()
    assert history.offences == {}, campaign.story(history)
