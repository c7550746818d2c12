"""What is measured: one function for each goal of ``docs/performance.md``."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median

from benchmarks.export import write_export, write_mapping
from benchmarks.measure import TIMEOUT, Cost, alternate, cores, ratio, run, start
from benchmarks.servers import Server, api_server, fast_server

_CASES = "/cm/core/va/cases"
#: The exit code that asks for the same command again, and how often it is given.
_TEMPORARY, _MOST_REPEATS = 5, 2
#: How the server, or the machine, misbehaves. In the third the program is killed when half of the cases exist.
FAULTS: dict[str, tuple[object, ...]] = {
    "5 % answered 503": ("--fail", 0.05),
    "429 above 500/s": ("--limit", 500),
    "kill -9": (),
    "2 % created, then cut": ("--cut", 0.02),
}


@dataclass(frozen=True)
class Line:
    """One line of the table: a figure, its goal as a text, and the absolute figures behind it."""

    what: str
    figure: str
    goal: str
    met: bool
    detail: str = ""


@dataclass(frozen=True)
class Bench:
    """Where measurements work, and how large they are.

    Attributes:
        folder: Everything is written here.
        send: Rows that are sent.
        memory: Sizes of exports whose peak memory is compared.
        seconds: How long each rate is watched.
        faulty: Rows that meet each fault.
        rounds: How often programs are compared.
    """

    folder: Path
    send: int = 100_000
    memory: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    seconds: float = 30.0
    faulty: int = 5_000
    rounds: int = 3
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def export(self, rows: int) -> Path:
        return write_export(self.folder / f"export-{rows}.csv", rows)

    def command(self, export: Path, url: str, out: Path, *options: object) -> list[object]:
        mapping = write_mapping(self.folder / "export.yml")
        target = ["--mapping", mapping, "--out", out, "--api-url", url, "--accept-existing"]
        return [sys.executable, "-m", "importer", "run", export, *target, "--quiet", *options]

    def script(self, export: Path, url: str) -> list[object]:
        return [sys.executable, "-m", "benchmarks.script", url + _CASES, export]

    def new_folder(self) -> Path:
        folder = self.folder / f"run-{next(self._numbers)}"
        folder.mkdir()
        return folder

    def import_once(self, rows: int, url: str, *options: object) -> Cost:
        """Import so many rows into a new ledger, which is deleted afterwards."""
        folder = self.new_folder()
        try:
            return run(self.command(self.export(rows), url, folder, *options), folder=folder)
        finally:
            shutil.rmtree(folder)


def pipeline(bench: Bench) -> Iterator[Line]:
    """Whole runs (reading to reports) against a plain aiohttp script, 32 requests at once for both."""
    rows = bench.send
    export = bench.export(rows)
    with fast_server() as server:
        costs = alternate(
            {
                "script": lambda: run(bench.script(export, server.url), folder=bench.folder),
                "ours": lambda: bench.import_once(rows, server.url, "--concurrency", 32),
            },
            rounds=bench.rounds,
        )
    ours, script = costs["ours"], costs["script"]
    cpu = ratio([cost.cpu for cost in ours], [cost.cpu for cost in script])
    own, other = (1e6 * median(cost.cpu for cost in side) / rows for side in (ours, script))
    detail = f"{own:.0f} µs against {other:.0f} µs; {server.name}"
    yield Line(f"CPU per case, {rows:,} rows", f"{cpu:.2f} × a plain aiohttp script", "≤ 2.0", cpu <= 2.0, detail)
    rate = median(rows / cost.wall for cost in ours)
    other_rate = median(rows / cost.wall for cost in script)
    detail = f"the script: {other_rate:,.0f}, without a ledger"
    yield Line("cases per second, one core", f"{rate:,.0f}", "≥ 5,000", rate >= 5_000, detail)


def staging(bench: Bench) -> Iterator[Line]:
    """Reading, mapping, validating and storing: runs of different sizes that send one row, without start-up."""
    costs = {}
    with fast_server() as server:
        for rows in bench.memory:
            bench.export(rows)
            costs[rows] = bench.import_once(rows, server.url, "--limit", 1)
    few, many = min(costs), max(costs)
    rate = (many - few) / (costs[many].wall - costs[few].wall)
    detail = f"{many:,} rows in {costs[many].wall:.1f} s, {few:,} rows in {costs[few].wall:.1f} s"
    yield Line("rows staged per second", f"{rate:,.0f}", "≥ 30,000", rate >= 30_000, detail)
    shown = ", ".join(f"{rows:,} rows: {cost.peak:.0f} MB" for rows, cost in costs.items())
    most = max(cost.peak for cost in costs.values())
    yield Line("peak memory", f"{most:.0f} MB", "≤ 200 MB", most <= 200, shown)


def rates(bench: Bench) -> Iterator[Line]:
    """How much of an allowed rate is used, against a server that enforces it in every sliding second."""
    for limit in (5, 20, 100, 500):
        rows = max(int(limit * bench.seconds), 10)
        with api_server("--limit", limit, "--latency", 0.05) as server:
            cost = bench.import_once(rows, server.url, "--rate", limit)
            seen = server.stats()
        share = rows / (limit * (seen["last_at"] - seen["first_at"] + 1 / limit))
        fullest, late = seen["fullest_second"], seen["throttled_late"]
        detail = (
            f"fullest second {fullest}, {late} × 429 after the first second, {1e3 * cost.cpu / rows:.1f} ms CPU each"
        )
        met = share >= 0.97 and fullest <= limit and not late
        yield Line(f"--rate {limit}: share of the rate", f"{share:.3f}", "≥ 0.97, fullest second ≤ rate", met, detail)


def cpu_at_20(bench: Bench) -> Iterator[Line]:
    """What sending takes of a core at 20 per second: two runs of different length, so that start-up falls out."""
    short, long = (int(20 * seconds) for seconds in (bench.seconds / 3, bench.seconds))
    costs = []
    for rows in (short, long):
        with api_server("--latency", 0.05) as server:
            costs.append(bench.import_once(rows, server.url, "--rate", 20))
    first, second = costs
    share = (second.cpu - first.cpu) / (second.wall - first.wall)
    yield Line("one core in use at --rate 20", f"{100 * share:.1f} %", "≤ 5 %", share <= 0.05)


def help_text(bench: Bench) -> Iterator[Line]:
    """How long ``--help`` takes."""
    command = [sys.executable, "-c", "import sys; from importer.cli import main; main()", "--help"]
    wall = median(run(command, folder=bench.folder).wall for _ in range(11))
    yield Line("--help", f"{wall:.2f} s", "≤ 0.15 s", wall <= 0.15)


def faults(bench: Bench) -> Iterator[Line]:
    """Rows lost and cases created twice, as the server counts them, next to the script."""
    rows = bench.faulty
    export = bench.export(rows)
    for fault, arguments in FAULTS.items():
        folder = bench.new_folder()
        ours = damage(fault, arguments, bench.command(export, "{url}", folder, "--settle-delay", 1), rows, folder)
        script = damage(fault, arguments, bench.script(export, "{url}"), rows, folder)
        met = ours == (0, 0)
        told = f"{ours[0]:,} lost, {ours[1]:,} twice"
        yield Line(fault, told, "0 lost, 0 twice", met, f"the script: {script[0]:,} lost, {script[1]:,} twice")


def damage(
    fault: str, arguments: tuple[object, ...], command: list[object], rows: int, folder: Path
) -> tuple[int, int]:
    """Rows lost and cases created twice when the command meets a fault. ``{url}`` in it is the server's address."""
    with api_server(*arguments) as server:
        words = [str(word).replace("{url}", server.url) for word in command]
        if fault == "kill -9":
            _kill_at_half(words, folder, server, rows)
        for _ in range(1 + _MOST_REPEATS):
            if _exit_code(words, folder) != _TEMPORARY:
                break
        seen = server.stats()
    return rows - seen["distinct"], seen["duplicates"]


def _started(words: list[str], folder: Path) -> subprocess.Popen[str]:
    return start(
        words,
        core=cores()[0],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _exit_code(words: list[str], folder: Path) -> int:
    process = _started(words, folder)
    try:
        return process.wait(TIMEOUT)
    finally:
        if process.poll() is None:
            process.kill()


def _kill_at_half(words: list[str], folder: Path, server: Server, rows: int) -> None:
    process = _started(words, folder)
    while process.poll() is None and server.stats()["created"] < rows // 2:
        time.sleep(0.01)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)  # the leader of a group that we started, with all its children
    process.wait()


MEASUREMENTS: dict[str, Callable[[Bench], Iterator[Line]]] = {
    "pipeline": pipeline,
    "staging": staging,
    "rates": rates,
    "cpu": cpu_at_20,
    "help": help_text,
    "faults": faults,
}
