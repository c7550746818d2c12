from __future__ import annotations

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

SERVER = """
import sys
from pathlib import Path
from importer.sandbox import SandboxOptions, serve
options = SandboxOptions(static_token="static-test-token", store=Path(sys.argv[1]), port=int(sys.argv[2]))
serve(options, announce=lambda line: print(line, flush=True))
"""


class Served(Live):
    """A sandbox in a process of its own, so that it can be killed."""

    def __init__(self, path, port=0, stderr=None):
        command = [sys.executable, "-c", SERVER, str(path), str(port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)
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
    path = tmp_path / "sandbox.db"
    with Live(store=path) as live:
        identity = live.sandbox.id
        live.create(**FULL)
        live.create()
        live.request("DELETE", CASES, query={"ids": "2"})
        before = live.truth()
    with Live(store=path) as live:
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
        with Live(store=tmp_path / "sandbox.db"):
            pass
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
    with pytest.raises(ConfigError, match="cannot use this file"):
        open_sandbox(store=tmp_path / "no" / "such" / "folder.db")
    assert path.read_bytes() == before


def test_a_store_in_memory_leaves_no_file(open_sandbox, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    open_sandbox().create()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("query", "needed"),
    [
        ({"custom_fields": '{"text1": {"value": "T-7"}}'}, "value_of_text1"),
        ({"custom_fields": '{"text1": {"value": "T-7"}}', "status": "NEW", "sort": "ASC"}, "value_of_text1"),
        ({}, "cases_by_create_at"),
        ({"order_by": "update_at"}, "cases_by_update_at"),
    ],
    ids=["text", "text, status and order", "newest", "last changed"],
)
def test_searches_are_served_by_an_index(tmp_path, query, needed):
    """A list over hundreds of thousands of cases must not read them all."""
    path, statements = tmp_path / "sandbox.db", []
    with Live(store=path) as live:
        for number in range(20):
            live.create(custom_fields={"text1": f"T-{number}"})
        live.trace(statements.append)
        assert live.search(**query).json["total"] == (1 if "custom_fields" in query else 20)
    database = sqlite3.connect(path)
    plan = " / ".join(row[-1] for row in database.execute(f"EXPLAIN QUERY PLAN {statements[-1]}"))
    database.close()
    assert needed in plan
