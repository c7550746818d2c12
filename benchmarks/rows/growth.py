"""How cost grows: straight lines on log-log paper, and none of them steeper than 1.

The cost of a point is what a run of so much takes beyond a run of one row of the same kind, so that start-up does not
flatten the line. It is the least of the rounds: others on the machine can make a run dearer, never cheaper, and a line
has many points. Each round measures all points, so that a busy minute of the machine does not bend the line.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from functools import partial
from statistics import median

from benchmarks.arithmetic import most, slope
from benchmarks.bench import Bench, Line, Outcome, measurement
from benchmarks.export import write_mapping
from benchmarks.measure import Cost, in_turns
from benchmarks.servers import api_server, fast_server

Point = tuple[float, float, float]


@measurement("growth", "cost against rows, columns, notes, repetitions and failures")
def growth(bench: Bench) -> Outcome:
    rows = bench.sizes.growth
    steps = [rows // 8, rows // 4, rows // 2, rows]
    more_steps = [4 * step for step in steps]  # for what is so cheap that start-up, which varies, would be most of it
    with fast_server() as server:
        one = partial(bench.import_run, bench.export(1), server.url, created=1)
        series = {
            "rows": _series(bench, one, steps, lambda count: bench.import_run(bench.export(count), server.url)),
            "failing rows": _series(bench, partial(_failing, bench, 1), more_steps, partial(_failing, bench)),
            "columns": _series(
                bench,
                one,
                [20, 40, 80, 160],
                lambda count: bench.import_run(bench.export(rows // 4, columns=count), server.url),
            ),
            "notes per row": _series(
                bench, one, [1, 2, 4, 8], lambda count: _with_notes(bench, rows // 4, count, server.url)
            ),
        }
    series["rows sent again"] = _repeating(bench, steps)
    return Outcome([_line(topic, points) for topic, points in series.items()], series=series)


def _line(topic: str, points: list[Point]) -> Line:
    biggest, seconds, megabytes = points[-1]
    return Line(
        f"cost against {topic}",
        slope([(x, cost) for x, cost, _ in points]),
        "slope of CPU, log-log",
        most(1.02),
        f"{biggest:,.0f}: {seconds:.1f} s, {megabytes:.0f} MB; slope of memory"
        f" {slope([(x, size) for x, _, size in points]):.2f}",
    )


def _series(bench: Bench, one: Callable[[], Cost], steps: Iterable[int], once: Callable[[int], Cost]) -> list[Point]:
    cases = {"one": one} | {str(step): partial(once, step) for step in steps}
    costs = in_turns(cases, rounds=bench.sizes.rounds)
    least = {name: min(rounds, key=_by_cpu) for name, rounds in costs.items()}
    base = least.pop("one").cpu
    return [(float(step), max(0.01, cost.cpu - base), cost.peak) for step, cost in least.items()]


def _by_cpu(cost: Cost) -> float:
    return cost.cpu


def _failing(bench: Bench, rows: int) -> Cost:
    """Rows none of which fits: read, reported, written to be corrected, never sent."""
    folder = bench.fresh()
    export = bench.export(rows, valid=False)
    try:
        return bench.importer(
            "run", export, "--mapping", bench.mapping, "--out", folder, "--sandbox", "--quiet", accept=(3,)
        )
    finally:
        shutil.rmtree(folder)


def _with_notes(bench: Bench, rows: int, notes: int, url: str) -> Cost:
    mapping = write_mapping(bench.folder / f"notes-{notes}.yml", notes=notes)
    return bench.import_run(bench.export(rows, notes=notes), url, "--mapping", mapping)


def _repeating(bench: Bench, steps: list[int]) -> list[Point]:
    """Every twentieth create is answered 503: looked up, found missing, and sent again. A row may be left for later."""
    again: dict[int, list[int]] = {step: [] for step in steps}
    points = _series(bench, partial(_doubted, bench, 1, []), steps, lambda step: _doubted(bench, step, again[step]))
    return [(median(again[int(step)]), cost, peak) for step, cost, peak in points]


def _doubted(bench: Bench, rows: int, again: list[int]) -> Cost:
    with api_server("--fail", 0.05) as server:
        cost = bench.import_run(bench.export(rows), server.url, "--horizon", 0.4, accept=(0, 5))
        again.append(server.stats().get("failed", 0))
    return cost
