"""A Case API that counts, throttles, fails and cuts connections as it is told; fast enough not to be the limit.

It creates a case for each POST unless a fault says otherwise, counts creates by external id (so lost and doubled rows
are counted here and not believed of a program), and shows what it saw at ``/_stats``.
Run as ``python -m benchmarks.api_server``; it prints its address and ends with its standard input.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter, deque
from random import Random
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import orjson
import uvloop

CASES = "/cm/core/va/cases"
EXTERNAL_ID_FIELD = "text1"
_REASONS = {200: "OK", 201: "Created", 404: "Not Found", 429: "Too Many Requests", 503: "Service Unavailable"}


class Api:
    """Answers requests; knows nothing of sockets.

    Args:
        limit: Creates that any sliding second may hold; 0 for any number. What exceeds it is answered 429.
        fail: Share of creates that are answered 503, with nothing created.
        cut: Share of creates that create a case and then close the connection without an answer.
    """

    def __init__(self, *, limit: int = 0, fail: float = 0.0, cut: float = 0.0) -> None:
        self._limit, self._fail, self._cut = limit, fail, cut
        self._random = Random(1)
        self._passed: deque[float] = deque()
        self._arrived: deque[float] = deque()
        self._creates: Counter[str] = Counter()
        self._ids: dict[str, str] = {}
        self.counts: Counter[str] = Counter()
        self._first_at: float | None = None
        self._last_at: float | None = None

    def stats(self) -> dict[str, Any]:
        """Counts; times are seconds of the monotonic clock, which all processes of a machine share."""
        return {
            **{name: self.counts[name] for name in ("requests", "created", "throttled", "throttled_late", "lookups")},
            "distinct": len(self._creates),
            "duplicates": self.counts["created"] - len(self._creates),
            "fullest_second": self.counts["fullest_second"],
            "first_at": self._first_at,
            "last_at": self._last_at,
        }

    def answer(self, method: str, target: str, body: bytes, *, now: float) -> bytes | None:
        """The bytes of an answer to a request that arrived at ``now``; None to close the connection without one."""
        path = urlsplit(target).path
        if path == CASES and method == "POST":
            return self._create(body, now)
        if path == CASES:
            return self._list(target, now)
        if path == "/oauth/token":
            token = {"access_token": "token", "expires_in": 3600, "scope": "cases-public:write cases-public:read"}
            return http(200, token)
        return http(200, self.stats()) if path == "/_stats" else http(404, {})

    def _create(self, body: bytes, now: float) -> bytes | None:
        self._count_arrival(now)
        self.counts["requests"] += 1
        if self._is_over_limit(now):
            self.counts["throttled"] += 1
            self.counts["throttled_late"] += now - (self._first_at or now) > 1.0
            return http(429, {"message": "too fast"}, "Retry-After: 1")
        if self._random.random() < self._fail:
            return http(503, {"message": "down"})
        key = orjson.loads(body)["custom_fields"][EXTERNAL_ID_FIELD]
        self._creates[key] += 1
        self.counts["created"] += 1
        self._ids[key] = f"c{self.counts['created']}"
        return None if self._random.random() < self._cut else http(201, {"id": self._ids[key]})

    def _count_arrival(self, now: float) -> None:
        self._first_at = now if self._first_at is None else self._first_at
        self._last_at = now
        self._arrived.append(now)
        while self._arrived[0] <= now - 1.0:
            self._arrived.popleft()
        self.counts["fullest_second"] = max(self.counts["fullest_second"], len(self._arrived))

    def _is_over_limit(self, now: float) -> bool:
        while self._passed and self._passed[0] <= now - 1.0:
            self._passed.popleft()
        if self._limit and len(self._passed) >= self._limit:
            return True
        self._passed.append(now)
        return False

    def _list(self, target: str, now: float) -> bytes:
        self._count_arrival(now)
        self.counts["lookups"] += 1
        asked = parse_qs(urlsplit(target).query).get("custom_fields", ["[]"])[0]
        keys = [str(one.get("value")) for one in orjson.loads(asked) if one.get("label") == EXTERNAL_ID_FIELD]
        cases = [{"id": self._ids[key], "custom_fields": {EXTERNAL_ID_FIELD: key}} for key in keys if key in self._ids]
        return http(200, {"total": len(cases), "_embedded": {"data": cases}, "_links": {}})


def http(status: int, content: Any, *headers: str) -> bytes:
    """The bytes of an answer."""
    body = orjson.dumps(content)
    lines = [f"HTTP/1.1 {status} {_REASONS[status]}", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


class Connection(asyncio.Protocol):
    """Takes whole requests out of what arrives and answers them in order, ``latency`` seconds late."""

    def __init__(self, api: Api, latency: float) -> None:
        self._api = api
        self._latency = latency
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end]
            whole = end + 4 + _content_length(head)
            if len(self._received) < whole:
                return
            body, self._received = self._received[end + 4 : whole], self._received[whole:]
            method, target, _ = head[: head.index(b"\r\n")].decode("latin-1").split(" ", 2)
            answer = self._api.answer(method, target, body, now=time.monotonic())
            if self._latency and target == CASES:
                asyncio.get_running_loop().call_later(self._latency, self._reply, answer)
            else:
                self._reply(answer)

    def _reply(self, answer: bytes | None) -> None:
        if answer is None:
            self._transport.abort()
        elif not self._transport.is_closing():
            self._transport.write(answer)


def _content_length(head: bytes) -> int:
    at = head.lower().find(b"\r\ncontent-length:")
    return 0 if at < 0 else int(head[at + 17 :].split(b"\r\n", 1)[0])


async def serve(api: Api, *, latency: float) -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(api, latency), "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--fail", type=float, default=0.0)
    parser.add_argument("--cut", type=float, default=0.0)
    parser.add_argument("--latency", type=float, default=0.0)
    given = parser.parse_args()
    uvloop.run(serve(Api(limit=given.limit, fail=given.fail, cut=given.cut), latency=given.latency))


if __name__ == "__main__":
    main()
