"""The wire: what a request looks like, where it goes, which connection it takes, and how often it goes."""

from __future__ import annotations

import ast
import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from servers import Line, RawServer, Request, http, reply

from importer.talkdesk import transport
from importer.talkdesk.client import CaseApi
from importer.talkdesk.transport import Answer, NoAnswer, NotSent, Transport, TransportError
from importer.version import __version__

BODY = b'{"title":"\xc3\x84","description":"D"}'
CREATED = http(201, {"id": "1"})


async def create(connections: Transport, server: RawServer, body: bytes = BODY) -> Answer:
    return await CaseApi(connections, api_url=server.url).create_case(body, "abc")


async def test_a_create_is_one_post_of_exactly_these_bytes() -> None:
    async with RawServer(reply(CREATED)) as server, Transport(force_close=False) as connections:
        answer = await create(connections, server)
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


async def test_a_path_before_the_api_and_a_query_are_kept_to_the_letter() -> None:
    query = "page=1&custom_fields=%5B%22%2B%22%5D"
    async with RawServer(reply(CREATED)) as server, Transport(force_close=False) as connections:
        api = CaseApi(connections, api_url=server.url + "/gateway")
        await api.create_case(BODY, "abc")
        await api.list_cases(query, "abc")
        await api.get_case("7/../8", "abc")
    assert [request.target for request in server.requests] == [
        "/gateway/cm/core/va/cases",
        f"/gateway/cm/core/va/cases?{query}",
        "/gateway/cm/core/va/cases/7%2F..%2F8",
    ]


async def test_the_environment_chooses_no_proxy_and_adds_no_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The target comes from the settings alone."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    async with (
        RawServer(reply(CREATED)) as server,
        RawServer(reply(http(502))) as proxy,
        Transport(force_close=False) as connections,
    ):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        await connections.request("GET", server.url + "/x", headers={})
        assert (len(server.requests), len(proxy.requests)) == (1, 0)
        assert "authorization" not in server.requests[0].headers


async def test_cookies_are_not_kept() -> None:
    """A server's cookie must not colour later requests."""
    answer = http(201, {"id": "1"}, "Set-Cookie: a=1; Path=/")
    async with RawServer(reply(answer)) as server, Transport(force_close=False) as connections:
        url = server.url.replace("127.0.0.1", "localhost")  # cookies of bare addresses are never kept
        for _ in range(2):
            await connections.request("POST", url, headers={}, body=BODY)
        assert len(server.requests) == 2
    assert all("cookie" not in request.headers for request in server.requests)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(status: int) -> None:
    """Neither the body nor the token goes anywhere else."""
    async with RawServer(reply(http(200, {"id": "9"}))) as elsewhere:
        moved = reply(http(status, b"", f"Location: {elsewhere.url}/cm/core/va/cases"))
        async with RawServer(moved) as server, Transport(force_close=False) as connections:
            assert (await create(connections, server)).status == status
            assert (len(server.requests), elsewhere.connections) == (1, 0)


@pytest.mark.parametrize("status", [200, 201, 204, 400, 404, 429, 500, 503])
async def test_answers_are_values_whatever_their_status(status: int) -> None:
    async with RawServer(reply(http(status, b""))) as server, Transport(force_close=False) as connections:
        answer = await create(connections, server)
        assert (answer.status, answer.body, answer.json()) == (status, b"", None)


async def test_early_hints_are_passed_over(loop_factory: Any) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
    async with RawServer(reply(hints + CREATED)) as server, Transport(force_close=False) as connections:
        assert (await create(connections, server)).status == 201


async def test_no_header_can_hold_another_one() -> None:
    """P13: a token with a line end in it is no second header, and nothing of it is sent."""
    async with RawServer(reply(CREATED)) as server, Transport(force_close=False) as connections:
        for token in ("a\r\nX-Other: 1", "a\nX-Other: 1", "a\0"):
            with pytest.raises(TransportError):
                await CaseApi(connections, api_url=server.url).create_case(BODY, token)
        assert server.requests == []


async def test_no_query_can_hold_more_than_a_query() -> None:
    """P13: a blank, a line end or a fragment would change what is asked, and nothing leaves."""
    async with RawServer(reply(http(200, {}))) as server, Transport(force_close=False) as connections:
        api = CaseApi(connections, api_url=server.url)
        for query in ("a=1 HTTP/1.1\r\nX-Other: 1", "a=1\r\n", "a=1#b", "a=é", "a b"):
            with pytest.raises(NotSent) as refusal:
                await api.list_cases(query, "a")
            assert refusal.value.code == "invalid_request"
        assert server.connections == 0


