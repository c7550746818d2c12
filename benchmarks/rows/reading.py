"""Pass 1: reading, mapping, validating, staging; and `check`, which does the same for a person."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.arithmetic import least, most, ratio
from benchmarks.bench import Bench, Line, Outcome, measurement
from benchmarks.export import write_workbook
from benchmarks.measure import Cost, cpu, in_turns, peak, wall


def stage(bench: Bench, export: Path) -> Cost:
    """Stage an export into a ledger that is thrown away."""
    folder = bench.fresh()
    try:
        return bench.program("stage", export, bench.mapping, folder / "ledger.db")
    finally:
        shutil.rmtree(folder)


@measurement("staging", "read, map, validate and stage against csv.reader alone; check against staging")
def staging(bench: Bench) -> Outcome:
    rows = bench.sizes.read
    export = bench.export(rows)
    costs = in_turns(
        {
            "csv": lambda: bench.program("read_csv", export),
            "rows": lambda: bench.program("read_rows", export),
            "mapped": lambda: bench.program("map_rows", export, bench.mapping),
            "stage": lambda: stage(bench, export),
            "check": lambda: bench.importer("check", export, "--mapping", bench.mapping, "--quiet"),
            "first": lambda: bench.program("first_finding", bench.export(rows, valid=False), bench.mapping),
        },
        rounds=bench.sizes.rounds,
    )
    csv, staged, check = costs["csv"], costs["stage"], costs["check"]
    read, mapped = costs["rows"], costs["mapped"]
    first = sorted(float(cost.out) for cost in costs["first"])[len(costs["first"]) // 2]
    per = 1e6 / rows
    return Outcome(
        [
            Line(
                f"read + map + validate + stage, {rows:,} rows × 20 columns, 12 fields",
                ratio([cost.cpu for cost in staged], [cost.cpu for cost in csv]),
                "× the CPU of csv.reader",
                most(6),
                f"{cpu(staged) * per:.1f} µs against {cpu(csv) * per:.1f} µs a row, start-up included",
            ),
            Line("the same", rows / wall(staged), "rows/s", least(50_000), f"{peak(staged):.0f} MB at most"),
            Line(
                "of that, reading and mapping alone",
                ratio([cost.cpu for cost in mapped], [cost.cpu for cost in csv]),
                "× the CPU of csv.reader",
                None,
                f"{cpu(read) * per:.1f} µs a row for reading, start-up included,"
                f" {(cpu(mapped) - cpu(read)) * per:.1f} for mapping and validation,"
                f" {(cpu(staged) - cpu(mapped)) * per:.1f} for the ledger",
            ),
            Line("check: first findings", first, "s", most(2), "on a terminal, from the command to the first line"),
            Line(
                "check: the whole file",
                ratio([cost.cpu for cost in check], [cost.cpu for cost in staged]),
                "× the CPU of staging",
                most(2),
                f"{cpu(check) * per:.1f} µs a row; {peak(check):.0f} MB at most",
            ),
        ]
    )


@measurement("excel", "a workbook read alone, and staged, against python-calamine alone")
def excel(bench: Bench) -> Outcome:
    rows = bench.sizes.excel
    book = write_workbook(bench.exports / f"export-{rows}.xlsx", rows)
    typed = write_workbook(bench.exports / f"export-{rows}-typed.xlsx", rows, typed=True)
    costs = in_turns(
        {
            "calamine": lambda: bench.program("read_workbook", book),
            "calamine, typed": lambda: bench.program("read_workbook", typed),
            "read, typed": lambda: bench.program("read_rows", typed),
            "read": lambda: bench.program("read_rows", book),
            "stage": lambda: stage(bench, book),
        },
        rounds=bench.sizes.rounds,
    )
    alone, read, staged = costs["calamine"], costs["read"], costs["stage"]
    per = 1e6 / rows

    def times(ours: list[Cost], alone: list[Cost] = alone) -> float:
        return ratio([cost.cpu for cost in ours], [cost.cpu for cost in alone])

    return Outcome(
        [
            Line(
                f"a workbook of {rows:,} rows × 20, read as rows of text",
                times(read),
                "× the CPU of calamine",
                most(1.6),
                f"{cpu(read) * per:.1f} µs against {cpu(alone) * per:.1f} µs a row",
            ),
            Line(
                "the same with shared texts, two columns of dates and two of numbers",
                times(costs["read, typed"], costs["calamine, typed"]),
                "× the CPU of calamine",
                most(1.6),
                f"{cpu(costs['read, typed']) * per:.1f} µs against {cpu(costs['calamine, typed']) * per:.1f} µs a row",
            ),
            Line(
                "the workbook of texts, read + map + validate + stage",
                times(staged),
                "× the CPU of calamine",
                most(1.6),
                f"{cpu(staged) * per:.1f} µs a row, of which {(cpu(staged) - cpu(read)) * per:.1f} µs are not reading",
            ),
            Line(
                "the same, memory",
                ratio([cost.peak for cost in staged], [cost.peak for cost in alone]),
                "× the peak of calamine",
                most(1.2),
                f"{peak(staged):.0f} MB against {peak(alone):.0f} MB; read alone {peak(read):.0f} MB",
            ),
        ]
    )
