"""The importer beside two scripts that people write instead: the same rows, the same server, the same four faults."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from benchmarks.arithmetic import least, most
from benchmarks.bench import Bench, Line, Outcome, measurement
from benchmarks.measure import PYTHON, Cost, cpu, in_turns, peak, run, wall
from benchmarks.rows.faults import FAULTS, Command, Damage, suffer
from benchmarks.servers import fast_server

_OURS = "case-importer"


def commands(bench: Bench) -> dict[str, Command]:
    """The ways to bring the rows in, by name."""

    def ours(export: Path, url: str, folder: Path) -> list[object]:
        target = ["--mapping", bench.mapping, "--out", folder, "--api-url", url, "--concurrency", 32]  # as the scripts
        return [PYTHON, "-m", "importer", "run", export, *target, "--quiet"]

    def script(name: str) -> Command:
        module = f"benchmarks.peers.{name}"
        return lambda export, url, folder: [PYTHON, "-m", module, f"{url}/cm/core/va/cases", export]

    found = {_OURS: ours, "aiohttp, retries, uvloop": script("aiohttp_retry")}
    if find_spec("requests") is not None:
        found["requests, 32 threads, Retry"] = script("requests_pool")
    return found


@measurement("peers", "two scripts on the same rows: speed, memory, and what four faults do to them")
def peers(bench: Bench) -> Outcome:
    rows, those = bench.sizes.peers, commands(bench)
    with fast_server() as server:
        cases = {name: _speed(bench, command, server.url) for name, command in those.items()}
        costs = in_turns(cases, rounds=bench.sizes.rounds)
    damages = {name: _damages(bench, command) for name, command in those.items()}
    table = [
        {
            "": name,
            "rows/s": f"{rows / wall(costs[name]):,.0f}",
            "CPU s per 1,000": f"{cpu(costs[name]) * 1000 / rows:.3f}",
            "peak MB": f"{peak(costs[name]):.0f}",
            **{fault: str(damage) for fault, damage in damages[name].items()},
        }
        for name in those
    ]
    own, suffered = costs[_OURS], damages[_OURS]
    late = suffered["429 past 500/s"].throttled_late
    lines = [
        Line(f"beside the peers, {rows:,} rows", rows / wall(own), "rows/s", least(7000), "all included"),
        Line("the same", cpu(own) * 1000 / rows, "CPU s per 1,000", most(0.13), f"{peak(own):.0f} MB"),
        Line(
            "rows lost in all four faults", sum(it.lost for it in suffered.values()), "rows", most(0), _told(suffered)
        ),
        Line("cases made twice in all four", sum(it.duplicated for it in suffered.values()), "", most(0), ""),
        Line("answers of 429 after the first second", late, "", most(0), "no --rate given"),
    ]
    return Outcome(
        lines, peers=table, skipped="" if len(those) == 3 else "the requests pool: requests is not installed"
    )


def _speed(bench: Bench, command: Command, url: str) -> Callable[[], Cost]:
    export = bench.export(bench.sizes.peers)

    def once() -> Cost:
        folder = bench.fresh()
        try:
            return run(command(export, url, folder), folder=folder)
        finally:
            shutil.rmtree(folder)

    return once


def _damages(bench: Bench, command: Command) -> dict[str, Damage]:
    rows = bench.sizes.faults
    export = bench.export(rows)
    return {fault: suffer(fault, command, export, rows, bench.fresh()) for fault in FAULTS}


def _told(suffered: dict[str, Damage]) -> str:
    return "; ".join(
        f"{fault}: exit {'5, then ' * damage.again}{damage.code}, {damage.seconds:.0f} s"
        for fault, damage in suffered.items()
    )
