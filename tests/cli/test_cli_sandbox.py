"""The sandbox as a command of its own."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import pytest
from program import PATIENCE, Program, sandbox_process


def test_the_first_line_is_the_address_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    with sandbox_process(tmp_path) as server:
        assert server.state()["cases"] == {"live": 0, "trash": 0, "purged": 0}
        server.process.send_signal(signal.SIGINT)
        assert "client id      sandbox-client" in server.process.stdout.read()
        assert server.process.wait(PATIENCE) == 0


@pytest.mark.slow
def test_cases_survive_in_a_store(tmp_path: Path) -> None:
    identities = []
    for _ in range(2):
        with sandbox_process(tmp_path, "--store", "sandbox.db") as server:
            identities.append(server.state()["id"])
            server.process.terminate()
            server.process.wait(PATIENCE)
    assert len(set(identities)) == 1


def test_a_port_that_is_taken(program: Program) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        ended = program("sandbox", "--port", other.getsockname()[1])
    assert (ended.code, ended.out) == (2, "")
    assert "use another --port, or 0 for any free port" in ended.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no plan", "cannot be read as JSON"),
        ('{"rules": [{"do": "explode"}]}', "plan.json: rule 1: do must be one of slow, status"),
        ('{"rules": [{"do": "drop", "chance": 2}]}', "plan.json: rule 1: chance: input should be less than"),
    ],
)
def test_a_fault_plan_that_is_none(program: Program, text: str, said: str) -> None:
    (program.folder / "plan.json").write_text(text, encoding="utf-8")
    ended = program("sandbox", "--port", 0, "--faults", "plan.json")
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
