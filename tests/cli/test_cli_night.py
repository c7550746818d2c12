"""Without anybody who watches: one line if something is wrong, a plain line per minute, and a log for machines."""

from __future__ import annotations

import io
import json
import stat
import threading
from collections import Counter
from typing import Any

import pytest
from program import Program, SandboxProcess, sandbox_process
from scenery import LOST_AFTER, LOST_BEFORE, REFUSED
from tickets import WITHOUT_EXTERNAL_ID, Ticket, tickets, write_tickets

from importer.cli.watch import Watch, ticking, watching
from importer.errors import ExitCode
from importer.models import CaseUpdateState, Notice, State
from importer.report import Totals

pytestmark = pytest.mark.slow

QUIET = ("run", "t.csv", "-m", "m.yml", "--out", "out", "--quiet")


# -- --quiet ------------------------------------------------------------------------------------------


def test_quiet_counts_invalid_rows_and_names_the_file(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [*tickets(3), Ticket("a", subject=""), Ticket("b", mail="x")])
    said = "3: 5 rows = 3 created + 2 invalid: fix them in out/failures.csv\n"
    assert local(*QUIET, "--sandbox") == (3, "", said)
    assert local("check", "t.csv", "-m", "m.yml", "-q") == (
        3,
        "",
        "3: 2 of 5 rows are invalid: run case-importer check t.csv --mapping m.yml\n",
    )


def test_quiet_tells_refused_rows_from_invalid_ones(online: Program) -> None:
    write_tickets(online.folder / "t.csv", [Ticket("quiet-r", REFUSED), Ticket("quiet-i", subject="")])
    ended = online(*QUIET)
    assert (ended.code, ended.out) == (3, "")
    assert ended.err == "3: 2 rows = 1 invalid + 1 refused: fix them in out/failures.csv\n"


def test_quiet_says_how_to_settle_an_unknown_outcome(online: Program) -> None:
    (online.folder / "m.yml").write_text(WITHOUT_EXTERNAL_ID, encoding="utf-8")
    write_tickets(online.folder / "t.csv", [Ticket("quiet-4", LOST_BEFORE, mail="quiet@example.com")])
    ended = online(*QUIET)
    assert (ended.code, ended.out) == (4, "")
    assert ended.err == ("4: 1 row = 1 unknown: run case-importer reconcile --ledger out/ledger.db\n")


def test_quiet_says_that_rows_are_left(local: Program) -> None:
    write_tickets(local.folder / "t.csv", [Ticket("1"), Ticket("2", "too fast")])
    rules = [{"do": "status", "status": 429, "title": "too fast"}]
    with sandbox_process(local.folder, faults={"name": "busy", "rules": rules}) as server:
        ended = local.having(**server.login, CASE_IMPORTER_API_URL=server.url)(*QUIET)
    assert (ended.code, ended.out) == (5, "")
    assert ended.err.endswith("5: 2 rows = 1 created + 1 pending: run the same command again\n")


def test_quiet_names_rows_with_two_cases(online: Program) -> None:
    write_tickets(online.folder / "t.csv", [Ticket("quiet-6")])
    assert online("run", "t.csv", "-m", "m.yml", "--out", "one", "-q") == (0, "", "")
    write_tickets(online.folder / "t.csv", [Ticket("quiet-other"), Ticket("quiet-6", LOST_AFTER)])
    ended = online(*QUIET, "--accept-existing")
    assert (ended.code, ended.out) == (6, "")
    assert ended.err == "6: 2 rows = 1 created + 1 duplicate: see out/failures.csv, then run resolve\n"


def test_a_quiet_rehearsal_says_that_it_takes_too_long(local: Program) -> None:
    write_tickets(local.folder / "t.csv", tickets(10))
    ended = local("rehearse", "t.csv", "-m", "m.yml", "--rate", 1, "--must-finish-in", "5s", "--profile", "calm", "-q")
    assert (ended.code, ended.out) == (10, "")
    assert ended.err.startswith("10: the real run takes about 1")
    assert "does not fit into 5.0 s" in ended.err


# -- a line per minute --------------------------------------------------------------------------------


