"""The request left, and no whole answer came, so nothing is known."""

from __future__ import annotations

import asyncio
import gzip
import resource
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from delivering import SHORT, echo, one_worker
from ledgers import case_body
from servers import Line, RawServer, Request, Step, cut, drip, drop, hang, http, reply

from importer.delivery import rate_limit
from importer.delivery.verdicts import Signal
from importer.models import State
from importer.talkdesk import transport

CREATED = http(201, {"id": "1", **orjson.loads(case_body("A"))})
HEAD, _, CONTENT = CREATED.partition(b"\r\n\r\n")
CHUNKED = http(201, b"%x\r\n%b\r\n0\r\n\r\n" % (len(CONTENT), CONTENT), "Transfer-Encoding: chunked", length=False)


@pytest.fixture
def short_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers are given up soon."""
    monkeypatch.setattr(transport, "TIMEOUT", aiohttp.ClientTimeout(total=SHORT))


#: aiohttp would rather have a file than so many bytes; we want them sent as they are.
large_body = pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")


def ends(octets: bytes) -> Step:
    """Send this and close."""
    return cut(octets, len(octets))


def packed(content: bytes) -> bytes:
    return http(201, content, "Content-Type: application/json", "Content-Encoding: gzip")


def bomb() -> bytes:
    """A case, and 200 megabytes of white space behind it."""
    return packed(gzip.compress(CONTENT + b" " * (200 << 20), compresslevel=1))


STEPS: dict[str, Callable[[], Step]] = {
    "read, then FIN": lambda: drop(),
    "read, then RST": lambda: drop(rst=True),
    "no word": lambda: hang(),
    "a byte now and then": lambda: drip(CREATED, every=0.1),
    "cut in the status line": lambda: cut(CREATED, 9),
    "cut in the headers": lambda: cut(CREATED, 30),
    "body shorter than it should be": lambda: cut(CREATED, len(CREATED) - 1),
    "body shorter, RST": lambda: cut(CREATED, len(CREATED) - 1, rst=True),
    "last chunk missing": lambda: cut(CHUNKED, len(CHUNKED) - 5),
    "chunk cut": lambda: cut(CHUNKED, len(CHUNKED) - 20),
    "chunk of no size": lambda: ends(CHUNKED.replace(b"\r\n\r\n", b"\r\n\r\nzz\r\n", 1)),
    "no length": lambda: ends(http(201, CONTENT, length=False)),
    "no length, cut": lambda: cut(http(201, CONTENT, length=False), len(CREATED) - 40),
    "garbage": lambda: ends(b"\x16\x03\x01 this is not HTTP\r\n\r\n"),
    "an answer of another protocol": lambda: ends(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "no reason, no version": lambda: ends(b"HTTP 201\r\n\r\n" + CONTENT),
    "two lengths": lambda: ends(http(201, CONTENT, f"Content-Length: {len(CONTENT) + 7}")),
    "length and chunks": lambda: ends(http(201, CONTENT, "Transfer-Encoding: chunked")),
    "length in words": lambda: ends(http(201, CONTENT, "Content-Length: many", length=False)),
    "endless header": lambda: ends(http(201, CONTENT, "X-Filler: " + "x" * 20_000)),
    "endless number of headers": lambda: ends(http(201, CONTENT, *(f"X-{number}: 1" for number in range(40_000)))),
    "broken gzip": lambda: ends(packed(gzip.compress(CONTENT)[:10] + b"\x00" * 40)),
    "gzip that is none": lambda: ends(packed(CONTENT)),
    "bomb": lambda: ends(bomb()),
    "two megabytes": lambda: ends(http(201, CONTENT + b" " * (2 << 20))),
    "endless body": lambda: drip(HEAD + b"\r\n\r\n" + CONTENT[:3] * 1000, every=0.1),
    "headers, then nothing": lambda: hang(HEAD + b"\r\n\r\n"),
    "half a body, then nothing": lambda: hang(CREATED[:-9]),
}


#: What some of them are called in the ledger, whatever the library calls them.
CODES = {
    **dict.fromkeys(
        ("read, then FIN", "read, then RST", "cut in the status line", "cut in the headers"), "connection_lost"
    ),
    **dict.fromkeys(
        ("no word", "a byte now and then", "endless body", "headers, then nothing", "half a body, then nothing"),
        "timeout",
    ),
    **dict.fromkeys(("bomb", "two megabytes"), "huge_answer"),
}


@pytest.mark.parametrize("name", STEPS)
async def test_without_a_whole_answer_a_row_is_unknown(
    tmp_path: Path, loop_factory: Any, request: pytest.FixtureRequest, name: str
) -> None:
    if CODES.get(name) == "timeout":
        request.getfixturevalue("short_silence")
    async with RawServer(STEPS[name]()) as server, one_worker(tmp_path / "l.db", server.url) as here:
        await here.send()
        row = here.row()
        assert (row["state"], row["case_id"], row["attempts"]) == (State.UNKNOWN, None, 1)
        assert row["http_status"] is None  # a library may have invented one; nothing is decided by it
        assert row["code"] == CODES.get(name, row["code"])
        assert here.verdict.signal is Signal.OUTAGE
        assert len(server.requests) == 1


GREETINGS: dict[str, Callable[[Line], Awaitable[None]]] = {}


def greeting(name: str) -> Callable[[Any], Any]:
    return lambda function: GREETINGS.setdefault(name, function)


@greeting("closed at once")
async def closed_at_once(line: Line) -> None:
    line.end()


@greeting("RST at once")
async def reset_at_once(line: Line) -> None:
    line.reset()


@greeting("closed behind the headers")
async def closed_behind_the_headers(line: Line) -> None:
    await line._reader.readuntil(b"\r\n\r\n")
    line.end()


@greeting("cut in the middle of the body")
async def cut_in_the_body(line: Line) -> None:
    await line._reader.readexactly(20_000)
    line.reset()


@large_body
@pytest.mark.parametrize("name", GREETINGS)
async def test_a_connection_that_dies_under_the_request(tmp_path: Path, loop_factory: Any, name: str) -> None:
    """From here it looks the same whether a case was made or not."""

    def body(key: str) -> bytes:
        return case_body(key, description="x" * (5_000_000 if name.startswith("cut in") else 10))

    async with (
        RawServer(hang(), greeting=GREETINGS[name]) as server,
        one_worker(tmp_path / "l.db", server.url, bodies=body) as here,
    ):
        await here.send()
        assert (here.row()["state"], here.row()["http_status"]) == (State.UNKNOWN, None)
        assert server.connections == 1  # no library of ours tried once more


@pytest.mark.parametrize("whole", [CREATED, CHUNKED], ids=["length", "chunks"])
@pytest.mark.parametrize("rst", [False, True], ids=["FIN", "RST"])
async def test_an_answer_cut_after_every_byte(
    tmp_path: Path, loop_factory: Any, monkeypatch: pytest.MonkeyPatch, whole: bytes, rst: bool
) -> None:
    """Accepted when it is whole, and at no other byte."""
    monkeypatch.setattr(rate_limit, "PROBE_EVERY", 0.0)  # so many lost answers in a row look like an outage
    keys = [str(at) for at in range(len(whole) + 1 - rst)]

    async def step(line: Line, request: Request) -> None:
        await cut(whole, int(request.json["custom_fields"]["text1"]), rst=rst)(line, request)

    async with (
        RawServer(step) as server,
        one_worker(
            tmp_path / "l.db",
            server.url,
            keys=keys,
            external_id_field=None,
            bodies=lambda key: case_body(key, title="Ticket A"),
        ) as here,
    ):
        for key in keys:
            await here.send(key)
        states = [here.row(key)["state"] for key in keys]
    assert states == [State.UNKNOWN] * len(whole) + [State.CREATED] * (not rst)


async def test_a_bomb_costs_no_memory(tmp_path: Path, loop_factory: Any) -> None:
    """It is put down as soon as it is too large, not when it has been unpacked."""
    octets = bomb()
    async with RawServer(ends(octets)) as server, one_worker(tmp_path / "l.db", server.url) as here:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        await here.send()
        assert here.row()["code"] == "huge_answer"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


@pytest.mark.parametrize(
    ("encoding", "content_type"),
    [
        ("utf-8-sig", "application/json"),
        ("utf-16", "application/json"),
        ("utf-16-le", "application/json; charset=utf-16le"),
        ("latin-1", "application/json; charset=iso-8859-1"),
        ("latin-1", "application/json; charset=Latin1"),
    ],
)
async def test_an_answer_in_another_encoding_is_read(tmp_path: Path, encoding: str, content_type: str) -> None:
    """A byte order mark, or another charset than that of JSON: a server or a proxy may put them there."""

    async def step(line: Line, request: Request) -> None:
        case = {"id": "17", "shown": "Café", **request.json}
        content = orjson.dumps(case).decode().encode(encoding)
        await line.send(http(201, content, f"Content-Type: {content_type}"))

    async with RawServer(step) as server, one_worker(tmp_path / "l.db", server.url) as here:
        await here.send()
        assert (here.row()["state"], here.row()["case_id"]) == (State.CREATED, "17")


async def test_a_small_packed_answer_is_read(tmp_path: Path) -> None:
    """Not asked for, but legal."""
    async with (
        RawServer(reply(packed(gzip.compress(CONTENT)))) as server,
        one_worker(tmp_path / "l.db", server.url) as here,
    ):
        await here.send()
        assert here.row()["state"] == State.CREATED


@pytest.mark.parametrize(
    ("name", "answer", "code"),
    [
        ("a login page", http(200, b"<html>Log in</html>", "Content-Type: text/html"), "http_200"),
        ("created, but empty", http(201, b""), "unreadable"),
        ("created, without an id", http(201, {"title": "Ticket A"}), "unreadable"),
        ("created, a list", http(201, [{"id": "1"}]), "unreadable"),
        ("created, a login page", http(201, b"<html>"), "unreadable"),
        ("no content", http(204, b"", length=False), "http_204"),
        ("success that is none", http(200, {"success": False}), "http_200"),
        ("accepted", http(202, {"id": "1"}), "http_202"),
        ("too slow", http(408, {"code": "0900408", "message": "Request timeout"}), "0900408"),
        ("conflict", http(409, {}), "http_409"),
        ("locked", http(423, {}), "http_423"),
        ("broken", http(500, {}), "http_500"),
        ("gateway", http(502, b"<html>Bad gateway</html>"), "http_502"),
        ("gateway gave up", http(504, b""), "http_504"),
        ("existed before", http(200, {"id": "1"}), "http_200"),
    ],
)
async def test_whole_answers_that_prove_nothing(tmp_path: Path, name: str, answer: bytes, code: str) -> None:
    async with RawServer(reply(answer)) as server, one_worker(tmp_path / "l.db", server.url) as here:
        await here.send()
        assert (here.row()["state"], here.row()["code"]) == (State.UNKNOWN, code)


@large_body
async def test_an_early_refusal_of_a_large_body_is_read(tmp_path: Path, loop_factory: Any) -> None:
    """The server says 413 while we are still sending; that is a whole answer and proves what it says."""

    async def refuse(line: Line) -> None:
        await line._reader.readuntil(b"\r\n\r\n")
        await line.send(http(413, {"message": "too large"}, "Connection: close"))
        while await line._reader.read(1 << 20):
            pass

    body = lambda key: case_body(key, description="x" * 20_000_000)  # noqa: E731
    async with (
        RawServer(hang(), greeting=refuse) as server,
        one_worker(tmp_path / "l.db", server.url, bodies=body) as here,
    ):
        await here.send()
        assert (here.row()["state"], here.row()["http_status"]) == (State.REFUSED, 413)


async def test_cancelled_behind_the_mark_the_row_stays_unknown(tmp_path: Path) -> None:
    """The case may be made all the same; the ledger keeps the mark, and the end of the run makes it unknown."""
    async with RawServer(hang()) as server, one_worker(tmp_path / "l.db", server.url) as here:
        sending = asyncio.create_task(here.send())
        await server.received(1)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert here.row()["state"] == State.SENDING


@pytest.mark.usefixtures("short_silence")
async def test_what_comes_too_late_settles_nothing(tmp_path: Path) -> None:
    async def late(line: Line, request: Request) -> None:
        await asyncio.sleep(SHORT)
        await line.send(echo(request))

    async with RawServer(late) as server, one_worker(tmp_path / "l.db", server.url) as here:
        await here.send()
        await asyncio.sleep(0.1)
        assert (here.row()["state"], here.row()["code"]) == (State.UNKNOWN, "timeout")


@pytest.mark.parametrize("name", ["garbage", "an answer of another protocol", "length and chunks", "endless header"])
async def test_the_status_that_a_library_invents_for_them(tmp_path: Path, name: str) -> None:
    """The negative control: aiohttp says it heard "400", which would prove that nothing was created."""
    async with RawServer(STEPS[name]()) as server, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientResponseError) as invention:
            await session.post(server.url, data=case_body("A"))
    assert invention.value.status == 400


async def test_a_redirect_stops_the_run_whether_it_has_a_body_or_not(tmp_path: Path) -> None:
    """Its status and headers are whole, and they say all there is to say."""
    moved = ends(b"HTTP/1.1 302 Found\r\nLocation: /login\r\nConnection: close\r\n\r\n")
    async with RawServer(moved) as server, one_worker(tmp_path / "l.db", server.url) as here:
        await here.send()
        assert here.breaker.error is not None
