"""Promises P1, P2, P5 and P6: killed at every point that matters, the same command again makes each row one case."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from crash_points import Crash, Tally
from history import History
from program import SandboxProcess
from scenes import LOST, Campaign, rows
from tickets import read_csv

pytestmark = pytest.mark.slow

ROWS, EVERY, WORKERS = 40, 4, 8
UNKNOWN = ROWS // EVERY
_SIGKILL = -9

_MAKING = "the ledger is made"

#: How often one run reaches each point: once for each row, unknown outcome, piece of a report, … A point that is
#: reached more or less often than that is not the point that it is taken for.
HITS = {
    _MAKING: 3,
    "in staging": ROWS // 4,
    "staging ends": 7,
    "before the mark is committed": ROWS,
    "behind the mark": ROWS,
    "before the request": ROWS,
    "the server has read it": ROWS,
    "the answer has arrived": ROWS,
    "before the settlement is committed": ROWS + UNKNOWN,
    "behind the settlement": ROWS + UNKNOWN,
    "a success is announced": ROWS,
    "in a search": UNKNOWN,
    "in a report": 2 * ROWS + 3,  # results.csv and id_map.csv with their headers, summary.json
}

#: Deaths one after the other; the last run of a story is left alone.
STORIES: dict[str, tuple[Crash, ...]] = {
    f"{point} {hit}": (Crash(point, hit),)
    for point, last in HITS.items()
    for hit in sorted({1, 17 if last > 17 else last // 2, last})
}
_MIDDLE = Crash("the answer has arrived", 17)
STORIES |= {
    f"{point} {times} times": (_MIDDLE, *[Crash(point, 1)] * times)
    for point in ("in recovery", "behind recovery")
    for times in (1, 5)
}
STORIES |= {
    f"behind a death, {point}": (_MIDDLE, Crash(point, 1))
    for point in HITS
    if "staging" not in point and "ledger" not in point
}


class Told(NamedTuple):
    """A story that is over."""

    campaign: Campaign
    codes: list[int]
    unknown: list[int]
    history: History
    reports: list[str]


@pytest.fixture(scope="module")
def stories(server: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Told]]]:
    """All stories, side by side: they wait more than they work."""
    folder = tmp_path_factory.mktemp("crashes")
    with ThreadPoolExecutor(20) as all_at_once:
        yield {
            name: all_at_once.submit(_tell, folder / str(number), server, f"c{number}", STORIES[name])
            for number, name in enumerate(STORIES)
        }


def _campaign(folder: Path, server: SandboxProcess, prefix: str) -> Campaign:
    tickets = rows(prefix, ROWS, every=EVERY, fate=LOST)
    return Campaign(folder, server, tickets, options=("--concurrency", WORKERS))


def _tell(folder: Path, server: SandboxProcess, prefix: str, crashes: tuple[Crash, ...]) -> Told:
    campaign = _campaign(folder, server, prefix)
    codes, unknown, reports = [], [], []
    for crash in crashes:
        codes.append(campaign.run(change=crash).code)
        unknown.append(0 if crash.point == _MAKING else campaign.standing("sending"))
        reports += [path.name for path in sorted((folder / "out").glob("[!.]*")) if path.suffix in (".csv", ".json")]
    return Told(campaign, codes, unknown, campaign.finish(), reports)


def test_every_point_is_where_it_should_be(server: SandboxProcess, tmp_path: Path) -> None:
    """A point that is never reached would prove nothing."""
    campaign = _campaign(tmp_path / "tally", server, "tally")
    campaign.run(change=Tally(tmp_path / "hits.json"))
    hits = json.loads((tmp_path / "hits.json").read_text())
    assert campaign.history().offences == {}
    assert hits == HITS | {"in recovery": 1, "behind recovery": 1}


@pytest.mark.parametrize("name", sorted(STORIES))
def test_killed_at(stories: dict[str, Future[Told]], name: str) -> None:
    campaign, codes, unknown, history, reports = stories[name].result()
    story = campaign.story(history, crashes=STORIES[name])
    assert codes == [_SIGKILL] * len(codes), f"a point was not reached: {story}"
    assert history.offences == {}, story
    assert campaign.ends[-1].code == 0, story
    assert max(unknown) <= WORKERS, f"P5: {unknown}; {story}"
    results = read_csv(campaign.folder / "out" / "results.csv")
    assert [line["state"] for line in results] == ["created"] * ROWS, story
    if STORIES[name][0] in (Crash("in a report", 1), Crash("in a report", 17)):
        assert reports == [], "a report that is half written must not be seen"
