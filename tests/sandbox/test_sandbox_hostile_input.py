"""Whatever comes in, the answer is one of the contract; a 500 never is."""

from __future__ import annotations

import http.client
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox_client import CASES, PATIENCE_S, TOKEN, Live
from test_sandbox_storage import Served


@pytest.fixture(scope="module")
def shared():
    with Live() as live:
        live.create(notes=[{"note_title": "a"}])
        yield live


@pytest.fixture(autouse=True)
def no_error_is_logged(caplog):
    yield
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


BODIES = {
    "empty": b"",
    "not JSON": b"{",
    "not UTF-8": b'{"title": "\xff", "description": "d"}',
    "lone surrogate": b'{"title": "\\ud800", "description": "d"}',
    "not a number": b'{"title": NaN, "description": "d"}',
    "number out of range": b'{"title": 1e999, "description": "d"}',
    "an array": b"[]",
    "a text": b'"title"',
    "null": b"null",
    "deep arrays": b"[" * 200_000,
    "deep field": b'{"title": "t", "description": "d", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep but legal": b'{"title": 5, "note_title": 5, "custom_fields": ' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}",
    "trailing comma": b'{"title": "t", "description": "d",}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize(("method", "path"), [("POST", CASES), ("PATCH", f"{CASES}/1")])
def test_a_body_that_is_none_is_refused(shared, conforms, method, path, body):
    reply = shared.request(method, path, body)
    conforms("error", reply.json)
    assert (reply.status, reply.json["code"]) == (400, "1520005")
    assert len(shared.truth()) == 1


@pytest.mark.parametrize(
    "text",
    ["\x00", "a\x00b", "\u2028", "\ufeff", "🔥" * 50, "e\u0301", "\x1b[31m", "<script>", "=1+1", "x" * 1_000_000],
)
def test_text_is_kept_to_the_last_character(live, text):
    fields = {"title": text, "description": text, "custom_fields": {"text1": text}, "notes": [{"note_body": text}]}
    reply = live.request("POST", CASES, fields)
    assert reply.status == 201
    (kept,) = live.truth()
    assert (kept["title"], kept["description"], kept["custom_fields"]["text1"]) == (text, text, text)
    listed = live.search().json["_embedded"]["data"][0]
    assert (listed["title"], listed["notes"][0]["notes_body"]) == (text, text)
    assert json.loads(listed["custom_fields"])["text1"]["value"] == text


@pytest.mark.parametrize("number", [0, -1, 2**53 + 1, 2**63 - 1, -(2**63), 2**64 - 1])
def test_whole_numbers_are_kept_and_found(live, number):
    assert live.create(custom_fields={"numeric1": number}).json["custom_fields"]["numeric1"] == {"value": number}
    assert live.truth()[0]["custom_fields"]["numeric1"] == number
    assert live.search(custom_fields=json.dumps({"numeric1": {"value": number}})).json["total"] == 1


@pytest.mark.parametrize("number", [10**30, 10**400, -(10**25)], ids=["30 digits", "400 digits", "negative"])
def test_numbers_that_fit_nowhere_are_refused(live, number):
    assert live.create(custom_fields={"numeric1": number}).status == 400


def test_a_body_may_be_large_but_not_endless(live):
    assert live.create(description="x" * 15_000_000).status == 201
    reply = live.create(description="x" * 17_000_000)
    assert (reply.status, reply.json["code"]) == (413, "sandbox.too_large")


def test_a_chunked_body_is_read(live):
    connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=PATIENCE_S)
    try:
        parts = iter([b'{"title": "in ', b'pieces", "descr', b'iption": "d"}'])
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json; charset=utf-8"}
        connection.request("POST", CASES, parts, headers, encode_chunked=True)
        assert json.loads(connection.getresponse().read())["title"] == "in pieces"
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/nowhere", 404, None),
        ("GET", f"{CASES}/", 404, None),
        ("GET", f"{CASES}/1/notes", 404, None),
        ("GET", "/%00", 404, None),
        ("GET", "//", 404, None),
        ("PUT", CASES, 405, "DELETE,GET,POST"),
        ("HEAD", CASES, 405, "DELETE,GET,POST"),
        ("DELETE", f"{CASES}/1", 405, "GET,PATCH"),
        ("PATCH", CASES, 405, "DELETE,GET,POST"),
        ("GET", "/oauth/token", 405, "POST"),
        ("OPTIONS", "/users", 405, "GET"),
        ("TRACE", "/users/x", 405, "GET"),
    ],
)
def test_unknown_paths_and_methods_are_said_to_be_unknown(shared, conforms, method, path, status, allow):
    reply = shared.request(method, path)
    assert (reply.status, reply.headers.get("Allow")) == (status, allow)
    if method != "HEAD":
        conforms("error", reply.json)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "10.0.0.1:80", "", "localhost:x"]
)
@pytest.mark.parametrize("path", ["/", "/_sandbox/cases.ndjson", CASES])
def test_a_page_of_another_site_cannot_read_the_sandbox(shared, host, path):
    """DNS rebinding: the browser is told that evil.example is 127.0.0.1, but still says whom it wants."""
    reply = shared.request("GET", path, headers={"Host": host})
    assert (reply.status, reply.json["code"]) == (421, "sandbox.host")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8080", "127.0.0.2:1", "[::1]:9"])
