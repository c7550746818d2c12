"""One worker's view of a delivery: real client, real sockets, real ledger, put together as a run does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import orjson
import pytest
from ledgers import EXTERNAL_ID_FIELD, case_body, pending, row_of, stage, valid
from servers import Line, Request, http

from importer.delivery.api_access import ApiAccess
from importer.delivery.circuit_breaker import CircuitBreaker
from importer.delivery.rate_limit import RateLimiter
from importer.delivery.retry_budget import RetryBudget
from importer.delivery.sender import Sender, Sent
from importer.delivery.stopping import Stop
from importer.delivery.verdicts import Verdict
from importer.delivery.workers import Delivered
from importer.ledger import Ledger, LedgerWriter
from importer.ledger.records import Selection
from importer.progress.progress import Progress
from importer.settings.model import Settings
from importer.talkdesk import transport
from importer.talkdesk.addresses import read_proxy
from importer.talkdesk.auth import Tokens
from importer.talkdesk.client import CaseApi
from importer.talkdesk.credentials import StaticCredentials
from importer.talkdesk.transport import Transport
from importer.verbs.ledger_run import RunOptions, send_pending
from importer.verbs.session import OpenTarget

TOKEN = "t0k3n-c4n4ry"
#: Seconds that a server that is not slow, but not there, costs a test.
SHORT = 0.3


def make_impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on the client gives up soon."""
    monkeypatch.setattr(transport, "TIMEOUT", aiohttp.ClientTimeout(connect=2 * SHORT, sock_connect=SHORT))


class HearingBreaker(CircuitBreaker):
    """A breaker that keeps what it heard."""

    def __init__(self, rate_limit: RateLimiter) -> None:
        super().__init__(rate_limit, target="https://api.example.com")
        self.heard: list[Verdict] = []

    def record(self, verdict: Verdict, record: int) -> None:
        self.heard.append(verdict)
        super().record(verdict, record)


class OneWorker:
    """Sends the rows of a ledger, one at a time, when a test says so."""

    def __init__(self, ledger: Ledger, writer: LedgerWriter, transport: Transport, url: str, token: str) -> None:
        self.ledger = ledger
        self.transport = transport
        self.rate_limit = RateLimiter(None)
        self.breaker = HearingBreaker(self.rate_limit)
        tokens = Tokens(transport, token_url="", credentials=lambda: StaticCredentials(token))
        self.api = ApiAccess(CaseApi(transport, api_url=url), tokens, self.rate_limit, self.breaker, Progress())
        self.writer = writer
        self.sender = Sender(self.api, writer, RetryBudget())
        self._records = {record.key: record for record in pending(ledger, limit=10_000)}

    async def send(self, key: str = "A") -> Sent:
        """One attempt for the row with this key."""
        return await self.sender.send(self._records[key])

    def row(self, key: str = "A") -> dict[str, Any]:
        """How the row stands in the ledger."""
        return row_of(self.ledger, key)

    @property
    def verdict(self) -> Verdict:
        """What the last attempt was taken to mean."""
        return self.breaker.heard[-1]


@asynccontextmanager
async def one_worker(
    path: Path,
    url: str,
    *,
    keys: Sequence[str] = ("A",),
    bodies: Callable[[str], bytes] = case_body,
    external_id_field: str | None = EXTERNAL_ID_FIELD,
    force_close: bool = True,
    ca_file: str | None = None,
    proxy: str | None = None,
    token: str = TOKEN,
) -> AsyncIterator[OneWorker]:
    """A worker with one row for each key, that sends to ``url``."""
    through = None if proxy is None else read_proxy(proxy)
    with Ledger(path, verb="run") as ledger:
        rows = [valid(key, row=row, body=bodies(key)) for row, key in enumerate(keys, 2)]
        stage(ledger, rows, external_id_field=external_id_field)
        async with (
            Transport(force_close=force_close, ca_file=ca_file, proxy=through) as connections,
            LedgerWriter(ledger) as writer,
        ):
            yield OneWorker(ledger, writer, connections, url, token)


def echo(request: Request, case_id: str = "1", **changed: Any) -> bytes:
    """The whole answer 201 to this request."""
    return http(201, {"id": case_id, **request.json} | changed)


class CaseServer:
    """A Case API of a few lines that knows the truth: which cases exist, by external id.

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
        external_id = request.json["custom_fields"][EXTERNAL_ID_FIELD]
        case_id = str(100 + sum(map(len, self.cases.values())))
        self.cases[external_id].append(case_id)
        answer = echo(request, case_id)
        if number in self._mischief:
            await self._mischief[number](line, request, answer)
        else:
            await line.send(answer)

    def listing(self, request: Request) -> dict[str, Any]:
        """Honest in the documented encoding of filters."""
        (wanted,) = orjson.loads(parse_qs(urlsplit(request.target).query)["custom_fields"][0])
        by_id = {case_id: external_id for external_id, cases in self.cases.items() for case_id in cases}
        found = self.cases.get(wanted["value"], []) if "label" in wanted else by_id
        data = [
            {"id": case_id, "custom_fields": orjson.dumps({EXTERNAL_ID_FIELD: by_id[case_id]}).decode()}
            for case_id in found
        ]
        return {"_embedded": {"data": data}, "total": len(data), "_links": {"self": {"href": "/"}}}


async def run_once(
    path: Path,
    url: str,
    *,
    stop: Stop | None = None,
    target: dict[str, Any] | None = None,
    limit: int | None = None,
    **settings: Any,
) -> Delivered:
    """Send everything that is pending, as ``case-importer run`` does, with short waits."""
    known = {"api_url": url, "token": TOKEN, "settle_delay": 0.0, "concurrency": 4, "grace": 5.0}
    there = replace(OpenTarget(url, url, "", lambda: StaticCredentials(TOKEN)), **target or {})
    with Ledger(path, verb="run") as ledger:
        return await send_pending(
            ledger,
            there,
            Settings(**{**known, **settings}),
            RunOptions(chosen=Selection(), limit=limit),
            stop=stop or Stop(),
            progress=Progress(),
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
