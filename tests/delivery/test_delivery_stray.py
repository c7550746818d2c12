"""D12: a second answer that nobody asked for must never settle another row. End to end, in every mode.

In Jepsen's words: 0 duplicated, 0 lost, 0 phantom, whatever the stray answer says and whenever it comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from delivering import CaseServer, run_once, staged_ledger, standing
from servers import Line, RawServer, Request, http

from importer.models import State
from importer.talkdesk import connections

KEYS = [f"K{number}" for number in range(5)]

#: What comes a second time, given the true answer to the row before.
STRAYS: dict[str, Callable[[bytes], bytes]] = {
    "late 408": lambda answer: http(408, {"code": "0900408", "message": "Request timeout"}),
    "late 201": lambda answer: answer,
    "late 201, id alone": lambda answer: http(201, {"id": answer.split(b'"id":"')[1].split(b'"')[0].decode()}),
    "late 500": lambda answer: http(500, {}),
    "late login page": lambda answer: http(200, b"<html>", "Content-Type: text/html"),
    "late half": lambda answer: answer[: len(answer) // 2],
    "late byte": lambda answer: b"\n",
}
#: Such an answer is on the allow-list: the row that gets it counts as proven not created.
BELIEVED: dict[str, Callable[[bytes], bytes]] = {
    "late 422": lambda answer: http(422, {"code": "0900001", "message": "no such owner"}),
    "late 429": lambda answer: http(429, {}, "Retry-After: 0"),
    "late 401": lambda answer: http(401, {}),
}


def right_behind(stray: Callable[[bytes], bytes]) -> dict[int, Any]:
    """Together with the true answer to the second row."""

    async def both(line: Line, request: Request, answer: bytes) -> None:
        await line.send(answer + stray(answer))

    return {2: both}


def while_idle(stray: Callable[[bytes], bytes]) -> dict[int, Any]:
    """A moment after the true answer to the second row, when nobody uses the connection."""

    async def both(line: Line, request: Request, answer: bytes) -> None:
        await line.send(answer)
        await asyncio.sleep(0.003)
        await line.send(stray(answer))

    return {2: both}


def in_flight(stray: Callable[[bytes], bytes], *, true_answer_takes: float = 0.0) -> dict[int, Any]:
    """When the third row has arrived on the connection of the second, before its true answer."""
    earlier: list[tuple[Line, bytes]] = []

    async def remember(line: Line, request: Request, answer: bytes) -> None:
        earlier.append((line, answer))
        await line.send(answer)

    async def interrupt(line: Line, request: Request, answer: bytes) -> None:
        other, its_answer = earlier[0]
        with suppress(ConnectionError):  # with fresh connections nobody listens there any more
            await other.send(stray(its_answer))
        await asyncio.sleep(true_answer_takes)
        await line.send(answer)

    return {2: remember, 3: interrupt}


async def run_to_the_end(path: Path, server: RawServer, *, fresh: bool) -> None:
    """The same command again, until nothing is left to be done."""
    for _ in range(5):
        await run_once(path, server.url, fresh_connections=fresh, concurrency=1, rate=100)
        if all(state == State.CREATED for state, _ in standing(path).values()):
            return


def history(path: Path, cases: CaseServer) -> dict[str, list[str]]:
    """What went wrong, in Jepsen's words."""
    rows = standing(path)
    return {
        "duplicated": [key for key, ids in cases.cases.items() if len(ids) > 1],
        "lost": [key for key, (state, _) in rows.items() if state != State.CREATED],
        "phantom": [key for key, (_, case_id) in rows.items() if case_id and case_id not in cases.cases[key]],
        "unexpected": [key for key in cases.cases if key not in rows],
    }


FAULTLESS: dict[str, list[str]] = {"duplicated": [], "lost": [], "phantom": [], "unexpected": []}


async def faults(path: Path, mischief: dict[int, Any], *, fresh: bool) -> dict[str, list[str]]:
    cases = CaseServer(mischief)
    async with RawServer(cases) as server:
        await run_to_the_end(staged_ledger(path, KEYS), server, fresh=fresh)
    return history(path, cases)


@pytest.mark.parametrize("when", [right_behind, while_idle, in_flight])
@pytest.mark.parametrize("stray", {**STRAYS, **BELIEVED})
@pytest.mark.parametrize("fresh", [True, False], ids=["fresh", "reused"])
async def test_a_stray_answer_settles_no_other_row(
    tmp_path: Path, loop_factory: Any, fresh: bool, stray: str, when: Callable[..., Any]
) -> None:
    mischief = when({**STRAYS, **BELIEVED}[stray])
    assert await faults(tmp_path / "l.db", mischief, fresh=fresh) == FAULTLESS


@pytest.mark.parametrize("stray", BELIEVED)
@pytest.mark.parametrize(
    "fresh",
    [
        True,
        False,
    ],
    ids=["fresh", "reused"],
)
async def test_a_stray_answer_to_a_slow_server_settles_no_other_row(tmp_path: Path, fresh: bool, stray: str) -> None:
    """The worst case: "not created", said about a row that is being created at this moment, slowly."""
    mischief = in_flight(BELIEVED[stray], true_answer_takes=0.4)
    assert await faults(tmp_path / "l.db", mischief, fresh=fresh) == FAULTLESS


@pytest.mark.parametrize("stray", ["late 201", "late 201, id alone", "late 408", "late 422"])
async def test_without_the_guard_a_stray_answer_settles_another_row(
    tmp_path: Path, stray: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: aiohttp's own pool hands what lies on a connection to the next row."""

    async def unguarded(self: Any, request: Any, timeout: Any, leave: Any) -> Any:  # noqa: ASYNC109  # aiohttp's way
        assert leave is None or await leave()
        return await self._connector.connect(request, [], timeout), False

    monkeypatch.setattr(connections.Connections, "take", unguarded)
    cases = CaseServer(while_idle({**STRAYS, **BELIEVED}[stray]))
    async with RawServer(cases) as server:
        path = staged_ledger(tmp_path / "l.db", KEYS)
        result = await run_once(path, server.url, fresh_connections=False, concurrency=1, rate=100)
    wrong = result.error or [state for state, _ in standing(path).values() if state != State.CREATED]
    assert wrong or history(path, cases) != FAULTLESS or len(server.requests) > len(KEYS)
