"""Promises P1, P2 and P6: whatever kills a run, the same command again loses nothing and sends nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from kills import Campaign
from program import Ended, Program, sandbox_process
from tickets import read_csv

pytestmark = pytest.mark.slow

#: One create in eight goes wrong, and most of these have made a case all the same.
FAULTS: dict[str, Any] = {
    "name": "lies",
    "rules": [
        {"do": "drop", "save": True, "chance": 0.05},
        {"do": "status", "status": 503, "save": True, "chance": 0.02},
        {"do": "status", "status": 503, "chance": 0.03},
        {"do": "drop", "save": False, "chance": 0.02},
    ],
}
#: A server that forgets tokens, and whose lists are behind.
MOODS = ("--token-life", 5, "--index-lag", 0.5)
#: Longer than this server ever takes, index lag included: it answers at once or never.
SETTLE_DELAY = 1.0


def fought(
    folder: Path,
    *sandbox: object,
    faults: dict[str, Any] | None = None,
    kills: int,
    is_damaging: bool = False,
    **options: Any,
) -> Campaign:
    """A campaign that is over, with all that is left of it: the ledger, the reports, and what the server knew."""
    with sandbox_process(folder, *sandbox, faults=faults) as server:
        program = Program(folder, **server.login, CASE_IMPORTER_SETTLE_DELAY=str(SETTLE_DELAY))
        campaign = Campaign(program, server, **options)
        campaign.kill(kills, is_damaging=is_damaging)
        campaign.finish()
        return campaign


@pytest.fixture(scope="module")
def campaigns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Campaign]]]:
    """The campaigns of every change, side by side: they wait more than they work."""
    size = {"kills": 10, "rows": 1000, "rate": 400}
    with ThreadPoolExecutor() as both:
        honest = both.submit(fought, tmp_path_factory.mktemp("honest"), workers=16, seed=20_251_124, **size)
        lying = both.submit(
            fought, tmp_path_factory.mktemp("lying"), *MOODS, faults=FAULTS, workers=48, seed=20_251_125, **size
        )
        yield {"honest": honest, "lying": lying}


def assert_exactly_once(campaign: Campaign) -> None:
    """Every row is one case and the totals say so; nothing was lost, doubled, invented, left unknown, or hurried."""
    assert campaign.history.offences == {}, campaign.story()
    assert campaign.ended == Ended(0, "", ""), campaign.story()
    results = read_csv(campaign.out / "results.csv")
    assert {line["state"] for line in results} == {"created"}, campaign.story()
    assert len({line["case_id"] for line in results}) == len(results) == campaign.rows, campaign.story()
    assert campaign.creates <= 1.10 * campaign.rows, campaign.story()
    # What leaves within a second arrives within a second, but for what is under way at its edges.
    assert campaign.most_in_a_second <= campaign.rate + campaign.workers, campaign.story()
    assert campaign.history.recovered, "no kill met a request under way, so nothing was proven"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("server", ["honest", "lying"])
def test_a_thousand_rows_killed_ten_times(campaigns: dict[str, Future[Campaign]], server: str) -> None:
    assert_exactly_once(campaigns[server].result())


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("seed", range(3))
def test_ten_thousand_rows_killed_two_hundred_times(tmp_path: Path, seed: int) -> None:
    size = {"kills": 200, "rows": 10_000, "rate": 500}
    assert_exactly_once(fought(tmp_path, *MOODS, faults={**FAULTS, "seed": seed}, workers=48, seed=seed, **size))


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("seed", range(3))
def test_damaged_logs_between_the_kills_double_nothing(tmp_path: Path, seed: int) -> None:
    """Some of them cannot be noticed, for no commit is behind the damage; the others are refused, and rebuilt."""
    size = {"kills": 30, "rows": 5_000, "rate": 500}
    campaign = fought(
        tmp_path, *MOODS, faults={**FAULTS, "seed": seed}, workers=48, seed=seed, is_damaging=True, **size
    )
    offences = campaign.history.offences
    assert not offences.keys() & {"duplicated", "lost", "phantom", "unexpected"}, campaign.story()
    assert campaign.rebuilt, "no damage was noticed, so nothing was proven"
