"""Promise P10: without a sound ledger nothing is sent, and the exit code is 8."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from program import COMMAND, PATIENCE, Program, SandboxProcess, environment, until
from tickets import tickets, write_tickets

pytestmark = pytest.mark.slow

LEDGER = "t-import/ledger.db"
RUN = ("run", "t.csv", "-m", "m.yml", "--json")


@pytest.mark.parametrize("verb", [["status"], ["report", "--out", "out"], ["retry"]])
def test_a_ledger_that_is_not_there_is_not_made(program: Program, verb: list[str]) -> None:
    ended = program(*verb, "--ledger", "gone.db")
    assert (ended.code, ended.out) == (8, "")
    assert "gone.db: ledger not found" in ended.err
    assert not (program.folder / "gone.db").exists()


@pytest.mark.parametrize("verb", [["status"], ["retry"], ["run", "t.csv", "-m", "m.yml"]])
def test_another_file_is_no_ledger_and_stays_as_it_is(local: Program, verb: list[str]) -> None:
    write_tickets(local.folder / "t.csv", tickets(1))
    letter = local.folder / "letter.txt"
    letter.write_text("Dear Sir or Madam,\n" * 100, encoding="utf-8")
    before = letter.read_bytes()
    ended = local(*verb, "--ledger", "letter.txt")
    assert (ended.code, ended.out) == (8, "")
    assert "letter.txt: the file is not a ledger" in ended.err
    assert letter.read_bytes() == before


def test_a_damaged_ledger_sends_nothing(online: Program, server: SandboxProcess) -> None:
    write_tickets(online.folder / "t.csv", tickets(400, prefix="damaged-"))
    online(*RUN, "--limit", 1)
    ledger = online.folder / LEDGER
    octets = bytearray(ledger.read_bytes())
    for page in range(4096 * 2, len(octets), 4096):
        octets[page : page + 64] = b"\xa5" * 64
    ledger.write_bytes(octets)
    before = server.creates()
    ended = online(*RUN)
    assert (ended.code, ended.json["exit_code"]) == (8, 8)
    assert "the ledger is damaged" in ended.err
    assert server.creates() == before


def test_newest_entries_that_are_missing_are_noticed(online: Program, server: SandboxProcess) -> None:
    """A ledger that was copied without its -wal file after a crash looks as if nothing had been sent."""
    write_tickets(online.folder / "t.csv", tickets(100, prefix="wal-"))
    online(*RUN, "--limit", 1)
    sent = server.creates()
    child = online.fork(*RUN, "--rate", 20)
    until(lambda: server.creates() > sent, what="a case that only the log knows")
    child.kill()
    (online.folder / f"{LEDGER}-wal").unlink()
    before = server.creates()
    ended = online(*RUN)
    assert (ended.code, ended.json["exit_code"]) == (8, 8)
    assert "entries of the ledger are lost" in ended.err
    assert server.creates() == before


def test_a_ledger_that_is_moved_away_stops_the_run(online: Program, server: SandboxProcess) -> None:
    write_tickets(online.folder / "t.csv", tickets(300, prefix="moved-"))
    before = server.creates()
    child = online.fork(*RUN, "--rate", 20)
    until(lambda: server.creates() > before + 1, what="the first cases")
    (online.folder / LEDGER).rename(online.folder / "moved.db")
    ended = child.end()
    assert ended.code == 8
    assert "the ledger was moved or deleted" in ended.err


def test_a_full_disk_stops_the_run_and_room_lets_it_go_on(online: Program, server: SandboxProcess) -> None:
    """No file may grow beyond 300 KiB: the ledger hits that in the middle of the work."""
    write_tickets(online.folder / "t.csv", tickets(800, prefix="full-"))
    ended = subprocess.run(
        ["bash", "-c", f'ulimit -f 300; exec "$0" {" ".join(RUN)}', COMMAND],
        cwd=online.folder,
        env=environment(**online.variables),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert ended.returncode == 8, ended.stderr
    assert "Traceback" not in ended.stderr
    rest = online(*RUN)
    assert (rest.code, rest.counts) == (0, {"created": 800})
    keys = [case["custom_fields"]["text1"] for case in server.cases()]
    assert sum(key.startswith("full-") for key in keys) == len({key for key in keys if key.startswith("full-")}) == 800


def test_where_no_reports_can_be_written_nothing_is_sent(local: Program) -> None:
    write_tickets(local.folder / "t.csv", tickets(1))
    Path(local.folder / "out").write_text("a file, not a folder", encoding="utf-8")
    ended = local("run", "t.csv", "-m", "m.yml", "--ledger", "l.db", "--out", "out/reports")
    assert ended.code == 2
    assert "out/reports: cannot write the file: Not a directory" in ended.err
    assert local("status", "--ledger", "l.db", "--json").counts == {"pending": 1}
