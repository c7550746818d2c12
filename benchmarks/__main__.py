"""``python -m benchmarks``: measure, print the table, keep the results."""

from __future__ import annotations

import argparse
import compileall
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import picture, table
from benchmarks.bench import FULL, NORMAL, QUICK, Bench, Measurement, Outcome, measurements
from benchmarks.machine import machine
from benchmarks.measure import ROOT, FailedError

_SIZES = {"quick": QUICK, "normal": NORMAL, "full": FULL}


def main(arguments: Sequence[str] | None = None) -> int:
    """Gives 1 if a measurement failed; a goal that is missed is a result, not a failure."""
    known = {name: (about, function) for name, about, function in measurements()}
    given = _parser().parse_args(arguments)
    if given.list:
        for name, (about, _) in known.items():
            print(f"{name:<9} {about}")
        return 0
    if unknown := set(given.names) - set(known):
        print(f"there is no {', '.join(sorted(unknown))}: see --list", file=sys.stderr)
        return 2
    given.out.mkdir(parents=True, exist_ok=True)
    results = table.load(given.out / "results.json")
    chosen = {name: function for name, (_, function) in known.items() if not given.names or name in given.names}
    compileall.compile_dir(ROOT / "importer", quiet=2)  # an installed program comes compiled
    failed = 0 if given.only_write else _measure_all(chosen, results, given)
    results = {name: results[name] for name in known if name in results}
    table.save(given.out / "results.json", results)
    _write(results, given.out, documents=given.write or given.only_write)
    return failed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="Which measurements; all of them by default.")
    parser.add_argument("--list", action="store_true", help="Say which there are.")
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument("--quick", action="store_const", const="quick", dest="sizes", help="Small: some minutes.")
    sizes.add_argument("--full", action="store_const", const="full", dest="sizes", help="The sizes of the goals.")
    parser.set_defaults(sizes="normal")
    parser.add_argument("--work", type=Path, help="Folder for exports and ledgers. [default: a temporary one]")
    parser.add_argument("--out", type=Path, default=ROOT / "bench-results", help="Folder of the results.")
    parser.add_argument("--write", action="store_true", help="Put the tables into README.md and docs/performance.md.")
    parser.add_argument("--only-write", action="store_true", help="The same from the results that are there.")
    return parser


def _measure_all(chosen: dict[str, Measurement], results: table.Results, given: argparse.Namespace) -> int:
    print(" · ".join(f"{topic} {value}" for topic, value in machine().items()))
    failed = 0
    for name, function in chosen.items():
        print(f"{name}", flush=True)
        facts, begun = machine(), time.monotonic()
        try:
            outcome = _measured(function, given)
        except (FailedError, AssertionError, OSError) as error:
            print(f"  FAILED: {error}", flush=True)
            failed = 1
            continue
        seconds = time.monotonic() - begun
        for line in outcome.lines:
            print(table.words(line), flush=True)
        if outcome.skipped:
            print(f"  SKIPPED: {outcome.skipped}", flush=True)
        print(f"  ({seconds:.0f} s)", flush=True)
        results[name] = table.entry(outcome, machine=facts, sizes=given.sizes, seconds=seconds)
        table.save(given.out / "results.json", results)
    return failed


def _measured(function: Measurement, given: argparse.Namespace) -> Outcome:
    """Run one measurement in its folder; a folder of the user's keeps the exports for the next."""
    if given.work is not None:
        given.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="case-importer-bench-", dir=given.work) as folder:
        exports = given.work or Path(folder)
        return function(Bench(Path(folder), _SIZES[given.sizes], exports=exports))


def _write(results: table.Results, out: Path, *, documents: bool) -> None:
    main_table, peers = table.main_table(results), table.peers_table(results)
    (out / "results.md").write_text(f"{main_table}\n{peers}", encoding="utf-8")
    series = results.get("growth", {}).get("series")
    if series:
        (out / "growth.svg").write_text(picture.draw(series), encoding="utf-8")
    print(f"\n{main_table}\n{peers}")
    if documents:
        table.put_between(ROOT / "docs/performance.md", "table", main_table)
        table.put_between(ROOT / "docs/performance.md", "peers", peers)
        table.put_between(ROOT / "README.md", "peers", peers)
        if series:
            (ROOT / "docs/growth.svg").write_text(picture.draw(series), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
