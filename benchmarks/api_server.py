"""A Case API that counts, throttles, fails and cuts as it is told. Fast enough for the peers, and honest about itself.

It creates a case for each POST unless a fault says otherwise, counts creates by the stamp of the row, and tells all it
saw at ``/_stats``. Run as ``python -m benchmarks.api_server``; it prints its address and ends with its standard input.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from random import Random
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import orjson
import uvloop

CASES = "/cm/core/va/cases"
STAMP = "text1"
_REASONS = {200: "OK", 201: "Created", 404: "Not Found", 429: "Too Many Requests", 503: "Service Unavailable"}


class Limit:
    """How many requests a second may hold.

    Args:
        most: So many, or 0 for any number.
        kind: ``sliding``: in any second; ``clock``: from one full second to the next.
        then: After so many seconds from the first request there is another limit.
    """

    def __init__(self, most: int, kind: str = "sliding", then: tuple[float, int] | None = None) -> None:
        self._most = most
        self._kind = kind
        self._then = then
        self._began: float | None = None
        self._passed: deque[float] = deque()

    def passes(self, now: float) -> bool:
        """Whether a request at ``now`` is within the limit; if so, it counts."""
        if self._began is None:
            self._began = now
        most = self._most
        if self._then is not None and now - self._began >= self._then[0]:
            most = self._then[1]
        if not most:
            return True
        while self._passed and self._is_over(self._passed[0], now):
            self._passed.popleft()
        if len(self._passed) >= most:
            return False
        self._passed.append(now)
        return True

    def _is_over(self, passed: float, now: float) -> bool:
        return int(passed) < int(now) if self._kind == "clock" else passed <= now - 1.0


class Books:
    """What the server saw. Times are those of the clock that all processes of a machine share, and nobody sets."""

    def __init__(self) -> None:
        self.creates: Counter[str] = Counter()
        self.ids: dict[str, str] = {}
        self.counts: Counter[str] = Counter()
        self.first_at: float | None = None
        self.last_at: float | None = None
        self.worst_second = 0
        self._arrived: deque[float] = deque()

    def arrived(self, now: float) -> None:
        """A request that counts against a limit came in."""
        if self.first_at is None:
            self.first_at = now
        self.last_at = now
        self._arrived.append(now)
        while self._arrived[0] <= now - 1.0:
            self._arrived.popleft()
        self.worst_second = max(self.worst_second, len(self._arrived))

    def create(self, key: str) -> str:
        """Create a case for ``key``; gives its id."""
        self.creates[key] += 1
        self.counts["created"] += 1
        self.ids[key] = f"c{self.counts['created']}"
        return self.ids[key]

    def stats(self) -> dict[str, Any]:
        created = self.counts["created"]
        return {
            **self.counts,
            "created": created,
            "distinct": len(self.creates),
            "duplicates": created - len(self.creates),
            "first_at": self.first_at,
            "last_at": self.last_at,
            "worst_second": self.worst_second,
        }


class Api:
    """Answers requests; knows nothing of sockets.

    Args:
        limit: Requests a second.
        fail: Share of creates that are answered 503, with nothing created.
        cut: Share of creates that create and then never answer.
        seed: Of the lots that are drawn for them.
        regular: No lots for ``fail``: every so many-th create it is.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        *,
        limit: Limit,
        fail: float = 0.0,
        cut: float = 0.0,
        seed: int = 1,
        regular: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._fail = fail
        self._cut = cut
        self._lots = Random(seed)
        self._regular = regular
        self._clock = clock
        self.books = Books()

    def answer(self, method: str, target: str, body: bytes) -> bytes | None:
        """The bytes of an answer; None for a connection that is closed without one."""
        if target == CASES and method == "POST":
            return self._create(body)
        path = urlsplit(target).path
        if path == CASES:
            return self._list(target)
        if path == "/oauth/token":
            token = {"access_token": "token", "expires_in": 3600, "scope": "cases-public:write cases-public:read"}
            return http(200, token)
        if path == "/_stats":
            return http(200, self.books.stats())
        if path == "/_reset":  # the first request from here on
            self.books.first_at = None
            return http(200, {})
        return http(404, {})

    def _create(self, body: bytes) -> bytes | None:
        now = self._clock()
        self.books.arrived(now)
        counts = self.books.counts
        counts["requests"] += 1
        if not self._limit.passes(now):
            counts["throttled"] += 1
            counts["throttled_late"] += now - (self.books.first_at or now) > 1.0
            return http(429, {"message": "too fast"}, "Retry-After: 1")
        if self._fails():
            counts["failed"] += 1
            return http(503, {"message": "down"})
        case_id = self.books.create(orjson.loads(body)["custom_fields"][STAMP])
        if self._cut and self._lots.random() < self._cut:
            counts["cut"] += 1
            return None
        return http(201, {"id": case_id})

    def _fails(self) -> bool:
        if self._regular:
            count = self.books.counts["requests"]
            return int(count * self._fail) > int((count - 1) * self._fail)
        return bool(self._fail) and self._lots.random() < self._fail

    def _list(self, target: str) -> bytes:
        self.books.arrived(self._clock())
        self.books.counts["lookups"] += 1
        asked = parse_qs(urlsplit(target).query).get("custom_fields", ["[]"])[0]
        keys = [str(one.get("value")) for one in orjson.loads(asked) if one.get("label") == STAMP]
        cases = [{"id": self.books.ids[key], "custom_fields": {STAMP: key}} for key in keys if key in self.books.ids]
        return http(200, {"total": len(cases), "_embedded": {"data": cases}, "_links": {}})


