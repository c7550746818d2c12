"""Plain functions where an event loop runs already, as in a cell of a notebook."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ended import PATIENCE, environment
from program import SandboxProcess, sandbox_process, until
from tickets import MAPPING, read_csv, tickets, write_tickets

import importer
from importer.verbs.account import save_fields, save_users
from importer.verbs.rehearse import rehearse
from importer.verbs.status import report

#: A cell: Python code that a running loop calls, with SIGINT handled as a kernel does while a cell runs.
CELL = """\
import asyncio, signal, sys
import importer
from importer.verbs.account import save_fields

async def cell():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    url, verb = sys.argv[1:]
    settings = importer.Settings(api_url=url, client_id="sandbox-client", client_secret="sandbox-secret", rate=20)
    if verb == "run_import":
        result = importer.run_import("t.csv", "m.yml", settings=settings)
        counts = result.totals.counts
        print(result.exit_code, sorted((str(state), count) for state, count in counts.items() if count))
    else:
        try:
            save_fields("fields.yml", settings=settings)
        except KeyboardInterrupt:
            print("interrupted")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

asyncio.run(cell())
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with an export of three rows and its mapping."""
    monkeypatch.chdir(tmp_path)
    write_tickets(tmp_path / "t.csv", tickets(3))
    (tmp_path / "m.yml").write_text(MAPPING, encoding="utf-8")
    return tmp_path


async def test_each_plain_function_works_next_to_a_running_loop(folder: Path) -> None:
    settings = importer.Settings(sandbox=True)
    ledger = folder / "t-import" / "ledger.db"
    assert importer.suggest_mapping("t.csv").text
    assert importer.check("t.csv", "m.yml").exit_code == 0
    assert len(importer.preview("t.csv", "m.yml", count=2)) == 2
    assert rehearse("t.csv", "m.yml", profile="calm").exit_code == 0
    ran = importer.run_import("t.csv", "m.yml", settings=settings)
    assert (ran.exit_code, dict(ran.moved)) == (0, {importer.State.CREATED: 3})
    assert importer.retry(ledger, settings=settings).exit_code == 0
    assert importer.reconcile(ledger, settings=settings).exit_code == 0
    assert importer.status(ledger).totals.counts[importer.State.CREATED] == 3
    assert report(ledger, "again").totals.match
    assert importer.verify(ledger, settings=settings).verification.verdicts == {"same": 3}
    assert importer.forget(ledger).rows == 3
    assert save_fields("fields.yml", settings=settings).entries > 0
    assert save_users("users.csv", settings=settings).entries > 0


async def test_two_imports_share_one_event_loop(folder: Path) -> None:
    write_tickets(folder / "u.csv", tickets(30, prefix="other-"))
    settings = importer.Settings(sandbox=True)
    both = (importer.run_import_async(f"{name}.csv", "m.yml", settings=settings) for name in "tu")
    assert [result.exit_code for result in await asyncio.gather(*both)] == [0, 0]
    rows = [read_csv(folder / f"{name}-import" / "results.csv") for name in "tu"]
    assert [{row["state"] for row in each} for each in rows] == [{"created"}] * 2
    assert [len(each) for each in rows] == [3, 30]


async def test_an_error_comes_out_as_it_is(folder: Path) -> None:
    with pytest.raises(importer.SourceError):
        importer.run_import("missing.csv", "m.yml", settings=importer.Settings(sandbox=True))


def test_a_plain_function_and_its_coroutine_function_look_alike() -> None:
    assert importer.run_import.__name__ == "run_import"
    assert importer.check_async.__name__ == "check_async"
    assert importer.run_import.__doc__ == importer.run_import_async.__doc__
    assert not asyncio.iscoroutinefunction(importer.run_import)
    assert asyncio.iscoroutinefunction(importer.check_async)


def started(folder: Path, server: SandboxProcess, verb: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CELL, server.url, verb],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def test_an_interrupt_stops_a_run_gently_and_loses_no_answer(folder: Path) -> None:
    write_tickets(folder / "t.csv", tickets(200))
    with sandbox_process(folder, "--latency", 200) as server:
        with started(folder, server, "run_import") as cell:
            until(lambda: len(server.cases()) >= 3, what="the first cases")
            cell.send_signal(signal.SIGINT)
            out, err = cell.communicate(timeout=PATIENCE)
        created = len(server.cases())
        assert (cell.returncode, err) == (0, "")
        assert out == f"130 {[('created', created), ('pending', 200 - created)]}\n"
        assert 3 <= created == server.creates() < 200


def test_an_interrupt_ends_what_has_nothing_to_lose(folder: Path) -> None:
    faults = {"name": "silent", "rules": [{"do": "hang", "on": ["fields"]}]}
    with sandbox_process(folder, faults=faults) as server, started(folder, server, "save_fields") as cell:
        until(lambda: server.state()["requests"].get("fields"), what="the question for the fields")
        cell.send_signal(signal.SIGINT)
        out, err = cell.communicate(timeout=PATIENCE)
    assert (cell.returncode, out, err) == (0, "interrupted\n", "")
    assert not (folder / "fields.yml").exists()
