"""The order of system calls. No request leaves while the log of the ledger has unsynced writes."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from ledgers import child, output_of

CHILDREN = Path(__file__).with_name("ledger_children.py")
ROWS = 40
_WRITE = re.compile(r"pwrite64\(\d+<[^>]*ledger\.db-wal>")
_SYNC = re.compile(r"(?:fdatasync|fsync)\(\d+<[^>]*ledger\.db-wal>\)\s+= 0")
_SEND = re.compile(r'sendto\(.*"POST ')


@pytest.fixture(scope="module")
def strace() -> str:
    """The tracer, if it may be used here."""
    path = shutil.which("strace")
    if path is None or subprocess.run([path, "-f", "true"], capture_output=True, check=False).returncode:
        pytest.skip("THE ORDER OF SYSTEM CALLS IS NOT TESTED: strace is missing or may not trace")
    return path


def sends(strace: str, folder: Path, *, synchronous: str) -> tuple[int, int]:
    """Requests that left, and how many of them while the log had unsynced writes."""
    trace = folder / "trace"
    watch = (strace, "-f", "-y", "-o", str(trace), "-e", "trace=pwrite64,fdatasync,fsync,sendto")
    output_of(child(CHILDREN, "mark_and_send", folder / "ledger.db", ROWS, synchronous, wrap=watch))
    count = too_early = 0
    unsynced = False
    for line in trace.read_text(errors="replace").splitlines():
        if _WRITE.search(line):
            unsynced = True
        elif _SYNC.search(line):
            unsynced = False
        elif _SEND.search(line):
            count += 1
            too_early += unsynced
    return count, too_early


def test_the_mark_is_synced_before_the_request_leaves(strace: str, tmp_path: Path) -> None:
    assert sends(strace, tmp_path, synchronous="FULL") == (ROWS, 0)


def test_this_test_would_notice_a_mark_that_is_not_synced(strace: str, tmp_path: Path) -> None:
    """The negative control: a build that somebody made faster."""
    count, too_early = sends(strace, tmp_path, synchronous="NORMAL")
    assert count == ROWS
    assert too_early >= ROWS - 1
