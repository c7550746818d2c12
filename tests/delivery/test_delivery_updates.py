"""Promise P15: notes that follow a case get there once, in order, whatever becomes of single requests.

Against the sandbox, which appends notes as the real thing is taken to do, and shares no code with us.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest
from delivering import TOKEN
from ledgers import EXTERNAL_ID_FIELD, notes, stage, with_updates
from naming import short

from importer.delivery.retry_budget import RetryBudget
from importer.delivery.stopping import Stop
from importer.delivery.workers import Delivered
from importer.errors import CrossedError, TargetError
from importer.ledger import Ledger, LedgerView
from importer.ledger.records import Selection
from importer.models import CaseUpdateState
from importer.progress.progress import Progress
from importer.sandbox import FaultPlan, Rule, Sandbox, SandboxOptions
from importer.settings.model import Settings
from importer.talkdesk import transport
from importer.talkdesk.credentials import SecretCredentials, StaticCredentials
from importer.verbs.ledger_run import RunOptions, send_pending
from importer.verbs.session import OpenTarget

KEYS = "ABC"
#: Two updates a case, with a note that comes three times.
PARTS = (("same", "second"), ("same", "third"))


def texts_of(key: str) -> list[str]:
    return [f"{key}: {text}" for text in ("same", *(text for part in PARTS for text in part))]


def staged(path: Path) -> Path:
    rows = []
    for row, key in enumerate(KEYS, 2):
        parts = [notes(*(f"{key}: {text}" for text in part)) for part in PARTS]
        rows.append(with_updates(key, *parts, row=row, first=texts_of(key)[0]))
    with Ledger(path, verb="run") as ledger:
        stage(ledger, rows)
    return path


class Watching(Progress):
    """Says stop when the first update has ended."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop

    def updated(self, state: CaseUpdateState) -> None:
        self._stop.gently.set()


async def send(
    path: Path, sandbox: Sandbox, *, sends: bool = True, stop: Stop | None = None, progress: Any = None, **more: Any
) -> Delivered:
    known = SecretCredentials(sandbox.client_id, sandbox.client_secret)
    credentials = StaticCredentials(TOKEN) if "token" in more else known
    known_settings = {"api_url": sandbox.base_url, "settle_delay": 0.0, "concurrency": 4, "grace": 5.0}
    target = OpenTarget("sandbox", sandbox.base_url, sandbox.token_url, lambda: credentials)
    options = RunOptions(chosen=Selection(), limit=None if sends else 0, resend=sends)
    settings = Settings(**{"client_id": "x", "client_secret": "x", **known_settings, **more})
    with Ledger(path, verb="run") as ledger:
        return await send_pending(
            ledger, target, settings, options, stop=stop or Stop(), progress=progress or Progress()
        )


def held(sandbox: Sandbox) -> dict[str, list[str]]:
    """The notes of every case, by external id."""
    return {
        case["custom_fields"][EXTERNAL_ID_FIELD]: [note["note_body"] for note in case["notes"]]
        for case in sandbox.cases()
    }


WHOLE = {key: texts_of(key) for key in KEYS}


class Part(NamedTuple):
    key: str
    part: int
    state: str
    code: str | None
    attempts: int


def parts(path: Path) -> list[Part]:
    query = (
        "SELECT key, position, a.state, a.code, a.attempts"
        " FROM case_update a JOIN record r ON r.id = record ORDER BY 1, 2"
    )
    with closing(sqlite3.connect(path)) as ledger:
        return [Part(*row) for row in ledger.execute(query)]


def plan(effect: dict[str, Any], **when: Any) -> FaultPlan:
    return FaultPlan(rules=(Rule(**effect, on=("update",), **({"nth": 3} | when)),))


async def test_notes_follow_their_cases_in_order(tmp_path: Path) -> None:
    path = staged(tmp_path / "l.db")
    async with Sandbox() as sandbox:
        assert (await send(path, sandbox)).error is None
        assert held(sandbox) == WHOLE
        assert {part.state for part in parts(path)} == {"done"}
        await send(path, sandbox)
        assert sandbox.state()["requests"]["update"] == 6, "a second run sends nothing"
        assert held(sandbox) == WHOLE


@pytest.mark.parametrize(
    ("effect", "code"),
    [
        ({"do": "drop", "save": True}, "found"),
        ({"do": "drop", "save": True, "how": "rst"}, "found"),
        ({"do": "drop", "save": False}, "updated"),
        ({"do": "status", "status": 503, "save": True}, "found"),
        ({"do": "status", "status": 503}, "updated"),
        ({"do": "status", "status": 500, "save": True}, "found"),
        ({"do": "status", "status": 429}, "updated"),
        ({"do": "expire_tokens"}, "updated"),
        ({"do": "html", "status": 502}, "found"),
        ({"do": "html", "status": 200}, "found"),
        ({"do": "without_id"}, "found"),
        ({"do": "cut", "at": -1}, "found"),
        ({"do": "garbage"}, "found"),
    ],
    ids=short,
)
async def test_a_fault_of_an_update_costs_and_doubles_no_note(
    tmp_path: Path, effect: dict[str, Any], code: str
) -> None:
    path = staged(tmp_path / "l.db")
    async with Sandbox(SandboxOptions(faults=plan(effect))) as sandbox:
        assert (await send(path, sandbox)).error is None
        assert held(sandbox) == WHOLE
        assert {part.state for part in parts(path)} == {"done"}
        assert (code == "found") == ("found" in {part.code for part in parts(path)})


