from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading

import pytest
from sandbox_client import CASES, Live
from test_sandbox_create import FULL

from importer.errors import ConfigError
from importer.sandbox import SandboxOptions
from importer.sandbox.cases import Case
from importer.sandbox.conditions import ListMode
from importer.sandbox.filters import Search, Span
from importer.sandbox.store import Store

SERVER = """
import sys
from pathlib import Path
from importer.sandbox import SandboxOptions, serve
options = SandboxOptions(static_token="static-test-token", store=Path(sys.argv[1]), port=int(sys.argv[2]))
serve(options, announce=lambda line: print(line, flush=True))
"""


class Served(Live):
    """A sandbox in a process of its own, so that it can be killed."""

    def __init__(self, path, port=0):
        command = [sys.executable, "-c", SERVER, str(path), str(port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    @property
    def port(self):
        return int(self.url.rpartition(":")[2])

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.mark.slow
def test_every_answered_create_survives_sigkill(tmp_path):
    """Creates run in several threads while the process is killed; whoever got a 201 must find the case again."""
    path, promised, lock = tmp_path / "sandbox.db", [], threading.Lock()

    def create_until_it_dies(server, name):
        for number in range(10_000):
            title = f"{name}-{number}"
            try:
                reply = server.create(title, custom_fields={"text1": title})
            except OSError:
                return
            with lock:
                promised.append((reply.json["id"], title))

    for life in range(3):
        with Served(path) as server:
            threads = [threading.Thread(target=create_until_it_dies, args=(server, f"{life}-{n}")) for n in range(6)]
            for thread in threads:
                thread.start()
            while len(promised) < 150 * (life + 1):
                assert server.process.poll() is None
            server.kill()
            for thread in threads:
                thread.join()
    with Served(path) as server:
        kept = {case["id"]: case["title"] for case in server.truth()}
    assert len(promised) >= 450
    assert len({case_id for case_id, _ in promised}) == len(promised), "an id was given twice"
    assert [entry for entry in promised if kept.get(entry[0]) != entry[1]] == []


def test_everything_is_there_again_after_a_restart(tmp_path):
    options = SandboxOptions(store=tmp_path / "sandbox.db", static_token="static-test-token")
    with Live(options) as live:
        identity = live.sandbox.id
        live.create(**FULL)
        live.create()
        live.request("DELETE", CASES, query={"ids": "2"})
        before = live.truth()
    with Live(options) as live:
        assert live.sandbox.id == identity
        assert live.truth() == before
        assert live.create().json["id"] == "3"


def test_each_store_has_an_identity_of_its_own(open_sandbox, tmp_path):
    ids = {
        open_sandbox().sandbox.id,
        open_sandbox(store=tmp_path / "a").sandbox.id,
        open_sandbox(store=tmp_path / "b").sandbox.id,
    }
    assert len(ids) == 3


def test_only_the_owner_may_read_a_store(open_sandbox, tmp_path):
    live = open_sandbox(store=tmp_path / "sandbox.db")
    live.create()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == dict.fromkeys(modes, 0o600)
    assert "sandbox.db-wal" in modes


@pytest.mark.parametrize("new", [True, False])
def test_two_sandboxes_cannot_share_a_store(open_sandbox, tmp_path, new):
    if not new:
        Store(tmp_path / "sandbox.db").close()
    open_sandbox(store=tmp_path / "sandbox.db")
    with pytest.raises(ConfigError, match="locked"):
        open_sandbox(store=tmp_path / "sandbox.db")


def test_a_file_of_another_program_is_refused_untouched(open_sandbox, tmp_path):
    path = tmp_path / "other.db"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE precious (x)")
    database.close()
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="another program"):
        open_sandbox(store=path)
    text = tmp_path / "notes.txt"
    text.write_text("not a database, but long enough to have been one" * 100)
    with pytest.raises(ConfigError, match="not a database"):
        open_sandbox(store=text)
    with pytest.raises(ConfigError, match="cannot be used"):
        open_sandbox(store=tmp_path / "no" / "such" / "folder.db")
    assert path.read_bytes() == before


def test_a_store_in_memory_leaves_no_file(open_sandbox, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    open_sandbox().create()
    assert os.listdir(tmp_path) == []


def case(number, **columns):
    texts = dict.fromkeys(("description", "requester_id", "requester_name", "requester_email"), "x")
    times = dict.fromkeys(("created_ms", "updated_ms"), number * 1000)
    rest = {"place": 0, "status": "NEW", "group_id": "agents", "custom_fields": "{}", "notes": "[]"}
    given = {"id": number, "title": f"T-{number}"} | texts | times | rest | columns
    return Case(**(dict.fromkeys(Case._fields) | given))


def test_creates_of_one_turn_share_one_commit(tmp_path):
    async def scenario():
        store = Store(tmp_path / "sandbox.db")
        statements: list[str] = []
        store._db.set_trace_callback(statements.append)
        await asyncio.gather(*(store.add(case(number)) for number in range(1, 9)))
        await store.add(case(9))
        store._db.set_trace_callback(None)
        store.close()
        return statements.count("COMMIT")

    assert asyncio.run(scenario()) == 2


def test_reading_and_closing_commit_what_waits(tmp_path):
    async def scenario():
        store = Store(tmp_path / "sandbox.db")
        waiting = store.add(case(1))
        assert not waiting.done()
        assert store.get(1) == case(1)
        await waiting
        store.add(case(2))
        store.close()
        again = Store(tmp_path / "sandbox.db")
        assert again.get(2) == case(2)
        again.close()

    asyncio.run(scenario())


def test_a_cancelled_create_leaves_its_neighbours_alone():
    async def scenario():
        store = Store(None)
        cancelled, waiting = store.add(case(1)), store.add(case(2))
        cancelled.cancel()
        await waiting
        assert (store.get(1), store.get(2)) == (case(1), case(2)), "what was accepted is kept"
        store.close()

    asyncio.run(scenario())


def test_a_commit_that_fails_is_told_to_everyone_who_waits(tmp_path):
    async def scenario():
        store = Store(None)
        await store.add(case(1))
        waiting = [store.add(case(2)), store.add(case(1))]
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(outcome, sqlite3.IntegrityError) for outcome in outcomes)
        assert store.get(2) is None, "all or nothing"
        await store.add(case(3))
        store.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("search", "needed"),
    [
        (Search(custom={"text1": "T-7"}), "value_of_text1"),
        (Search(custom={"text1": "T-7", "text2": "x"}, ascending=True), "value_of_text1"),
        (Search(custom={"text1": "T-7"}, created=Span(0, 10**9), words={"status": ("NEW",)}), "value_of_text1"),
        (Search(), "cases_by_create_at"),
        (Search(order_by="update_at"), "cases_by_update_at"),
    ],
    ids=["text", "two texts", "text, time and status", "newest", "last changed"],
)
def test_look_ups_are_served_by_an_index(search, needed):
    """A list over hundreds of thousands of cases must not read them all."""

    async def scenario():
        store = Store(None)
        for number in range(1, 50):
            store.add(case(number, custom_fields=f'{{"text1": {{"value": "T-{number}"}}}}'))
        statements: list[str] = []
        store._db.set_trace_callback(statements.append)
        found = store.search(search, mode=ListMode(), now_ms=0)
        store._db.set_trace_callback(None)
        page = statements[-1]
        plan = " / ".join(row[-1] for row in store._db.execute(f"EXPLAIN QUERY PLAN {page}"))
        store.close()
        return found, plan

    (total, cases), plan = asyncio.run(scenario())
    assert needed in plan
    assert total == (1 if search.custom and "text2" not in search.custom else 0 if search.custom else 49)
    assert len(cases) == total