async def test_each_request_has_its_own_time(loop_factory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "TIMEOUT", aiohttp.ClientTimeout(total=0.3))

    async def step(line: Line, request: Request) -> None:
        if request.target == "/quick":
            await line.send(CREATED)
        else:
            await asyncio.Event().wait()

    async def ask(path: str, after: float) -> str:
        await asyncio.sleep(after)
        try:
            await connections.request("GET", server.url + path, headers={})
        except NoAnswer as silence:
            return silence.code
        return "answered"

    async with RawServer(step) as server, Transport(force_close=False) as connections:
        quick = [ask("/quick", number / 10) for number in range(6)]
        slow = [ask("/slow", 0.0), ask("/slow", 0.15), ask("/slow", 0.5)]
        assert await asyncio.gather(*quick, *slow) == ["answered"] * 6 + ["timeout"] * 3


# -- connections ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("force_close", "connections"), [(False, 1), (True, 3)])
async def test_connections_are_used_again_or_not(loop_factory: Any, force_close: bool, connections: int) -> None:
    async with RawServer(reply(CREATED)) as server, Transport(force_close=force_close) as pool:
        for _ in range(3):
            await create(pool, server)
        assert server.connections == connections
        assert {request.headers.get("connection") == "close" for request in server.requests} == {force_close}


async def test_all_workers_have_a_connection_of_their_own(loop_factory: Any) -> None:
    """Nobody waits for a connection, which would look like a server that does not answer."""
    everybody, many = asyncio.Event(), 150

    async def step(line: Line, request: Request) -> None:
        if len(server.requests) == many:
            everybody.set()
        await everybody.wait()
        await line.send(CREATED)

    async with RawServer(step) as server, Transport(force_close=True) as connections:
        answers = await asyncio.gather(*(create(connections, server) for _ in range(many)))
        assert {answer.status for answer in answers} == {201}


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("rst", [False, True], ids=["FIN", "RST"])
async def test_what_is_no_read_is_never_sent_twice(loop_factory: Any, method: str, rst: bool) -> None:
    """On a connection that was used before, and that ends when the request has been read: the library may think that
    the server had given the connection up before. The control below shows that it does, for a GET."""
    assert await _requests_on_a_dying_connection(method, rst=rst) == 1


@pytest.mark.parametrize("rst", [False, True], ids=["FIN", "RST"])
async def test_a_read_may_be_sent_twice_by_the_library(loop_factory: Any, rst: bool) -> None:
    """The control for the test above: the scene is one in which aiohttp repeats."""
    assert await _requests_on_a_dying_connection("GET", rst=rst) == 2


async def _requests_on_a_dying_connection(method: str, *, rst: bool) -> int:
    """How often a request arrives, if the connection that is used again ends without an answer to it."""

    async def step(line: Line, request: Request) -> None:
        if request.target == "/first":
            await line.send(CREATED)
        else:
            line.reset() if rst else line.end()

    async with RawServer(step) as server, Transport(force_close=False) as connections:
        await connections.request("POST", server.url + "/first", headers={}, body=BODY)
        with pytest.raises(NoAnswer):
            await connections.request(method, server.url + "/second", headers={}, body=BODY)
        assert server.requests[1].connection == 1, "the connection was not used again, so nothing is shown"
        return sum(request.target == "/second" for request in server.requests)


# -- the library ----------------------------------------------------------------------------------------

#: What is used of aiohttp; all of it is in its documentation ("Client Reference").
DOCUMENTED = {
    "ClientConnectionError",
    "ClientConnectorCertificateError",
    "ClientConnectorDNSError",
    "ClientConnectorError",
    "ClientError",
    "ClientHttpProxyError",
    "ClientPayloadError",
    "ClientProxyConnectionError",
    "ClientResponse",
    "ClientResponseError",
    "ClientSession",
    "ClientTimeout",
    "ConnectionTimeoutError",
    "DummyCookieJar",
    "InvalidURL",
    "TCPConnector",
}
#: Attributes of the objects that aiohttp hands out: session, response, stream of the body, errors.
DOCUMENTED_ATTRIBUTES = {"close", "request", "status", "headers", "charset", "content", "iter_any", "os_error"}


def test_only_what_aiohttp_documents_is_used() -> None:
    """A minor release of it must not break the program."""
    tree = ast.parse(Path(transport.__file__).read_text(encoding="utf-8"))
    used, of_objects = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "aiohttp":
            used.add(node.attr)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) in (
            "self._session",
            "response",
            "response.content",
            "error.os_error",
        ):
            of_objects.add(node.attr)
    assert used == DOCUMENTED
    assert of_objects <= DOCUMENTED_ATTRIBUTES | {"strerror", "errno"}
    assert not [name for name in used | of_objects if name.startswith("_")]


@pytest.mark.parametrize("error", ["ClientConnectorError", "ConnectionTimeoutError"])
def test_what_proves_that_nothing_left_is_an_error_of_connecting(error: str) -> None:
    """Not one of those that are raised when a connection was there."""
    proof = getattr(aiohttp, error)
    later = (aiohttp.ServerDisconnectedError, aiohttp.SocketTimeoutError, aiohttp.ClientPayloadError)
    assert not any(issubclass(one, proof) for one in (*later, aiohttp.ClientResponseError))