async def test_an_update_that_is_sent_again_is_paid_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """P8: it is proven that the notes were not added, but there is no repetition left; the next run has some."""
    path = staged(tmp_path / "l.db")
    async with Sandbox(SandboxOptions(faults=plan({"do": "status", "status": 503}, nth=1))) as sandbox:
        with monkeypatch.context() as patch:
            patch.setattr(RetryBudget, "START", 0.0)
            await send(path, sandbox, concurrency=1)
        assert [(part.state, part.attempts) for part in parts(path)][:2] == [("pending", 1), ("pending", 0)]
        assert held(sandbox) == {**WHOLE, "A": texts_of("A")[:1]}
        await send(path, sandbox)
        assert held(sandbox) == WHOLE


async def late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, delay: float) -> dict[str, list[str]]:
    """An update is taken a second after its client has given up."""
    monkeypatch.setattr(transport, "TIMEOUT", aiohttp.ClientTimeout(total=0.5))
    path = staged(tmp_path / "l.db")
    async with Sandbox(SandboxOptions(faults=plan({"do": "slow", "delay_ms": 2500}))) as sandbox:
        await send(path, sandbox, settle_delay=delay)
        await asyncio.sleep(2.5)
        return held(sandbox)


async def test_an_update_that_is_taken_late_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await late(tmp_path, monkeypatch, delay=3.0) == WHOLE


async def test_without_the_settle_delay_it_would_be_doubled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: the settle delay is what the promise rests on (A3)."""
    assert sum(map(len, (await late(tmp_path, monkeypatch, delay=0.0)).values())) > sum(map(len, WHOLE.values()))


async def test_what_is_refused_holds_up_the_rest_of_its_case_only(tmp_path: Path) -> None:
    path = staged(tmp_path / "l.db")
    async with Sandbox(SandboxOptions(faults=plan({"do": "status", "status": 400}, nth=1))) as sandbox:
        await send(path, sandbox, concurrency=1)
        assert held(sandbox) == {**WHOLE, "A": texts_of("A")[:1]}
        assert [part.state for part in parts(path)][:2] == ["refused", "pending"]
        with LedgerView(path) as view:
            assert [(part.key, part.case_id, part.position, part.standing) for part in view.updates_to_report()] == [
                ("A", "1", 1, "refused"),
                ("A", "1", 2, "held"),
            ]
        await send(path, sandbox)
        assert sandbox.state()["requests"]["update"] == 5, "not sent again unless a person asks for it"


@pytest.mark.parametrize("status", [404, 410])
async def test_a_case_that_was_deleted_is_no_reason_to_stop(tmp_path: Path, status: int) -> None:
    path = staged(tmp_path / "l.db")
    gone = FaultPlan(rules=tuple(Rule(do="status", status=status, on=(on,), nth=1) for on in ("update", "get")))
    async with Sandbox(SandboxOptions(faults=gone)) as sandbox:
        delivered = await send(path, sandbox, concurrency=1)
        assert delivered.error is None
        assert held(sandbox) == {**WHOLE, "A": texts_of("A")[:1]}


async def test_an_account_that_is_shut_out_has_refused_nothing(tmp_path: Path) -> None:
    path = staged(tmp_path / "l.db")
    async with Sandbox(SandboxOptions(faults=plan({"do": "status", "status": 405}, nth=None))) as sandbox:
        delivered = await send(path, sandbox)
        assert isinstance(delivered.error, TargetError)
        assert {part.state for part in parts(path)} == {"pending"}


async def test_without_the_right_to_read_the_outcome_stays_unknown_and_nothing_is_sent_twice(tmp_path: Path) -> None:
    path = staged(tmp_path / "l.db")
    options = SandboxOptions(scopes=("cases-public:write",), faults=plan({"do": "drop", "save": True}, nth=1))
    async with Sandbox(options) as sandbox:
        for _ in range(2):
            await send(path, sandbox, concurrency=1)
            assert parts(path)[0][:4] == ("A", 1, "unknown", "unreadable")
            assert held(sandbox) == {**WHOLE, "A": texts_of("A")[:3]}


async def test_a_note_that_nobody_knows_leaves_it_to_a_person(tmp_path: Path) -> None:
    """It may be one of ours that the server changed."""
    path = staged(tmp_path / "l.db")
    async with Sandbox(
        SandboxOptions(static_token=TOKEN, faults=plan({"do": "drop", "save": False}, nth=1))
    ) as sandbox:
        stop = Stop()
        await send(path, sandbox, concurrency=1, stop=stop, progress=Impatient(stop), settle_delay=30.0)
        assert parts(path)[0].state == "unknown"
        await write_note(sandbox, "1", "by an agent")
        await send(path, sandbox, sends=False)
        assert parts(path)[0][:4] == ("A", 1, "unknown", "unclear")


class Impatient(Progress):
    """Asks for a stop soon after the notes begin to follow."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop

    def updating(self, total: int) -> None:
        asyncio.get_running_loop().call_later(0.3, self._stop.request)


