"""A machine that runs out of something says so, and does not blame the server."""

from __future__ import annotations

import resource
import sqlite3
from functools import partial
from pathlib import Path

import pytest
from program import Program, SandboxProcess, end_of, until
from scenery import LOST_BEFORE
from tickets import Ticket, tickets, write_tickets

pytestmark = pytest.mark.slow


def test_no_descriptors_left_ends_the_run_at_once(online: Program, server: SandboxProcess) -> None:
    rows = [Ticket(f"fd{number}", f"{LOST_BEFORE} {number}") for number in range(200)]
    write_tickets(online.folder / "t.csv", [*tickets(20, prefix="fd-ok"), *rows])
    ledger = online.folder / "l.db"
    with online.running("run", "t.csv", "-m", "m.yml", "--ledger", "l.db", "--rate", "20", "--out", "out") as process:
        until(lambda: _created(ledger) >= 5, what="the first cases")
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (3, 3))
        ended = end_of(process)
    assert ended.code == 5, ended.err
    assert "error: no file descriptors left on this machine" in ended.err
    assert "  hint: raise the limit with `ulimit -n 4096`, then run the same command again\n" in ended.err
    assert "does not answer" not in ended.err


def _created(ledger: Path) -> int:
    if not ledger.exists():
        return 0
    try:
        with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as connection:
            (count,) = connection.execute("select count(*) from record where state = 'created'").fetchone()
            return int(count)
    except sqlite3.OperationalError:  # not made yet
        return 0
    finally:
        if "connection" in locals():
            connection.close()


@pytest.mark.parametrize(
    "room", [pytest.param(room, marks=pytest.mark.soak) if room % 40 else room for room in range(100, 300, 20)]
)
def test_too_little_memory_is_said(local: Program, room: int) -> None:
    """Whatever runs out first, be it while the libraries are loaded."""
    write_tickets(local.folder / "t.csv", tickets(2))
    limits = (room * 1024**2, room * 1024**2)
    with local.running(
        "check", "t.csv", "-m", "m.yml", preexec_fn=partial(resource.setrlimit, resource.RLIMIT_AS, limits)
    ) as process:
        ended = end_of(process)
    said = ended.out + ended.err
    assert "Traceback" not in said
    # A library in C may end the process by itself.
    assert ended.code in (0, 5) or ended.code < 0 or "OpenBLAS error" in said, (ended.code, said)


def test_a_body_that_is_gone_from_the_ledger_is_damage(local: Program) -> None:
    write_tickets(local.folder / "t.csv", tickets(2))
    assert local("run", "t.csv", "-m", "m.yml", "--ledger", "l.db", "--limit", 1).code == 0
    connection = sqlite3.connect(local.folder / "l.db")
    connection.execute("pragma ignore_check_constraints = on")
    connection.execute("update content set body = null, payload_sha256 = null")
    connection.commit()
    connection.close()
    ended = local("run", "t.csv", "-m", "m.yml", "--ledger", "l.db")
    assert (ended.code, "Traceback" in ended.err) == (8, False)
    assert "the ledger is damaged" in ended.out + ended.err
