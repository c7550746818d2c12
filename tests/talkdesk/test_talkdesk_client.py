"""The wire: what a request looks like, where it goes, and which connection it takes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from servers import Line, RawServer, Request, http, reply
from yarl import URL

from importer.talkdesk import client
from importer.talkdesk.answers import NoAnswer, NotSent
from importer.talkdesk.client import CaseApi, HttpClient
from importer.version import __version__

BODY = b'{"title":"\xc3\x84","description":"D"}'
CREATED = http(201, {"id": "1"})


def open_client(*, fresh: bool = False, concurrency: int = 4) -> HttpClient:
    return HttpClient(concurrency=concurrency, fresh_connections=fresh)


async def create(http_client: HttpClient, server: RawServer, body: bytes = BODY) -> Any:
    return await CaseApi(http_client, api_url=server.url).create(body, authorization="Bearer abc")


async def test_a_create_is_one_post_of_exactly_these_bytes() -> None:
    async with RawServer(reply(CREATED)) as server, open_client() as http_client:
        answer = await create(http_client, server)
    (request,) = server.requests
    assert (request.method, request.target, request.body) == ("POST", "/cm/core/va/cases", BODY)
    expected = {
        "authorization": "Bearer abc",
        "content-type": "application/json",
        "accept": "application/json",
        "accept-encoding": "identity",
        "user-agent": f"case-importer/{__version__}",
        "content-length": str(len(BODY)),
    }
    assert {name: request.headers[name] for name in expected} == expected
    assert "cookie" not in request.headers
    assert (answer.status, answer.json(), answer.headers["content-TYPE"]) == (201, {"id": "1"}, "application/json")


async def test_a_path_before_the_api_is_kept() -> None:
    async with RawServer(reply(CREATED)) as server, open_client() as http_client:
        api = CaseApi(http_client, api_url=server.url + "/gateway")
        await api.create(BODY, authorization="Bearer abc")
        await api.list_cases("page=1&custom_fields=%5B%22%2B%22%5D", authorization="Bearer abc")
    assert [request.target for request in server.requests] == [
        "/gateway/cm/core/va/cases",
        "/gateway/cm/core/va/cases?page=1&custom_fields=%5B%22%2B%22%5D",
    ]


async def test_the_environment_chooses_no_proxy_and_adds_no_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """L15: the target comes from the settings alone."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    async with RawServer(reply(CREATED)) as server, RawServer(reply(http(502))) as proxy, open_client() as http_client:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        url = URL(server.url + "/x")
        await http_client.exchange("GET", url, headers={})
        assert (len(server.requests), len(proxy.requests)) == (1, 0)
        assert "authorization" not in server.requests[0].headers


async def test_cookies_are_not_kept() -> None:
    """L16: a server's cookie must not colour later requests."""
    async with RawServer(reply(http(201, {"id": "1"}, "Set-Cookie: a=1; Path=/"))) as server, open_client() as client:
        url = URL(server.url.replace("127.0.0.1", "localhost"))  # cookies of bare addresses are never kept
        for _ in range(2):
            await client.exchange("POST", url, headers={}, body=BODY)
        assert len(server.requests) == 2
    assert all("cookie" not in request.headers for request in server.requests)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(status: int) -> None:
    """F24, F25: neither the body nor the token goes anywhere else."""
    async with RawServer(reply(http(200, {"id": "9"}))) as elsewhere:
        moved = reply(http(status, b"", f"Location: {elsewhere.url}/cm/core/va/cases"))
        async with RawServer(moved) as server, open_client() as http_client:
            assert (await create(http_client, server)).status == status
            assert (len(server.requests), elsewhere.connections) == (1, 0)


@pytest.mark.parametrize("status", [200, 201, 204, 400, 404, 429, 500, 503])
async def test_answers_are_values_whatever_their_status(status: int) -> None:
    async with RawServer(reply(http(status, b""))) as server, open_client() as http_client:
        answer = await create(http_client, server)
        assert (answer.status, answer.body, answer.json()) == (status, b"", None)


async def test_early_hints_are_passed_over(loop_factory: Any) -> None:
    """E12"""
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
    async with RawServer(reply(hints + CREATED)) as server, open_client() as http_client:
        assert (await create(http_client, server)).status == 201


async def test_no_header_can_hold_another_one() -> None:
    """P13: a token with a line end in it is no second header, and nothing leaves."""
    async with RawServer(reply(CREATED)) as server, open_client() as http_client:
        for token in ("Bearer a\r\nX-Other: 1", "Bearer a\nX-Other: 1", "Bearer a\0"):
            with pytest.raises(NotSent) as refusal:
                await CaseApi(http_client, api_url=server.url).create(BODY, authorization=token)
            assert (refusal.value.code, refusal.value.fatal) == ("invalid_request", True)
        assert server.connections == 0