async def write_note(sandbox: Sandbox, case_id: str, text: str) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.patch(f"{sandbox.base_url}/cm/core/va/cases/{case_id}", data=notes(text)) as answer,
    ):
        assert answer.status == 200, await answer.text()


async def test_a_reconciliation_settles_unknown_outcomes_and_sends_nothing(tmp_path: Path) -> None:
    path = staged(tmp_path / "l.db")
    async with Sandbox(SandboxOptions(faults=plan({"do": "drop", "save": True}, nth=1))) as sandbox:
        stop = Stop()
        await send(path, sandbox, concurrency=1, stop=stop, progress=Impatient(stop), settle_delay=30.0)
        assert [part.state for part in parts(path)] == ["unknown", *["pending"] * 5], (
            "the search was given up, not rushed"
        )
        updates = sandbox.state()["requests"]["update"]
        await send(path, sandbox, sends=False)
        assert [part.state for part in parts(path)] == ["done", *["pending"] * 5]
        assert sandbox.state()["requests"]["update"] == updates
        await send(path, sandbox)
        assert held(sandbox) == WHOLE


async def test_a_stop_lets_what_is_under_way_end(tmp_path: Path) -> None:
    path = staged(tmp_path / "l.db")
    async with Sandbox(SandboxOptions(latency_ms=30)) as sandbox:
        stop = Stop()
        assert (await send(path, sandbox, concurrency=2, stop=stop, progress=Watching(stop))).error is None
        standing = [part.state for part in parts(path)]
        assert set(standing) == {"done", "pending"}
        assert sum(map(len, held(sandbox).values())) == 3 + 2 * standing.count("done")
        await send(path, sandbox)
        assert held(sandbox) == WHOLE


async def test_a_second_stop_leaves_unknown_outcomes_and_not_a_guess(tmp_path: Path) -> None:
    path = staged(tmp_path / "l.db")
    async with Sandbox(SandboxOptions(faults=plan({"do": "slow", "delay_ms": 1000}, nth=None))) as sandbox:
        stop = Stop()
        at_once = Impatient(stop)
        stop.at_once.set()
        await send(path, sandbox, stop=stop, progress=at_once)
        assert {part.state for part in parts(path)} == {"unknown", "pending"}
        await send(path, sandbox, settle_delay=1.5)
        assert held(sandbox) == WHOLE


class Mistaken(Progress):
    """Fails when the first update has ended."""

    def __init__(self) -> None:
        self._mistakes = iter([RuntimeError("a mistake of ours")])

    def updated(self, state: CaseUpdateState) -> None:
        for mistake in self._mistakes:
            raise mistake


async def test_when_one_worker_fails_the_other_ends_its_update_and_begins_nothing(tmp_path: Path) -> None:
    path = staged(tmp_path / "l.db")
    async with Sandbox(SandboxOptions(faults=plan({"do": "slow", "delay_ms": 500}, nth=2))) as sandbox:
        with pytest.raises(RuntimeError, match="a mistake of ours"):
            await send(path, sandbox, concurrency=2, progress=Mistaken())
        assert [part.state for part in parts(path) if part.attempts] == ["done", "done"]
        assert sandbox.state()["requests"]["update"] == 2


async def test_an_answer_for_another_case_stops_the_run(tmp_path: Path) -> None:
    path = staged(tmp_path / "l.db")
    async with Sandbox(SandboxOptions(faults=plan({"do": "repeat_id"}))) as sandbox:
        delivered = await send(path, sandbox, concurrency=1)
        assert isinstance(delivered.error, CrossedError)
        assert [part.state for part in parts(path)].count("pending") == 3, "nothing more was sent"
        assert parts(path)[2][2:4] == ("unknown", "wrong_echo")
        sandbox.play(FaultPlan())
        await send(path, sandbox)
        assert held(sandbox) == WHOLE


async def test_no_notes_follow_when_the_creates_were_stopped(tmp_path: Path) -> None:
    path = staged(tmp_path / "l.db")
    async with Sandbox() as sandbox:
        stop = Stop()
        stop.request()
        await send(path, sandbox, stop=stop)
        assert "update" not in sandbox.state()["requests"]
