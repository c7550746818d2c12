"""The program as its users start it: child processes with an environment of their own, and what they talk to.

Most is forked from a process that has loaded it (see :mod:`launching`), as loading it would take most of the time;
what is about the start itself, or about pipes, is started as the shell would start it.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import socket
import struct
import subprocess
import sysconfig
import termios
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, NamedTuple

from ended import PATIENCE, Ended, environment
from launching import Child

SANDBOX = "CASE_IMPORTER_SANDBOX"
COMMAND = str(Path(sysconfig.get_path("scripts")) / "case-importer")


class Program:
    """Runs the command in one folder with one environment.

    Args:
        folder: The working directory.
        variables: Variables of the environment.
    """

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.variables = variables

    def having(self, **variables: str) -> Program:
        """The same with more variables; an address takes the place of the embedded sandbox."""
        known = {
            name: value
            for name, value in self.variables.items()
            if name != SANDBOX or "CASE_IMPORTER_API_URL" not in variables
        }
        return Program(self.folder, **known | variables)

    def in_sandbox(self) -> Program:
        """The same with the embedded sandbox as its target."""
        return self.having(**{SANDBOX: "true"})

    def start(self, *arguments: object, **options: Any) -> subprocess.Popen[Any]:
        """Start a command and leave it running; its outputs are pipes of text."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
        return subprocess.Popen(
            [COMMAND, *map(str, arguments)],
            cwd=self.folder,
            env=environment(**self.variables),
            **pipes | {"stdin": subprocess.DEVNULL} | options,
        )

    def fork(self, *arguments: object) -> Child:
        """Start a command in a process that has nothing left to load, with nobody watching, and leave it running."""
        return Child(self.folder, *arguments, variables=self.variables)

    def __call__(self, *arguments: object) -> Ended:
        """Run a command to its end, with nobody watching."""
        return self.fork(*arguments).end()

    def at_once(self, commands: Iterable[Sequence[object]]) -> list[Ended]:
        """Run commands that do not disturb each other, as many at a time as there are processors."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(lambda command: self(*command), commands))

    @contextmanager
    def running(self, *arguments: object, **options: Any) -> Iterator[subprocess.Popen[Any]]:
        """A command that runs inside the block and has ended after it, whatever happens."""
        with self.start(*arguments, **options) as process:
            try:
                yield process
            finally:
                process.kill()

    def watched(self, *arguments: object, columns: int = 100) -> Ended:
        """Run a command with a person watching: everything goes to one terminal of this width."""
        head, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        variables = self.having(TERM="xterm-256color").variables
        child = Child(self.folder, *arguments, variables=variables, terminal=os.ttyname(terminal))
        shown = b""
        with os.fdopen(head, "rb", buffering=0) as screen, os.fdopen(terminal, "rb"):
            while screen in wait([screen, child.process.sentinel], PATIENCE):
                shown += screen.read(65536)
        return Ended(child.end().code, shown.decode(), "")


def end_of(process: subprocess.Popen[str]) -> Ended:
    """Wait until a command has ended, reading what it prints."""
    out, err = process.communicate(timeout=PATIENCE)
    return Ended(process.returncode, out, err)


def until(condition: Callable[[], object], *, what: str) -> None:
    """Wait until ``condition`` holds; a condition that never holds is a failure that says ``what`` was waited for."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)  # many look at what somebody else has to do


class SandboxProcess(NamedTuple):
    """A sandbox in a process of its own."""

    url: str

    @property
    def login(self) -> dict[str, str]:
        """The variables that let the program in."""
        return {"CASE_IMPORTER_CLIENT_ID": "sandbox-client", "CASE_IMPORTER_CLIENT_SECRET": "sandbox-secret"}

    def cases(self) -> list[dict[str, Any]]:
        """Every case it ever made, oldest first."""
        with urllib.request.urlopen(f"{self.url}/_sandbox/cases.ndjson", timeout=PATIENCE) as lines:
            return [json.loads(line) for line in lines]

    def state(self) -> dict[str, Any]:
        """What it counted."""
        with urllib.request.urlopen(f"{self.url}/_sandbox/state", timeout=PATIENCE) as answer:
            state: dict[str, Any] = json.load(answer)
        return state

    def creates(self) -> int:
        """Requests to create a case that came in."""
        return int(self.state()["requests"].get("create", 0))


@contextmanager
def sandbox_process(folder: Path, *arguments: object, faults: dict[str, Any] | None = None) -> Iterator[SandboxProcess]:
    """A sandbox that runs inside the block.

    Args:
        folder: For its fault plan.
        arguments: Of the ``sandbox`` command.
        faults: The fault plan, if any.
    """
    if faults is not None:
        plan = folder / "faults.json"
        plan.write_text(json.dumps(faults), encoding="utf-8")
        arguments = (*arguments, "--faults", plan)
    child = Program(folder).fork("sandbox", "--port", 0, *arguments)
    try:
        until(lambda: "\n" in child.out or child.ends_within(0), what="the address of a sandbox")
        yield SandboxProcess(child.out.partition("\n")[0])
    finally:
        child.kill()


@contextmanager
def closed_address() -> Iterator[str]:
    """An address of this machine where nobody listens, and nobody else can begin to."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"
