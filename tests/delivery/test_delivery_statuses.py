"""What each status proves: the allow-list, whole, over real sockets, and a guard for each entry of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from delivering import echo, one_worker
from ledgers import case_body
from multidict import CIMultiDict
from servers import Line, RawServer, Request, http

from importer.delivery import rate_limit
from importer.delivery import verdicts as rules
from importer.delivery.verdicts import Signal, classify
from importer.ledger.records import Pending
from importer.models import State
from importer.talkdesk.transport import Answer

#: A whole answer with one of these proves that nothing was created …
REFUSED = {400, 403, 406, 411, 413, 414, 415, 422, 428, 431}
#: … and one of these, that it is worth another attempt. Everything else but 201 proves nothing.
AGAIN = {401, 404, 405, 425, 429}
STATUSES = range(200, 600)
RECORD = Pending(1, 2, "A", case_body("A"), "text1")


def expected(status: int) -> State:
    if status == 201:
        return State.CREATED
    if status in AGAIN:
        return State.PENDING
    return State.REFUSED if status in REFUSED else State.UNKNOWN


def differences(state_of: Callable[[int], State]) -> set[int]:
    """The statuses that are judged otherwise than they should be."""
    return {status for status in STATUSES if state_of(status) is not expected(status)}


def judged(status: int) -> State:
    """What a faultless answer with this status proves."""
    return classify(Answer(status, {}, b'{"id": "1"}'), RECORD).state


async def test_every_status_over_the_wire(tmp_path: Path, loop_factory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The row stands in the ledger as its answer proves, for all 400 of them."""

    async def step(line: Line, request: Request) -> None:
        status = int(request.json["custom_fields"]["text1"])
        body = b"" if status in (204, 304) else {"id": str(status), **request.json}
        await line.send(http(status, body, "Retry-After: 0", length=status not in (204, 304)))

    monkeypatch.setattr(rate_limit, "PROBE_EVERY", 0.0)
    async with RawServer(step) as server, one_worker(tmp_path / "l.db", server.url, keys=[*map(str, STATUSES)]) as here:
        for status in STATUSES:
            await here.send(str(status))
        rows = {status: here.row(str(status)) for status in STATUSES}
        assert len(server.requests) == len(STATUSES)
    assert differences(lambda status: State(rows[status]["state"])) == set()
    assert {status for status in STATUSES if rows[status]["http_status"] != status} == set()
    assert {status for status in STATUSES if rows[status]["case_id"]} == {201}


