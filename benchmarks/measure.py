"""Running a program as a child process and reading from the kernel what it cost."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[1]
#: Seconds after which a child process is stuck.
TIMEOUT = 7200.0


@dataclass(frozen=True)
class Cost:
    """What a child process cost.

    Attributes:
        cpu: Seconds of processor time, user and system, of all its threads.
        wall: Seconds on the clock.
        peak: Most memory in megabytes (10⁶ bytes).
        code: Its exit code.
    """

    cpu: float
    wall: float
    peak: float
    code: int


class FailedError(Exception):
    """A child process did not do its work, so there is nothing to measure."""


def environment() -> dict[str, str]:
    """The environment of children: this source tree, no settings of the user, the credentials of our servers."""
    foreign = ("CASE_IMPORTER_", "PYTHONDONTWRITEBYTECODE")  # an installed program comes compiled
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | {
        "PYTHONPATH": str(ROOT),
        "CASE_IMPORTER_CLIENT_ID": "benchmark",
        "CASE_IMPORTER_CLIENT_SECRET": "benchmark",
    }


def cores() -> tuple[int | None, int | None]:
    """The core of the measured program and that of the server; None where processes cannot be pinned."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]


def start(command: Sequence[object], *, core: int | None, **options: Any) -> subprocess.Popen[str]:
    """Start a child process on a core, as the leader of its own process group."""
    pin = None if core is None else lambda: os.sched_setaffinity(0, {core})
    return subprocess.Popen(
        [str(part) for part in command], preexec_fn=pin, env=environment(), text=True, start_new_session=True, **options
    )


def run(command: Sequence[object], *, folder: Path, accept: Sequence[int] = (0,)) -> Cost:
    """Run a child process to its end on the first core.

    Raises:
        FailedError: it ended with a code that is not in ``accept``.
    """
    with tempfile.TemporaryFile("w+") as err:
        began = time.monotonic()
        process = start(command, core=cores()[0], cwd=folder, stdin=subprocess.DEVNULL, stdout=err, stderr=err)
        watchdog = threading.Timer(TIMEOUT, process.kill)
        watchdog.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        watchdog.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)  # or Popen would wait for it again
        err.seek(0)
        if process.returncode not in accept:
            raise FailedError(f"{' '.join(map(str, command))}\nended with {process.returncode}\n{err.read()[-2000:]}")
        peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
        return Cost(usage.ru_utime + usage.ru_stime, wall, peak, process.returncode)


def alternate(cases: Mapping[str, Callable[[], Cost]], *, rounds: int) -> dict[str, list[Cost]]:
    """Run each case once per round, every other round in reverse order, so that a busy machine is busy for all."""
    costs: dict[str, list[Cost]] = {name: [] for name in cases}
    for number in range(rounds):
        for name in list(cases)[:: -1 if number % 2 else 1]:
            costs[name].append(cases[name]())
    return costs


def ratio(ours: Sequence[float], baseline: Sequence[float]) -> float:
    """The median of the ratios of each round: both programs of a round met the same machine."""
    return median(own / other for own, other in zip(ours, baseline, strict=True))
