"""The commands of the README do what it says, as they stand there, against the sandbox."""

from __future__ import annotations

import csv
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from documents import PROJECT, blocks, read
from program import PATIENCE, SandboxProcess, environment, sandbox_process
from tickets import read_csv

pytestmark = pytest.mark.slow

RUNNABLE = [block for block in blocks(read("README.md")) if block.is_run]
FRAME_MAPPING = (
    "version: 1\nsource: {key: Id}\nexternal_id_field: text1\ncase: {title: Subject, description: Description}\n"
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SandboxProcess]:
    with sandbox_process(tmp_path) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path, server: SandboxProcess) -> Path:
    """What a reader of the README has: an export, a mapping, and a ``.env``, here with the sandbox as account."""
    login = {**server.login, "CASE_IMPORTER_API_URL": server.url}
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in login.items()), encoding="utf-8")
    (tmp_path / ".env").chmod(0o600)
    (tmp_path / "frame.yml").write_text(FRAME_MAPPING, encoding="utf-8")
    with (PROJECT / "sample_data/zendesk-tickets.csv").open(encoding="utf-8", newline="") as sample:
        header, *rows = csv.reader(sample)
    with (tmp_path / "tickets.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows[60:85]])
    return tmp_path


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    variables = environment(PATH=f"{sysconfig.get_path('scripts')}:/usr/bin:/bin")
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=PATIENCE)


def test_there_is_something_to_run() -> None:
    assert [block.language for block in RUNNABLE] == ["sh", "sh", "sh", "python"]


@pytest.mark.timeout(300)
def test_the_commands_work_one_after_the_other(folder: Path, server: SandboxProcess) -> None:
    lines = [line for block in RUNNABLE if block.language == "sh" for line in block.text.splitlines()]
    for line in lines:
        ended = run(folder, "bash", "-c", line)
        assert ended.returncode in (0, 3), f"{line}\n{ended.stderr}"
        quiet = ended.returncode == 3 and "--quiet" in line
        assert ended.stderr.startswith("3: 25 rows = ") if quiet else ended.stderr == "", line
    results = read_csv(folder / "tickets-import/results.csv")
    assert {line["state"] for line in results} == {"created", "invalid"}
    created = sum(line["state"] == "created" for line in results)
    assert len(read_csv(folder / "tickets-import/failures.csv")) == len(results) - created
    assert server.creates() == created, "nothing became a case twice, in the nightly load neither"


@pytest.mark.timeout(300)
def test_the_library_example_works(folder: Path) -> None:
    (text,) = (block.text for block in RUNNABLE if block.language == "python")
    ended = run(folder, sys.executable, "-W", "error", "-c", text)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("OK 2 rows = 2 created")
    assert (folder / "library-import/results.csv").is_file()