def http(status: int, content: Any, *headers: str) -> bytes:
    """The bytes of an answer."""
    body = orjson.dumps(content)
    lines = [f"HTTP/1.1 {status} {_REASONS[status]}", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


class Line(asyncio.Protocol):
    """One connection: takes whole requests out of what comes in, and answers them in order."""

    def __init__(self, api: Api, latency: float) -> None:
        self._api = api
        self._latency = latency
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def data_received(self, octets: bytes) -> None:
        self._received += octets
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end]
            whole = end + 4 + _length_of(head)
            if len(self._received) < whole:
                return
            body, self._received = self._received[end + 4 : whole], self._received[whole:]
            method, target, _ = head[: head.index(b"\r\n")].decode("latin-1").split(" ", 2)
            if self._latency and target == CASES:
                asyncio.get_running_loop().call_later(self._latency, self._reply, method, target, body)
            else:
                self._reply(method, target, body)

    def _reply(self, method: str, target: str, body: bytes) -> None:
        answer = self._api.answer(method, target, body)
        if answer is None:
            self._transport.abort()
        elif not self._transport.is_closing():
            self._transport.write(answer)


def _length_of(head: bytes) -> int:
    lowered = head.lower()
    at = lowered.find(b"\r\ncontent-length:")
    return 0 if at < 0 else int(lowered[at + 17 :].split(b"\r\n", 1)[0])


async def serve(api: Api, *, latency: float) -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Line(api, latency), "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def _then(text: str) -> tuple[float, int]:
    seconds, _, most = text.partition(":")
    return float(seconds), int(most)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--window", choices=["sliding", "clock"], default="sliding")
    parser.add_argument("--then", type=_then, help="SECONDS:LIMIT")
    parser.add_argument("--fail", type=float, default=0.0)
    parser.add_argument("--regular", action="store_true")
    parser.add_argument("--cut", type=float, default=0.0)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    limit = Limit(given.limit, given.window, given.then)
    api = Api(limit=limit, fail=given.fail, cut=given.cut, seed=given.seed, regular=given.regular)
    uvloop.run(serve(api, latency=given.latency))


if __name__ == "__main__":
    main()
