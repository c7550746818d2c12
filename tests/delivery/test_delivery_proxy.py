"""A proxy on the way. What it refuses was never sent; what it cuts or garbles is unknown; a tunnel is as no proxy."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from certificates import Authority
from delivering import TOKEN, CaseServer, make_impatient, one_worker, run_once, staged_ledger, standing
from ledgers import case_body
from proxies import ESTABLISHED, PASSWORD, SAID, USER, WRITTEN_PASSWORD, ConnectProxy, establish, leads, refuse
from servers import Line, RawServer, Request, Step, cut, drop, hang, reply

from importer.delivery.verdicts import Signal
from importer.models import State
from importer.settings.model import Settings
from importer.talkdesk import transport
from importer.talkdesk.addresses import read_proxy
from importer.talkdesk.transport import NoAnswer, NotSent, Transport
from importer.version import __version__

#: What a proxy does with a CONNECT → what the row's record says.
WAYS_TO_FAIL: dict[str, tuple[Callable[[], Step], str]] = {
    "500": (lambda: refuse(500), "made no connection (HTTP 500)"),
    "502": (lambda: refuse(502), "made no connection (HTTP 502)"),
    "503": (lambda: refuse(503), "made no connection (HTTP 503)"),
    "504": (lambda: refuse(504), "made no connection (HTTP 504)"),
    "302": (lambda: refuse(302), "made no connection (HTTP 302)"),
    "201": (lambda: refuse(201), "made no connection (HTTP 201)"),
    "hangs": (hang, "timed out"),
    "hangs in the handshake": (lambda: hang(ESTABLISHED), "timed out"),
    "closes in the handshake": (lambda: establish(b"", ends=True), "cannot reach the server through proxy"),
    "no TLS behind it": (
        lambda: establish(b"HTTP/1.1 502 Bad\r\n\r\n", ends=False),
        "cannot reach the server through pr",
    ),
}
#: What it does with a CONNECT so that no documented error says that there was no connection.
WAYS_TO_LEAVE_IT_OPEN: dict[str, Callable[[], Step]] = {
    "closed at once": drop,
    "reset": lambda: drop(rst=True),
    "cut": lambda: cut(ESTABLISHED, 20),
    "no HTTP": lambda: reply(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
}
#: What no second try can help → what is said about it, and the hint.
REFUSALS = {
    403: ("refused the connection (HTTP 403)", "allow CONNECT to the API"),
    405: ("refused the connection (HTTP 405)", "allow CONNECT to the API"),
    407: ("rejected the user and password (HTTP 407)", "--proxy: http://user:password@host:port"),
}


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    make_impatient(monkeypatch)


@asynccontextmanager
async def behind(tmp_path: Path, *script: Step | None, **options: Any) -> Any:
    """A server that speaks TLS, the proxy before it, and a worker that sends through the proxy."""
    authority = Authority(tmp_path)
    async with (
        RawServer(CaseServer(), tls=authority.server()) as server,
        ConnectProxy(*script) as proxy,
        one_worker(
            tmp_path / "l.db", server.url, **{"ca_file": str(authority.file), "proxy": proxy.address} | options
        ) as here,
    ):
        yield server, proxy, here


async def assert_not_sent(tmp_path: Path, script: Step, said: str) -> None:
    """The row may go again, and the server was never met."""
    async with behind(tmp_path, script) as (server, proxy, here):
        sent = await here.send()
        row = here.row()
        assert (row["state"], row["attempts"], row["code"]) == (State.PENDING, 1, "unreachable")
        assert said in row["message"]
        assert (sent.state, here.verdict.signal, here.verdict.stops) == (State.PENDING, Signal.OUTAGE, None)
        assert sent.retry_in is not None
        assert (len(proxy.requests), server.connections) == (1, 0)
        assert here.breaker.error is None
        assert PASSWORD not in str(row)


@pytest.mark.parametrize("way", WAYS_TO_FAIL)
async def test_what_gets_no_tunnel_is_not_sent(tmp_path: Path, way: str, short_waits: None, loop_factory: Any) -> None:
    script, said = WAYS_TO_FAIL[way]
    await assert_not_sent(tmp_path, script(), said)


@pytest.mark.parametrize("way", WAYS_TO_LEAVE_IT_OPEN)
async def test_what_no_documented_error_proves_is_unknown(tmp_path: Path, way: str, loop_factory: Any) -> None:
    """It did not leave, and could be sent again; but "did it leave" errs to unknown, and a search settles it."""
    async with behind(tmp_path, WAYS_TO_LEAVE_IT_OPEN[way]()) as (server, proxy, here):
        await here.send()
        assert here.row()["state"] == State.UNKNOWN
        assert (len(proxy.requests), server.connections) == (1, 0)


@pytest.mark.parametrize("status", REFUSALS)
async def test_a_refusal_that_stays_stops_the_run(tmp_path: Path, status: int, loop_factory: Any) -> None:
    said, hint = REFUSALS[status]
    async with behind(tmp_path, refuse(status)) as (server, _, here):
        await here.send()
        row = here.row()
        assert (row["state"], row["code"]) == (State.PENDING, "proxy_refused")
        assert said in row["message"]
        assert here.breaker.error.exit_code == 7
        assert hint in here.breaker.error.hint
        assert PASSWORD not in f"{here.breaker.error} {row}"
        assert server.connections == 0


async def test_a_proxy_that_wants_a_password_and_was_given_none(tmp_path: Path) -> None:
    async with behind(tmp_path, refuse(407)) as (server, proxy, _):
        async with Transport(force_close=True, proxy=read_proxy(proxy.url)) as connections:
            with pytest.raises(NotSent, match=r"requires a user and password \(HTTP 407\)"):
                await connections.request("GET", server.url, headers={})
        assert "proxy-authorization" not in proxy.requests[-1].headers


async def test_nobody_is_there(tmp_path: Path, loop_factory: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://{USER}:{WRITTEN_PASSWORD}@127.0.0.1:{taken.getsockname()[1]}"
        async with behind(tmp_path, proxy=address) as (server, _, here):
            await here.send()
            row = here.row()
            assert (row["state"], row["code"], server.connections) == (State.PENDING, "unreachable", 0)
            assert f"cannot reach proxy {address.rpartition('@')[2]}: Conn" in row["message"]


async def test_its_name_cannot_be_resolved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nobody asks for the name of the server: that is the proxy's affair."""
    asked = []

    def unresolved(host: Any, *_: Any, **__: Any) -> None:
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unresolved)
    async with one_worker(tmp_path / "l.db", "https://api.invalid", proxy="http://proxy.invalid:3128") as here:
        await here.send()
        row = here.row()
        assert (row["state"], row["code"]) == (State.PENDING, "unreachable")
        assert row["message"] == "cannot resolve the name of proxy proxy.invalid:3128"
        assert set(asked) == {"proxy.invalid"}


