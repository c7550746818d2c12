from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from program import Program, SandboxProcess, sandbox_process
from scenery import PLAN, Import
from tickets import MAPPING, Ticket, write_tickets


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The command, in an empty folder, without settings."""
    return Program(tmp_path)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """One API for all tests of the command line. Each test has keys of its own; titles say what happens to a row."""
    with sandbox_process(tmp_path_factory.mktemp("server"), faults=PLAN) as server:
        yield server


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    """``m.yml``: the mapping of :mod:`tickets`."""
    path = tmp_path / "m.yml"
    path.write_text(MAPPING, encoding="utf-8")
    return path


@pytest.fixture
def local(program: Program, mapping: Path) -> Program:
    """The command next to the mapping ``m.yml``; cases go to the embedded sandbox, unless a flag says otherwise."""
    return program.in_sandbox()


@pytest.fixture
def aimless(program: Program, mapping: Path) -> Program:
    """The command next to the mapping ``m.yml``, without a target."""
    return program


@pytest.fixture
def online(local: Program, server: SandboxProcess) -> Program:
    """The command next to the mapping ``m.yml``; cases go to ``server``, which soon knows all it will ever know."""
    return local.having(**server.login, CASE_IMPORTER_API_URL=server.url, CASE_IMPORTER_SETTLE_DELAY="0.2")


@pytest.fixture(scope="session")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Import:
    """Four rows: two became cases, one has no subject, one repeats a key. Reports are in ``out``."""
    folder = tmp_path_factory.mktemp("imported")
    (folder / "m.yml").write_text(MAPPING, encoding="utf-8")
    rows = [
        Ticket("A1"),
        Ticket("A2", subject=""),
        Ticket("A1", subject="once more"),
        Ticket("A3", subject="=1+1", mail=""),
    ]
    write_tickets(folder / "t.csv", rows)
    program = Program(folder).in_sandbox()
    return Import(program, folder, program("run", "t.csv", "-m", "m.yml", "--out", "out", "--json"))
