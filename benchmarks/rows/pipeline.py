"""The whole trip of a row against a loop that only posts the same bytes."""

from __future__ import annotations

from statistics import median

from benchmarks.arithmetic import least, most, ratio
from benchmarks.bench import Bench, Line, Outcome, measurement
from benchmarks.machine import sync_time
from benchmarks.measure import cpu, in_turns, peak, wall
from benchmarks.servers import fast_server


@measurement("pipeline", "read, map, validate, fence, send, settle, report, against a bare aiohttp + uvloop loop")
def pipeline(bench: Bench) -> Outcome:
    rows = bench.sizes.send
    export, bodies = bench.export(rows), bench.folder / f"bodies-{rows}.ndjson"
    bench.program("write_bodies", export, bench.mapping, bodies, rows)
    with fast_server() as server:
        cases = {
            "bare": lambda: bench.program("bare_loop", f"{server.url}/cm/core/va/cases", bodies),
            "ours": lambda: bench.import_run(export, server.url, created=rows),
            "unguarded": lambda: bench.import_run(
                export, server.url, created=rows, module="benchmarks.programs.guards_off"
            ),
        }
        costs = in_turns(cases, rounds=bench.sizes.rounds)
    assert all(int(cost.out) == rows for cost in costs["bare"])
    bare, ours, unguarded = costs["bare"], costs["ours"], costs["unguarded"]
    per = 1e6 / rows
    return Outcome(
        [
            Line(
                f"CPU per created case, whole pipeline, {rows:,} rows",
                ratio([cost.cpu for cost in ours], [cost.cpu for cost in bare]),
                "× the bare loop",
                most(1.35),
                f"{cpu(ours) * per:.0f} µs against {cpu(bare) * per:.0f} µs; {server.name}; {peak(ours):.0f} MB",
            ),
            Line(
                "cases per second, from start to reports",
                ratio([rows / cost.wall for cost in ours], [rows / cost.wall for cost in bare]),
                "× the bare loop",
                least(0.75),
                f"{rows / wall(ours):,.0f} against {rows / wall(bare):,.0f} a second",
            ),
            Line(
                "cases per second with the fence on disk",
                ratio([1 / cost.wall for cost in ours], [1 / cost.wall for cost in unguarded]),
                "× without fsync",
                least(0.95),
                f"{rows / wall(ours):,.0f} against {rows / wall(unguarded):,.0f} a second; a sync takes"
                f" {sync_time(bench.folder) * 1e3:.2f} ms;"
                f" CPU {median(a.cpu / b.cpu for a, b in zip(ours, unguarded, strict=True)):.2f} ×",
            ),
        ]
    )
