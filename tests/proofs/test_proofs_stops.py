"""Promise P9: two runs at once, runs that are told to stop, runs whose clock is moved."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
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
    begun_later: int  #: rows that were begun after the process heard of the stop
    at_stop: History


def told_to_stop(
    folder: Path, server: SandboxProcess, number: int, *changes: Callable[[], None], **variables: str
) -> Stopped:
    tickets = rows(f"s{folder.name}-{number}", 100)
    campaign = Campaign(folder / str(number), server, tickets, ("--concurrency", _WORKERS), variables)
    told = wrong.Signal(signal.SIGTERM, random.Random(number).randint(1, 60))
    ended = campaign.run(change=wrong.built(*changes, crash=told))
    begun_later = wrong.rows_begun(str(campaign.ledger)) - int((campaign.folder / "heard").read_text())
    return Stopped(campaign, ended, begun_later, campaign.history())


def test_no_row_is_begun_once_a_run_was_told_to_stop(slow: SandboxProcess, tmp_path: Path) -> None:
    """At most what each worker was about to begin; what is under way is drained, and the same command ends the work."""

    def attempt(number: int) -> None:
        stopped = told_to_stop(tmp_path, slow, number, wrong.notes_the_stop)
        story = stopped.campaign.story(stopped.at_stop, number=number, ended=stopped.ended)
        assert stopped.ended.code == ExitCode.TERMINATED, story
        assert stopped.begun_later <= _WORKERS, story
        assert stopped.at_stop.unknown == stopped.at_stop.duplicated == stopped.at_stop.phantom == [], story
        history = stopped.campaign.finish()
        assert history.offences == {}, stopped.campaign.story(history, number=number)

    side_by_side(5, attempt)


def test_a_run_that_goes_on_after_the_stop_is_caught(slow: SandboxProcess, tmp_path: Path) -> None:
    """The negative control."""
    assert told_to_stop(tmp_path, slow, 3, wrong.ignores_the_stop).begun_later > _WORKERS


def test_what_is_not_drained_in_time_is_unknown(slow: SandboxProcess, tmp_path: Path) -> None:
    """Without any grace, no more rows than workers are unknown, and the next run settles them."""

    def attempt(number: int) -> None:
        stopped = told_to_stop(tmp_path, slow, number, wrong.notes_the_stop, CASE_IMPORTER_GRACE="0")
        assert stopped.ended.code == ExitCode.TERMINATED
        assert 1 <= len(stopped.at_stop.unknown) <= _WORKERS
        assert stopped.campaign.standing("sending") == 0
        history = stopped.campaign.finish()
        assert history.offences == {}, stopped.campaign.story(history, number=number)

    side_by_side(3, attempt)


# -- two at once -----------------------------------------------------------------------------------


def test_of_two_runs_at_once_one_works(server: SandboxProcess, tmp_path: Path) -> None:
    """The other one sends nothing and says why; every row is one case."""

    def attempt(number: int) -> None:
        tickets = rows(f"two{number}", 60)
        campaign = Campaign(tmp_path / str(number), server, tickets, ("--rate", 2))
        killed = campaign.run(change=wrong.built(crash=Crash("in staging", 1)))
        assert killed.code == -signal.SIGKILL  # there is a ledger
        second = Campaign(tmp_path / f"{number}b", server, tickets, ("--rate", 2), {}, campaign.folder / "out")
        both = [start(campaign), start(second)]
        until(lambda: any(child.ends_within(0) for child in both), what="the one that finds the ledger taken")
        other, working = sorted(both, key=lambda child: not child.ends_within(0))
        assert other.end().code == ExitCode.LOCKED
        until(lambda: campaign.standing("created"), what="a case")
        working.send(signal.SIGTERM)
        assert working.end().code == ExitCode.TERMINATED
        campaign.options = ()
        assert campaign.finish().offences == {}
        assert campaign.requests() == len(campaign.cases()) == 60

    side_by_side(4, attempt)


def with_the_lock_deleted(campaign: Campaign, *changes: Callable[[], None]) -> ExitCode:
    """How a run ends whose lock is deleted while it sends; another run could begin then."""
    before = campaign.server.creates()
    child = start(campaign, change=wrong.built(*changes))
    until(lambda: campaign.server.creates() > before + 1, what="a case")
    campaign.ledger.with_name("ledger.db.lock").unlink()
    return ExitCode(child.end().code)


def test_a_run_ends_when_its_lock_is_deleted(server: SandboxProcess, tmp_path: Path) -> None:
    campaign = Campaign(tmp_path / "c", server, rows("unlocked", 40), ("--rate", 10))
    assert with_the_lock_deleted(campaign) is ExitCode.LEDGER
    assert len(campaign.cases()) < 40
    assert campaign.finish().offences == {}


def test_the_build_that_minds_no_lost_lock_is_caught(server: SandboxProcess, tmp_path: Path) -> None:
    campaign = Campaign(tmp_path / "c", server, rows("goes-on", 40), ("--rate", 10))
    assert with_the_lock_deleted(campaign, wrong.minds_no_lost_lock) is ExitCode.OK


def test_a_ledger_that_is_being_made_is_nothing_to_fear(server: SandboxProcess, tmp_path: Path) -> None:
    """Of two first runs one may make the file and the other be the first to use it: it finds it empty."""
    campaign = Campaign(tmp_path / "c", server, rows("made", 5))
    campaign.ledger.parent.mkdir()
    campaign.ledger.touch(0o600)
    assert campaign.run().code == ExitCode.OK, campaign.ends


def test_a_run_that_sleeps_keeps_its_ledger(slow: SandboxProcess, tmp_path: Path) -> None:
    """A stopped process holds the lock as long as it lives, and goes on as if nothing had been."""
    campaign = Campaign(tmp_path / "c", slow, rows("sleeps", 60), ("--concurrency", _WORKERS))
    child = start(campaign, change=wrong.built(crash=wrong.Signal(signal.SIGSTOP, 10)))
    until(campaign.cases, what="a case")
    second = Campaign(tmp_path / "second", slow, campaign.tickets, (), {}, campaign.folder / "out")
    assert start(second).end().code == ExitCode.LOCKED
    until(lambda: "State:\tT" in Path(f"/proc/{child.process.pid}/status").read_text(), what="the tenth request")
    child.send(signal.SIGCONT)
    assert child.end().code == ExitCode.OK
    assert campaign.history().offences == {}


# -- clocks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("leap", [wrong.clock_leaps_ahead, wrong.clock_leaps_back])
def test_a_wall_clock_that_leaps_for_days_doubles_nothing(
    server: SandboxProcess, tmp_path: Path, leap: Callable[[], None]
) -> None:
    """What is waited for is waited for by another clock; what cannot be proven without one stays unknown."""
    # All at once can lose five answers in a row: an outage, which is waited out for half a minute.
    few = ("--concurrency", _WORKERS)
    campaign = Campaign(tmp_path / "c", server, rows(leap.__name__, 40, every=4, fate=LOST), few)
    campaign.run(change=wrong.built(leap))
    history = campaign.history()
    assert history.duplicated == history.phantom == history.lost == [], campaign.story(history)
    history = campaign.finish()
    assert history.offences == {}, campaign.story(history)
