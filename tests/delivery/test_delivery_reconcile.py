"""Unknown outcomes: a row that may have been created is searched for, and only what is proven moves it.

Against the sandbox, whose list can lag, match loosely, ignore filters or fail, and which shares no code with us.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from delivering import OneWorker, echo, one_worker
from ledgers import EXTERNAL_ID_FIELD, case_body
from servers import Line, RawServer, Request, drop, hang, http

from importer.delivery import api_access, case_search, circuit_breaker
from importer.delivery import reconcile as rules_of_search
from importer.delivery.case_list import settle_from_list
from importer.delivery.case_search import CaseSearch
from importer.delivery.reconcile import Reconciler
from importer.ledger import Ledger
from importer.ledger.records import CreatedCase
from importer.models import SettleDelay, State
from importer.sandbox import FaultPlan, Rule, Sandbox, SandboxOptions
from importer.talkdesk import search
from importer.talkdesk.transport import Answer

DELAY = SettleDelay(first=0.0, again=0.05)
LOST = {"do": "drop", "save": True}
NEVER_THERE = {"do": "drop", "save": False}


@pytest.fixture(autouse=True)
def short_outages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules_of_search, "MOST_FAILURES", 3)
    monkeypatch.setattr(circuit_breaker, "OUTAGE_AFTER", 1000)  # an outage would be waited for
    monkeypatch.setattr(api_access, "backoff", lambda *_, **__: 0.0)


def on_key(key: str, effect: Any) -> Rule:
    return Rule(**effect, external_id=key)


@asynccontextmanager
async def sent(
    path: Path,
    *rules: Rule,
    keys: Sequence[str] = "ABC",
    settled: Sequence[str] = "A",
    external_id_field: str | None = EXTERNAL_ID_FIELD,
    bodies: Any = case_body,
    clock: Callable[[], float] = time.time,
    **options: Any,
) -> AsyncIterator[tuple[OneWorker, Sandbox]]:
    """Send all rows; those in ``settled`` must have been created, and be old enough to prove something."""
    plan = FaultPlan(rules=rules)
    async with (
        Sandbox(SandboxOptions(static_token="x", faults=plan, **options), clock=clock) as sandbox,
        one_worker(
            path, sandbox.base_url, keys=keys, external_id_field=external_id_field, bodies=bodies, token="x"
        ) as here,
    ):
        for key in keys:
            await here.send(key)
        assert {key for key in keys if here.row(key)["state"] == State.CREATED} >= set(settled)
        await asyncio.sleep(DELAY.again)
        yield here, sandbox


async def reconcile(here: OneWorker) -> dict[str, State]:
    """Search for every row with an unknown outcome; where each of them ended."""
    reconciler = Reconciler(here.api, here.writer, delay=DELAY)
    unknown = here.ledger.unknown_records()
    async with asyncio.timeout(20):
        states = await asyncio.gather(*(reconciler.settle(record, known_at=0.0) for record in unknown))
    return {record.key: state for record, state in zip(unknown, states, strict=True)}


def cases_by_external_id(sandbox: Sandbox) -> dict[str, list[str]]:
    """The truth."""
    found: dict[str, list[str]] = {}
    for case in sandbox.cases():
        found.setdefault(case["custom_fields"][EXTERNAL_ID_FIELD], []).append(str(case["id"]))
    return found


async def test_what_was_created_is_found(tmp_path: Path) -> None:
    """Lost answers; the ids come from the list, and nothing is sent again."""
    async with sent(tmp_path / "l.db", on_key("B", LOST), on_key("C", LOST)) as (here, sandbox):
        assert await reconcile(here) == {"B": State.CREATED, "C": State.CREATED}
        for key, ids in cases_by_external_id(sandbox).items():
            assert [here.row(key)["case_id"]] == ids
        assert here.row("B")["code"] == "found"


async def test_what_was_not_created_may_be_sent_again(tmp_path: Path) -> None:
    async with sent(tmp_path / "l.db", on_key("B", NEVER_THERE)) as (here, sandbox):
        assert await reconcile(here) == {"B": State.PENDING}
        await here.send("B")
        assert cases_by_external_id(sandbox).keys() == set("AC")  # the rule strikes again: still none, and never two


@pytest.mark.parametrize(("effect", "state"), [(LOST, State.CREATED), (NEVER_THERE, State.UNKNOWN)])
async def test_nothing_found_proves_nothing_without_a_case_that_must_be_found(
    tmp_path: Path, effect: Any, state: State
) -> None:
    """The control case: who has never seen the list work cannot believe it when it is empty."""
    async with sent(tmp_path / "l.db", on_key("A", effect), keys="A", settled="") as (here, _):
        assert await reconcile(here) == {"A": state}


async def test_a_case_that_is_younger_than_the_list_may_lag_is_no_control_case(tmp_path: Path) -> None:
    """Its absence would say nothing about the list, and its presence nothing about an older gap."""
    async with sent(tmp_path / "l.db", on_key("B", NEVER_THERE), keys="AB") as (here, _):
        assert here.ledger.newest_created(EXTERNAL_ID_FIELD, age=DELAY.again) is not None
        assert here.ledger.newest_created(EXTERNAL_ID_FIELD, age=60.0) is None


@pytest.mark.parametrize(
    "effect",
    [
        {"do": "index_lag", "seconds": 60},
        {"do": "status", "status": 503},
        {"do": "status", "status": 500},
        {"do": "html", "status": 200},
        {"do": "drop", "save": False},
    ],
)
async def test_a_list_that_lags_or_fails_never_means_not_found(tmp_path: Path, effect: Any) -> None:
    """B was created; a look-up that cannot see that must not say that it was not."""
    rules = (on_key("B", LOST), Rule(**effect, on=("list",)))
    async with sent(tmp_path / "l.db", *rules) as (here, _):
        assert await reconcile(here) == {"B": State.UNKNOWN}
        assert here.row("B")["state"] == State.UNKNOWN


async def test_a_list_that_fails_now_and_then_is_asked_again(tmp_path: Path) -> None:
    rules = (on_key("B", LOST), on_key("C", NEVER_THERE), Rule(do="status", status=503, on=("list",), every=2))
    async with sent(tmp_path / "l.db", *rules) as (here, _):
        assert await reconcile(here) == {"B": State.CREATED, "C": State.PENDING}


async def test_a_list_that_says_too_fast_is_given_time(tmp_path: Path) -> None:
    rules = (on_key("B", LOST), Rule(do="status", status=429, on=("list",), nth=1))
    async with sent(tmp_path / "l.db", *rules) as (here, _):
        assert await reconcile(here) == {"B": State.CREATED}


async def test_a_list_that_shows_new_cases_late_is_waited_for(tmp_path: Path) -> None:
    """The first look misses B, which is there; only the second may decide."""
    rules = (on_key("B", LOST), Rule(do="index_lag", seconds=60, on=("list",), external_id="B", limit=1))
    async with sent(tmp_path / "l.db", *rules) as (here, _):
        assert await reconcile(here) == {"B": State.CREATED}


async def test_a_filter_that_matches_loosely(tmp_path: Path) -> None:
    """The list finds imp-71 for imp-7; we compare to the letter."""
    keys = ["imp-1", "imp-7", "imp-71", "IMP-7", "xx imp-7"]
    rules = (on_key("imp-7", NEVER_THERE), Rule(do="fuzzy_filter", on=("list",)))
    async with sent(tmp_path / "l.db", *rules, keys=keys, settled=["imp-1", "imp-71"]) as (here, _):
        assert await reconcile(here) == {"imp-7": State.PENDING}


@pytest.mark.parametrize("reads", ["doc", "spec"])
async def test_the_encoding_that_works_is_found_out(tmp_path: Path, reads: Any) -> None:
    rules = (on_key("B", LOST), on_key("C", NEVER_THERE))
    async with sent(tmp_path / "l.db", *rules, filters=reads) as (here, _):
        assert await reconcile(here) == {"B": State.CREATED, "C": State.PENDING}


async def test_an_account_that_refuses_one_form_of_filters_is_asked_in_the_other(tmp_path: Path) -> None:
    """HTTP 400 says nothing about the service, nor about the case."""
    created: dict[str, str] = {}

    async def step(line: Line, request: Request) -> None:
        if request.method == "POST":
            key = request.json["custom_fields"][EXTERNAL_ID_FIELD]
            created[key] = str(100 + len(created))
            if key == "B":
                line.end()
            else:
                await line.send(echo(request, created[key]))
            return
        (wanted,) = orjson.loads(parse_qs(urlsplit(request.target).query)["custom_fields"][0])
        if "label" in wanted:
            await line.send(http(400, {"code": "0040001", "message": "Invalid parameter"}))
            return
        key = wanted[EXTERNAL_ID_FIELD]["value"]
        packed = {EXTERNAL_ID_FIELD: {"value": key}}
        data = [{"id": created[key], "custom_fields": packed}] if key in created else []
        await line.send(http(200, {"_embedded": {"data": data}, "total": len(data)}))

    async with RawServer(step) as server, one_worker(tmp_path / "l.db", server.url, keys="AB") as here:
        await here.send("A")
        await here.send("B")
        await asyncio.sleep(DELAY.again)
        assert await reconcile(here) == {"B": State.CREATED}
        assert not here.api.breaker._failing


@pytest.mark.parametrize("how", ["option", "fault"])
async def test_where_the_filter_is_ignored_the_newest_cases_are_read(tmp_path: Path, how: str) -> None:
    """Back past the start of the run: what is seen is found, and what is not there was not created."""
    rules = [on_key("B", LOST), on_key("C", NEVER_THERE)]
    options: dict[str, Any] = {"filters": "ignore"} if how == "option" else {}
    if how == "fault":
        rules.append(Rule(do="ignore_filter", on=("list",)))
    async with sent(tmp_path / "l.db", *rules, **options) as (here, _):
        assert await reconcile(here) == {"B": State.CREATED, "C": State.PENDING}


@pytest.mark.parametrize("flaw", ["order", "no times", "control case", "length"])
async def test_a_list_that_is_not_shown_to_be_whole_proves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flaw: str
) -> None:
    """What is not seen in it stays unknown."""
    read = search.read_page

    def flawed(answer: Answer) -> search.Page:
        page = read(answer)
        cases = page.cases
        if flaw == "order":
            for minute, case in enumerate(cases):
                case.create_at = datetime(2026, 1, 1, 0, minute, tzinfo=UTC)
        elif flaw == "no times":
            page.cases = [case.model_copy(update={"create_at": None}) for case in cases]
        elif flaw == "control case":
            page.cases = [case for case in cases if not case.has("text1", "D")]
        else:
            page.total = 10**6
        return page

    monkeypatch.setattr(case_search, "MOST_LISTED_PAGES", 1)
    rules = [on_key("B", LOST), on_key("C", NEVER_THERE)]
    async with sent(tmp_path / "l.db", *rules, keys="ABCD", filters="ignore") as (here, _):
        monkeypatch.setattr(search, "read_page", flawed)
        assert await reconcile(here) == {"B": State.CREATED, "C": State.UNKNOWN}


@pytest.mark.parametrize("ahead", [-3600.0, -1200.0, 0.0, 1200.0, 3600.0])
@pytest.mark.parametrize(("is_right", "state"), [(True, State.CREATED), (False, State.PENDING)])
async def test_no_clock_of_ours_says_how_far_the_list_must_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead: float, is_right: bool, state: State
) -> None:
    """P1. The case of B is behind those of newer rows. A build that takes one of these for an older one stops early."""
    monkeypatch.setattr(search, "MOST_PER_PAGE", 3)
    if not is_right:
        monkeypatch.setattr(case_search, "SERVER_MARGIN", timedelta(hours=-1))
        monkeypatch.setattr(rules_of_search, "cases_before", lambda ledger, _: cases_of(ledger))
    rules = [on_key("B", LOST), on_key("C", NEVER_THERE)]
    more = {"keys": "ABCDEFGHIJ", "filters": "ignore", "clock": lambda: time.time() + ahead}
    async with sent(tmp_path / "l.db", *rules, **more) as (here, _):
        assert await reconcile(here) == {"B": state, "C": State.PENDING}


def cases_of(ledger: Ledger) -> frozenset[str]:
    return frozenset(case_id for (case_id,) in ledger.rows("SELECT case_id FROM record WHERE state = 'created'"))


@pytest.mark.parametrize("total", [0, 1, 100])
@pytest.mark.parametrize(("is_right", "state"), [(True, State.CREATED), (False, State.PENDING)])
async def test_a_total_is_not_believed_over_a_full_page_and_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, total: int, is_right: bool, state: State
) -> None:
    """P1. The filter finds a hundred cases that look like B, and B on the second page."""
    if not is_right:
        monkeypatch.setattr(search.Page, "completes", lambda page, received, **_: received >= page.total)
    created: dict[str, str] = {}

    async def step(line: Line, request: Request) -> None:
        if request.method == "POST":
            key = request.json["custom_fields"][EXTERNAL_ID_FIELD]
            created[key] = str(1000 + len(created))
            if key == "B":
                line.end()
            else:
                await line.send(echo(request, created[key]))
            return
        query = parse_qs(urlsplit(request.target).query)
        (wanted,) = orjson.loads(query["custom_fields"][0])
        keys = [key for key in created if wanted["value"] == key]
        if keys == ["B"]:
            keys = [f"B{number}" for number in range(100)] if query["page"] == ["1"] else keys
        data = [
            {"id": created.get(key, f"9{key[1:]}"), "custom_fields": {EXTERNAL_ID_FIELD: {"value": key}}}
            for key in keys
        ]
        links = {"next": {"href": "/more"}} if len(data) == 100 else {}
        await line.send(http(200, {"_embedded": {"data": data}, "_links": links, "total": min(total, len(data))}))

    async with RawServer(step) as server, one_worker(tmp_path / "l.db", server.url, keys="AB") as here:
        await here.send("A")
        await here.send("B")
        await asyncio.sleep(DELAY.again)
        assert await reconcile(here) == {"B": state}


# -- the control case ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("is_right", "state"), [(True, State.UNKNOWN), (False, State.PENDING)])
async def test_the_control_case_is_asked_for_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_right: bool, state: State
) -> None:
    """The list shows everything while the filter is tried, with two requests, and nothing new after that."""
    if not is_right:
        monkeypatch.setattr(CaseSearch, "shows", believing_what_was_tried())
    rules = (on_key("B", LOST), Rule(do="index_lag", seconds=60, on=("list",), skip=2))
    async with sent(tmp_path / "l.db", *rules, keys="AB") as (here, _):
        assert await reconcile(here) == {"B": state}


def believing_what_was_tried() -> Any:
    """A build that asks for the control case once, and never again."""
    shows, tried = CaseSearch.shows, []

    async def shows_once(self: CaseSearch, *what: Any, **how: Any) -> bool:
        tried.append(None)
        return len(tried) > 1 or await shows(self, *what, **how)

    return shows_once


@pytest.mark.parametrize(("is_right", "state"), [(True, State.UNKNOWN), (False, State.PENDING)])
async def test_the_control_case_is_the_newest_case_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_right: bool, state: State
) -> None:
    """The list shows A, and has not shown anything since. A build that asks for A believes it."""
    rules = [on_key("B", LOST), *(Rule(do="index_lag", seconds=60, on=("list",), external_id=key) for key in "BC")]
    async with sent(tmp_path / "l.db", *rules, settled="AC") as (here, _):
        if not is_right:
            old = CreatedCase(str(here.row("A")["case_id"]), "A", EXTERNAL_ID_FIELD, 0.0)
            monkeypatch.setattr(here.ledger, "newest_created", lambda *_, **__: old)
        assert await reconcile(here) == {"B": state}


async def test_two_cases_are_for_a_person(tmp_path: Path) -> None:
    """Somebody on the way sent the request twice. Both ids are named, and nothing is deleted."""
    async with sent(tmp_path / "l.db", Rule(do="save_twice", external_id="B", limit=1), keys="AB") as (
        here,
        sandbox,
    ):
        # as if the answer had been lost as well
        here.ledger.connection.execute("UPDATE record SET state = 'unknown', case_id = NULL WHERE key = 'B'")
        assert await reconcile(here) == {"B": State.DUPLICATE}
        ids = cases_by_external_id(sandbox)["B"]
        assert len(ids) == 2
        assert all(case_id in here.row("B")["message"] for case_id in ids)


async def test_a_case_of_another_row_settles_nothing(tmp_path: Path) -> None:
    """Found by its external id, but claimed by another row of this ledger: both are unknown."""
    async with sent(tmp_path / "l.db", on_key("B", LOST), keys="AB") as (here, sandbox):
        (case_id,) = cases_by_external_id(sandbox)["B"]
        here.ledger.connection.execute("UPDATE record SET case_id = ? WHERE key = 'A'", (case_id,))
        assert await reconcile(here) == {"B": State.UNKNOWN}
        assert {here.row(key)["state"] for key in "AB"} == {State.UNKNOWN}


async def test_an_expired_token_is_renewed_for_a_look_up(tmp_path: Path) -> None:
    rules = (on_key("B", LOST), Rule(do="status", status=401, on=("list",), nth=1))
    async with sent(tmp_path / "l.db", *rules) as (here, _):
        assert await reconcile(here) == {"B": State.CREATED}


async def test_a_case_without_an_id_settles_nothing(tmp_path: Path) -> None:
    listed = {"_embedded": {"data": [{"custom_fields": {EXTERNAL_ID_FIELD: "A"}}]}, "total": 1}

    async def step(line: Line, request: Request) -> None:
        if request.method == "GET":
            await line.send(http(200, listed))
        else:
            line.end()

    async with RawServer(step) as server, one_worker(tmp_path / "l.db", server.url) as here:
        await here.send()
        await reconcile(here)
        assert here.row()["state"] == State.UNKNOWN


# -- from the whole list -------------------------------------------------------------------------------------


async def test_a_stop_while_a_page_of_the_list_is_read_is_heard_at_once(tmp_path: Path) -> None:
    """The answer never comes, and nobody waits for it."""
    async with RawServer(drop(), hang()) as server, one_worker(tmp_path / "l.db", server.url) as here:
        await here.send()
        stop = asyncio.Event()
        reading = settle_from_list(here.writer, here.api, EXTERNAL_ID_FIELD, delay=SettleDelay(0.0, 0.0), stop=stop)
        task = asyncio.create_task(reading)
        await server.received(2)
        stop.set()
        async with asyncio.timeout(5):
            await task
        assert here.row()["state"] == State.UNKNOWN


# -- without an external id ------------------------------------------------------------------------------------


async def test_without_an_external_id_nothing_tells_whose_case_it_is(tmp_path: Path) -> None:
    """There is one case that looks like B, and B stays unknown at once: another row may look like it as well."""

    def plain(key: str) -> bytes:
        return case_body(key, custom_fields={})

    rule = Rule(do="drop", save=True, title="Ticket B")
    async with sent(tmp_path / "l.db", rule, external_id_field=None, bodies=plain, keys="AB") as (here, sandbox):
        assert await reconcile(here) == {"B": State.UNKNOWN}
        assert len(list(sandbox.cases())) == 2
        assert sandbox.state()["requests"].get("list", 0) == 0
