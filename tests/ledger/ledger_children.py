"""Processes of their own for the tests of the ledger: ``ledger_children.py SCENARIO PATH …``.

They report in lines on standard output, and most of them end by being killed.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

from ledgers import do, stage, valid

from importer.errors import CaseImporterError
from importer.ledger import Ledger, LedgerView, LedgerWriter, staging


def say(text: object) -> None:
    print(text, flush=True)


def kill_me() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def hold(path: Path) -> None:
    """Hold the ledger until killed."""
    with Ledger(path, verb="run"):
        say("held")
        signal.pause()


def hold_and_leave_a_child(path: Path) -> None:
    """End properly while a child lives on that was started under the lock."""
    with Ledger(path, verb="run"):
        silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
        number = os.posix_spawn("/bin/sleep", ["sleep", "60"], {}, file_actions=silent)
    say(number)


def open_often(path: Path, times: str) -> None:
    """Try to open the ledger so many times; says what happened and how long the longest try took."""
    longest = 0.0
    for _ in range(int(times)):
        begun = time.monotonic()
        say(attempt(path))
        longest = max(longest, time.monotonic() - begun)
    say(longest)


def attempt(path: Path) -> str:
    try:
        with Ledger(path, verb="run"):
            return "opened"
    except CaseImporterError as error:
        return f"{type(error).__name__} {int(error.exit_code)}"


def killed_while_staging(path: Path, batches: str) -> None:
    """Enter so many batches of 100 rows of a source of 1,000, then die."""
    ledger = Ledger(path, verb="run")
    source = stage(ledger, [], finish=False)
    for batch in range(int(batches)):
        staging.add_rows(ledger, source, [valid(f"K{batch}-{number}") for number in range(100)])
    kill_me()


def killed_behind_the_fence(path: Path) -> None:
    """Die right after the fence of the first record is on disk."""
    ledger = Ledger(path, verb="run")
    do(ledger, lambda: ledger.mark_sending(1))
    kill_me()


def without_rights(path: Path) -> None:
    """Open ledger and view as somebody who may read but not write here."""
    os.setgid(65534)
    os.setuid(65534)
    for opens in (lambda: Ledger(path, verb="run"), lambda: LedgerView(path)):
        try:
            opens().__exit__(None, None, None)
            say("opened")
        except CaseImporterError as error:
            say(f"{int(error.exit_code)} {error.what}")


def full_disk_while_staging(path: Path) -> None:
    """Read rows in until the disk is full, then see what is left of it."""
    try:
        with Ledger(path, verb="run") as ledger:
            source = stage(ledger, [], finish=False)
            for batch in range(10_000):
                staging.add_rows(ledger, source, [valid(f"K{batch}-{number}") for number in range(100)])
    except CaseImporterError as error:
        say(f"{int(error.exit_code)} {error.what}")
    say(attempt(path))


def full_disk_at_the_fence(path: Path, runs_before: str) -> None:
    """Mark three rows, and more on a disk that has become full; then make room and look again."""
    for number in range(int(runs_before) + 1):
        with suppress(CaseImporterError), Ledger(path, verb="run") as ledger:
            if number == 0:
                stage(ledger, [valid(f"K{number}") for number in range(200)])
            if number == int(runs_before):
                for record in (1, 2, 3):
                    do(ledger, lambda record=record: ledger.mark_sending(record))
                fill(path.with_name("filler"))
                asyncio.run(_fence_next(ledger))
        del ledger
        gc.collect()  # SQLite closes connections that are forgotten, as it does when a process ends
    path.with_name("filler").unlink()
    with Ledger(path, verb="run") as ledger:
        say(sorted((str(state), count) for state, count in ledger.counts().items()))


async def _fence_next(ledger: Ledger) -> None:
    """The log may have some room left from what was folded into the ledger."""
    async with LedgerWriter(ledger) as writer:
        for record in range(4, 200):
            try:
                await writer.mark_sending(record)
            except CaseImporterError as error:
                say(error.what)
                say(record - 1)
                return


def fill(filler: Path) -> None:
    """Write until nothing more goes onto the disk."""
    with filler.open("wb", buffering=0) as file:
        for size in (4096, 1):
            with suppress(OSError):
                while True:
                    os.write(file.fileno(), b"x" * size)


def fence_and_send(path: Path, rows: str, synchronous: str) -> None:
    """Mark rows one after the other, and send a request over a socket as soon as each fence is up."""
    asyncio.run(_fence_and_send(path, int(rows), synchronous))


async def _fence_and_send(path: Path, rows: int, synchronous: str) -> None:
    here, there = socket.socketpair()
    with Ledger(path, verb="run") as ledger, here, there:
        stage(ledger, [valid(f"K{number}") for number in range(rows)])
        ledger.connection.execute(f"PRAGMA synchronous={synchronous}")
        async with LedgerWriter(ledger) as writer:
            for number in range(1, rows + 1):
                await writer.mark_sending(number)
                here.send(b"POST /cm/core/va/cases")


def main(scenario: str, path: str, *more: str) -> None:
    globals()[scenario](Path(path), *more)


if __name__ == "__main__":
    main(*sys.argv[1:])
