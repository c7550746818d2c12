"""Promise P9: a run that is told to stop finishes what is under way, tells the truth, and can be taken up again."""

from __future__ import annotations

import signal
from collections.abc import Callable
from functools import partial

import pytest
from program import Ended, Program, SandboxProcess, end_of, sandbox_process, until
from scenery import HANGS
from tickets import Ticket, tickets, write_tickets

RUN = ("run", "t.csv", "-m", "m.yml", "--json")


def cases_of(server: SandboxProcess, prefix: str) -> int:
    return sum(str(case["custom_fields"]["text1"]).startswith(prefix) for case in server.cases())


def stopped(program: Program, *signals: int, when: Callable[[], object]) -> Ended:
    """How a slow run ends that gets these signals once it has begun to send."""
    with program.running(*RUN, "--rate", 25) as process:
        until(when, what="the first cases")
        for number in signals:
            process.send_signal(number)
        return end_of(process)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
@pytest.mark.slow
def test_a_stop_drains_and_the_same_command_goes_on(
    online: Program, server: SandboxProcess, number: signal.Signals, code: int
) -> None:
    prefix = f"{number.name}-"
    write_tickets(online.folder / "t.csv", tickets(300, prefix=prefix))
    first = stopped(online, number, when=lambda: cases_of(server, prefix) >= 3)
    assert (first.code, first.err) == (code, "")
    assert first.counts.keys() == {"created", "pending"}
    assert first.counts["created"] == first.json["requests"] == cases_of(server, prefix)

    rest = online(*RUN)
    assert (rest.code, rest.counts) == (0, {"created": 300})
    assert rest.json["requests"] == cases_of(server, prefix) == 300


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.slow
def test_a_stop_while_a_file_is_read(online: Program, number: signal.Signals, code: int) -> None:
    write_tickets(online.folder / "t.csv", tickets(100_000, prefix=f"read-{number.name}-"))
    status = ("status", "--ledger", "t-import/ledger.db", "--json")
    with online.running(*RUN) as process:
        until(lambda: (said := online(*status)).code == 0 and said.json["half_read"], what="the first rows")
        process.send_signal(number)
        ended = end_of(process)
    assert (ended.code, ended.json["error"]["what"]) == (code, "stopped while reading; nothing was sent")


@pytest.mark.slow
def test_a_run_under_nohup_goes_on_when_the_terminal_is_closed(online: Program, server: SandboxProcess) -> None:
    write_tickets(online.folder / "t.csv", tickets(60, prefix="nohup-"))
    ignored = partial(signal.signal, signal.SIGHUP, signal.SIG_IGN)
    with online.running(*RUN, "--rate", 40, preexec_fn=ignored) as process:
        until(lambda: cases_of(server, "nohup-") >= 3, what="the first cases")
        process.send_signal(signal.SIGHUP)
        ended = end_of(process)
    assert (ended.code, ended.counts) == (0, {"created": 60})


@pytest.mark.slow
def test_the_second_stop_does_not_wait_for_answers(online: Program, server: SandboxProcess) -> None:
    """The answer hangs for an hour and the grace time is ten minutes; the row in flight is told to be unknown."""
    write_tickets(online.folder / "t.csv", [Ticket("hang-1", HANGS), Ticket("hang-2")])
    patient = online.having(CASE_IMPORTER_GRACE="600")
    with patient.running(*RUN) as process:
        until(lambda: cases_of(server, "hang-") == 2, what="both cases")
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)  # two of a kind in one moment would reach it as one
        ended = end_of(process)
    assert ended.code in (130, 143), "either signal may have been first"
    assert ended.counts == {"created": 1, "unknown": 1}

    settled = online("reconcile", "--ledger", "t-import/ledger.db", "--json")
    assert (settled.code, settled.counts) == (0, {"created": 2})
    assert settled.json["requests"] == cases_of(server, "hang-") == 2


@pytest.mark.slow
def test_one_run_at_a_time_and_everybody_may_look(online: Program, server: SandboxProcess) -> None:
    write_tickets(online.folder / "t.csv", tickets(200, prefix="lock-"))
    with online.running(*RUN, "--rate", 10) as process:
        until(lambda: cases_of(server, "lock-") >= 3, what="the first cases")
        second = online("run", "t.csv", "-m", "m.yml")
        retry = online("retry", "--ledger", "t-import/ledger.db")
        status = online("status", "--ledger", "t-import/ledger.db", "--json")
        report = online("report", "--ledger", "t-import/ledger.db", "--out", "so-far", "--json")
        assert process.poll() is None
    for refused in (second, retry):
        assert (refused.code, refused.out) == (11, "")
        assert "another run is using this ledger" in refused.err
        assert "case-importer status --ledger" in refused.err
    assert (status.code, report.code) == (0, 0)
    assert status.counts["created"] >= 3
    assert sum(report.counts.values()) == 200


@pytest.mark.slow
def test_a_secret_that_is_gone_for_a_moment_stops_a_run_that_a_night_repeats(local: Program) -> None:
    """Exit code 2 would say that nothing was sent."""
    write_tickets(local.folder / "t.csv", tickets(150))
    secret = local.folder / "secret"
    secret.write_text("sandbox-secret", encoding="utf-8")
    secret.chmod(0o600)
    with sandbox_process(local.folder, "--token-life", "0.5") as server:
        program = local.having(
            CASE_IMPORTER_API_URL=server.url,
            CASE_IMPORTER_CLIENT_ID="sandbox-client",
            CASE_IMPORTER_CLIENT_SECRET_FILE=str(secret),
        )
        with program.running(*RUN, "--rate", 25) as process:
            until(lambda: server.creates() >= 3, what="the first cases")
            secret.unlink()
            first = end_of(process)
        assert (first.code, first.json["exit_code"]) == (5, 5)
        assert first.counts["created"] >= 3
        assert "secret" in first.json["error"]["where"]
        secret.write_text("sandbox-secret", encoding="utf-8")
        assert program(*RUN).counts == {"created": 150}
        assert len(server.cases()) == 150
