"""Who watches: a person at a terminal, a log file, nobody at all."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import signal
import subprocess
import termios

import pytest
from program import COMMAND, PATIENCE, Program, environment
from scenery import Import
from tickets import Ticket, read_csv, tickets, write_tickets

pytestmark = pytest.mark.slow

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")


def test_without_a_terminal_there_is_no_bar_and_no_control_character(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [Ticket("1", subject="bell \a and \x1b[31mcolour"), Ticket("2", subject="")])
    ended = local("run", "t.csv", "-m", "m.yml")
    assert (ended.code, ended.err) == (3, "")
    assert "2 rows = 1 created + 1 invalid" in ended.out
    assert CONTROL.findall(ended.out) == []


def test_a_terminal_shows_rate_created_failed_and_time_left(local: Program) -> None:
    write_tickets(local.folder / "t.csv", tickets(60))
    screen = local.watched("run", "t.csv", "-m", "m.yml", "--rate", 100)
    assert screen.code == 0
    assert re.search(r"Reading 100%\|█+\| \[\d\d:\d\d<\d\d:\d\d, 60 rows\]", screen.out)
    assert re.search(
        r"\rSending +\d+%\|.+\| \d+/60 \[\d\d:\d\d<\d\d:\d\d, +[\d.]+ cases/s\], \d+ created, 0 failed", screen.out
    )
    assert "Sending 100%" in screen.out


def test_ctrl_c_leaves_the_bar_at_the_cases_that_were_made(local: Program) -> None:
    write_tickets(local.folder / "t.csv", tickets(400))
    head, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 100))
    streams = {"stdin": terminal, "stdout": terminal, "stderr": terminal, "encoding": None}
    shown = b""
    with local.running("run", "t.csv", "-m", "m.yml", "--rate", 50, **streams) as process:
        os.close(terminal)
        with contextlib.suppress(OSError):  # how Linux says that the other side is closed
            while octets := os.read(head, 65536):
                shown += octets
                if b" created, " in shown:
                    process.send_signal(signal.SIGINT)
                    break
            while octets := os.read(head, 65536):
                shown += octets
        os.close(head)
        assert process.wait(PATIENCE) == 130
    done, created = re.findall(r"\| (\d+)/400 .*?, (\d+) created, 0 failed", shown.decode())[-1]
    assert done == created
    assert 0 < int(done) < 400


def test_the_bar_fits_its_terminal(local: Program) -> None:
    write_tickets(local.folder / "t.csv", tickets(5))
    screen = local.watched("run", "t.csv", "-m", "m.yml", columns=80)
    bars = [line for line in re.split(r"[\r\n]+", screen.out) if line.startswith(("Reading", "Sending"))]
    assert bars
    assert max(map(len, bars)) <= 80


def test_each_verb_says_what_it_does_and_no_prose_is_too_long(local: Program) -> None:
    write_tickets(local.folder / "tickets-of-the-old-helpdesk.csv", [*tickets(2), Ticket("bad", subject="")])
    export, ledger = ("tickets-of-the-old-helpdesk.csv", "-m", "m.yml"), ("--ledger", "out/ledger.db")
    local("run", *export, "--out", "out")
    begun = {
        ("run", *export, "--out=out"): "Importing tickets-of-the-old-helpdesk.csv into the embedded sandbox,",
        ("retry", *ledger): "Sending rows of out/ledger.db again to the embedded sandbox",
        ("reconcile", *ledger): "Looking up rows of out/ledger.db in the embedded sandbox",
        ("rebuild", *export, "--out=new"): "Making a new ledger for tickets-of-the-old-helpdesk.csv from the",
    }
    for command, words in begun.items():
        lines = local.watched(*command, "--sandbox", columns=80).out.partition("Next")[0].splitlines()
        assert words in lines[0]
        shown = [re.sub(r"\x1b\[[0-9;]*m", "", part) for line in lines for part in line.split("\r")]
        assert [line for line in shown if len(line) > 80] == []


def test_no_color_is_obeyed(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [*tickets(2), Ticket("bad", subject="")])
    local("run", "t.csv", "-m", "m.yml")
    status = ("status", "--ledger", "t-import/ledger.db")
    assert "\x1b[33minvalid" in local.watched(*status).out
    assert CONTROL.findall(local.having(NO_COLOR="1").watched(*status).out.replace("\r\n", "\n")) == []


def test_quiet_prints_nothing_on_success(local: Program) -> None:
    write_tickets(local.folder / "t.csv", tickets(2))
    assert local("check", "t.csv", "-m", "m.yml", "--quiet") == (0, "", "")
    assert local.watched("run", "t.csv", "-m", "m.yml", "-q") == (0, "", "")


def test_quiet_report_prints_nothing(imported: Import) -> None:
    assert imported.program("report", "--ledger", "out/ledger.db", "--out", "quiet", "-q") == (0, "", "")


def test_quiet_still_says_why_nothing_was_done(local: Program) -> None:
    ended = local("run", "missing.csv", "-m", "m.yml", "--quiet")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: missing.csv: file not found")


@pytest.mark.parametrize("reader", ["head -1", "true"])
def test_a_reader_that_goes_away_does_not_stop_the_run(local: Program, reader: str) -> None:
    write_tickets(local.folder / "t.csv", tickets(20))
    line = f'"$0" run t.csv -m m.yml | {reader} >/dev/null; exit "${{PIPESTATUS[0]}}"'
    ended = _bash(local, line)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert _states(local) == ["created"] * 20


def test_no_streams_at_all_are_no_reason_to_fail(local: Program) -> None:
    """How some schedulers start programs: all three streams closed."""
    write_tickets(local.folder / "t.csv", tickets(3))
    ended = _bash(local, 'exec "$0" run t.csv -m m.yml <&- >&- 2>&-')
    assert ended.returncode == 0
    assert _states(local) == ["created"] * 3


def _states(program: Program) -> list[str]:
    return [line["state"] for line in read_csv(program.folder / "t-import/results.csv")]


def _bash(program: Program, line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", line, COMMAND],
        cwd=program.folder,
        env=environment(**program.variables),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
