"""Nothing left, which is proven, so the row may be sent again."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from certificates import Authority
from delivering import echo, make_impatient, one_worker
from ledgers import child, output_of
from program import closed_address
from servers import Line, RawServer, Request, drop, hang

from importer.delivery.sender import Sent
from importer.models import State

CHILDREN = Path(__file__).with_name("delivery_children.py")


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    make_impatient(monkeypatch)


async def assert_not_sent(path: Path, url: str, code: str, said: str, **options: Any) -> None:
    """The row is pending again, with one attempt and the reason on its record."""
    async with one_worker(path, url, **options) as here:
        sent = await here.send()
        row = here.row()
        assert (row["state"], row["attempts"], row["http_status"], row["code"]) == (State.PENDING, 1, None, code)
        assert said in row["message"]
        assert sent.state is State.PENDING
        assert sent.retry_in is not None
        assert (here.verdict.stops is not None) is (code == "certificate")


async def test_a_name_that_cannot_be_resolved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unresolved(*asked: Any, **more: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unresolved)  # no test of ours asks a real name server
    await assert_not_sent(
        tmp_path / "l.db", "https://api.invalid", "unreachable", "cannot resolve the name of the server"
    )


async def test_nobody_listens(tmp_path: Path, loop_factory: Any) -> None:
    with closed_address() as url:
        await assert_not_sent(tmp_path / "l.db", url, "unreachable", "cannot reach the server")


async def test_nobody_takes_the_connection(tmp_path: Path, loop_factory: Any) -> None:
    """A server so busy that the system answers for it with silence."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        address = server.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        url = f"http://127.0.0.1:{address[1]}"
        await assert_not_sent(tmp_path / "l.db", url, "unreachable", "connecting to the server timed out")
        for one in waiting:
            one.close()


@pytest.mark.parametrize("wrong", ["untrusted", "expired", "other name"])
async def test_a_certificate_that_is_not_trusted(tmp_path: Path, wrong: str, loop_factory: Any) -> None:
    authority = Authority(tmp_path)
    tls = authority.server("127.0.0.9" if wrong == "other name" else "127.0.0.1", days=-1 if wrong == "expired" else 9)
    trusted = None if wrong == "untrusted" else str(authority.file)
    async with RawServer(hang(), tls=tls) as server:
        said = "certificate is not trusted"
        await assert_not_sent(tmp_path / "l.db", server.url, "certificate", said, ca_file=trusted)
        assert server.requests == []


async def test_stops_the_run(tmp_path: Path) -> None:
    """Trying again cannot help: exit code 7, at once."""
    async with (
        RawServer(hang(), tls=Authority(tmp_path).server()) as server,
        one_worker(tmp_path / "l.db", server.url) as here,
    ):
        await here.send()
        assert here.breaker.error is not None
        assert here.breaker.error.exit_code == 7


async def test_a_certificate_that_is_trusted(tmp_path: Path, loop_factory: Any) -> None:
    """The control for the tests above: the same server, the same client, the right file."""

    async def step(line: Line, request: Request) -> None:
        await line.send(echo(request))

    authority = Authority(tmp_path)
    async with (
        RawServer(step, tls=authority.server()) as server,
        one_worker(tmp_path / "l.db", server.url, ca_file=str(authority.file)) as here,
    ):
        await here.send()
        assert here.row()["state"] == State.CREATED


async def test_a_handshake_that_stalls(tmp_path: Path, loop_factory: Any) -> None:
    """https to a server that does not speak it, and does not say so."""
    async with RawServer(hang(), greeting=lambda line: asyncio.Event().wait()) as server:
        url = server.url.replace("http:", "https:")
        await assert_not_sent(tmp_path / "l.db", url, "unreachable", "timed out")


async def test_a_server_that_answers_plainly(tmp_path: Path, loop_factory: Any) -> None:
    async def greet(line: Line) -> None:
        await line.send(b"HTTP/1.1 400 The plain HTTP request was sent to HTTPS port\r\n\r\n")

    async with RawServer(hang(), greeting=greet) as server:
        url = server.url.replace("http:", "https:")
        await assert_not_sent(tmp_path / "l.db", url, "unreachable", "cannot reach the server")


async def test_no_descriptors_left() -> None:
    async with RawServer(hang()) as server:
        lines = await asyncio.to_thread(lambda: output_of(child(CHILDREN, "without_descriptors", server.url)))
        assert lines == ["NotSent no file descriptors left on this machine"]
        assert server.requests == []


@pytest.mark.skipif(
    os.geteuid() != 0 or subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode != 0,
    reason="only root can make a network that leads nowhere",
)
def test_no_route() -> None:
    process = child(CHILDREN, "without_a_route", "https://192.0.2.1", wrap=("unshare", "--net"))
    assert output_of(process) == ["NotSent cannot reach the server: Network is unreachable"]


@pytest.mark.parametrize("token", ["line\r\nX-Evil: 1", "nul\x00"])
async def test_a_header_that_cannot_be_sent_is_not_sent(tmp_path: Path, token: str) -> None:
    """Settings refuse such tokens; should one come through, nothing of it may reach the wire."""
    async with RawServer(hang()) as server, one_worker(tmp_path / "l.db", server.url, token=token) as here:
        await here.send()
        assert server.requests == []
        assert here.row()["state"] in (State.PENDING, State.UNKNOWN)
        assert token not in str(here.row())


async def test_a_stop_while_a_row_waits_for_its_turn_takes_the_mark_away(tmp_path: Path) -> None:
    """Nothing has left, so it costs the row no attempt."""
    async with RawServer(hang()) as server, one_worker(tmp_path / "l.db", server.url) as here:
        here.rate_limit.pause(60.0)
        waiting = asyncio.create_task(here.send())
        while here.row()["state"] != State.SENDING:  # the mark is on disk before the turn is waited for
            await asyncio.sleep(0.01)
        here.rate_limit.stop()
        assert await waiting == Sent(State.PENDING, retry_in=0.0)
        assert (here.row()["state"], here.row()["attempts"], server.connections) == (State.PENDING, 0, 0)


async def test_a_row_whose_key_may_be_at_the_server_is_not_sent(tmp_path: Path) -> None:
    """P1 at the last gate: the ledger says that another row has this key, so no request leaves."""
    async with RawServer(drop()) as server, one_worker(tmp_path / "l.db", server.url, keys="AB") as here:
        await here.send("A")
        here.ledger.connection.execute("UPDATE record SET key = 'A' WHERE key = 'B'")
        assert (await here.send("B")).state is State.SKIPPED
        assert len(server.requests) == 1
        assert here.ledger.counts() == {State.UNKNOWN: 1, State.SKIPPED: 1}


async def test_a_row_that_somebody_else_has_marked_is_not_sent(tmp_path: Path) -> None:
    async with RawServer(drop()) as server, one_worker(tmp_path / "l.db", server.url) as here:
        await here.send()
        assert (await here.send()).state is State.WAITING
        assert len(server.requests) == 1
        assert here.row()["state"] == State.UNKNOWN
