"""``python -m benchmarks``: measure, print the table, and with ``--write`` put it into ``docs/performance.md``."""

from __future__ import annotations

import argparse
import os
import platform
import re
import sqlite3
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.measure import ROOT
from benchmarks.measurements import MEASUREMENTS, Bench, Line

_PAGE = ROOT / "docs" / "performance.md"
_BEGIN, _END = "<!-- bench -->\n", "<!-- /bench -->"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures what was asked for. A missed goal is a result and not a failure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *MEASUREMENTS], help="Which; all of them by default.")
    parser.add_argument("--quick", action="store_true", help="Small sizes: some minutes.")
    parser.add_argument("--full", action="store_true", help="Memory up to 5,000,000 rows: needs 20 GB of disk.")
    parser.add_argument("--write", action="store_true", help="Put the table into docs/performance.md.")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="case-importer-bench-") as name:
        bench = Bench(Path(name))
        if given.quick:
            bench = Bench(Path(name), send=10_000, memory=(2_000, 50_000), seconds=6.0, faulty=2_000)
        if given.full:
            bench = Bench(Path(name), memory=(10_000, 100_000, 1_000_000, 5_000_000))
        lines = list(_measured(bench, given.names or list(MEASUREMENTS)))
    if given.write:
        write_between_marks(_PAGE, f"{machine()}\n\n{table(lines)}")
    return 0


def _measured(bench: Bench, names: Sequence[str]) -> Sequence[Line]:
    print(machine())
    lines = []
    for name in names:
        for line in MEASUREMENTS[name](bench):
            print(
                f"{line.what}: {line.figure} (goal {line.goal}{'' if line.met else ': MISSED'}) {line.detail}",
                flush=True,
            )
            lines.append(line)
    return lines


def table(lines: Sequence[Line]) -> str:
    """The lines as a Markdown table."""
    head = "| what | measured | goal | | behind it |\n|---|---:|---:|---|---|\n"
    return head + "".join(
        f"| {line.what} | {line.figure} | {line.goal} | {'met' if line.met else '**missed**'} | {line.detail} |\n"
        for line in lines
    )


def machine() -> str:
    """What it was measured on: a figure without that says little."""
    packages = ("aiohttp", "uvloop", "pandas", "pydantic", "orjson")
    versions = [f"{name} {version(name)}" for name in packages]
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    system = f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    return " · ".join([day, system, f"SQLite {sqlite3.sqlite_version}", *versions])


def write_between_marks(path: Path, text: str) -> None:
    """Replace what is between the two marks of a document."""
    document = path.read_text(encoding="utf-8")
    pattern = re.compile(re.escape(_BEGIN) + ".*?" + re.escape(_END), re.DOTALL)
    if not pattern.search(document):
        raise ValueError(f"{path} has no place for the table")
    path.write_text(pattern.sub(lambda _: _BEGIN + text + _END, document), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