def test_every_name_of_this_machine_is_welcome(shared, host):
    assert shared.request("GET", CASES, headers={"Host": host}).status == 200


@pytest.mark.parametrize(
    "query",
    [
        "title=%ED%A0%80",
        "title=%ff%fe",
        "title=%00",
        "custom_fields=%7B%22text1%22%3A%7B%22value%22%3A%22%5Cud800%22%7D%7D",
        "page=%F0%9F%94%A5",
        "=",
        "&&&",
        "%",
        "title=%zz",
        "ids=" + "1," * 3000,
    ],
)
def test_odd_queries_are_answered(shared, conforms, query):
    reply = shared.request("GET", f"{CASES}?{query}")
    conforms("list" if reply.status == 200 else "error", reply.json)
    assert reply.status in (200, 400)


def test_a_line_that_is_no_http_ends_with_a_400_of_the_server(shared):
    octets, _ = shared.exchange(b"\x16\x03\x01\x00\r\n\r\n")
    assert octets.startswith((b"HTTP/1.0 400 ", b"HTTP/1.1 400 "))


def test_a_client_that_leaves_in_the_middle_of_its_body_makes_nothing(shared):
    before = len(shared.truth())
    with shared.connect() as connection:
        connection.sendall(shared.raw_create()[:-5])
    assert shared.request("GET", CASES).status == 200
    assert len(shared.truth()) == before


def test_requests_that_break_off_print_nothing_on_the_terminal(tmp_path):
    """The embedded sandbox shares the terminal with the run."""
    with (tmp_path / "said").open("w+b") as said, Served(tmp_path / "sandbox.db", stderr=said) as server:
        for octets in (
            server.raw_create()[:-5],
            b"GET /%b HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % (b"x" * 9000),
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: \0\r\n\r\n",
            b"POST /oauth/token HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"\x16\x03\x01\x00\r\n\r\n",
        ):
            with server.connect() as connection:
                connection.sendall(octets)
            assert server.create().status == 201, octets
        many = b"GET /_sandbox/cases.ndjson HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        server.create(description="x" * 10_000_000)
        with server.connect() as connection:
            connection.sendall(many)
            connection.recv(100)
        assert "500" not in server.state()["answers"]
        said.seek(0)
        assert said.read() == b""


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    [
        "title",
        "description",
        "parent_id",
        "owner_id",
        "priority",
        "type",
        "status",
        "resolution",
        "custom_fields",
        "notes",
        "group_id",
        "requester_email",
        "requester_name",
        "requester_type",
        "note_title",
        "note_body",
        "x",
    ]
)
CUSTOM = st.dictionaries(
    st.sampled_from(["text1", "date1", "numeric1", "drop_down1", "multi_select1", "dependent_field1", "x"]), JSON_VALUES
)
SOME_BODIES = st.dictionaries(NAMES, JSON_VALUES | CUSTOM, max_size=6)


@pytest.mark.slow
@given(
    body=SOME_BODIES,
    target=st.sampled_from([("POST", CASES), ("PATCH", f"{CASES}/1")]),
)
def test_any_json_is_taken_or_refused_by_the_contract(shared, conforms, body, target):
    reply = shared.request(*target, body)
    shape = {201: "created", 200: "updated"}.get(reply.status, "error")
    assert reply.status in (200, 201, 400)
    conforms(shape, reply.json)
