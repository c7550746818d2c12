"""Negative controls: each build that is wrong in one respect is caught, and the right one passes in the same scene.

A harness that finds nothing in these would find nothing anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import wrong_builds as wrong
from crash_points import Crash
from history import History
from program import SandboxProcess, sandbox_process, until
from scenes import GARBLED, LOST, MOVED, PLAN, SLOW, Campaign, rows

pytestmark = pytest.mark.slow

Story = Callable[["Scene", tuple[Any, ...]], Campaign]
_SIGKILL = -9
#: More could lose five answers in a row: an outage, which is waited out for half a minute.
_FEW = ("--concurrency", 8)


class Scene(NamedTuple):
    """Where a story is told."""

    folder: Path
    server: SandboxProcess
    behind: SandboxProcess  #: its list shows a case after a while only
    name: str

    def campaign(self, count: int, *options: object, fate: str = "", every: int = 4, **more: Any) -> Campaign:
        return Campaign(self.folder, self.server, rows(self.name, count, every=every, fate=fate), options, **more)


def run_and_retry(fate: str, *options: object) -> Story:
    """Run, then send again what the reports call refused, as a person would who believes them, and searches nothing."""

    def story(scene: Scene, changes: tuple[Any, ...]) -> Campaign:
        campaign = scene.campaign(24, "--accept-existing", *options, fate=fate, every=12)
        campaign.run(change=wrong.built(*changes))
        campaign.retry()
        return campaign

    return story


def killed_in_the_middle(scene: Scene, changes: tuple[Any, ...]) -> Campaign:
    # Nothing is searched: the early answer of that call would let the run write in the middle of a transaction.
    campaign = scene.campaign(40, "--concurrency", 8, "--accept-existing")
    died = campaign.run(change=wrong.built(*changes, crash=Crash("the answer has arrived", 17)))
    assert died.code == _SIGKILL
    campaign.run(change=wrong.built(*changes))
    return campaign


def slow_server(scene: Scene, changes: tuple[Any, ...]) -> Campaign:
    """The server takes three seconds for some rows, and the client gives up after 1.2."""
    delay = "0" if hasty_delay in changes else "4"
    campaign = scene.campaign(12, fate=SLOW, variables={"CASE_IMPORTER_SETTLE_DELAY": delay})
    campaign.run(change=wrong.built(wrong.impatient))
    until(lambda: len(campaign.cases()) >= campaign.requests(), what="the cases that are still being made")
    return campaign


def hasty_delay() -> None:
    """Search at once: a setting rather than a build."""


def list_behind(scene: Scene, changes: tuple[Any, ...]) -> Campaign:
    """The list shows new cases seconds after the last request; the settle delay is a tenth of one."""
    scene = scene._replace(server=scene.behind)
    campaign = scene.campaign(24, *_FEW, "--rate", 40, fate=LOST, variables={"CASE_IMPORTER_SETTLE_DELAY": "0.1"})
    campaign.run(change=wrong.built(*changes))
    return campaign


def list_falls_behind(scene: Scene, changes: tuple[Any, ...]) -> Campaign:
    """The same, but the list shows the cases of a run before, so that it seems to work."""
    scene = scene._replace(server=scene.behind)
    campaign = scene.campaign(24, fate=LOST, variables={"CASE_IMPORTER_SETTLE_DELAY": "0.1"})
    campaign.options = (*_FEW, "--rate", 40, "--limit", 6)
    campaign.finish()
    assert campaign.standing("created") == 6
    campaign.options = (*_FEW, "--rate", 200)  # quick enough to search twice before the list has caught up
    campaign.run(change=wrong.built(*changes))
    return campaign


STORIES: dict[str, tuple[Story, tuple[Any, ...]]] = {
    "retries blindly": (run_and_retry(LOST), (wrong.retries_blindly,)),
    "takes silence for not sent": (run_and_retry(LOST), (wrong.takes_silence_for_not_sent,)),
    "sending becomes pending": (killed_in_the_middle, (wrong.sending_becomes_pending,)),
    "mark not committed before the request": (killed_in_the_middle, (wrong.answers_before_commit,)),
    "mark not waited for": (killed_in_the_middle, (wrong.marks_in_passing,)),
    "settle delay shorter than the server": (slow_server, (hasty_delay,)),
    "settle delay shorter than the list, no control case": (list_behind, (wrong.needs_no_control_case,)),
    "control case that is too old": (list_falls_behind, (wrong.takes_an_old_control_case,)),
    "control case that is asked for once in a run": (list_falls_behind, (wrong.asks_for_the_control_case_once,)),
    "trusts the status in an exception": (run_and_retry(GARBLED), (wrong.trusts_exceptions,)),
    "follows redirects": (run_and_retry(MOVED, "--concurrency", 1), (wrong.follows_redirects,)),
}


@pytest.fixture(scope="module")
def told(server: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Any, Future[Any]]]:
    """Every story twice, with the wrong build and with the right one, side by side: they wait more than they work."""
    folder = tmp_path_factory.mktemp("builds")

    def tell(number: int, name: str, is_right: bool) -> tuple[Campaign, History]:
        label = f"w{number}{'r' if is_right else 'w'}"
        story, changes = STORIES[name]
        scene = Scene(folder / label, server, behind if is_right else far_behind, label)
        campaign = story(scene, () if is_right else changes)
        return campaign, campaign.history()

    # Far enough for a wrong build to search twice before the list has caught up, however busy the machine is.
    with (
        sandbox_process(folder, "--index-lag", 4, faults=PLAN) as behind,
        sandbox_process(folder, "--index-lag", 15, faults=PLAN) as far_behind,
        ThreadPoolExecutor(8) as all_at_once,
    ):
        yield {
            (name, is_right): all_at_once.submit(tell, number, name, is_right)
            for number, name in enumerate(STORIES)
            for is_right in (False, True)
        }


@pytest.mark.parametrize("name", STORIES)
def test_the_wrong_build_is_caught(told: dict[Any, Future[Any]], name: str) -> None:
    campaign, history = told[name, False].result()
    caught = history.lost + history.duplicated + history.phantom
    assert caught, f"nothing was found: {campaign.story(history)}"


@pytest.mark.parametrize("name", STORIES)
def test_the_right_build_passes_where_the_wrong_one_fails(told: dict[Any, Future[Any]], name: str) -> None:
    """What cannot be decided may stay unknown, and a run may stop; nothing is lost, doubled or invented."""
    campaign, history = told[name, True].result()
    unsent = set(history.unsent) if name == "follows redirects" else set()
    caught = set(history.lost) - unsent, history.duplicated, history.phantom, history.unexpected
    assert caught == (set(), [], [], []), campaign.story(history)


@pytest.mark.parametrize("is_right", [False, True])
def test_success_is_announced_when_it_is_on_disk(server: SandboxProcess, tmp_path: Path, is_right: bool) -> None:
    """Killed right behind the 17th success that anybody was told of, a ledger knows of all 17."""
    changes = () if is_right else (wrong.answers_before_commit,)
    campaign = Campaign(tmp_path / "c", server, rows(f"a{is_right}", 40), ("--concurrency", 8, "--accept-existing"))
    died = campaign.run(change=wrong.built(*changes, crash=Crash("a success is announced", 17)))
    assert died.code == _SIGKILL
    assert (campaign.standing("created") >= 17) is is_right