async def test_the_certificate_is_that_of_the_server(tmp_path: Path, loop_factory: Any) -> None:
    async with behind(tmp_path, ca_file=None) as (server, proxy, here):
        await here.send()
        assert (here.row()["state"], here.row()["code"]) == (State.PENDING, "certificate")
        assert "--ca-file" in here.breaker.error.hint
        assert (len(proxy.tunnels), server.requests) == (1, [])


async def test_what_a_proxy_sees(tmp_path: Path, loop_factory: Any) -> None:
    """Where to, and who asks. The token and the case are inside, and its own password is not."""
    async with behind(tmp_path) as (server, proxy, here):
        await here.send()
        assert here.row()["state"] == State.CREATED
        (asked,), (request,) = proxy.requests, server.requests
        assert (asked.method, asked.target, asked.body) == ("CONNECT", f"127.0.0.1:{server.port}", b"")
        assert asked.headers["proxy-authorization"] == f"Basic {SAID}"
        assert asked.headers["user-agent"] == f"case-importer/{__version__}"
        assert asked.headers["connection"] == "keep-alive", "of the tunnel, though each request gets its own"
        assert "authorization" not in asked.headers
        assert TOKEN.encode() not in proxy.seen
        assert len(proxy.seen) > len(request.body)
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        assert "proxy-authorization" not in request.headers
        assert request.target == "/cm/core/va/cases"


async def test_no_netrc_is_read_for_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    async with RawServer(drop()) as elsewhere, behind(tmp_path) as (server, proxy, _):
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, elsewhere.url)
        ca_file = str(tmp_path / "authority.pem")
        async with Transport(force_close=True, ca_file=ca_file, proxy=read_proxy(proxy.url)) as connections:
            await connections.request("POST", server.url, headers={}, body=case_body("A"))
        assert (len(proxy.requests), elsewhere.connections) == (1, 0)
        assert "proxy-authorization" not in proxy.requests[0].headers
        assert "authorization" not in server.requests[0].headers


