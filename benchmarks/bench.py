"""What every row of the table needs: a folder, sizes, the export, and the importer as a command."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.arithmetic import Goal
from benchmarks.export import COLUMNS, write_export, write_mapping
from benchmarks.measure import PYTHON, Cost, run


@dataclass(frozen=True)
class Sizes:
    """How much is measured. Rows unless it says something else."""

    rounds: int
    send: int
    read: int
    excel: int
    ledger: int
    memory: tuple[int, ...]
    seconds: float
    rates: tuple[int, ...]
    workers: tuple[int, ...]
    peers: int
    faults: int
    growth: int


#: Some minutes: whether everything works, and the size of the figures.
QUICK = Sizes(
    rounds=3,
    send=5_000,
    read=20_000,
    excel=5_000,
    ledger=10_000,
    memory=(2_000, 20_000),
    seconds=6.0,
    rates=(20, 100, 1_000),
    workers=(2, 32, 256),
    peers=5_000,
    faults=2_000,
    growth=8_000,
)
#: About an hour.
NORMAL = Sizes(
    rounds=5,
    send=50_000,
    read=200_000,
    excel=50_000,
    ledger=100_000,
    memory=(10_000, 100_000, 400_000),
    seconds=60.0,
    rates=(20, 100, 1_000),
    workers=(2, 8, 32, 128, 256),
    peers=20_000,
    faults=5_000,
    growth=32_000,
)
#: The sizes of the goals: some hours.
FULL = replace(
    NORMAL,
    send=100_000,
    read=1_000_000,
    excel=200_000,
    ledger=1_000_000,
    memory=(10_000, 100_000, 1_000_000, 5_000_000),
    growth=128_000,
)


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Args:
        what: What was measured.
        figure: The figure that counts.
        unit: Of it.
        goal: What it has to be; None if it is only told.
        detail: The absolute figures behind it.
    """

    what: str
    figure: float
    unit: str
    goal: Goal | None
    detail: str

    @property
    def is_met(self) -> bool | None:
        return None if self.goal is None else self.goal.is_met(self.figure)


@dataclass(frozen=True)
class Outcome:
    """What one measurement came to.

    Args:
        lines: For the table.
        peers: Lines of the table of peers.
        series: Points of the picture: topic → (x, CPU seconds, megabytes).
        skipped: Why it was not measured; empty if it was.
    """

    lines: Sequence[Line] = ()
    peers: Sequence[dict[str, str]] = ()
    series: dict[str, list[tuple[float, float, float]]] = field(default_factory=dict)
    skipped: str = ""


class Bench:
    """The surroundings of all measurements.

    Args:
        folder: Everything is written here.
        sizes: How much.
        exports: Folder of the exports; they are worth keeping.
    """

    def __init__(self, folder: Path, sizes: Sizes, *, exports: Path | None = None) -> None:
        self.folder = folder
        self.sizes = sizes
        self.exports = exports or folder
        self._numbers = count(1)
        self.mapping = write_mapping(folder / "export.yml")

    def export(self, rows: int, *, columns: int = len(COLUMNS), notes: int = 0, valid: bool = True) -> Path:
        """An export of so many rows; written once."""
        name = f"export-{rows}-{columns}-{notes}{'' if valid else '-invalid'}.csv"
        return write_export(self.exports / name, rows, columns=columns, notes=notes, valid=valid)

    def fresh(self) -> Path:
        """A folder that nobody has used."""
        folder = self.folder / f"run-{next(self._numbers)}"
        folder.mkdir()
        return folder

    def program(self, name: str, *arguments: object) -> Cost:
        """Run one of the small programs."""
        return run([PYTHON, "-m", f"benchmarks.programs.{name}", *arguments], folder=self.folder)

    def importer(self, *arguments: object, accept: Sequence[int] = (0,), module: str = "importer") -> Cost:
        """Run the command."""
        return run([PYTHON, "-m", module, *arguments], folder=self.folder, accept=accept)

    def import_run(self, export: Path, url: str, *more: object, created: int | None = None, **options: Any) -> Cost:
        """Import ``export`` into a new ledger, which is deleted again.

        Args:
            export: The export.
            url: Where to.
            more: More arguments; they may name another mapping.
            created: So many cases must have come of it.
            options: See :meth:`importer`.
        """
        folder = self.fresh()
        mapping = () if "--mapping" in more else ("--mapping", self.mapping)
        try:
            cost = self.importer("run", export, *mapping, "--out", folder, "--api-url", url, "--json", *more, **options)
        finally:
            shutil.rmtree(folder)
        totals = cost.json["totals"]
        assert created is None or totals["created"] == created, totals
        return cost


Measurement = Callable[[Bench], Outcome]
_ALL: dict[str, tuple[str, Measurement]] = {}


def measurement(name: str, about: str) -> Callable[[Measurement], Measurement]:
    """Enter a function among the measurements, in the order of the table."""

    def enter(function: Measurement) -> Measurement:
        _ALL[name] = (about, function)
        return function

    return enter


def measurements() -> Iterator[tuple[str, str, Measurement]]:
    """All of them: name, what it is about, the function."""
    from benchmarks import rows  # noqa: F401  (enters them)

    for name, (about, function) in _ALL.items():
        yield name, about, function
