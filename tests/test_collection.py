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

#: Each child has another seed for its hashes, another clock and another folder for what is temporary.
COLLECT = """
import sys, tempfile, time
import pytest

right = time.time
time.time = lambda: right() + float(sys.argv[1])
tempfile.tempdir = sys.argv[2]
sys.exit(pytest.main(["--collect-only", "-p", "no:cacheprovider", "-p", "no:xdist"]))
"""


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """What two processes collect that share nothing but the files."""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", COLLECT, str(days * 86_400), str(tmp_path_factory.mktemp(f"child{days}"))],
            cwd=ROOT,
            env=environment(PYTHONHASHSEED=str(days)),
            stdout=subprocess.PIPE,
            text=True,
        )
        for days in (0, 400)
    ]
    texts = [child.communicate(timeout=PATIENCE)[0] for child in children]
    assert [child.returncode for child in children] == [0, 0], texts
    return [[line for line in text.splitlines() if "::" in line] for text in texts]


def test_each_process_collects_the_same_tests(collected: list[list[str]]) -> None:
    """Otherwise the workers of ``make test`` refuse to begin. Ids hold no time, no random bytes, no set's order."""
    one, other = collected
    assert len(one) > 1000
    assert one == other


def test_ids_can_be_read_and_typed(collected: list[list[str]]) -> None:
    escaped = re.compile(r"\\[xuUnrt0]| object at | at 0x[0-9a-f]+")
    bad = [name for name in collected[0] if len(name) > LONGEST or not name.isascii() or escaped.search(name)]
    assert bad == []
