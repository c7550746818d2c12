"""The last permission: asked for when the connection is there, with nothing between it and the request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from servers import Line, RawServer, http, reply

from importer.talkdesk import connections
from importer.talkdesk.answers import HeldBack, NotSent
from importer.talkdesk.client import CaseApi, HttpClient

CREATED = http(201, {"id": "1"})


class Lines:
    """The server's ends of all connections."""

    def __init__(self) -> None:
        self.all: list[Line] = []

    async def __call__(self, line: Line) -> None:
        self.all.append(line)


def sender(http_client: HttpClient, server: RawServer) -> Callable[[Callable[[], Awaitable[bool]]], Awaitable[Any]]:
    api = CaseApi(http_client, api_url=server.url)
    return lambda leave: api.create(b"{}", authorization="Bearer abc", leave=leave)


@pytest.mark.parametrize("fresh", [True, False], ids=["fresh", "reused"])
async def test_permission_is_asked_for_when_the_connection_is_there(fresh: bool) -> None:
    lines, seen = Lines(), []
    async with (
        RawServer(reply(CREATED), greeting=lines) as server,
        HttpClient(concurrency=1, fresh_connections=fresh) as http_client,
    ):

        async def leave() -> bool:
            while len(lines.all) < (len(seen) + 1 if fresh else 1):
                await asyncio.sleep(0.001)
            seen.append(len(server.requests))
            return True

        for _ in range(3):
            assert (await sender(http_client, server)(leave)).status == 201
    assert seen == [0, 1, 2]


@pytest.mark.parametrize("fresh", [True, False], ids=["fresh", "reused"])
async def test_who_is_held_back_has_sent_nothing(fresh: bool) -> None:
    async def stay() -> bool:
        return False

    async def go() -> bool:
        return True

    async with RawServer(reply(CREATED)) as server, HttpClient(concurrency=1, fresh_connections=fresh) as http_client:
        send = sender(http_client, server)
        await send(go)
        with pytest.raises(HeldBack):
            await send(stay)
        assert len(server.requests) == 1
        await send(go)  # and its connection is not lost
        assert len(server.requests) == 2


async def end(line: Line) -> None:
    line.end()


async def reset(line: Line) -> None:
    line.reset()


async def stray(line: Line) -> None:
    await line.send(http(422, {}))


MEANWHILE = {"end": end, "reset": reset, "stray answer": stray}


@pytest.mark.parametrize("what", MEANWHILE)
async def test_a_connection_on_which_something_came_meanwhile_is_not_used(what: str) -> None:
    lines, asked = Lines(), []
    async with (
        RawServer(reply(CREATED), greeting=lines) as server,
        HttpClient(concurrency=1, fresh_connections=False) as http_client,
    ):

        async def leave() -> bool:
            asked.append(len(lines.all))
            if len(asked) == 2:
                await MEANWHILE[what](lines.all[0])
                await asyncio.sleep(0.05)
            return True

        send = sender(http_client, server)
        answers = [await send(leave) for _ in range(2)]
        for answer in answers:
            if answer.connection is not None:
                answer.connection.close()
    assert [answer.status for answer in answers] == [201, 201]
    assert [request.connection for request in server.requests] == [1, 2]
    assert len(asked) == 3


async def test_without_the_second_look_the_next_request_would_go_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control."""
    monkeypatch.setattr(connections, "has_leftovers", lambda protocol, is_readable: False)
    with pytest.raises(AssertionError):
        await test_a_connection_on_which_something_came_meanwhile_is_not_used("stray answer")


async def test_a_new_connection_that_ends_meanwhile_proves_that_nothing_was_sent() -> None:
    lines = Lines()
    async with (
        RawServer(reply(CREATED), greeting=lines) as server,
        HttpClient(concurrency=1, fresh_connections=True) as http_client,
    ):

        async def leave() -> bool:
            while not lines.all:
                await asyncio.sleep(0.001)
            lines.all[0].end()
            await asyncio.sleep(0.05)
            return True

        with pytest.raises(NotSent):
            await sender(http_client, server)(leave)
    assert server.requests == []


async def test_who_gives_up_waiting_gives_the_connection_back() -> None:
    waits = asyncio.Event()

    async def leave() -> bool:
        waits.set()
        await asyncio.sleep(60)
        return True

    async with RawServer(reply(CREATED)) as server, HttpClient(concurrency=1, fresh_connections=False) as http_client:
        send = sender(http_client, server)
        for _ in range(20):  # more than there are places in the pool
            waits.clear()
            sending = asyncio.ensure_future(send(leave))
            await waits.wait()
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
    assert server.requests == []
