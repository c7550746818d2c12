"""How much of the allowed rate is used, against a server that enforces it."""

from __future__ import annotations

from typing import Any

from benchmarks.arithmetic import least, most
from benchmarks.bench import Bench, Line, Outcome, measurement
from benchmarks.measure import Cost
from benchmarks.servers import api_server


@measurement("rate", "--rate 20, 100 and 1,000 against a server that enforces exactly that in any second")
def rate(bench: Bench) -> Outcome:
    lines = []
    for limit in bench.sizes.rates:
        rows = int(limit * bench.sizes.seconds)
        with api_server("--limit", limit) as server:
            cost = bench.import_run(bench.export(rows), server.url, "--rate", limit, created=rows)
            seen = server.stats()
        used = rows / (limit * (seen["last_at"] - seen["first_at"] + 1 / limit))
        lines += [
            Line(f"--rate {limit}", used, "of the allowed rate", least(0.97), _spent(cost, rows)),
            Line(
                f"--rate {limit}: the fullest second", seen["worst_second"], "requests", most(limit), _throttled(seen)
            ),
            Line(f"--rate {limit}: answers of 429", seen.get("throttled", 0), "", most(0), ""),
        ]
    return Outcome(lines)


@measurement("auto", "--rate auto against a limit that it does not know")
def auto(bench: Bench) -> Outcome:
    seconds = bench.sizes.seconds
    before, after = seconds, seconds
    steady = _auto(bench, 30, int(30 * seconds), "an unknown limit of 30/s", lambda span: 30 * span)
    changing = _auto(
        bench,
        80,
        int(80 * before + 25 * after),
        "a limit that falls from 80/s to 25/s",
        lambda span: 80 * min(span, before) + 25 * max(0.0, span - before),
        "--then",
        f"{before}:25",
    )
    return Outcome([*steady, *changing])


def _auto(bench: Bench, limit: int, rows: int, what: str, allowed: Any, *server_arguments: object) -> list[Line]:
    with api_server("--limit", limit, *server_arguments) as server:
        cost = bench.import_run(bench.export(rows), server.url, "--rate", "auto", created=rows)
        seen = server.stats()
    share = rows / allowed(seen["last_at"] - seen["first_at"] + 1 / limit)
    refused = seen.get("throttled", 0) / seen["requests"]
    return [
        Line(f"--rate auto, {what}", share, "of the limit", least(0.55), f"{_spent(cost, rows)}, the search included"),
        Line(f"--rate auto, {what}: answers of 429", refused, "of all requests", most(0.05), _throttled(seen)),
    ]


def _spent(cost: Cost, rows: int) -> str:
    return f"{rows:,} cases, {cost.cpu / rows * 1e3:.2f} ms of CPU each"


def _throttled(seen: dict[str, Any]) -> str:
    return f"{seen.get('throttled', 0)} of {seen['requests']:,} answers were 429"
