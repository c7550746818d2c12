"""One worker's view of a delivery: real client, real sockets, real ledger, put together as a run does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import orjson
import pytest
from ledgers import STAMP, case_body, pending, row_of, stage, valid
from servers import Line, Request, http

from importer.delivery.breaker import Breaker
from importer.delivery.budget import RetryBudget
from importer.delivery.causes import Causes
from importer.delivery.deliver import Courier, Handed
from importer.delivery.judge import Verdict
from importer.delivery.pace import Pace
from importer.delivery.pool import Delivered, Stop
from importer.delivery.speed import Speed
from importer.delivery.trust import Trust
from importer.ledger import Ledger, LedgerWriter, Selection
from importer.models import Notice
from importer.progress import Progress
from importer.session import Orders, Place, send_pending
from importer.settings import Settings
from importer.talkdesk import client
from importer.talkdesk.auth import StaticCredentials, Tokens
from importer.talkdesk.client import CaseApi, HttpClient
from importer.talkdesk.proxy import read_proxy

TOKEN = "t0k3n-c4n4ry"
#: Seconds that a server that is not slow, but not there, costs a test.
SHORT = 0.3


def make_impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on the client gives up soon."""
    monkeypatch.setattr(client, "_TO_CONNECT", aiohttp.ClientTimeout(connect=2 * SHORT, sock_connect=SHORT))
    monkeypatch.setattr(client, "_TO_ANSWER", SHORT)


class HearingBreaker(Breaker):
    """A breaker that keeps what it heard."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.heard: list[Verdict] = []

    def hear(self, verdict: Verdict, record: int | None = None) -> None:
        self.heard.append(verdict)
        super().hear(verdict, record)


class Desk:
    """Delivers the rows of a ledger, one at a time, when a test says so."""

    def __init__(
        self, ledger: Ledger, writer: LedgerWriter, http_client: HttpClient, url: str, rate: float | None
    ) -> None:
        self.ledger = ledger
        self.writer = writer
        self.http_client = http_client
        self.tokens = self.tokens_of(TOKEN)
        self.breaker = HearingBreaker(target="https://api.example.com")
        self.pace = Pace(Speed(rate))
        self.notices: list[Notice] = []
        self.courier = Courier(
            api=CaseApi(http_client, api_url=url),
            tokens=self.tokens,
            ledger=writer,
            pace=self.pace,
            budget=RetryBudget(),
            breaker=self.breaker,
            causes=Causes(),
            trust=Trust(),
            notice=self.notices.append,
            jitter=lambda: 0.5,
        )
        self._records = {record.key: record for record in pending(ledger, limit=10_000)}

    def tokens_of(self, token: str) -> Tokens:
        """A source that always hands out this token."""
        return Tokens(self.http_client, token_url="", credentials=lambda: StaticCredentials(token))

    async def deliver(self, key: str = "A", *, authorization: str | None = None) -> Handed:
        """One attempt for the row with this key."""
        header = authorization or await self.courier.get_ready()
        return await self.courier.deliver(self._records[key], header)

    def row(self, key: str = "A") -> dict[str, Any]:
        """How the row stands in the ledger."""
        return row_of(self.ledger, key)

    @property
    def verdict(self) -> Verdict:
        """What the last attempt was taken to mean."""
        return self.breaker.heard[-1]


@asynccontextmanager
async def desk(
    path: Path,
    url: str,
    *,
    keys: Sequence[str] = ("A",),
    bodies: Callable[[str], bytes] = case_body,
    stamp: str | None = STAMP,
    fresh: bool = True,
    concurrency: int = 4,
    ca_file: str | None = None,
    proxy: str | None = None,
    rate: float | None = None,
) -> AsyncIterator[Desk]:
    """A desk with one row for each key, that sends to ``url``."""
    with Ledger(path, verb="run") as ledger:
        stage(ledger, [valid(key, row=row, body=bodies(key)) for row, key in enumerate(keys, 2)], stamp=stamp)
        async with (
            HttpClient(
                concurrency=concurrency,
                fresh_connections=fresh,
                ca_file=ca_file,
                proxy=None if proxy is None else read_proxy(proxy),
            ) as http_client,
            LedgerWriter(ledger) as writer,
        ):
            yield Desk(ledger, writer, http_client, url, rate)


def echo(request: Request, case_id: str = "1", **changed: Any) -> bytes:
    """The whole answer 201 to this request."""
    return http(201, {"id": case_id, **request.json} | changed)


class CaseServer:
    """A Case API of a few lines that knows the truth: which cases exist, by stamp.

    It is a step for :class:`servers.RawServer`; tests override what happens to single requests with ``mischief``:
    a function that is given the line, the request and the true answer, and sends what it likes.
    """

    def __init__(self, mischief: dict[int, Any] | None = None) -> None:
        self.cases: dict[str, list[str]] = defaultdict(list)
        self.creates = 0
        self._mischief = mischief or {}

    async def __call__(self, line: Line, request: Request) -> None:
        if request.method == "GET":
            await line.send(http(200, self.listing(request)))
            return
        self.creates += 1
        number = self.creates
        stamp = request.json["custom_fields"][STAMP]
        case_id = str(100 + sum(map(len, self.cases.values())))
        self.cases[stamp].append(case_id)
        answer = echo(request, case_id)
        if number in self._mischief:
            await self._mischief[number](line, request, answer)
        else:
            await line.send(answer)

    def listing(self, request: Request) -> dict[str, Any]:
        """Honest in the documented encoding of filters."""
        (wanted,) = orjson.loads(parse_qs(urlsplit(request.target).query)["custom_fields"][0])
        by_id = {case_id: stamp for stamp, cases in self.cases.items() for case_id in cases}
        found = self.cases.get(wanted["value"], []) if "label" in wanted else by_id
        data = [{"id": case_id, "custom_fields": orjson.dumps({STAMP: by_id[case_id]}).decode()} for case_id in found]
        return {"_embedded": {"data": data}, "total": len(data), "_links": {"self": {"href": "/"}}}


async def run_once(
    path: Path, url: str, *, stop: Stop | None = None, place: dict[str, Any] | None = None, **settings: Any
) -> Delivered:
    """Send everything that is pending, as ``case-importer run`` does, with short waits."""
    known = {"api_url": url, "token": TOKEN, "horizon": 0.0, "concurrency": 4, "grace": 5.0}
    there = Place(url, url, "", lambda: StaticCredentials(TOKEN))._replace(**place or {})
    with Ledger(path, verb="run") as ledger:
        return await send_pending(
            ledger,
            there,
            Settings(**{**known, **settings}),
            Orders(chosen=Selection()),
            stop=stop or Stop(),
            observer=Progress(),
        )


def staged_ledger(path: Path, keys: Sequence[str]) -> Path:
    """A closed ledger with one row for each key."""
    with Ledger(path, verb="run") as ledger:
        stage(ledger, [valid(key, row=row) for row, key in enumerate(keys, 2)])
    return path


def standing(path: Path) -> dict[str, tuple[str, str | None]]:
    """State and case id of every key."""
    with Ledger(path, verb="look") as ledger:
        return {
            key: (state, case_id)
            for key, state, case_id in ledger.connection.execute("SELECT key, state, case_id FROM record ORDER BY id")
        }
