"""What faults do, seen from the other end of a real socket."""

from __future__ import annotations

import email.utils
import gzip
import json
import time
import zlib

import pytest
import uvloop
from sandbox_client import CASES, TOKEN, Live, read_answer, rest_of
from test_sandbox_tokens import FORM, basic

from importer.sandbox import FaultPlan, Rule, SandboxOptions
from importer.sandbox.breaks import (
    BrokenGzip,
    ChunkMissing,
    CloseDelimited,
    Cut,
    Drip,
    Drop,
    EarlyHint,
    Garbage,
    GzipBomb,
    Hang,
    StrayAnswer,
    TwoLengths,
)
from importer.sandbox.effects import (
    EchoOther,
    ExpireTokens,
    FuzzyFilter,
    Html,
    IgnoreFilter,
    IndexLag,
    LongHeader,
    Redirect,
    RepeatId,
    SaveTwice,
    SkewedDate,
    Slow,
    Status,
    WithoutId,
)

BEGINNING = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"


@pytest.fixture(params=[None, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def struck(request):
    """Plays one effect on the first create, on both event loops a sandbox may run on."""
    with Live(SandboxOptions(static_token=TOKEN), loop_factory=request.param) as live:

        def play(effect, **when):
            live.play(FaultPlan(rules=(Rule(effect=effect, **({"limit": 1} | when)),)))
            return live

        yield play


def is_as_before(live):
    """The sandbox goes on answering, and only one request was struck."""
    return live.create("after").status == 201


@pytest.mark.parametrize("save", [True, False])
@pytest.mark.parametrize("how", ["fin", "rst"])
def test_drop_ends_the_connection_as_told_and_saves_as_told(struck, save, how):
    live = struck(Drop(save=save, how=how))
    assert live.exchange(live.raw_create()) == (b"", how)
    assert live.titles() == ["Printer on fire"] * save
    assert is_as_before(live)


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_drop_can_come_before_the_body_is_read(struck, how):
    live = struck(Drop(save=False, how=how), unread=True)
    head, _, _ = live.raw_create("x" * 100_000).partition(b"\r\n\r\n")
    assert live.exchange(head + b"\r\n\r\n") == (b"", how)
    assert live.titles() == []
    assert is_as_before(live)


def test_cut_sends_exactly_the_first_octets_at_every_place(open_sandbox):
    """For every octet of the answer: so many come, then the end; the case exists every time."""
    live = open_sandbox()
    live.play(FaultPlan(rules=(Rule(effect=Cut(10_000)),)))
    whole = len(live.exchange(live.raw_create("T-00000")).octets)
    live.play(FaultPlan(rules=tuple(Rule(effect=Cut(at), title=f"T-{at:05}") for at in range(whole))))
    for at in range(whole):
        octets, end = live.exchange(live.raw_create(f"T-{at:05}"))
        assert (len(octets), end) == (at, "fin")
        assert octets[: len(BEGINNING)] == BEGINNING[:at]
    assert len(live.truth()) == whole + 1


def test_cut_counts_from_the_end_and_can_reset(struck):
    live = struck(Cut(-1))
    octets, _ = live.exchange(live.raw_create())
    head, _, body = octets.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    assert len(body) == length - 1
    live = struck(Cut(30, how="rst"))
    octets, end = live.exchange(live.raw_create())
    assert end == "rst"
    assert b"HTTP/1.1 201 Created\r\nContent-Type"[: len(octets)] == octets[:30]
    assert len(live.truth()) == 2


@pytest.mark.parametrize(
    ("status", "save"), [(500, True), (500, False), (408, False), (409, True), (204, True), (422, False)]
)
def test_status_says_one_thing_and_does_another(struck, conforms, status, save):
    live = struck(Status(status, save=save))
    reply = live.create()
    assert reply.status == status
    if status != 204:
        conforms("error", reply.json)
    assert live.titles() == ["Printer on fire"] * save
    assert is_as_before(live)


def test_status_carries_any_body_and_headers(struck):
    live = struck(
        Status(200, save=True, body='{"success": false}', headers={"Retry-After": "-5", "RateLimit": "r=0;t=9"})
    )
    reply = live.create()
    assert (reply.status, reply.json) == (200, {"success": False})
    assert (reply.headers["Retry-After"], reply.headers["RateLimit"]) == ("-5", "r=0;t=9")
    live = struck(Status(503, body="<h1>busy</h1>", content_type="text/html"))
    reply = live.create()
    assert (reply.headers["Content-Type"].partition(";")[0], reply.body) == ("text/html", b"<h1>busy</h1>")


@pytest.mark.parametrize("form", ["seconds", "date", "date_rfc850", "date_asctime", "body"])
def test_status_hints_when_to_come_back(struck, form):
    reply = struck(Status(429, retry_after=7, form=form)).create()
    assert reply.json["code"] == "0012001"
    if form == "body":
        assert reply.json["fields"] == [{"name": "retry-after", "description": "7"}]
    elif form == "seconds":
        assert reply.headers["Retry-After"] == "7"
    else:
        asked, sent = (
            email.utils.parsedate_to_datetime(reply.headers[name]).replace(tzinfo=None)
            for name in ("Retry-After", "Date")
        )
        assert 6 <= (asked - sent).total_seconds() <= 8


@pytest.mark.parametrize("status", [200, 201, 502])
@pytest.mark.parametrize("save", [True, False])
def test_html_answers_a_page(struck, status, save):
    live = struck(Html(status, save=save))
    reply = live.create()
    assert reply.status == status
    assert reply.headers["Content-Type"].startswith("text/html")
    assert b"Please log in" in reply.body
    assert live.titles() == ["Printer on fire"] * save


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_sends_elsewhere_and_saves_nothing(struck, status):
    live = struck(Redirect(status))
    reply = live.create()
    assert (reply.status, reply.headers["Location"]) == (status, "/_sandbox/login")
    assert live.request("GET", reply.headers["Location"]).status == 200
    assert live.titles() == []
    elsewhere = struck(Redirect(status, location="http://127.0.0.2:1/x")).create()
    assert elsewhere.headers["Location"] == "http://127.0.0.2:1/x"


def test_expire_tokens_ends_every_token_but_the_static_one(struck):
    live = struck(ExpireTokens())
    tokens = [live.token(FORM, Authorization=basic()).json["access_token"] for _ in range(2)]
    opened = [{"Authorization": f"Bearer {token}"} for token in tokens]
    assert live.request("GET", CASES, headers=opened[0]).status == 200
    refused = live.request("POST", CASES, {"title": "t", "description": "d"}, headers=opened[0])
    assert (refused.status, refused.json["code"]) == (401, "1520006")
    assert [live.request("GET", CASES, headers=each).status for each in opened] == [401, 401]
    assert live.titles() == []
    assert is_as_before(live)
    fresh = live.token(FORM, Authorization=basic()).json["access_token"]
    assert live.request("GET", CASES, headers={"Authorization": f"Bearer {fresh}"}).status == 200


def test_save_twice_makes_two_cases_and_answers_one(struck):
    live = struck(SaveTwice())
    assert live.create().json["id"] == "2"
    assert live.titles() == ["Printer on fire"] * 2


def test_without_id_tells_everything_else(struck):
    live = struck(WithoutId())
    reply = live.create()
    assert (reply.status, reply.json["title"], "id" in reply.json) == (201, "Printer on fire", False)
    assert live.titles() == ["Printer on fire"]


def test_repeat_id_gives_the_id_of_the_row_before(struck):
    live = struck(RepeatId(), nth=2)
    replies = [live.create(f"T-{number}").json for number in (1, 2, 3)]
    assert [(reply["id"], reply["title"]) for reply in replies] == [("1", "T-1"), ("1", "T-2"), ("3", "T-3")]
    assert [case["id"] for case in live.truth()] == ["1", "2", "3"]
    assert struck(RepeatId()).create("").status == 400, "an error has no id to repeat"


def test_echo_other_answers_with_the_text_of_the_row_before(struck):
    live = struck(EchoOther(), nth=2)
    live.create("T-1", custom_fields={"text1": "K-1"})
    reply = live.create("T-2", custom_fields={"text1": "K-2"}).json
    assert (reply["id"], reply["title"], reply["custom_fields"]) == ("2", "T-1", {"text1": {"value": "K-1"}})
    assert live.titles() == ["T-1", "T-2"]


def test_echo_other_invents_a_row_when_there_is_none_before(struck):
    reply = struck(EchoOther()).create("T-1").json
    assert (reply["id"], reply["title"]) == ("1", "Another ticket")


def test_hang_answers_nothing_and_then_ends(struck):
    live = struck(Hang(save=True, seconds=0.3))
    begun = time.monotonic()
    assert live.exchange(live.raw_create()) == (b"", "fin")
    assert time.monotonic() - begun >= 0.3
    assert live.titles() == ["Printer on fire"]
    assert struck(Hang(save=False, seconds=0.01)).exchange(live.raw_create()).octets == b""
    assert live.titles() == ["Printer on fire"]


def test_hang_can_begin_after_some_octets(struck):
    live = struck(Hang(at=20, seconds=0.1))
    assert live.exchange(live.raw_create()).octets == b"HTTP/1.1 201 Created"


def test_hang_does_not_keep_a_sandbox_from_closing():
    with Live(SandboxOptions(static_token=TOKEN, faults=FaultPlan(rules=(Rule(effect=Hang()),)))) as live:
        connection = live.connect()
        connection.sendall(live.raw_create())
        while not live.truth():
            pass
        begun = time.monotonic()
    assert time.monotonic() - begun < 5
    with connection:
        assert rest_of(connection).octets == b""


def test_a_client_that_leaves_early_changes_nothing(struck):
    live = struck(Slow(300))
    with live.connect() as connection:
        connection.sendall(live.raw_create())
    deadline = time.monotonic() + 10
    while not live.truth() and time.monotonic() < deadline:
        pass
    assert live.titles() == ["Printer on fire"], "the case is made although nobody waits any more"
    assert is_as_before(live)


def test_slow_holds_the_work_back(struck):
    live = struck(Slow(300))
    begun = time.monotonic()
    assert live.create().status == 201
    assert time.monotonic() - begun >= 0.3


def test_drip_brings_the_true_answer_in_pieces(struck):
    live = struck(Drip(size=7, pause_ms=1))
    with live.connect() as connection:
        connection.sendall(live.raw_create())
        first = connection.recv(65536)
        octets = first + rest_of(connection).octets
    assert len(first) < 100 < len(octets)
    assert json.loads(octets.partition(b"\r\n\r\n")[2])["id"] == "1"


@pytest.mark.parametrize("status", [201, 408])
def test_a_stray_answer_follows_the_true_one_on_the_same_connection(struck, status):
    """The next request on that connection gets the stray one, unless the client takes care."""
    live = struck(StrayAnswer(status, delay_ms=30))
    with live.connect() as connection:
        connection.sendall(live.raw_create("first"))
        assert b'"title":"first"' in read_answer(connection)
        stray = read_answer(connection)
        assert stray.startswith(f"HTTP/1.1 {status} ".encode())
        assert (b'"title":"first"' in stray) == (status == 201)
        connection.sendall(live.raw_create("second"))
        assert b'"title":"second"' in read_answer(connection)
    assert live.titles() == ["first", "second"]


def test_an_early_hint_comes_before_the_answer(struck):
    live = struck(EarlyHint())
    with live.connect() as connection:
        connection.sendall(live.raw_create())
        octets = b""
        while b'"id":"1"' not in octets:
            octets += connection.recv(65536)
    interim, _, final = octets.partition(b"\r\n\r\n")
    assert interim.startswith(b"HTTP/1.1 103 Early Hints\r\n")
    assert final.startswith(b"HTTP/1.1 201 Created\r\n")


def test_garbage_is_no_http(struck):
    live = struck(Garbage())
    octets, end = live.exchange(live.raw_create())
    assert (octets[:5] != b"HTTP/", end) == (True, "fin")
    assert live.titles() == ["Printer on fire"]


def test_two_lengths_contradict_each_other(struck):
    live = struck(TwoLengths())
    head, _, body = live.exchange(live.raw_create()).octets.partition(b"\r\n\r\n")
    lengths = [
        int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    ]
    assert lengths == [len(body), len(body) + 7]
    assert live.titles() == ["Printer on fire"]


def test_a_chunked_answer_can_lack_its_last_chunk(struck):
    live = struck(ChunkMissing())
    head, _, body = live.exchange(live.raw_create()).octets.partition(b"\r\n\r\n")
    size, _, chunk = body.partition(b"\r\n")
    assert b"Transfer-Encoding: chunked" in head
    assert b"Content-Length" not in head
    assert len(chunk) == int(size, 16) + 2
    assert not body.endswith(b"0\r\n\r\n")
    assert live.titles() == ["Printer on fire"]


@pytest.mark.parametrize("missing", [0, 1, 20])
def test_a_close_delimited_answer_ends_where_the_connection_ends(struck, missing):
    live = struck(CloseDelimited(missing))
    head, _, body = live.exchange(live.raw_create()).octets.partition(b"\r\n\r\n")
    assert b"Content-Length" not in head
    assert (body[-1:] == b"}") == (missing == 0)
    assert body.startswith(b'{"id":"1"')


def test_broken_gzip_does_not_decompress(struck):
    live = struck(BrokenGzip())
    reply = live.create()
    assert (reply.status, reply.headers["Content-Encoding"]) == (201, "gzip")
    with pytest.raises((zlib.error, EOFError, gzip.BadGzipFile)):
        gzip.decompress(reply.body)
    assert live.titles() == ["Printer on fire"]


def test_a_gzip_bomb_is_small_on_the_wire_and_true_at_its_core(struck):
    live = struck(GzipBomb(mebibytes=8))
    reply = live.create()
    assert reply.headers["Content-Encoding"] == "gzip"
    assert len(reply.body) < 20_000
    unpacked = gzip.decompress(reply.body)
    assert len(unpacked) > 8 * 1024 * 1024
    assert json.loads(unpacked)["id"] == "1"


def test_a_long_header_comes_with_a_true_answer(struck):
    live = struck(LongHeader())
    with live.connect() as connection:
        connection.sendall(live.raw_create())
        octets = read_answer(connection)
    assert b"X-Filler: " + b"x" * 20_000 in octets
    assert live.titles() == ["Printer on fire"]


@pytest.mark.parametrize("skew", [7200, -7200])
def test_a_skewed_date_shows_a_wrong_clock(struck, skew):
    reply = struck(SkewedDate(skew)).create()
    shown = email.utils.parsedate_to_datetime(reply.headers["Date"]).timestamp()
    assert abs(shown - time.time() - skew) < 60


def test_index_lag_hides_young_cases_from_one_list(struck):
    live = struck(IndexLag(3600))
    live.create("T-1")
    assert live.found() == []
    assert live.found() == ["T-1"]


def test_fuzzy_and_ignored_filters_find_too_much(struck):
    live = struck(FuzzyFilter())
    for stamp in ("T-7", "T-71", "T-8"):
        live.create(stamp, custom_fields={"text1": stamp})
    look_up = {"custom_fields": '{"text1": {"value": "T-7"}}'}
    assert live.found(**look_up) == ["T-71", "T-7"]
    struck(IgnoreFilter())
    assert live.found(**look_up) == ["T-8", "T-71", "T-7"]
    assert live.found(**look_up) == ["T-7"]


def test_an_effect_that_breaks_the_wire_lets_errors_through_too(struck):
    """A create that is refused saves nothing, whatever happens to its answer."""
    live = struck(Cut(-1))
    octets, _ = live.exchange(live.raw_create(title=""))
    assert octets.startswith(b"HTTP/1.1 400 ")
    assert live.titles() == []
