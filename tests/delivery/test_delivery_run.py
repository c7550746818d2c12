"""Whole runs against scripted servers: what is sent, how often, and how a run comes to its end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from delivering import TOKEN, CaseServer, run_once, staged_ledger, standing
from ledgers import stage, valid
from program import closed_address
from servers import Line, RawServer, Request, drop, http, reply

from importer.delivery.circuit_breaker import OUTAGE_AFTER
from importer.delivery.rate_limit import PROBE_EVERY
from importer.delivery.retry_budget import MAX_ATTEMPTS
from importer.delivery.stopping import Stop, first_of
from importer.delivery.workers import Delivered
from importer.errors import CaseImporterError, ExitCode, LedgerError, TargetError
from importer.ledger import Ledger
from importer.models import State
from importer.talkdesk.credentials import SecretCredentials


def keys(count: int) -> list[str]:
    return [f"K{number}" for number in range(count)]


def states(path: Path) -> Counter[str]:
    return Counter(state for state, _ in standing(path).values())


def sent_keys(server: RawServer) -> Counter[str]:
    """How often each row was sent."""
    return Counter(request.json["custom_fields"]["text1"] for request in server.requests if request.method == "POST")


async def test_every_row_becomes_one_case(tmp_path: Path, loop_factory: Any) -> None:
    path, cases = staged_ledger(tmp_path / "l.db", keys(100)), CaseServer()
    async with RawServer(cases) as server:
        result = await run_once(path, server.url, concurrency=16)
        assert set(sent_keys(server).values()) == {1}
    assert result.moved[State.CREATED] == 100
    assert {key: ids for key, (_, ids) in standing(path).items()} == {key: ids[0] for key, ids in cases.cases.items()}


async def test_a_finished_run_sends_nothing_when_it_is_run_again(tmp_path: Path) -> None:
    """P7: a re-run is free."""
    path, cases = staged_ledger(tmp_path / "l.db", keys(10)), CaseServer()
    async with RawServer(cases) as server:
        await run_once(path, server.url)
        requests = len(server.requests)
        await run_once(path, server.url)
        assert len(server.requests) == requests


# -- attempts -------------------------------------------------------------------------------------------


async def test_a_row_is_tried_three_times_and_then_left_for_another_run(tmp_path: Path) -> None:
    """A run of bad luck is no failure of a row: it stays pending, and the run says "temporary"."""

    cases = CaseServer()

    async def step(line: Line, request: Request) -> None:
        if request.method == "POST" and request.json["custom_fields"]["text1"] == "K1":
            await line.send(http(425, {}, "Retry-After: 0"))
        else:
            await cases(line, request)

    path = staged_ledger(tmp_path / "l.db", keys(3))
    async with RawServer(step) as server:
        result = await run_once(path, server.url, concurrency=1)
        assert sent_keys(server) == {"K0": 1, "K1": MAX_ATTEMPTS, "K2": 1}
    assert states(path) == {"created": 2, "pending": 1}
    assert result.left_over == 1


async def test_a_row_that_is_always_lost_on_the_way_is_tried_three_times_too(tmp_path: Path) -> None:
    """Dropped before a case is made, looked up, not there, sent again, dropped …: the run must come to an end."""
    cases, stop = CaseServer(), Stop()

    async def step(line: Line, request: Request) -> None:
        if request.method != "POST" or request.json["custom_fields"]["text1"] != "K1":
            await cases(line, request)
            return
        if sent_keys(server)["K1"] > MAX_ATTEMPTS:
            stop.request()
        line.end()

    path = staged_ledger(tmp_path / "l.db", keys(3))
    async with RawServer(step) as server:
        await run_once(path, server.url, concurrency=1, stop=stop)
        assert sent_keys(server)["K1"] <= MAX_ATTEMPTS
    assert states(path)["created"] == 2


@pytest.mark.parametrize("every", [10, 2])
async def test_trouble_is_not_multiplied(tmp_path: Path, every: int) -> None:
    """What the retry budget cannot pay for stays pending, and the next run has a budget of its own."""
    cases = CaseServer()
    trouble = True

    async def step(line: Line, request: Request) -> None:
        if trouble and len(server.requests) % every == 0:
            await line.send(http(425, {}, "Retry-After: 0"))
        else:
            await cases(line, request)

    path = staged_ledger(tmp_path / "l.db", keys(200))
    async with RawServer(step) as server:
        result = await run_once(path, server.url, concurrency=8)
        assert sent_keys(server).total() <= 1.10 * 200 + 10  # a few are there from the start, for small files
        assert result.left_over == states(path)["pending"]
        trouble = False
        await run_once(path, server.url, concurrency=8)
    assert states(path) == {"created": 200}
    assert all(len(ids) == 1 for ids in cases.cases.values())


async def test_what_is_looked_up_and_sent_again_is_paid_for_too(tmp_path: Path) -> None:
    """Every second create is answered 503; that nothing was made is proven, and sent again out of a tenth."""
    cases = CaseServer()
    creates = 0

    async def step(line: Line, request: Request) -> None:
        nonlocal creates
        creates += request.method == "POST"
        if request.method == "POST" and creates % 2 == 0:
            await line.send(http(503))
        else:
            await cases(line, request)

    path = staged_ledger(tmp_path / "l.db", keys(200))
    async with RawServer(step) as server:
        result = await run_once(path, server.url, concurrency=64)
    assert 1.05 * 200 < creates <= 1.10 * 200 + 10
    assert result.left_over == states(path)["pending"]


async def test_a_server_that_is_not_there_is_not_hammered(tmp_path: Path) -> None:
    """Every attempt is proven not sent, and yet it is not repeated at once."""
    path, stop = staged_ledger(tmp_path / "l.db", keys(200)), Stop()
    with closed_address() as url:
        run = asyncio.create_task(run_once(path, url, stop=stop))
        await asyncio.sleep(0.5)
        stop.request()
        await run
    with Ledger(path, verb="look") as ledger:
        (attempts,) = ledger.connection.execute("SELECT sum(attempts) FROM record").fetchone()
    assert OUTAGE_AFTER <= attempts <= OUTAGE_AFTER + 4
    assert states(path) == {"pending": 200}


async def test_two_rows_do_not_wait_for_a_server_that_is_not_there(tmp_path: Path) -> None:
    """Their attempts are used up at once; the thirty seconds between probes would help nobody."""
    path = staged_ledger(tmp_path / "l.db", keys(2))
    with closed_address() as url:
        result = await asyncio.wait_for(run_once(path, url), PROBE_EVERY / 2)
    assert (states(path), result.left_over) == ({"pending": 2}, 2)
    with Ledger(path, verb="look") as ledger:
        assert ledger.connection.execute("SELECT attempts FROM record").fetchall() == [(MAX_ATTEMPTS,)] * 2


async def test_an_outage_is_not_stormed(tmp_path: Path) -> None:
    """A few requests, then one probe in thirty seconds; no more rows are unknown than there are workers."""
    path, stop = staged_ledger(tmp_path / "l.db", keys(200)), Stop()
    async with RawServer(reply(http(503))) as server:
        run = asyncio.create_task(run_once(path, server.url, stop=stop))
        await server.received(4)
        await asyncio.sleep(0.3)
        stop.request()
        await run
        posts = sent_keys(server).total()
    assert posts <= OUTAGE_AFTER + 4
    assert states(path)["unknown"] <= 4
    assert states(path)["pending"] >= 196


@pytest.mark.parametrize("rate", [100, 100_000], ids=["fresh", "reused"])
async def test_one_429_stops_everybody(tmp_path: Path, loop_factory: Any, rate: int) -> None:
    """Retry-After 1, and nobody sends for a whole second, except what was under way."""
    cases = CaseServer()
    arrived: list[float] = []
    told: list[float] = []

    async def step(line: Line, request: Request) -> None:
        arrived.append(time.monotonic())
        if len(arrived) == 20:
            await line.send(http(429, {}, "Retry-After: 1"))
            told.append(time.monotonic())
        else:
            await cases(line, request)

    path = staged_ledger(tmp_path / "l.db", keys(60))
    async with RawServer(step) as server:
        await run_once(path, server.url, concurrency=4, rate=rate)
    assert len([moment for moment in arrived if told[0] < moment < told[0] + 0.95]) <= 3, "the other three workers"
    assert states(path) == {"created": 60}


# -- tokens ---------------------------------------------------------------------------------------------


async def test_a_token_that_ends_with_twenty_in_flight_is_renewed_once(tmp_path: Path, loop_factory: Any) -> None:
    cases = CaseServer()
    tokens = iter(["t1", "t2"])
    good = "t1"
    waiting = asyncio.Event()

    async def step(line: Line, request: Request) -> None:
        nonlocal good
        if request.target == "/oauth/token":
            await line.send(http(200, {"access_token": next(tokens), "expires_in": 599}))
            return
        if request.headers["authorization"] == "Bearer t1" and cases.creates >= 5:
            good = "t2"
            in_flight = [one for one in server.requests if one.headers["authorization"] == "Bearer t1"]
            if len(in_flight) >= 25:
                waiting.set()
            await waiting.wait()
            await line.send(http(401, {"message": "expired"}))
            return
        await cases(line, request)

    path = staged_ledger(tmp_path / "l.db", keys(60))
    async with RawServer(step) as server:
        target = {"token_url": server.url + "/oauth/token", "credentials": lambda: SecretCredentials("c", "s")}
        result = await run_once(path, server.url, concurrency=20, target=target)
        assert sum(request.target == "/oauth/token" for request in server.requests) == 2
    assert result.error is None
    assert states(path) == {"created": 60}
    assert all(len(ids) == 1 for ids in cases.cases.values())


async def test_a_token_endpoint_in_trouble_marks_no_row(tmp_path: Path) -> None:
    """Not at the start, and not in mid-run either."""
    path = staged_ledger(tmp_path / "l.db", keys(5))
    async with RawServer(reply(http(500))) as server:
        target = {"token_url": server.url + "/oauth/token", "credentials": lambda: SecretCredentials("c", "s")}
        with pytest.raises(CaseImporterError, match="no token") as trouble:
            await run_once(path, server.url, target=target)
        assert trouble.value.exit_code is ExitCode.TEMPORARY
        assert [request.target for request in server.requests] == ["/oauth/token"]
    assert states(path) == {"pending": 5}


# -- stopping -------------------------------------------------------------------------------------------


class Held:
    """A server that takes requests and answers when told."""

    def __init__(self) -> None:
        self.cases = CaseServer()
        self.go = asyncio.Event()

    async def __call__(self, line: Line, request: Request) -> None:
        await self.go.wait()
        await self.cases(line, request)


async def begin(path: Path, server: RawServer, stop: Stop, **settings: Any) -> asyncio.Task[Delivered]:
    """Start a run and wait until its four workers have sent."""
    run = asyncio.create_task(run_once(path, server.url, stop=stop, **settings))
    await server.received(4)
    return run


async def test_a_gentle_stop_finishes_what_is_under_way(tmp_path: Path, loop_factory: Any) -> None:
    """No new row; the four in flight are waited for, and get their ids."""
    path, held, stop = staged_ledger(tmp_path / "l.db", keys(20)), Held(), Stop()
    async with RawServer(held) as server:
        run = await begin(path, server, stop)
        stop.request()
        await asyncio.sleep(0.05)
        held.go.set()
        await run
        assert len(server.requests) == 4
    assert states(path) == {"created": 4, "pending": 16}


async def test_a_gentle_stop_waits_for_no_search(tmp_path: Path) -> None:
    """The four answers are lost after the stop. No search may leave any more, so nobody waits for the settle delay."""
    path, stop, go = staged_ledger(tmp_path / "l.db", keys(20)), Stop(), asyncio.Event()

    async def step(line: Line, request: Request) -> None:
        await go.wait()
        line.end()

    async with RawServer(step) as server:
        run = await begin(path, server, stop, grace=60, settle_delay=60)
        stop.request()
        go.set()
        async with asyncio.timeout(30):
            result = await run
    assert states(path) == {"unknown": 4, "pending": 16}
    assert result.moved[State.UNKNOWN] == 4


async def test_rows_of_earlier_runs_count_for_the_limit(tmp_path: Path) -> None:
    """Three of them turn out not to be cases, and one row may be sent."""
    path, cases = staged_ledger(tmp_path / "l.db", keys(6)), CaseServer()
    async with RawServer(cases) as server:
        await run_once(path, server.url, limit=2, concurrency=1)
        with Ledger(path, verb="run") as ledger:
            ledger.connection.execute("UPDATE record SET state = 'sending', run = 1 WHERE state = 'pending' AND id < 6")
        await asyncio.sleep(0.6)  # for a control case
        result = await run_once(path, server.url, limit=1)
        assert states(path) == {"created": 3, "pending": 3}
    assert result.left_over == 0, "what the limit holds back is meant to be pending, and the run ends with exit code 0"


async def test_what_ends_a_wait_with_an_error_is_raised() -> None:
    async def fails() -> None:
        raise LedgerError("it broke")

    with pytest.raises(LedgerError):
        await first_of(fails(), asyncio.Event().wait())


async def test_a_second_stop_is_at_once(tmp_path: Path, loop_factory: Any) -> None:
    """What is in flight is unknown, and nothing is left in "sending"."""
    path, held, stop = staged_ledger(tmp_path / "l.db", keys(20)), Held(), Stop()
    async with RawServer(held) as server:
        run = await begin(path, server, stop, grace=60)
        stop.request()
        stop.request()
        async with asyncio.timeout(30):
            result = await run
    assert states(path) == {"unknown": 4, "pending": 16}
    assert result.moved[State.UNKNOWN] == 4


async def test_when_the_grace_is_over_nobody_is_waited_for(tmp_path: Path) -> None:
    path, held, stop = staged_ledger(tmp_path / "l.db", keys(20)), Held(), Stop()
    async with RawServer(held) as server:
        run = await begin(path, server, stop, grace=0.1)
        stop.request()
        async with asyncio.timeout(30):
            await run
    assert states(path) == {"unknown": 4, "pending": 16}


async def test_a_stop_while_everybody_waits_sends_nothing(tmp_path: Path) -> None:
    path, stop = staged_ledger(tmp_path / "l.db", keys(20)), Stop()
    async with RawServer(reply(http(429, {}, "Retry-After: 600"))) as server:
        run = asyncio.create_task(run_once(path, server.url, stop=stop))
        await server.received(1)
        await asyncio.sleep(0.05)
        stop.request()
        async with asyncio.timeout(30):
            await run
        assert len(server.requests) <= 4
    assert states(path) == {"pending": 20}


@pytest.mark.parametrize("status", [301, 404, 405, 410, 501])
async def test_the_wrong_address_stops_the_run_and_refuses_no_row(tmp_path: Path, status: int) -> None:
    """Nothing was created there, so nothing was refused there."""
    path = staged_ledger(tmp_path / "l.db", keys(50))
    async with RawServer(reply(http(status, {}, "Location: /login"))) as server:
        result = await run_once(path, server.url)
        assert len(server.requests) <= 8
    assert isinstance(result.error, TargetError)
    assert set(states(path)) <= {"pending", "unknown"}
    assert states(path)["pending"] >= (50 if status in (404, 405) else 42)


@pytest.mark.parametrize("status", [401, 403])
async def test_without_the_right_to_create_the_run_stops_and_refuses_no_row(tmp_path: Path, status: int) -> None:
    path = staged_ledger(tmp_path / "l.db", keys(50))
    async with RawServer(reply(http(status, {"message": "no"}))) as server:
        result = await run_once(path, server.url)
        assert len(server.requests) <= 16
    assert result.error is not None
    assert result.error.exit_code is ExitCode.TARGET
    assert states(path) == {"pending": 50}
    assert result.moved == {}, "what was refused for that alone is pending again"


async def test_one_case_for_two_rows_is_no_case_that_was_created(tmp_path: Path) -> None:
    """Neither row is known to be the case, whichever was told first."""
    path = staged_ledger(tmp_path / "l.db", keys(2))
    async with RawServer(reply(http(201, {"id": "77"}))) as server:
        result = await run_once(path, server.url, concurrency=1, settle_delay=60)
    assert states(path) == {"unknown": 2}
    assert result.moved == {State.UNKNOWN: 2}


async def test_crossed_answers_stop_the_run(tmp_path: Path) -> None:
    """Two answers change places."""
    first: list[tuple[Line, bytes]] = []
    cases = CaseServer()

    async def swapped(line: Line, request: Request, answer: bytes) -> None:
        first.append((line, answer))
        if len(first) == 2:
            (one, its), (other, others) = first
            await one.send(others)
            await other.send(its)

    cases = CaseServer({3: swapped, 4: swapped})
    path = staged_ledger(tmp_path / "l.db", keys(50))
    async with RawServer(cases) as server:
        result = await run_once(path, server.url, concurrency=2, settle_delay=60)
        assert cases.creates <= 6
        assert result.error is not None
        assert result.error.exit_code is ExitCode.UNKNOWN_OUTCOME
        await run_once(path, server.url)  # run again: looked up, and all is well
    assert states(path) == {"created": 50}
    assert all(len(ids) == 1 for ids in cases.cases.values())


async def test_a_ledger_that_is_taken_away_stops_the_run(tmp_path: Path) -> None:
    """Not one row more is sent than was marked."""
    path, cases = staged_ledger(tmp_path / "l.db", keys(120)), CaseServer()

    async def step(line: Line, request: Request) -> None:
        if len(server.requests) == 20:
            path.rename(tmp_path / "elsewhere.db")
        await cases(line, request)

    async with RawServer(step) as server:
        with pytest.raises(LedgerError, match="moved or deleted"):
            await run_once(path, server.url)
        assert len(server.requests) <= 20 + 8
    (tmp_path / "elsewhere.db").rename(path)
    async with RawServer(cases) as server:
        await run_once(path, server.url)
    assert states(path) == {"created": 120}
    assert all(len(ids) == 1 for ids in cases.cases.values())


async def test_a_mistake_of_ours_ends_the_run_loudly_and_leaves_the_row_unknown(tmp_path: Path) -> None:
    """No worker dies in silence, and the others take nothing new.

    Here: a body that is no JSON got into the ledger, and the server took it.
    """
    path = tmp_path / "l.db"
    with Ledger(path, verb="run") as ledger:
        stage(ledger, [valid("A", body=b"not json"), *(valid(key) for key in keys(200))], external_id_field=None)

    async def step(line: Line, request: Request) -> None:
        await line.send(http(201, {"id": str(len(server.requests)), "title": "A"}))  # to be compared with what was sent

    async with RawServer(step) as server:
        with pytest.raises(ValueError, match=r"JSON|json|literal"):
            await run_once(path, server.url, concurrency=2)
        assert len(server.requests) < 20
    assert standing(path)["A"][0] == State.UNKNOWN
    assert states(path)["sending"] == 0


# -- secrets --------------------------------------------------------------------------------------------


async def run_with_everything_logged(path: Path, server: RawServer, caplog: pytest.LogCaptureFixture) -> str:
    """A run at the highest level of logging; what it left anywhere, as one text."""
    caplog.set_level(logging.DEBUG)
    result = await run_once(path, server.url, concurrency=2, settle_delay=60, stop=stop_soon())
    left = b"".join(file.read_bytes() for file in path.parent.iterdir() if file.is_file())
    return caplog.text + str(result) + repr(result.error) + left.decode("latin-1")


def stop_soon() -> Stop:
    stop = Stop()
    asyncio.get_running_loop().call_later(0.5, stop.request)
    return stop


@pytest.mark.parametrize(
    "step",
    [
        drop(),
        drop(rst=True),
        reply(b"garbage\r\n\r\n"),
        reply(http(200, b"<html>")),
        reply(http(403, {})),
        reply(http(500)),
    ],
    ids=["FIN", "RST", "garbage", "HTML", "403", "500"],
)
async def test_the_token_is_in_nothing_that_is_left_behind(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, step: Any
) -> None:
    """Logs, results, errors, ledger; whatever went wrong."""
    path = staged_ledger(tmp_path / "import" / "l.db", keys(6))
    async with RawServer(step) as server:
        text = await run_with_everything_logged(path, server, caplog)
        assert server.requests[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in text


async def test_a_server_that_repeats_the_token_does_not_get_it_into_the_ledger(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def step(line: Line, request: Request) -> None:
        await line.send(http(422, {"message": f"not with {request.headers['authorization']}"}))

    path = staged_ledger(tmp_path / "import" / "l.db", keys(2))
    async with RawServer(step) as server:
        assert TOKEN not in await run_with_everything_logged(path, server, caplog)


# -- rows that seem to shut the whole account out ----------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("workers", [1, 4])
async def test_rows_that_are_shut_out_do_not_stop_each_repetition(tmp_path: Path, status: int, workers: int) -> None:
    """They come first, so nothing is known; the next time they come last, and are refused as others are cases."""
    cases = CaseServer()
    denied = {f"K{number}" for number in range(5)}

    async def step(line: Line, request: Request) -> None:
        if request.method == "POST" and request.json["custom_fields"]["text1"] in denied:
            await line.send(http(status, {"code": "1"}))
        else:
            await cases(line, request)

    path = staged_ledger(tmp_path / "l.db", keys(12))
    async with RawServer(step) as server:
        first = await run_once(path, server.url, concurrency=workers)
        assert isinstance(first.error, TargetError)
        second = await run_once(path, server.url, concurrency=workers)
    assert states(path) == {"created": 7, "refused" if status == 403 else "pending": 5}
    assert status == 401 or second.error is None


async def test_a_row_that_always_gets_401_is_sent_three_times(tmp_path: Path) -> None:
    """As any other that comes to nothing, and it ends no run in which others become cases."""
    cases = CaseServer()

    async def step(line: Line, request: Request) -> None:
        if request.method == "POST" and request.json["custom_fields"]["text1"] == "K3":
            await line.send(http(401))
        else:
            await cases(line, request)

    path = staged_ledger(tmp_path / "l.db", keys(6))
    async with RawServer(step) as server:
        result = await run_once(path, server.url, concurrency=1)
        assert sent_keys(server)["K3"] == MAX_ATTEMPTS
    assert (result.error, result.left_over, states(path)) == (None, 1, {"created": 5, "pending": 1})
