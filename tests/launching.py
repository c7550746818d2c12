"""The program in child processes that start quickly and can be changed before: killed at a point, or built wrong.

The program itself knows nothing of this. A child is forked from a process that has imported everything and done
nothing yet, so that it starts in milliseconds; then it is changed, then it runs the ordinary command line.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from multiprocessing import forkserver
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from unittest.mock import patch

from ended import PATIENCE, Ended, environment
from ledgers import memory

#: What is done to a child before it runs the command line. It travels by pickle.
Change = Callable[[], AbstractContextManager[object]]

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["preloaded", "launching"])
#: Whoever starts a child also collects others that have ended; two threads must not collect the same one.
_COLLECTING = threading.Lock()


class Child:
    """One run of the command in a process of its own.

    Args:
        folder: The working directory.
        arguments: The command line.
        change: What is different about this build.
        variables: Variables of the environment.
        terminal: The device of the terminal at which somebody watches, if anybody does.
    """

    def __init__(
        self,
        folder: Path,
        *arguments: object,
        change: Change = nullcontext,
        variables: dict[str, str] | None = None,
        terminal: str | None = None,
    ) -> None:
        self._written = tempfile.TemporaryDirectory(prefix="case-importer-test-", dir=memory())
        self._outputs = [Path(self._written.name, name) for name in ("stdout", "stderr")]
        for output in self._outputs:
            output.touch(0o600)  # it may be killed before it opens them
        words = [str(argument) for argument in arguments]
        streams = [terminal] * 3 if terminal else [os.devnull, *map(str, self._outputs)]
        with _COLLECTING:  # else the first child of another thread may be changing the environment
            own = environment(**(variables or {}))
        self.process = forked(_become, folder, words, change, own, streams)

    def ends_within(self, seconds: float) -> bool:
        """Whether it has ended, or does so within some time. May be asked while others start children."""
        return bool(wait([self.process.sentinel], seconds))

    @property
    def out(self) -> str:
        """What it has printed so far."""
        return self._outputs[0].read_text(encoding="utf-8")

    def send(self, number: int) -> None:
        """Send it a signal."""
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        """Kill it, and wait until it is gone."""
        self.process.kill()
        self.end()

    def end(self, patience: float = PATIENCE) -> Ended:
        """How it ended, within so many seconds; -9 is SIGKILL."""
        if not self.ends_within(patience):
            self.process.kill()
            raise AssertionError("the program got stuck")
        with _COLLECTING:
            self.process.join()
        with self._written:
            out, err = (path.read_text(encoding="utf-8") for path in self._outputs)
        assert self.process.exitcode is not None
        return Ended(self.process.exitcode, out, err)


def run(folder: Path, *arguments: object, **options: object) -> Ended:
    """One run of the command, to its end."""
    return Child(folder, *arguments, **options).end()  # type: ignore[arg-type]


def forked(target: Callable[..., object], *arguments: object) -> BaseProcess:
    """A process that has begun to do this."""
    process: BaseProcess = _FORKS.Process(target=target, args=arguments, daemon=True)
    with _COLLECTING:
        # Whoever is first starts the process that all are forked from; it finds :mod:`preloaded` by its path.
        with patch.dict(os.environ, PYTHONPATH=str(Path(__file__).parent)):
            forkserver.ensure_running()
        process.start()
    return process


def _become(folder: Path, arguments: list[str], change: Change, variables: dict[str, str], streams: list[str]) -> None:
    gc.freeze()  # what it has inherited is no garbage
    import_module("preloaded")  # is there already; where it cannot be loaded, that is said only here
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    tempfile.tempdir = None  # TMPDIR counts, whatever the process has found that it was forked from
    for number, path in enumerate(streams):
        os.dup2(os.open(path, os.O_RDWR | os.O_NOCTTY), number)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False))
    sys.argv = ["case-importer", *arguments]
    from importer.cli import main

    with change():
        main()
