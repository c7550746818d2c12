"""The sandbox as a command of its own."""

from __future__ import annotations

import signal
import socket
import sys
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from program import PATIENCE, Program, SandboxProcess, until
from tickets import tickets, write_tickets


def test_the_first_line_is_the_address_and_ctrl_c_ends_it(program: Program) -> None:
    with program.running("sandbox", "--port", 0) as process:
        url = process.stdout.readline().strip()
        assert SandboxProcess(url).state()["cases"] == {"live": 0, "trash": 0, "purged": 0}
        process.send_signal(signal.SIGINT)
        assert "client id      sandbox-client" in process.stdout.read()
        assert process.wait(PATIENCE) == 0


@pytest.mark.slow
def test_cases_survive_in_a_store(program: Program) -> None:
    identities = []
    for _ in range(2):
        with program.running("sandbox", "--port", 0, "--store", "sandbox.db") as process:
            identities.append(SandboxProcess(process.stdout.readline().strip()).state()["id"])
            process.terminate()
            assert process.wait(PATIENCE) == 0
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


def listening_port(pid: int) -> int | None:
    """The port on which a process listens, as every user of this machine can find it out."""
    sockets = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            sockets.add(entry.readlink().name)
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
            return int(fields[1].rpartition(":")[2], 16)
    return None


def status_of(port: int, path: str) -> int:
    try:
        return int(urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30).status)
    except urllib.error.HTTPError as refused:
        return refused.code


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
@pytest.mark.parametrize(
    "command",
    [
        ["run", "t.csv", "-m", "m.yml", "--sandbox", "--rate", "50", "--limit", "100"],
        ["rehearse", "t.csv", "-m", "m.yml", "--profile", "calm"],
        ["demo"],
    ],
    ids=lambda command: command[0],
)
def test_the_embedded_sandbox_keeps_its_cases_to_itself(local: Program, command: list[str]) -> None:
    """It has the tickets of customers, and its port is known to all users of the machine."""
    write_tickets(local.folder / "t.csv", tickets(300))
    child = local.fork(*command)
    ports: list[int] = []
    until(lambda: ports.extend(filter(None, [listening_port(child.process.pid)])) or ports, what="its port")
    refused = [status_of(ports[0], path) for path in ("/", "/_sandbox/state", "/_sandbox/cases.ndjson")]
    for octets in (
        b"GET /?" + b"x" * 9000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",  # a URL over 8 kB
        b"POST /oauth/token HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\nabc",  # and gone
        b"\x16\x03\x01 this is TLS",
    ):
        with socket.create_connection(("127.0.0.1", ports[0])) as connection:
            connection.sendall(octets)
    ended = child.end()
    assert refused == [404, 404, 404]
    assert "Traceback" not in ended.err
    assert ended.code in (0, 4)
