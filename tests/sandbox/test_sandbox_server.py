from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import pytest
from sandbox_client import CASES, PATIENCE_S
from test_sandbox_storage import Served

from importer.errors import ConfigError
from importer.sandbox import FaultPlan, Sandbox, SandboxOptions, serve


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_runs_until_it_is_told_to_stop(tmp_path, number):
    with Served(tmp_path / "sandbox.db") as server:
        assert server.create().status == 201
        server.process.send_signal(number)
        announced = server.process.stdout.read()
        assert server.process.wait(PATIENCE_S) == 0
    assert server.url.startswith("http://127.0.0.1:")
    for fact in ("/oauth/token", "sandbox-client", "sandbox-secret", "sandbox.db", "honest"):
        assert fact in announced


@pytest.mark.slow
def test_a_second_start_after_a_kill_needs_nothing(tmp_path):
    with Served(tmp_path / "sandbox.db") as server:
        server.create()
        server.kill()
    with Served(tmp_path / "sandbox.db") as server:
        assert server.create().json["id"] == "2"


def test_a_taken_port_is_said_to_be_taken(live, open_sandbox):
    with pytest.raises(ConfigError, match="cannot listen"):
        open_sandbox(port=live.port)


def test_secrets_are_not_shown():
    shown = repr(SandboxOptions(client_secret="hush-1", static_token="hush-2"))
    assert "hush" not in shown


def test_latency_comes_before_the_work(open_sandbox):
    """A case may be made after its client gave up; that is what makes time-outs dangerous."""
    live = open_sandbox(latency_ms=400)
    creating = threading.Thread(target=live.create)
    creating.start()
    while live.state()["requests"].get("create", 0) == 0:
        pass
    assert live.truth() == []
    creating.join()
    assert len(live.truth()) == 1


def test_the_state_tells_what_tests_ask_for(open_sandbox):
    live = open_sandbox(faults=FaultPlan(name="nothing wrong"))
    live.create()
    live.create()
    live.request("DELETE", CASES, query={"ids": "1"})
    live.request("GET", f"{CASES}/1")
    assert live.state() == {
        "id": live.sandbox.id,
        "plan": "nothing wrong",
        "cases": {"live": 1, "trash": 1, "purged": 0},
        "requests": {"create": 2, "trash": 1, "get": 1},
        "answers": {"200": 1, "201": 2, "404": 1},
        "faults": {},
        "mails": {},
    }


def test_the_truth_holds_every_case_in_order_with_bare_values(live):
    live.create("first", custom_fields={"text1": "T-1", "multi_select1": ["001"]}, notes=[{"note_body": "n"}])
    live.create("second")
    live.request("DELETE", CASES, query={"ids": "1"})
    first, second = live.truth()
    assert (first["id"], first["title"], first["deleted"]) == ("1", "first", "trash")
    assert first["custom_fields"] == {"text1": "T-1", "multi_select1": ["001"]}
    assert first["notes"][0]["note_body"] == "n"
    assert (second["id"], second["deleted"]) == ("2", False)
    assert first["created"].endswith("+00:00")


@pytest.mark.slow
def test_the_truth_is_whole_however_many_cases_there_are(live):
    for number in range(1100):
        live.create(f"T-{number}")
    assert live.titles() == [f"T-{number}" for number in range(1100)]


def test_the_page_shows_counts_and_the_last_cases_and_escapes_everything(live):
    live.create("<script>alert(1)</script>", requester_email='"><img src=x onerror=alert(2)>')
    for number in range(60):
        live.create(f"case {number}")
    live.request("DELETE", CASES, query={"ids": "61"})
    reply = live.request("GET", "/", headers={"Authorization": ""})
    page = reply.body.decode()
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
    assert "60 cases, 1 in the trash" in page
    assert ("case 59" in page, "case 9<" in page) == (True, False)
    live.create("<b>bold</b>", requester_email='"><img src=x onerror=alert(2)>')
    page = live.request("GET", "/").body.decode()
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "<img" not in page
    assert "<script" not in page


def test_an_embedded_sandbox_has_no_pages_and_a_secret_of_its_own():
    """Other users of the machine can reach the port; what a rehearsal sends may be the tickets of customers."""

    def status(request):
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return answer.status
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code

    async def scenario():
        async with Sandbox() as sandbox:
            for path in ("/", "/_sandbox/state", "/_sandbox/cases.ndjson"):
                assert await asyncio.to_thread(status, sandbox.base_url + path) == 404
            assert sandbox.client_secret not in ("", "sandbox-secret")

    asyncio.run(scenario())


def test_the_page_of_an_empty_sandbox_says_so(live):
    assert b"No cases yet." in live.request("GET", "/").body


def test_the_package_is_imported_by_nobody_who_only_asks_for_help():
    """The sandbox brings aiohttp with it, so the top of the project must not bring the sandbox."""
    code = "import sys, importer, importer.errors, importer.models; sys.exit('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_sandbox_shares_no_code_with_the_client_side():
    """Else it could inherit the client's mistakes. Errors are the one exception: they are how users are told."""
    code = "import sys, importer.sandbox; print(*sorted(name for name in sys.modules if name.startswith('importer')))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    others = {name.split(".")[1] for name in loaded if "." in name} - {"sandbox", "errors", "version"}
    assert others == set()


def test_it_runs_where_loops_know_no_signals():
    """As on Windows: Ctrl-C comes as an exception there."""

    class Deaf(asyncio.SelectorEventLoop):
        def add_signal_handler(self, sig, callback, *args):
            raise NotImplementedError

    told = []

    def announce(text):
        told.append(text)
        if text.startswith("Press Ctrl-C"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        serve(SandboxOptions(port=0), announce=announce, loop_factory=Deaf)
    assert told[0].startswith("http://")
