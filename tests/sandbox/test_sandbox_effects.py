"""What faults do, seen from the other end of a real socket."""

from __future__ import annotations

import email.utils
import time

import pytest
import uvloop
from sandbox_client import CASES, Live, rest_of
from test_sandbox_auth import FORM, basic

from importer.sandbox import FaultPlan, Rule

BEGINNING = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"
MADE = ["Printer on fire"]


@pytest.fixture(scope="module", params=[None, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def running(request):
    """A sandbox on each event loop that it may run on."""
    with Live(loop_factory=request.param) as live:
        yield live


@pytest.fixture
def struck(running):
    """Strikes the first create with one effect, and tells what was made since."""
    before = len(running.truth())

    def play(effect, **when):
        running.play(FaultPlan(rules=(Rule(**effect, **({"limit": 1} | when)),)))
        return running

    running.made = lambda: running.titles()[before:]
    yield play
    running.play(FaultPlan())
    assert running.create("after").status == 201, "the sandbox goes on answering"


@pytest.mark.parametrize("save", [True, False])
@pytest.mark.parametrize("how", ["fin", "rst"])
def test_drop_ends_the_connection_as_told_and_saves_as_told(struck, save, how):
    live = struck({"do": "drop", "save": save, "how": how})
    assert live.exchange(live.raw_create()) == (b"", how)
    assert live.made() == MADE * save


def test_cut_sends_exactly_the_first_bytes_at_every_place(open_sandbox):
    """For every byte of the answer: so many come, then the end; the case exists every time."""
    live = open_sandbox()
    live.play(FaultPlan(rules=(Rule(do="cut", at=10_000),)))
    whole = len(live.exchange(live.raw_create("T-00000")).octets)
    live.play(FaultPlan(rules=tuple(Rule(do="cut", at=at, title=f"T-{at:05}") for at in range(whole))))
    for at in range(whole):
        octets, end = live.exchange(live.raw_create(f"T-{at:05}"))
        assert (len(octets), end) == (at, "fin")
        assert octets[: len(BEGINNING)] == BEGINNING[:at]
    assert len(live.truth()) == whole + 1


def test_cut_counts_from_the_end_and_can_reset(struck):
    live = struck({"do": "cut", "at": -1})
    octets, _ = live.exchange(live.raw_create())
    head, _, body = octets.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    assert len(body) == length - 1
    assert struck({"do": "cut", "at": 30, "how": "rst"}).exchange(live.raw_create()).end == "rst"
    assert live.made() == MADE * 2
    octets, _ = struck({"do": "cut", "at": -1}).exchange(live.raw_create(title=""))
    assert octets.startswith(b"HTTP/1.1 400 "), "a refusal is cut as well, and makes nothing"
    assert live.made() == MADE * 2


@pytest.mark.parametrize(
    ("status", "save"), [(500, True), (500, False), (408, False), (409, True), (204, True), (422, False)]
)
def test_status_says_one_thing_and_does_another(struck, conforms, status, save):
    live = struck({"do": "status", "status": status, "save": save})
    reply = live.create()
    assert reply.status == status
    if status != 204:
        conforms("error", reply.json)
    assert live.made() == MADE * save


@pytest.mark.parametrize("form", ["seconds", "date", "body"])
def test_status_hints_when_to_come_back(struck, form):
    reply = struck({"do": "status", "status": 429, "retry_after": 6.2, "form": form}).create()
    assert reply.json["code"] == "0012001"
    if form == "body":
        assert reply.json["fields"] == [{"name": "retry-after", "description": "7"}]
    elif form == "date":
        asked, sent = (email.utils.parsedate_to_datetime(reply.headers[name]) for name in ("Retry-After", "Date"))
        assert 6 <= (asked - sent).total_seconds() <= 8
    else:
        assert reply.headers["Retry-After"] == "7"


@pytest.mark.parametrize(("status", "save"), [(200, True), (201, True), (502, False)])
def test_html_answers_a_page(struck, status, save):
    live = struck({"do": "html", "status": status, "save": save})
    reply = live.create()
    assert reply.status == status
    assert reply.headers["Content-Type"].startswith("text/html")
    assert b"Please log in" in reply.body
    assert live.made() == MADE * save


def test_redirect_sends_elsewhere_and_saves_nothing(struck):
    live = struck({"do": "redirect", "status": 302})
    reply = live.create()
    assert (reply.status, reply.headers["Location"]) == (302, "/login")
    assert live.made() == []
    elsewhere = struck({"do": "redirect", "location": "http://127.0.0.2:1/x", "save": True}).create()
    assert (elsewhere.status, elsewhere.headers["Location"]) == (307, "http://127.0.0.2:1/x")
    assert live.made() == MADE


def test_expire_tokens_ends_every_token_but_the_static_one(struck):
    live = struck({"do": "expire_tokens"})
    tokens = [live.token(FORM, Authorization=basic()).json["access_token"] for _ in range(2)]
    opened = [{"Authorization": f"Bearer {token}"} for token in tokens]
    assert live.request("GET", CASES, headers=opened[0]).status == 200
    refused = live.request("POST", CASES, {"title": "t", "description": "d"}, headers=opened[0])
    assert (refused.status, refused.json["code"]) == (401, "1520006")
    assert [live.request("GET", CASES, headers=each).status for each in opened] == [401, 401]
    assert live.made() == []
    fresh = live.token(FORM, Authorization=basic()).json["access_token"]
    assert live.request("GET", CASES, headers={"Authorization": f"Bearer {fresh}"}).status == 200


def test_save_twice_makes_two_cases_and_answers_one(struck):
    live = struck({"do": "save_twice"})
    answer = live.create().json
    assert live.made() == MADE * 2
    assert answer["id"] == live.truth()[-1]["id"]


def test_without_id_tells_everything_else(struck):
    live = struck({"do": "without_id"})
    reply = live.create()
    assert (reply.status, reply.json["title"], "id" in reply.json) == (201, "Printer on fire", False)
    assert live.made() == MADE


def test_repeat_id_gives_the_id_of_the_row_before(struck):
    live = struck({"do": "repeat_id"}, nth=2)
    ids = [int(live.create(f"T-{number}").json["id"]) for number in (1, 2, 3)]
    assert ids == [ids[0], ids[0], ids[0] + 2]
    assert live.made() == ["T-1", "T-2", "T-3"]
    assert struck({"do": "repeat_id"}).create("").status == 400, "an error has no id to repeat"


def test_hang_answers_nothing_and_then_ends(struck):
    live = struck({"do": "hang", "save": True, "seconds": 0.3})
    begun = time.monotonic()
    assert live.exchange(live.raw_create()) == (b"", "fin")
    assert time.monotonic() - begun >= 0.3
    assert live.made() == MADE
    assert struck({"do": "hang", "save": False, "seconds": 0.01}).exchange(live.raw_create()).octets == b""
    assert live.made() == MADE
    assert (
        struck({"do": "hang", "at": 20, "seconds": 0.1}).exchange(live.raw_create()).octets == b"HTTP/1.1 201 Created"
    )


def test_hang_does_not_keep_a_sandbox_from_closing():
    with Live(faults=FaultPlan(rules=(Rule(do="hang"),))) as live:
        connection = live.connect()
        connection.sendall(live.raw_create())
        while not live.truth():
            pass
        begun = time.monotonic()
    assert time.monotonic() - begun < 5
    with connection:
        assert rest_of(connection).octets == b""


def test_slow_holds_the_work_back_and_does_it_although_the_client_has_left(struck):
    live = struck({"do": "slow", "delay_ms": 300})
    begun = time.monotonic()
    with live.connect() as connection:
        connection.sendall(live.raw_create())
    while not live.made() and time.monotonic() < begun + 10:
        pass
    assert time.monotonic() - begun >= 0.3
    assert live.made() == MADE


def test_garbage_is_not_http(struck):
    live = struck({"do": "garbage"})
    octets, end = live.exchange(live.raw_create())
    assert (octets[:5] != b"HTTP/", end) == (True, "fin")
    assert live.made() == MADE


def test_lists_lag_and_find_too_much_when_told(open_sandbox):
    live = open_sandbox()
    for external_id in ("T-7", "T-71", "T-8"):
        live.create(external_id, custom_fields={"text1": external_id})
    query = {"custom_fields": '{"text1": {"value": "T-7"}}'}
    for effect, found in (
        ({"do": "index_lag", "seconds": 3600}, []),
        ({"do": "fuzzy_filter"}, ["T-71", "T-7"]),
        ({"do": "ignore_filter"}, ["T-8", "T-71", "T-7"]),
    ):
        live.play(FaultPlan(rules=(Rule(**effect, limit=1),)))
        assert live.found(**query) == found, effect
        assert live.found(**query) == ["T-7"], effect
