"""Accounts whose list is not the whole truth: what it shortens, or does not show, is read on its own."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest
from servers import Line, RawServer, Request, http
from tickets import MAPPING, Ticket, write_tickets

import importer
from importer.delivery import api_access, rate_limit
from importer.errors import ExitCode
from importer.verbs.verify import VerifyResult

BODY = "Smoke was seen\nbehind it, in the second room."


class Account:
    """A Case API of a few lines, with one case.

    Args:
        in_list: How the list shows it otherwise than it is.
        alone: The same when it is read on its own; None: there is no such case.
    """

    def __init__(self, in_list: dict[str, Any], alone: dict[str, Any] | None) -> None:
        self._in_list, self._alone = in_list, alone
        self._case: dict[str, Any] = {}
        self.read: list[str] = []

    async def __call__(self, line: Line, request: Request) -> None:
        if request.method == "POST":
            self._case = {"id": "7", **request.json}
            await line.send(http(201, self._case))
            return
        is_list = "?" in request.target
        self.read.append("list" if is_list else "alone")
        given = self.shown()
        if is_list:
            await line.send(http(200, {"total": 1, "_embedded": {"data": [given | self._in_list]}}))
        elif self._alone is None:
            await line.send(http(404, {"code": "1520008", "message": "Connection not found."}))
        else:
            await line.send(http(200, given | self._alone))

    def shown(self) -> dict[str, Any]:
        """The case as it is, in the form of an answer."""
        return self._case | {"custom_fields": {key: {"value": v} for key, v in self._case["custom_fields"].items()}}


NOTE = {"notes_body": "One", "notes_title": "", "public": False}


@pytest.mark.parametrize(
    ("in_list", "alone", "verdicts", "read"),
    [
        ({}, {}, {"same": 1}, ["list"]),
        ({"description": BODY[:14]}, {}, {"same": 1}, ["list", "alone"]),
        ({"description": BODY[:14]}, {"description": BODY[:14]}, {"cut": 1}, ["list", "alone"]),
        ({"notes": []}, {"notes": [NOTE]}, {"same": 1}, ["list", "alone"]),
        ({"notes": []}, {"notes": []}, {"fewer_notes": 1}, ["list", "alone"]),
        ({"title": "Another"}, {}, {"differs": 1}, ["list"]),
        ({"id": "8"}, {}, {"same": 1}, ["list", "list", "alone"]),
        ({"id": "8"}, None, {"gone": 1}, ["list", "list", "alone"]),
    ],
    ids=["whole", "shortened", "cut", "some_notes", "fewer_notes", "differs", "not_shown", "gone"],
)
async def test_what_a_list_shortens_is_read_on_its_own(
    tmp_path: Path, in_list: dict[str, Any], alone: dict[str, Any] | None, verdicts: dict[str, int], read: list[str]
) -> None:
    account = Account(in_list, alone)
    async with RawServer(account) as server:
        result = await verified_import(tmp_path, server)
    assert (account.read, result.verification.verdicts) == (read, verdicts)
    assert (result.exit_code is ExitCode.OK) == (verdicts == {"same": 1})
    assert orjson.loads(result.summary_file.read_bytes())["exit_code"] == result.exit_code


@pytest.mark.parametrize(("times", "code"), [(6, ExitCode.OK), (1000, ExitCode.TEMPORARY)], ids=["passes", "lasts"])
async def test_a_list_that_is_read_too_fast_is_no_wrong_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int, code: ExitCode
) -> None:
    monkeypatch.setattr(api_access, "backoff", lambda *_, **__: 0.0)
    for rate in ("FIRST_RATE", "LOWEST_RATE"):
        monkeypatch.setattr(rate_limit, rate, 1000.0)  # it would fall with every answer, and take a minute
    account = Account({}, {})

    async def step(line: Line, request: Request) -> None:
        if request.method == "GET" and len(server.requests) - 1 <= times:
            await line.send(http(429, {}, "Retry-After: 0"))
        else:
            await account(line, request)

    async with RawServer(step) as server:
        result = await verified_import(tmp_path, server)
    assert result.exit_code is code


async def test_a_list_that_repeats_a_page_for_ever_ends(tmp_path: Path) -> None:
    """Whatever page is asked for, it shows the same case, and says that there are a thousand."""
    account = Account({}, {})

    async def step(line: Line, request: Request) -> None:
        if request.method == "GET":
            await line.send(http(200, {"total": 1000, "_embedded": {"data": [account.shown()]}}))
        else:
            await account(line, request)

    async with RawServer(step) as server, asyncio.timeout(10):
        result = await verified_import(tmp_path, server, doubles=True)
    assert result.verification.verdicts == {"same": 1}
    assert result.exit_code is ExitCode.TEMPORARY, "there may be second cases behind it"


@pytest.mark.parametrize(
    ("total", "links", "code"),
    [
        (1, {}, ExitCode.OK),
        (2, {}, ExitCode.TEMPORARY),  # one that is not shown
        (1, {"next": {"href": "/more"}}, ExitCode.OK),  # behind which nothing is
    ],
    ids=["whole", "capped", "a_link_too_many"],
)
async def test_no_second_case_only_if_the_list_was_read_to_its_end(
    tmp_path: Path, total: int, links: dict[str, Any], code: ExitCode
) -> None:
    account = Account({}, {})

    async def step(line: Line, request: Request) -> None:
        if request.method == "GET" and "page=1&" in request.target:
            page = {"total": total, "_links": links, "_embedded": {"data": [account.shown()]}}
            await line.send(http(200, page))
        elif request.method == "GET":
            await line.send(http(200, {"total": total, "_links": links, "_embedded": {"data": []}}))
        else:
            await account(line, request)

    async with RawServer(step) as server:
        result = await verified_import(tmp_path, server, doubles=True)
    assert (result.exit_code, result.verification.doubles) == (code, 0)


@pytest.mark.parametrize(
    ("status", "code", "verdicts"),
    [(403, ExitCode.ROWS_FAILED, {"unreadable": 1}), (401, ExitCode.TARGET, {})],
    ids=["this case", "no case"],
)
async def test_a_case_that_may_not_be_read_is_not_called_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, code: ExitCode, verdicts: dict[str, int]
) -> None:
    monkeypatch.setattr(api_access, "backoff", lambda *_, **__: 0.0)
    account = Account({"id": "8"}, {})

    async def step(line: Line, request: Request) -> None:
        if request.method == "GET" and "?" not in request.target:
            await line.send(http(status, {"code": "1520006", "message": "Not for you"}))
        else:
            await account(line, request)

    async with RawServer(step) as server:
        result = await verified_import(tmp_path, server)
    assert (result.exit_code, result.verification.verdicts) == (code, verdicts)
    assert result.verification.verified == 0


async def verified_import(folder: Path, server: RawServer, **options: Any) -> VerifyResult:
    """What verify says about an import of one ticket."""
    (folder / "m.yml").write_text(MAPPING + "  notes: [{body: {value: One}}]\n", encoding="utf-8")
    write_tickets(folder / "t.csv", [Ticket("T-1", body=BODY)])
    settings = importer.Settings(api_url=server.url, token="t0k3n", concurrency=1)
    await importer.run_import_async(
        *(folder / "t.csv", folder / "m.yml"), out=folder, settings=settings, accept_existing=True
    )
    return await importer.verify_async(folder / "ledger.db", settings=settings, **options)
