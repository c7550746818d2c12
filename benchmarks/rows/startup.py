"""What it costs to ask the program something small."""

from __future__ import annotations

import os
from collections.abc import Callable

from benchmarks.arithmetic import most, ratio
from benchmarks.bench import Bench, Line, Outcome, measurement
from benchmarks.measure import PYTHON, Cost, cpu, in_turns, run

_ROUNDS = 11


@measurement("startup", "--help, completion and status against a program that loads click alone")
def startup(bench: Bench) -> Outcome:
    bench.program("stage", bench.export(1), bench.mapping, bench.folder / "small.db")
    completion = {"_CASE_IMPORTER_COMPLETE": "bash_complete", "COMP_WORDS": "case-importer ru", "COMP_CWORD": "1"}
    # The entry point, as it is installed: `-m` would cost a look-up of its own.
    command = [PYTHON, "-c", "import sys; sys.argv[0] = 'case-importer'; from importer.cli import main; main()"]

    def ours(*arguments: object, **more: str) -> Callable[[], Cost]:
        return lambda: run(["env", *(f"{name}={value}" for name, value in more.items()), *command, *arguments],
                           folder=bench.folder)  # fmt: skip

    alone = f"{os.path.dirname(os.path.dirname(__file__))}/programs/click_alone.py"
    costs = in_turns(
        {
            "click": lambda: run(["env", PYTHON, alone, "--help"], folder=bench.folder),
            "--help": ours("--help"),
            "run --help": ours("run", "--help"),
            "completion": ours(**completion),
            "status": ours("status", "--ledger", bench.folder / "small.db"),
        },
        rounds=_ROUNDS,
    )
    click = costs.pop("click")
    return Outcome(
        [
            Line(
                name,
                ratio([cost.cpu for cost in own], [cost.cpu for cost in click]),
                "× the CPU of click alone",
                None if name == "status" else most(1.5),
                f"{cpu(own) * 1000:.0f} ms against {cpu(click) * 1000:.0f} ms",
            )
            for name, own in costs.items()
        ]
    )
