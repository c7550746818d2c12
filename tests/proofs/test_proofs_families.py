"""Rows below other rows, killed at every point that matters: no child is ever sent before its parent is a case.

The server refuses a parent that does not exist, so a child that is sent too early is refused, or is a case without a
parent. Both are looked for, and builds that are wrong on purpose show that they are found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from crash_points import Crash
from history import History
from program import SandboxProcess
from scenes import LOST, Campaign, rows
from tickets import HEADER, MAPPING, read_csv, write_tickets

from importer.ledger import Ledger, parents, sources
from importer.ledger.records import Settlement
from importer.models import State

pytestmark = pytest.mark.slow

COUNT, WORKERS = 60, 8
_SIGKILL = -9
_MIDDLE = Crash("the answer has arrived", 17)

STORIES: dict[str, tuple[Crash, ...]] = {
    f"{point} {hit}": (Crash(point, hit),)
    for point in (
        "before the mark is committed",
        "behind the mark",
        "the server has read it",
        "the answer has arrived",
        "before the settlement is committed",
        "behind the settlement",
    )
    for hit in (1, 17, 41)
}
STORIES |= {f"staging ends {hit}": (Crash("staging ends", hit),) for hit in (1, 7)}
STORIES |= {
    "in a search": (Crash("in a search", 1),),
    "behind a death, behind the settlement": (_MIDDLE, Crash("behind the settlement", 1)),
    "behind a death, in a search": (_MIDDLE, Crash("in a search", 1)),
    "three deaths": (_MIDDLE, _MIDDLE, _MIDDLE),
}


class Told(NamedTuple):
    """A story that is over."""

    campaign: Campaign
    codes: list[int]
    history: History
    above: dict[str, str]
    strangers: list[str]


def parents_of(keys: list[str]) -> dict[str, str]:
    """Key → key of the row above it: of three rows the middle one is above the other two."""
    return {key: keys[at - at % 3 + 1] for at, key in enumerate(keys) if at % 3 != 1}


def tell(folder: Path, server: SandboxProcess, prefix: str, crashes: tuple[Any, ...], *, last: Any = None) -> Told:
    tickets = rows(prefix, COUNT, every=4, fate=LOST)
    campaign = Campaign(folder, server, tickets, options=("--concurrency", WORKERS))
    above = parents_of([ticket.id for ticket in tickets])
    lines = [(*ticket, above.get(ticket.id, "")) for ticket in tickets]
    write_tickets(folder / "t.csv", lines, header=(*HEADER, "Above"))
    (folder / "m.yml").write_text(MAPPING + "  parent_id: {record: Above}\n", encoding="utf-8")
    codes = [campaign.run(change=crash).code for crash in crashes]
    if last:
        campaign.run(change=last)
    history = campaign.history() if last else campaign.finish()
    return Told(campaign, codes, history, above, strangers(campaign, above))


def strangers(campaign: Campaign, above: dict[str, str]) -> list[str]:
    """Keys whose cases are not below the case of the row above them."""
    cases = campaign.cases()
    key_of = {case["id"]: case["custom_fields"]["text1"] for case in cases}
    return [
        key
        for case in cases
        if (key := case["custom_fields"]["text1"])
        and above.get(key) != (key_of.get(case["parent_id"], "?") if case.get("parent_id") else None)
    ]


@pytest.fixture(scope="module")
def stories(server: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Told]]]:
    """All stories, side by side: they wait more than they work."""
    folder = tmp_path_factory.mktemp("families")
    with ThreadPoolExecutor(8) as all_at_once:
        yield {
            name: all_at_once.submit(tell, folder / str(number), server, f"f{number}", STORIES[name])
            for number, name in enumerate(STORIES)
        }


@pytest.mark.parametrize("name", sorted(STORIES))
def test_families_killed_at(stories: dict[str, Future[Told]], name: str) -> None:
    campaign, codes, history, above, found = stories[name].result()
    story = campaign.story(history, crashes=STORIES[name])
    assert codes == [_SIGKILL] * len(codes), f"a point was not reached: {story}"
    assert history.offences == {}, story
    assert found == [], story
    assert campaign.ends[-1].code == 0, story
    results = read_csv(campaign.folder / "out" / "results.csv")
    assert [line["state"] for line in results] == ["created"] * COUNT, story
    assert len(above) == COUNT * 2 // 3


# -- builds that are wrong on purpose -------------------------------------------------------------------


@contextmanager
def children_do_not_wait() -> Iterator[None]:
    """Every row that can be sent is sent, and the database has nothing against it."""
    finish = sources.finish_source

    def hasty(ledger: Ledger, source: int, *companions: Any, **more: Any) -> None:
        finish(ledger, source, *companions, **more)
        ledger.connection.execute("DROP TRIGGER IF EXISTS parent_first")
        ledger.connection.execute("UPDATE record SET state = 'pending' WHERE state = 'waiting'")

    sources.finish_source = hasty
    yield


@contextmanager
def only_answers_let_go() -> Iterator[None]:
    """A parent that is found by look-up lets nobody go."""
    tell_children = Ledger._tell_children

    def forgetful(self: Ledger, moved: Sequence[Settlement]) -> None:
        tell_children(self, [each for each in moved if each.before is State.SENDING])

    Ledger._tell_children = forgetful  # type: ignore[method-assign]
    yield


@contextmanager
def children_are_let_go_with_any_case() -> Iterator[None]:
    """The first answer lets everybody go, with the id that it brought; the database keeps them back."""
    release = parents.release

    def generous(ledger: Ledger, records: Sequence[int]) -> list[int]:
        case_id = ledger.scalar("SELECT case_id FROM record WHERE id = ?", (records[0],))
        waiting = [child for (child,) in ledger.rows("SELECT id FROM record WHERE state = 'waiting'")]
        for child in waiting:
            release(ledger, child, case_id)
        return waiting

    parents.release_children = generous
    yield


def test_the_proof_finds_children_that_do_not_wait(server: SandboxProcess, tmp_path: Path) -> None:
    told = tell(tmp_path / "c", server, "hasty", (), last=children_do_not_wait)
    assert told.strangers, "nothing was found"


def test_the_proof_finds_children_that_are_never_let_go(server: SandboxProcess, tmp_path: Path) -> None:
    told = tell(tmp_path / "c", server, "forgetful", (), last=only_answers_let_go)
    assert told.history.unsent, "nothing was found"


def test_the_database_keeps_back_what_a_wrong_build_lets_go(server: SandboxProcess, tmp_path: Path) -> None:
    told = tell(tmp_path / "c", server, "generous", (), last=children_are_let_go_with_any_case)
    assert told.strangers == []
