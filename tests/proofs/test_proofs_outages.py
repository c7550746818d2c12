"""A server that is away for minutes or hours, in virtual time: the run waits, says so, goes on by itself, or ends.

A token lives ten minutes, as those of Talkdesk do, so that it has run out when the server is back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from ledgers import stage, valid
from make_believe import SETTINGS, AgelessLedger, Api, Fuse, World, deliver
from virtual_time import now

from importer.delivery.circuit_breaker import PATIENCE
from importer.delivery.retry_budget import RetryBudget
from importer.delivery.workers import Delivered
from importer.errors import ExitCode
from importer.models import Notice
from importer.progress.progress import Progress
from importer.talkdesk.auth import Tokens
from importer.talkdesk.credentials import SecretCredentials
from importer.talkdesk.transport import Answer, NoAnswer, NotSent
from importer.verbs.ledger_run import RunOptions

_LIFE = 600.0
_ROWS = 400
#: Seconds that a run may take besides the outage: to send all rows, a probe, and searches for rows in flight.
_BESIDES = 400.0


class Office(Api):
    """API and token endpoint of one machine, which is away from one time to another."""

    def __init__(self, world: World, fuse: Fuse, *, away: tuple[float, float]) -> None:
        super().__init__(world, fuse)
        self._away = away
        self._good: dict[str, float] = {}
        self.answers = Counter[int]()
        self.tokens = Tokens(
            self,  # type: ignore[arg-type]
            token_url="https://office.example/token",
            credentials=lambda: SecretCredentials("id", "secret"),
            clock=now,
        )

    @property
    def _is_away(self) -> bool:
        return self._away[0] <= now() < self._away[1]

    def keep_secret(self, *_: str) -> None:
        pass

    async def request(self, *_: object, **__: object) -> Answer:
        """The token endpoint; where only the API was never there, it is another machine."""
        if self._is_away and self._away[0] > 0:
            raise NotSent("unreachable", "cannot reach the server")
        token = f"token-{len(self._good)}"
        self._good[token] = now() + _LIFE
        return Answer(200, {}, orjson.dumps({"access_token": token, "expires_in": _LIFE}))

    async def create_case(self, body: bytes, token: str) -> Answer:
        if self._is_away:
            raise NotSent("unreachable", "cannot reach the server")
        if now() >= self._good[token]:
            self.answers[401] += 1
            return Answer(401, {}, b"{}")
        answer = await super().create_case(body, token)
        if self._is_away:
            raise NoAnswer("connection_lost", "the connection was lost before the response arrived")
        self.answers[answer.status] += 1
        return answer

    async def list_cases(self, query: str, token: str) -> Answer:
        if self._is_away:
            raise NotSent("unreachable", "cannot reach the server")
        return await super().list_cases(query, token) if now() < self._good[token] else Answer(401, {}, b"{}")


class Told(Progress):
    """Keeps what was said, and when."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []

    def notice(self, notice: Notice) -> None:
        self.notices.append(notice)


class Scene:
    """A ledger of so many rows, and a run whose server is away for a time."""

    def __init__(self, path: Path) -> None:
        self.world, self.told = World(), Told()
        self.ledger = AgelessLedger(path, verb="run")
        stage(self.ledger, [valid(f"K{number}", row=number + 2) for number in range(_ROWS)])

    def run(self, workers: int, *, away: tuple[float, float], limit: int | None = None) -> Delivered:
        self.offices: list[Office] = []

        def office(world: World, fuse: Fuse) -> Office:
            self.offices.append(Office(world, fuse, away=away))
            return self.offices[-1]

        self.world.time = 0.0
        return deliver(
            self.ledger,
            self.world,
            Fuse(None),
            RunOptions(limit=limit),
            api=office,
            settings=SETTINGS.model_copy(update={"concurrency": workers}),
            progress=self.told,
        )

    @property
    def states(self) -> dict[str, int]:
        return {state.value: count for state, count in self.ledger.counts().items()}

    @property
    def events(self) -> list[str]:
        return [notice.event for notice in self.told.notices]


@pytest.fixture
def scene(memory_path: Path) -> Iterator[Scene]:
    made = Scene(memory_path / "l.db")
    yield made
    made.ledger.close()


WORKERS = pytest.mark.parametrize("workers", [1, 8, 128])


@WORKERS
@pytest.mark.parametrize("minutes", [2, 9.5, 14])
def test_a_run_goes_on_by_itself_when_the_server_is_back(scene: Scene, workers: int, minutes: float) -> None:
    """With a token that has run out meanwhile; every row is tried again, and none is made twice."""
    result = scene.run(workers, away=(5.0, 5.0 + 60 * minutes))
    assert (result.error, result.left_over, scene.states) == (None, 0, {"created": _ROWS})
    assert sorted(scene.world.keys()) == sorted(f"K{number}" for number in range(_ROWS))
    assert scene.world.time <= 60 * minutes + _BESIDES
    assert scene.offices[0].answers[401] == 0
    assert scene.events[:1] == ["paused"]
    assert len(scene.events) <= 6, "an outage is not a hundred lines"


@WORKERS
def test_fifteen_minutes_at_most_are_fifteen_minutes(scene: Scene, workers: int) -> None:
    result = scene.run(workers, away=(5.0, float("inf")))
    assert result.error is not None
    assert result.error.exit_code is ExitCode.TEMPORARY
    assert scene.world.time <= 5 + PATIENCE + 60
    assert "sending" not in scene.states
    assert scene.events == ["paused"]


@WORKERS
def test_an_address_that_never_answered_is_given_up_after_a_minute(scene: Scene, workers: int) -> None:
    result = scene.run(workers, away=(0.0, float("inf")))
    assert result.error is not None
    assert result.error.exit_code is ExitCode.TEMPORARY
    assert 60 <= scene.world.time <= 90
    assert scene.states == {"pending": _ROWS}


def test_an_address_where_the_ledger_has_cases_is_waited_for(scene: Scene) -> None:
    scene.run(8, away=(0.0, 0.0), limit=1)
    result = scene.run(8, away=(0.0, 600.0))
    assert (result.error, scene.states) == (None, {"created": _ROWS})


# -- builds that are wrong in one respect ---------------------------------------------------------------


def takes_any_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """What leaves takes the token that was there when the row was taken, as if no time had passed."""
    monkeypatch.setattr(Tokens, "current", property(lambda tokens: tokens._token))


def lets_an_outage_cost_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that is under way fails together, and the budget pays for a tenth of it."""
    after = RetryBudget.after
    monkeypatch.setattr(
        RetryBudget, "after", lambda self, what, verdict: after(self, what, verdict._replace(in_outage=False))
    )


def is_patient_with_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each wait counts for itself, so nobody's is ever over."""
    monkeypatch.setattr("importer.delivery.circuit_breaker.CircuitBreaker._give_up", lambda *_: None)


@pytest.mark.parametrize("wrong", [takes_any_token, lets_an_outage_cost_retries, is_patient_with_everybody])
def test_the_wrong_build_is_caught(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, wrong: Callable[[pytest.MonkeyPatch], None]
) -> None:
    wrong(monkeypatch)
    result = scene.run(128, away=(5.0, 5.0 + 14 * 60 if wrong is not is_patient_with_everybody else 3600.0))
    is_as_it_should_be: dict[Any, bool] = {
        takes_any_token: scene.offices[0].answers[401] == 0,
        lets_an_outage_cost_retries: result.left_over == 0,
        is_patient_with_everybody: scene.world.time <= 5 + PATIENCE + 60,
    }
    assert not is_as_it_should_be[wrong]