class Clock:
    """Monotonic seconds that go on when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_plain_line_per_minute_has_rows_rate_failures_and_the_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    lines = Watch(lines=True, clock=clock)
    lines.minute()  # nothing has begun
    lines.read(0.1, 0)
    clock.now += 60
    lines.read(0.5, 1_200_000)
    lines.minute()
    lines.sending(1_000)
    clock.now += 60
    for state in [State.CREATED] * 290 + [State.REFUSED] * 9 + [State.UNKNOWN]:
        lines.settled(state)
    lines.minute()
    clock.now += 60
    lines.notice(Notice("paused", "it rains"))
    lines.minute()
    lines.notice(Notice("resumed", "it is dry"))
    lines.updating(40)
    clock.now += 60
    lines.updated(CaseUpdateState.DONE)
    lines.minute()
    assert capsys.readouterr().err.splitlines() == [
        "reading: 1,200,000 rows, 20,000.0/s",
        "sending: 300 of 1,000 rows, 5.0/s, 9 failed, 1 unknown, about 2 min 20 s left",
        "it rains",
        "sending: 300 of 1,000 rows, paused, 9 failed, 1 unknown",
        "it is dry",
        "updating: 1 of 40 case updates, 0.0/s, 9 failed, 1 unknown, about 39 min 00 s left",
    ]


def test_minutes_end_also_when_nothing_happens() -> None:
    """An outage is what a person wants to hear of most."""
    heard = threading.Event()

    class Listener(Watch):
        def minute(self) -> None:
            heard.set()

    with ticking(Listener(), every=0.01):
        assert heard.wait(30)


def test_after_a_second_without_a_word_there_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    """A workbook of 3,000 sheets takes ten seconds to open; a run that has shown something is not interrupted."""
    log = io.StringIO()
    silent, busy, at_work = Watch(bars=True, log=log), Watch(bars=True), Watch(lines=True)
    busy.notice(Notice("paused", "it rains", {}))
    capsys.readouterr()
    for watch in (silent, silent, busy, at_work):
        watch.second()
    assert capsys.readouterr().err == "still working: a large file or ledger takes a while\n"
    assert [json.loads(line)["stage"] for line in log.getvalue().splitlines()] == ["opening"]


def test_the_first_second_ends_also_when_nothing_happens() -> None:
    heard = threading.Event()

    class Listener(Watch):
        def second(self) -> None:
            heard.set()

    with ticking(Listener(), every=0.01):
        assert heard.wait(30)


def test_without_a_terminal_it_is_the_plain_line_and_quiet_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    for quiet, said in ((False, "it rains\n  hint: wait\n"), (True, "")):
        with watching(quiet=quiet) as told:
            told.notice(Notice("paused", "it rains", {}, "wait"))
        assert capsys.readouterr().err == said


# -- the log ------------------------------------------------------------------------------------------


def events(program: Program, name: str = "run.log") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (program.folder / name).read_text(encoding="utf-8").splitlines()]


def test_the_log_says_what_happened_and_nothing_of_what_is_in_the_rows(online: Program, server: SandboxProcess) -> None:
    rows = [Ticket(f"log-{number:02}", REFUSED, mail=f"who{number}@example.org") for number in range(30)]
    write_tickets(online.folder / "t.csv", [*rows, Ticket("log-bad", subject="")])
    ended = online(*QUIET, "--concurrency", 1, "--log-file", "run.log")
    lines = events(online)
    assert [line["event"] for line in lines] == ["run_started", "staged", "group_suppressed", "run_ended"]
    started, staged, suppressed, last = lines
    assert (started["command"], started["source"], started["target"]) == ("run", "t.csv", server.url)
    assert (staged["rows"], staged["pending"], staged["invalid"]) == (31, 30, 1)
    assert (suppressed["status"], suppressed["refused"], suppressed["level"]) == (422, 20, "warning")
    assert (last["exit_code"], last["rows"], last["refused"], last["pending"]) == (ended.code, 31, 20, 10)
    text = (online.folder / "run.log").read_text(encoding="utf-8")
    secrets = [REFUSED, "Smoke", "who7", "example.org", "log-0", "sandbox-secret", "Bearer"]
    assert [secret for secret in secrets if secret in text] == []
    assert stat.S_IMODE((online.folder / "run.log").stat().st_mode) == 0o600


def test_the_log_goes_on_at_its_end_and_has_runs_that_never_began(local: Program) -> None:
    write_tickets(local.folder / "t.csv", tickets(2))
    log = ("--log-file", "run.log")
    assert local(*QUIET, "--sandbox", *log).code == 0
    assert local("run", "gone.csv", "-m", "m.yml", "--sandbox", "-q", *log).code == 2
    assert [(line["event"], line.get("exit_code")) for line in events(local)] == [
        ("run_started", None),
        ("staged", None),
        ("run_ended", 0),
        ("run_failed", 2),
    ]


def test_a_log_that_cannot_be_written_is_said_before_anything_is_sent(local: Program) -> None:
    write_tickets(local.folder / "t.csv", tickets(2))
    ended = local(*QUIET, "--sandbox", "--log-file", "no/such/folder/run.log")
    assert (ended.code, ended.out) == (2, "")
    assert "cannot write the log" in ended.err
    assert not (local.folder / "out").exists()


def test_progress_notices_and_the_end_are_events_with_constant_names() -> None:
    clock = Clock()
    file = io.StringIO()
    log = Watch(log=file, clock=clock)
    log.sending(10)
    clock.now += 60
    log.settled(State.CREATED)
    log.minute()
    log.notice(Notice("paused", "https://api.example.com does not answer", {"target": "https://api.example.com"}))
    log.ended(ExitCode.TEMPORARY, Totals.of(10, Counter({State.CREATED: 1, State.PENDING: 9})))
    lines = [json.loads(line) for line in file.getvalue().splitlines()]
    assert [(line.pop("event"), line.pop("level")) for line in lines] == [
        ("progress", "info"),
        ("paused", "warning"),
        ("run_ended", "error"),
    ]
    assert all(line.pop("time").endswith("+00:00") for line in lines)
    assert lines == [
        {
            "stage": "sending",
            "done": 1,
            "total": 10,
            "per_second": 0.02,
            "failed": 0,
            "unknown": 0,
            "seconds_left": 540,
        },
        {"target": "https://api.example.com"},
        {"exit_code": 5, "rows": 10, "created": 1, "pending": 9},
    ]
