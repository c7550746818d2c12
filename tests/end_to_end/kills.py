"""A run that is killed again and again, at moments drawn from a seed, until it is let finish."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from history import History, most_in_a_second, read_history
from launching import Child
from program import Ended, Program, SandboxProcess, until
from tickets import MAPPING, tickets, write_tickets

from importer.errors import ExitCode

#: Runs after the last kill. One is enough unless the faults use up the attempts of a row: then the program says so.
_FINISHING_RUNS = 5


class Moment(NamedTuple):
    """When to kill: so many seconds after the start, or after the first request of this run."""

    sending: bool
    seconds: float

    def __str__(self) -> str:
        return f"{self.seconds:.4f} s after {'its first request' if self.sending else 'the start'}"


def moments(rng: random.Random) -> Iterator[Moment]:
    """Three in four while requests are under way, from a tenth of a millisecond on; the rest anywhere before."""
    while True:
        if rng.random() < 0.75:
            yield Moment(True, 10 ** rng.uniform(-4, -0.3))
        else:
            yield Moment(False, rng.uniform(0, 1.5))


@dataclass
class Campaign:
    """One export, one ledger, one server, many deaths.

    Attributes:
        program: The command, logged in.
        server: Where cases are made; lives on while the program dies.
        rows: Rows of the export.
        seed: Of the moments of the kills.
        rate: Requests a second that are never to be exceeded.
        workers: Requests at once.
        killed: The moments at which a running program was killed.
        rebuilt: How often the ledger was made again from the account, because its log was damaged.
        ended: The end of the last run, the one that was left alone.
        history: What really happened.
        creates: Requests to create a case that the server got.
        most_in_a_second: Cases that the server made in its busiest second.
    """

    program: Program
    server: SandboxProcess
    rows: int
    seed: int
    rate: int
    workers: int
    killed: list[Moment] = field(default_factory=list)
    rebuilt: int = 0
    ended: Ended = field(init=False)
    history: History = field(init=False)
    creates: int = field(init=False)
    most_in_a_second: int = field(init=False)

    def __post_init__(self) -> None:
        self._keys = [ticket.id for ticket in tickets(self.rows)]
        write_tickets(self.program.folder / "t.csv", tickets(self.rows))
        (self.program.folder / "m.yml").write_text(MAPPING, encoding="utf-8")

    @property
    def out(self) -> Path:
        """The folder of ledger and reports."""
        return self.program.folder / "out"

    @property
    def _command(self) -> tuple[object, ...]:
        return self._verb("run")

    def _verb(self, name: str) -> tuple[object, ...]:
        how = ("--api-url", self.server.url, "--rate", self.rate, "--concurrency", self.workers)
        return (name, "t.csv", "--mapping", "m.yml", "--out", "out", "--quiet", *how)

    def kill(self, times: int, *, is_damaging: bool = False) -> None:
        """Start the same command so many times, and kill it each time; then damage the log of the ledger, if so."""
        rng = random.Random(self.seed)
        for moment, _ in zip(moments(rng), range(times), strict=False):
            if is_damaging:
                self._damage(rng)
            child = self.program.fork(*self._command)
            if moment.sending:
                self._wait_for_a_request(child)
            if child.ends_within(moment.seconds):
                story = f"killed {'; '.join(map(str, self.killed))}; seed {self.seed}"
                raise AssertionError(f"the run ended by itself: {child.end()}; {story}")
            child.kill()
            self.killed.append(moment)

    def _damage(self, rng: random.Random) -> None:
        """Flip some bits of the log. If the ledger is refused for it, make it again from the account."""
        log = self.out / "ledger.db-wal"
        if not log.exists() or not log.stat().st_size:
            return
        content = bytearray(log.read_bytes())
        for _ in range(rng.choice((1, 8, 64))):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        log.write_bytes(content)
        looked = self.program("reconcile", "--ledger", log.with_name("ledger.db"), "--api-url", self.server.url)
        if looked.code == ExitCode.LEDGER:
            self.out.rename(self.program.folder / f"damaged-{len(self.killed)}")
            self.program(*self._verb("rebuild"))
            self.rebuilt += 1

    def _wait_for_a_request(self, child: Child) -> None:
        before = self.server.creates()
        until(lambda: self.server.creates() > before or child.ends_within(0), what="a request")

    def finish(self) -> None:
        """The same command once more, left alone; again while it asks for that. Then ask the server for the truth."""
        for _ in range(_FINISHING_RUNS):
            self.ended = self.program.fork(*self._command).end(60 + self.rows / 20)
            if self.ended.code != ExitCode.TEMPORARY:
                break
        cases = self.server.cases()
        self.creates = self.server.creates()
        self.most_in_a_second = most_in_a_second(_moment(case["created"]) for case in cases)
        self.history = read_history(self.out / "ledger.db", keys=self._keys, cases=cases)

    def story(self) -> str:
        """How to do it again, and what went wrong."""
        deaths = "; ".join(map(str, self.killed))
        return self.history.story(seed=self.seed, creates=self.creates, ended=self.ended, killed=deaths)


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
