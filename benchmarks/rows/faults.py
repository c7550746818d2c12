"""Four faults of a server or a machine, and what a program makes of them: rows lost, and cases made twice."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.measure import PATIENCE, cores, start
from benchmarks.servers import Server, api_server

#: Makes a command from an export, an address, and a folder that is the same in the second try.
Command = Callable[[Path, str, Path], list[object]]

#: Name → how the server misbehaves. In the third the program is killed at half, and started again.
FAULTS = {
    "5 % 503": ("--fail", 0.05),
    "429 past 500/s": ("--limit", 500, "--window", "clock"),
    "kill -9, again": (),
    "2 % cut": ("--cut", 0.02),
}


#: The exit code of a program that asks for the same command again, and how often it is given that.
_ASKS_AGAIN, _MOST_AGAIN = 5, 2


class Damage(NamedTuple):
    """What became of the rows.

    Attributes:
        lost: Rows that are no case.
        duplicated: Cases beyond the first of a row.
        throttled: Answers of 429; those later than a second after the first request.
        throttled_late: The latter.
        code: How the program ended.
        seconds: How long it took.
        again: How often it asked for the same command once more, and got it.
    """

    lost: int
    duplicated: int
    throttled: int
    throttled_late: int
    code: int
    seconds: float
    again: int = 0

    def __str__(self) -> str:
        told = f"{self.lost:,} lost, {self.duplicated:,} twice"
        if self.throttled:
            told += f", {self.throttled:,} × 429 ({self.throttled_late:,} after the first second)"
        if self.again:
            told += f", asked to be run again ({self.again} ×)"
        return told + (f", exit {self.code}" if self.code else "")


def suffer(name: str, command: Command, export: Path, rows: int, folder: Path) -> Damage:
    """Let a program import ``export`` while a fault is on, and look at what the server has afterwards."""
    with api_server(*FAULTS[name]) as server:
        words = command(export, server.url, folder)
        begun = time.monotonic()
        if name.startswith("kill"):
            _killed_at_half(words, folder, server, rows)
        code, again = _ended(words, folder), 0
        while code == _ASKS_AGAIN and again < _MOST_AGAIN:
            code, again = _ended(words, folder), again + 1
        seconds, seen = time.monotonic() - begun, server.stats()
        return Damage(
            rows - seen["distinct"],
            seen["duplicates"],
            seen.get("throttled", 0),
            seen.get("throttled_late", 0),
            code,
            seconds,
            again,
        )


def _begun(words: list[object], folder: Path) -> subprocess.Popen[str]:
    silent: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    return start(words, core=cores()[0], cwd=folder, **silent)


def _ended(words: list[object], folder: Path) -> int:
    process = _begun(words, folder)
    try:
        return process.wait(PATIENCE)
    except BaseException:
        process.kill()
        process.wait()
        raise


def _killed_at_half(words: list[object], folder: Path, server: Server, rows: int) -> None:
    process = _begun(words, folder)
    while process.poll() is None and server.stats()["created"] < rows // 2:
        time.sleep(0.01)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)  # the leader of a group that we started, with all its children
    process.wait()