@pytest.mark.parametrize("fresh", [True, False])
async def test_tunnels_are_pooled_like_connections(tmp_path: Path, fresh: bool, loop_factory: Any) -> None:
    async with behind(tmp_path, keys="ABC", force_close=fresh) as (server, proxy, here):
        for key in "ABC":
            await here.send(key)
        assert len(server.requests) == 3
        assert len(proxy.tunnels) == server.connections == (3 if fresh else 1)


async def test_an_idle_tunnel_that_the_proxy_closes_is_not_used(tmp_path: Path, loop_factory: Any) -> None:
    async with behind(tmp_path, keys="AB", force_close=False) as (_, proxy, here):
        await here.send("A")
        await proxy.tunnels[0].ended()
        await here.send("B")
        assert [here.row(key)["state"] for key in "AB"] == [State.CREATED] * 2
        assert (here.row("B")["attempts"], len(proxy.tunnels)) == (1, 2)


async def test_a_tunnel_that_is_cut_behind_the_request_leaves_it_unknown(tmp_path: Path, loop_factory: Any) -> None:
    """From here on nothing proves that there is no case."""

    async def cut_the_way(line: Line, request: Request, answer: bytes) -> None:
        proxy.tunnels[0].reset()

    cases, authority = CaseServer({1: cut_the_way}), Authority(tmp_path)
    async with RawServer(cases, tls=authority.server()) as server, ConnectProxy() as proxy:
        options = {"ca_file": str(authority.file), "proxy": proxy.address}
        async with one_worker(tmp_path / "l.db", server.url, **options) as here:
            await here.send()
            assert (here.row()["state"], here.row()["code"]) == (State.UNKNOWN, "connection_lost")


async def test_plain_http_never_goes_to_a_proxy(tmp_path: Path) -> None:
    """Settings refuse it; should one come through, the token must not."""
    async with RawServer(drop()) as server, behind(tmp_path) as (_, proxy, __):
        async with one_worker(tmp_path / "plain.db", server.url, proxy=proxy.address) as here:
            await here.send()
            assert (here.row()["state"], here.row()["code"]) == (State.PENDING, "invalid_request")
        assert (server.connections, proxy.connections) == (0, 0)


def test_no_text_form_holds_the_password() -> None:
    settings = Settings(api_url="https://api.example.com", proxy=f"http://{USER}:{WRITTEN_PASSWORD}@127.0.0.1:3128")
    texts = [repr(settings), str(settings.model_dump()), repr(settings.through), str(settings.through)]
    for secret in (PASSWORD, WRITTEN_PASSWORD, SAID, USER):
        assert [text for text in texts if secret in text] == []
    assert settings.through is not None
    assert settings.through.authorization == f"Basic {SAID}"


async def through_the_proxy(tmp_path: Path) -> None:
    """Every connection of a run goes through the proxy that the settings name, and nothing is lost or doubled."""
    keys = [f"K{number}" for number in range(12)]
    cases, authority = CaseServer(), Authority(tmp_path)
    script = [leads, refuse(502), leads, refuse(500), refuse(503), refuse(504), leads]
    async with RawServer(cases, tls=authority.server()) as server, ConnectProxy(*script) as proxy:
        ledger = staged_ledger(tmp_path / "l.db", keys)
        for _ in range(3):
            await run_once(ledger, server.url, proxy=proxy.address, ca_file=authority.file, rate=200)
        assert {key: [case] for key, (_, case) in standing(ledger).items()} == cases.cases
        assert {state for state, _ in standing(ledger).values()} == {State.CREATED}
        assert cases.creates == len(keys) == server.connections
        assert len(proxy.tunnels) == server.connections, "not all went through the proxy"
        assert len(proxy.requests) == len(keys) + 4


async def test_a_run_through_a_proxy_that_fails_now_and_then(tmp_path: Path) -> None:
    await through_the_proxy(tmp_path)


async def test_a_build_that_ignores_the_proxy_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Settings, "through", None)
    with pytest.raises(AssertionError, match="not all went through the proxy"):
        await through_the_proxy(tmp_path)


async def test_a_build_that_takes_a_refused_tunnel_for_a_lost_answer_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = NoAnswer("connection_lost", "made no connection (HTTP 502)")
    monkeypatch.setattr(transport, "_refused_by_proxy", lambda *_: lost)
    with pytest.raises(AssertionError, match="unknown"):
        await assert_not_sent(tmp_path, refuse(502), "made no connection (HTTP 502)")