async def test_no_query_can_hold_more_than_a_query() -> None:
    """P13: a blank, a line end or a fragment would change what is asked, and nothing leaves."""
    async with RawServer(reply(http(200, {}))) as server, open_client() as http_client:
        api = CaseApi(http_client, api_url=server.url)
        for query in ("a=1 HTTP/1.1\r\nX-Other: 1", "a=1\r\n", "a=1#b", "a=é", "a b"):
            with pytest.raises(NotSent) as refusal:
                await api.list_cases(query, authorization="Bearer a")
            assert refusal.value.code == "invalid_request"
        assert server.connections == 0
        await api.list_cases("a=%5B%22%7B&page=1", authorization="Bearer a")
        assert server.requests[0].target == "/cm/core/va/cases?a=%5B%22%7B&page=1"


async def test_each_request_has_its_own_time(loop_factory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One timer watches all of them: those that began later are cut later, and those that end are left alone."""
    monkeypatch.setattr(client, "_TO_ANSWER", 0.3)

    async def step(line: Line, request: Request) -> None:
        if request.target == "/quick":
            await line.send(CREATED)
        else:
            await asyncio.Event().wait()

    async def ask(path: str, after: float) -> str:
        await asyncio.sleep(after)
        begun = loop.time()
        try:
            await http_client.exchange("GET", URL(server.url + path), headers={})
        except NoAnswer as silence:
            assert 0.28 < loop.time() - begun < 5.0
            return silence.code
        return "answered"

    loop = asyncio.get_running_loop()
    async with RawServer(step) as server, open_client() as http_client:
        quick = [ask("/quick", number / 10) for number in range(6)]
        slow = [ask("/slow", 0.0), ask("/slow", 0.15), ask("/slow", 0.5)]
        assert await asyncio.gather(*quick, *slow) == ["answered"] * 6 + ["timeout"] * 3


# -- connections ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fresh", "connections"), [(False, 1), (True, 3)])
async def test_connections_are_reused_or_not(loop_factory: Any, fresh: bool, connections: int) -> None:
    async with RawServer(reply(CREATED)) as server, open_client(fresh=fresh) as http_client:
        for _ in range(3):
            await create(http_client, server)
        assert server.connections == connections


@pytest.mark.parametrize("stray", [CREATED, http(408), b"x"], ids=["201", "408", "byte"])
@pytest.mark.parametrize("when", ["long before", "just before"])
async def test_a_connection_with_leftovers_is_not_used_again(loop_factory: Any, stray: bytes, when: str) -> None:
    """D12: what lies on an idle connection was meant for nobody, or for somebody else.

    Just before: it waits in the socket, where the event loop has not seen it yet.
    """
    now = asyncio.Event()
    sent = asyncio.Event()

    async def step(line: Line, request: Request) -> None:
        await line.send(CREATED)
        await now.wait()
        await line.send(stray)
        sent.set()

    async with RawServer(step, reply(CREATED)) as server, open_client() as http_client:
        await create(http_client, server)
        now.set()
        await sent.wait()
        if when == "long before":
            await asyncio.sleep(0.02)
        answer = await create(http_client, server)
        assert (answer.status, server.connections) == (201, 2)


async def test_half_a_leftover_never_becomes_an_answer(loop_factory: Any) -> None:
    """The first part comes while nobody waits, the rest while the next request is under way."""
    stray = http(408, b"too slow")
    for at in range(1, len(stray)):
        parts = iter([stray[:at], stray[at:]])
        first, second = asyncio.Event(), http(201, {"id": "2"})

        async def step(line: Line, request: Request, first: asyncio.Event = first, parts: Any = parts) -> None:
            await line.send(CREATED)
            await line.send(next(parts))
            first.set()

        async def then(line: Line, request: Request, second: bytes = second, parts: Any = parts) -> None:
            if request.connection == 1:
                await line.send(next(parts))
            await line.send(second)

        async with RawServer(step, then) as server, open_client() as http_client:
            await create(http_client, server)
            await first.wait()
            await asyncio.sleep(0.001)
            try:
                answer = await create(http_client, server)
            except NoAnswer:
                continue
            assert answer.json() == {"id": "2"}, stray[:at]


async def test_an_idle_connection_that_was_closed_is_not_used_again(loop_factory: Any) -> None:
    """D8: the end of a connection waits unread while we are about to use it."""

    async def step(line: Line, request: Request) -> None:
        await line.send(CREATED)
        line.end()

    async with RawServer(step) as server, open_client() as http_client:
        for _ in range(20):
            assert (await create(http_client, server)).status == 201


async def test_all_workers_have_a_connection_of_their_own(loop_factory: Any) -> None:
    """C6: nobody waits for a connection, which would look like a server that does not answer."""
    everybody = asyncio.Event()

    async def step(line: Line, request: Request) -> None:
        if len(server.requests) == 6:
            everybody.set()
        await everybody.wait()
        await line.send(CREATED)

    async with RawServer(step) as server, open_client(concurrency=6) as http_client:
        answers = await asyncio.gather(*(create(http_client, server) for _ in range(6)))
        assert [answer.status for answer in answers] == [201] * 6
        assert server.connections == 6
