"""Whether more workers are more cases, against a server that takes its time."""

from __future__ import annotations

from benchmarks.arithmetic import least
from benchmarks.bench import Bench, Line, Outcome, measurement
from benchmarks.servers import api_server

_LATENCY = 0.2


@measurement("workers", "2 to 256 workers against 200 ms of latency")
def workers(bench: Bench) -> Outcome:
    lines = []
    for count in bench.sizes.workers:
        turns = max(20, int(bench.sizes.seconds / 4 / _LATENCY))
        rows = count * turns
        with api_server("--latency", _LATENCY) as server:
            cost = bench.import_run(bench.export(rows), server.url, "--concurrency", count, created=rows)
            seen = server.stats()
        # The server notes a request when it answers it, so the first turn is not in the span.
        rate = (rows - count) / (seen["last_at"] - seen["first_at"])
        lines.append(
            Line(
                f"{count} workers, 200 ms latency",
                rate / (count / _LATENCY),
                "of workers / latency",
                least(0.95),
                f"{rate:,.0f} of {count / _LATENCY:,.0f} a second; {cost.cpu / cost.wall:.0%} of a core",
            )
        )
    return Outcome(lines)
