"""How cost grows: straight lines on log-log paper, and none of them steeper than 1.

The cost of a point is what a run of so much takes beyond a run without it: beyond a run of one row, or beyond one of as
many rows without more columns, notes or faults. So nothing that is always there flattens the line. Mostly it is the
least of the rounds: others on the machine can make a run dearer, never cheaper, and a line has many points. Each round
measures all points, so that a busy minute of the machine does not bend the line.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from functools import partial
from statistics import median

from benchmarks.arithmetic import most, slope
from benchmarks.bench import Bench, Line, Outcome, measurement
from benchmarks.export import write_mapping
from benchmarks.measure import Cost, in_turns, peak
from benchmarks.rows.reading import stage
from benchmarks.servers import api_server, fast_server

Point = tuple[float, float, float]

#: Requests a second while rows are sent again.
_PACE = 1_000


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
            "columns beyond 20": _series(
                bench,
                lambda: stage(bench, bench.export(rows // 2)),
                [80, 160, 320, 640],
                lambda count: stage(bench, bench.export(rows // 2, columns=20 + count)),
            ),
            "notes per row": _series(
                bench,
                lambda: bench.import_run(bench.export(rows // 2), server.url),
                [2, 4, 8, 16],
                lambda count: _with_notes(bench, rows // 2, count, server.url),
            ),
        }
    series["rows sent again"] = _repeating(bench, [step // 2 for step in steps])
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
    """Eight creates of a hundred are answered 503: looked up, found missing, sent again. Some may be left for later.

    At a rate, as real accounts have one. Without, how many rows share a transaction depends on how the workers happen
    to fall in with each other, which takes a minute to settle and has nothing to do with how many rows there are. Most
    rows are not sent again, so what is beyond a run without faults is small, and is taken in each round for itself.
    """
    again: dict[int, list[int]] = {step: [] for step in steps}
    rates = {"calm": 0.0, "again": 0.08}
    cases = {
        f"{name} {step}": partial(_doubted, bench, step, share, again[step])
        for step in steps
        for name, share in rates.items()
    }
    costs = in_turns(cases, rounds=bench.sizes.rounds)
    points = []
    for step in steps:
        doubted, calm = costs[f"again {step}"], costs[f"calm {step}"]
        beyond = median(one.cpu - other.cpu for one, other in zip(doubted, calm, strict=True))
        points.append((float(max(again[step])), max(0.01, beyond), peak(doubted)))
    return points


def _doubted(bench: Bench, rows: int, share: float, again: list[int]) -> Cost:
    with api_server("--fail", share, "--regular") as server:
        cost = bench.import_run(bench.export(rows), server.url, "--rate", _PACE, "--settle-delay", 0.4, accept=(0, 5))
        again.append(server.stats().get("failed", 0))
    return cost
