"""Memory and disk: how they grow with the rows; how soon a run begins to send, anew and again; reports."""

from __future__ import annotations

import shutil
from pathlib import Path
from statistics import median

from benchmarks.arithmetic import most, ratio
from benchmarks.bench import Bench, Line, Outcome, measurement
from benchmarks.measure import Cost, cpu, in_turns, peak, wall
from benchmarks.rows.reading import stage
from benchmarks.servers import Server, api_server, fast_server


@measurement("memory", "peak memory of a whole run, by rows")
def memory(bench: Bench) -> Outcome:
    with fast_server() as server:
        peaks = {
            rows: bench.import_run(bench.export(rows), server.url, created=rows).peak for rows in bench.sizes.memory
        }
    fewest, most_rows = min(peaks), max(peaks)
    all_of_them = ", ".join(f"{rows:,}: {megabytes:.0f} MB" for rows, megabytes in peaks.items())
    return Outcome(
        [
            Line(
                f"peak memory, CSV, {most_rows:,} rows",
                peaks[most_rows] / peaks[fewest],
                f"× that of {fewest:,} rows",
                most(1.15),
                all_of_them,
            ),
            Line("the same", peaks[most_rows], "MB", most(200), ""),
        ]
    )


@measurement("ledger", "the size of a ledger against that of its source, pending and after `forget`")
def ledger(bench: Bench) -> Outcome:
    rows = bench.sizes.ledger
    export, folder = bench.export(rows), bench.fresh()
    path = folder / "ledger.db"
    bench.program("stage", export, bench.mapping, path)
    source = export.stat().st_size
    pending = _size(path)
    lines = [
        Line(
            f"ledger of {rows:,} pending rows",
            pending / source,
            "× the source",
            most(2.5),
            f"{pending / 1e6:.0f} MB against {source / 1e6:.0f} MB",
        )
    ]
    if "forget" not in bench.importer("--help").out:
        return Outcome(lines, skipped="after `forget`: this version has no such command")
    with fast_server() as server:
        arguments = ("--mapping", bench.mapping, "--api-url", server.url, "--quiet", "--out")
        bench.importer("run", export, *arguments, folder)
        known = bench.importer("run", export, *arguments, folder)
        tomorrow = shutil.copytree(folder, bench.folder / "tomorrow")
        later = bench.importer("run", bench.export(rows + 1), *arguments, tomorrow)
    shutil.rmtree(tomorrow)
    lines += [_nightly("the same file", known, rows), _nightly("a later file with one row more", later, rows)]
    bench.importer("forget", "--ledger", path, "--yes", "--quiet")
    left = _size(path)
    lines.append(Line("after `forget`, all created", left / source, "× the source", most(0.6), f"{left / 1e6:.0f} MB"))
    shutil.rmtree(folder)
    return Outcome(lines)


def _nightly(what: str, cost: Cost, rows: int) -> Line:
    spent = f"{cost.wall:.1f} s, {cost.peak:.0f} MB"
    return Line(f"run again: {what}", cost.cpu * 1e6 / rows, "µs of CPU a row", None, spent)


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))


@measurement("begin", "seconds to the first request: of a new file, and of a ledger that is half done; reports")
def begin(bench: Bench) -> Outcome:
    rows = bench.sizes.ledger
    export, folder = bench.export(rows), bench.fresh()
    resumed = ["run", export, "--mapping", bench.mapping, "--out", folder, "--quiet", "--limit"]
    with api_server() as server:
        arguments = ("--api-url", server.url)
        costs = in_turns(
            {"stage": lambda: stage(bench, export), "begin": lambda: _to_first_request(bench, export, server)},
            rounds=bench.sizes.rounds,
        )
        bench.importer(*resumed, rows // 2, *arguments)
        again = [_resume(bench, server, *resumed, 1, *arguments) for _ in range(bench.sizes.rounds)]
    out = bench.fresh()
    status = bench.importer("status", "--ledger", folder / "ledger.db")
    reports = in_turns(
        {
            "ledger": lambda: bench.program("read_ledger", folder / "ledger.db"),
            "report": lambda: bench.importer("report", "--ledger", folder / "ledger.db", "--out", out, "--quiet"),
        },
        rounds=bench.sizes.rounds,
    )
    report = reports["report"]
    few = _report_of(bench, rows // 100)
    shutil.rmtree(folder)
    shutil.rmtree(out)
    return Outcome(
        [
            Line(
                f"start to first request, {rows:,} rows not staged yet",
                ratio([cost.wall for cost in costs["begin"]], [cost.wall for cost in costs["stage"]]),
                "× staging",
                most(1.1),
                f"{wall(costs['begin']):.1f} s against {wall(costs['stage']):.1f} s",
            ),
            Line(f"resume a ledger of {rows:,} rows, half done", median(again), "s to first request", most(3), ""),
            Line(
                "reports, for a million rows",
                wall(report) * 1e6 / rows,
                "s",
                most(30),
                f"{wall(report):.1f} s for {rows:,} rows, half of them created; `status` {status.wall:.2f} s",
            ),
            Line(
                "the same",
                ratio([cost.cpu for cost in report], [cost.cpu for cost in reports["ledger"]]),
                "× the CPU of one read of the ledger",
                None,
                f"{cpu(report) * 1e6 / rows:.1f} µs against {cpu(reports['ledger']) * 1e6 / rows:.1f} µs a row",
            ),
            Line(
                "the same, memory",
                peak(report) / few.peak,
                f"× that of {rows // 100:,} rows",
                most(1.15),
                f"{peak(report):.0f} MB; `status` {status.peak:.0f} MB",
            ),
            Line("peak memory of a run with one request", peak(costs["begin"]), "MB", most(200), ""),
        ]
    )


def _report_of(bench: Bench, rows: int) -> Cost:
    folder = bench.fresh()
    bench.program("stage", bench.export(rows), bench.mapping, folder / "ledger.db")
    return bench.importer("report", "--ledger", folder / "ledger.db", "--out", folder, "--quiet")


def _to_first_request(bench: Bench, export: Path, server: Server) -> Cost:
    """A run with one request; its time is that until the request."""
    server.reset()
    cost = bench.import_run(export, server.url, "--limit", 1)
    return Cost(cost.cpu, server.stats()["first_at"] - cost.begun, cost.peak, cost.code, cost.out, cost.begun)


def _resume(bench: Bench, server: Server, *arguments: object) -> float:
    """Seconds from the start of a command to its first request."""
    server.reset()
    begun = bench.importer(*arguments).begun
    return float(server.stats()["first_at"] - begun)
