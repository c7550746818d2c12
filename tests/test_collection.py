"""Every process collects the same tests, under names that can be read and typed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from ended import PATIENCE, environment

ROOT = Path(__file__).parent.parent
LONGEST = 200

#: The child has another seed for its hashes, another clock and another folder for what is temporary.
COLLECT = """
import sys, tempfile, time
import pytest

right = time.time
time.time = lambda: right() + float(sys.argv[1])
tempfile.tempdir = sys.argv[2]
sys.exit(pytest.main(["--collect-only", "-p", "no:cacheprovider", "-p", "no:xdist"]))
"""


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What a process collects that shares nothing with this one but the files."""
    child = subprocess.run(
        [sys.executable, "-c", COLLECT, str(400 * 86_400), str(tmp_path_factory.mktemp("child"))],
        cwd=ROOT,
        env=environment(PYTHONHASHSEED="400"),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert child.returncode == 0, child.stdout
    return [line for line in child.stdout.splitlines() if "::" in line]


def file_of(name: str) -> str:
    return name.partition("::")[0]


def test_each_process_collects_the_same_tests(request: pytest.FixtureRequest, collected: list[str]) -> None:
    """Otherwise the workers of ``make test`` refuse to begin. Ids hold no time, no random bytes, no set's order."""
    assert len(collected) > 1000
    here = sorted((item.nodeid for item in request.session.items), key=file_of)
    known = set(here)
    assert sorted((name for name in collected if name in known), key=file_of) == here


def test_ids_can_be_read_and_typed(collected: list[str]) -> None:
    escaped = re.compile(r"\\[xuUnrt0]| object at | at 0x[0-9a-f]+")
    bad = [name for name in collected if len(name) > LONGEST or not name.isascii() or escaped.search(name)]
    assert bad == []