@pytest.mark.parametrize("status", sorted({201, 200, 202, 408, 409, 410, 500, 503} | REFUSED | AGAIN))
def test_each_entry_of_the_allow_list_is_guarded(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutation: put in or take out one status, and the table notices exactly that."""
    assert differences(judged) == set()
    monkeypatch.setattr(rules, "REFUSED", rules.REFUSED ^ {status})
    if status in AGAIN or status == 201:  # taken before the list is asked
        monkeypatch.setattr(rules, "REFUSED", rules.REFUSED ^ {status})
        monkeypatch.setattr(rules, "RETRY", rules.RETRY ^ {status})
    if status == 201:
        monkeypatch.setattr(rules, "CREATED", 202)
    assert status in differences(judged)
    assert differences(judged) <= {status, 202}


SIGNALS = {
    401: Signal.UNAUTHORIZED,
    403: Signal.FORBIDDEN,
    429: Signal.THROTTLED,
    **dict.fromkeys((404, 405, 410, 501, 505), Signal.WRONG_TARGET),
    **dict.fromkeys((301, 302, 303, 307, 308), Signal.WRONG_TARGET),
    **dict.fromkeys((500, 502, 503, 504), Signal.OUTAGE),
    **dict.fromkeys((200, 202, 204, 400, 408, 409, 422, 423, 425), Signal.NONE),
    201: Signal.CREATED,
}


@pytest.mark.parametrize("status", SIGNALS)
def test_what_a_status_says_about_the_run(status: int) -> None:
    answer = Answer(status, {}, b'{"id": "1"}' if status == 201 else b"{}")
    assert classify(answer, RECORD).signal is SIGNALS[status]


@pytest.mark.parametrize("status", [200, 201, 400, 401, 404, 422, 425, 429, 500, 502, 503, 504])
def test_whose_wish_to_wait_counts(status: int) -> None:
    """Too fast and not now are about everybody; other answers ask for nothing that we could give."""
    answer = Answer(status, CIMultiDict({"Retry-After": "7"}), b'{"id": "1"}')
    wait = classify(answer, RECORD).wait
    assert wait == (7.0 if status in (425, 429, 503) else None)


def test_who_has_used_up_a_window_waits_for_the_next() -> None:
    """Also behind a success; the next request would only be refused."""
    headers = CIMultiDict({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "7"})
    answer = Answer(201, headers, b'{"id": "1"}')
    assert classify(answer, RECORD).wait == 7.0


@pytest.mark.parametrize("case_id", ["77", 77, 2**53 + 1, 10**30, "a-B_9", "0077"], ids=lambda value: repr(value))
async def test_ids_are_kept_as_exact_text(tmp_path: Path, case_id: object) -> None:

    async def step(line: Line, request: Request) -> None:
        # written by hand: no JSON library of ours may round the number
        number = str(case_id) if isinstance(case_id, int) else f'"{case_id}"'
        await line.send(http(201, b'{"id":' + number.encode() + b"}"))

    async with RawServer(step) as server, one_worker(tmp_path / "l.db", server.url) as here:
        await here.send()
        row = here.row()
    if row["state"] == State.CREATED:
        assert row["case_id"] == str(case_id)
    else:  # a number that JSON libraries round is no id that could be kept
        assert (row["state"], isinstance(case_id, int) and case_id > 2**63) == (State.UNKNOWN, True)


@pytest.mark.parametrize(
    "case_id", [None, "", " 7", "7 ", "7\n", "7/8", "ü", True, 7.0, [7], {"id": 7}, "x" * 65, "../../7", "７"]
)
async def test_ids_that_are_none_create_nothing(tmp_path: Path, case_id: object) -> None:
    async def step(line: Line, request: Request) -> None:
        await line.send(http(201, {"id": case_id, **request.json}))

    async with RawServer(step) as server, one_worker(tmp_path / "l.db", server.url) as here:
        await here.send()
        row = here.row()
    assert (row["state"], row["case_id"], row["code"]) == (State.UNKNOWN, None, "unreadable")


#: What a server may do to the texts of a case and still mean this one.
SAME = {
    "whole": {},
    "title trimmed": {"title": "Ticket A"},
    "title cut": {"title": "Ticket"},
    "white space changed": {"title": " Ticket \u00a0 A\n"},
    "without title": {"title": None},
    "external id as object": {"custom_fields": {"text1": {"value": "A", "label": "Legacy id"}}},
    "external id packed": {"custom_fields": '{"text1": "A"}'},
    "external id missing": {"custom_fields": {}},
}
OTHER = {
    "other external id": {"custom_fields": {"text1": "B"}},
    "external id in other case": {"custom_fields": {"text1": "a"}},
    "external id longer": {"custom_fields": {"text1": "A1"}},
    "external id empty": {"custom_fields": {"text1": ""}},
    "external id is a number": {"custom_fields": {"text1": 7}},
    "other title, no external id": {"title": "Ticket B", "custom_fields": {}},
    "empty title, no external id": {"title": "", "custom_fields": {}},
}


@pytest.mark.parametrize("name", SAME)
async def test_the_echo_of_this_row(tmp_path: Path, name: str) -> None:
    async def step(line: Line, request: Request) -> None:
        await line.send(echo(request, **SAME[name]))

    async with RawServer(step) as server, one_worker(tmp_path / "l.db", server.url) as here:
        await here.send()
        assert here.row()["state"] == State.CREATED


@pytest.mark.parametrize("name", OTHER)
async def test_the_echo_of_another_row_stops_the_run(tmp_path: Path, name: str) -> None:
    """Answers are crossed; this row is unknown, and no answer can be trusted any more."""

    async def step(line: Line, request: Request) -> None:
        await line.send(echo(request, **OTHER[name]))

    async with RawServer(step) as server, one_worker(tmp_path / "l.db", server.url) as here:
        await here.send()
        assert (here.row()["state"], here.row()["code"]) == (State.UNKNOWN, "wrong_echo")
        assert here.breaker.error is not None
        assert here.breaker.error.exit_code == 4


async def test_one_id_for_two_rows_stops_the_run(tmp_path: Path) -> None:

    async def step(line: Line, request: Request) -> None:
        await line.send(echo(request, "7"))

    async with RawServer(step) as server, one_worker(tmp_path / "l.db", server.url, keys="AB") as here:
        await here.send("A")
        await here.send("B")
        assert [here.row(key)["state"] for key in "AB"] == [State.UNKNOWN] * 2
        assert here.breaker.error is not None


async def test_what_the_server_says_is_kept_short_and_clean(tmp_path: Path) -> None:
    """Its own code with leading zeros, its words without control characters, at most a few hundred of them."""
    told = {
        "code": "0900001",
        "message": "no\x1b[31m such\r\nowner\u202e",
        "fields": [{"name": "owner_id", "description": "x" * 2000}],
    }

    async def step(line: Line, request: Request) -> None:
        await line.send(http(422, told))

    async with RawServer(step) as server, one_worker(tmp_path / "l.db", server.url) as here:
        await here.send()
        row = here.row()
        assert here.verdict.field == "owner_id"
    assert (row["state"], row["code"]) == (State.REFUSED, "0900001")
    assert row["message"].startswith("no [31m such owner ; owner_id: xxx")
    assert len(row["message"]) <= 400
    assert row["message"].isprintable()
