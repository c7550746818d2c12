"""Running a program as a child and reading from the kernel what it cost."""

from __future__ import annotations

import json
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
PYTHON = sys.executable
#: Seconds after which a child must have got stuck.
PATIENCE = 7200.0


@dataclass(frozen=True)
class Cost:
    """What a child cost.

    Attributes:
        cpu: Seconds of processor time, user and system, of all its threads.
        wall: Seconds on the clock.
        peak: Megabytes (10⁶ bytes) of memory at most.
        code: How it ended.
        out: What it printed.
        begun: When it was started, by the monotonic clock, which is the same for all processes.
    """

    cpu: float
    wall: float
    peak: float
    code: int
    out: str
    begun: float

    @property
    def json(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)


class FailedError(Exception):
    """A child did not do its work, so that there is nothing to measure."""


def environment() -> dict[str, str]:
    """The environment of children: this source tree, no settings of the user, the credentials of our servers."""
    mine = ("CASE_IMPORTER_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(mine)}
    return kept | {
        "PYTHONPATH": str(ROOT),
        "CASE_IMPORTER_CLIENT_ID": "benchmark",
        "CASE_IMPORTER_CLIENT_SECRET": "benchmark",
    }


def cores() -> tuple[int | None, int | None]:
    """The core of the measured program and that of the server; None where they cannot be chosen."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    usable = sorted(os.sched_getaffinity(0))
    return (usable[0], usable[1]) if len(usable) > 1 else (usable[0], usable[0])


def start(command: Sequence[object], *, core: int | None, **options: Any) -> subprocess.Popen[str]:
    """Start a child on a core, the leader of a process group of its own."""
    pin = None if core is None else lambda: os.sched_setaffinity(0, {core})
    return subprocess.Popen(
        [str(part) for part in command], preexec_fn=pin, env=environment(), text=True, start_new_session=True, **options
    )


def run(command: Sequence[object], *, folder: Path, accept: Sequence[int] = (0,)) -> Cost:
    """Run a child to its end on the first core.

    Raises:
        FailedError: it ended in another way than ``accept`` says.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        begun = time.monotonic()
        process = start(command, core=cores()[0], cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        watch = threading.Timer(PATIENCE, process.kill)
        watch.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - begun
        watch.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)  # or Popen would wait for it once more
        out.seek(0)
        err.seek(0)
        if process.returncode not in accept:
            raise FailedError(f"{' '.join(map(str, command))}\nended with {process.returncode}\n{err.read()[-2000:]}")
        peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
        return Cost(usage.ru_utime + usage.ru_stime, wall, peak, process.returncode, out.read(), begun)


def in_turns(cases: Mapping[str, Callable[[], Cost]], *, rounds: int) -> dict[str, list[Cost]]:
    """Run each case once a round, every other round in reverse order."""
    costs: dict[str, list[Cost]] = {name: [] for name in cases}
    for number in range(rounds):
        for name in list(cases)[:: -1 if number % 2 else 1]:
            costs[name].append(cases[name]())
    return costs


def cpu(costs: Sequence[Cost]) -> float:
    return median(cost.cpu for cost in costs)


def wall(costs: Sequence[Cost]) -> float:
    return median(cost.wall for cost in costs)


def peak(costs: Sequence[Cost]) -> float:
    return median(cost.peak for cost in costs)
