"""What the proofs send, and a server that reads in the title of a ticket what to do to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from history import History, read_history
from launching import Change, run
from program import Ended, SandboxProcess
from tickets import MAPPING, Ticket, write_tickets

from importer.errors import ExitCode

#: In the title and at the end of the key: the case is made, and the answer is lost.
LOST = "-lost"
#: The case is made after three seconds.
SLOW = "-slow"
#: The case is made, and the answer is no HTTP.
GARBLED = "-garbled"
#: The case is made, and the answer sends the client to the same address again.
MOVED = "-moved"

#: Longer than this server ever takes unless a title says otherwise, and longer than a run that follows a killed one
#: stands still at first: what is sent then proves to the searches that the list is up to date.
SETTLE_DELAY = "1.5"

PLAN: dict[str, Any] = {
    "name": "by title",
    "rules": [
        {"do": "drop", "save": True, "title": LOST},
        {"do": "slow", "delay_ms": 3000, "title": SLOW},
        {"do": "garbage", "title": GARBLED},
        {"do": "redirect", "status": 307, "location": "/cm/core/va/cases", "save": True, "title": MOVED},
    ],
}


def rows(prefix: str, count: int, *, every: int = 0, fate: str = "") -> list[Ticket]:
    """So many tickets, each ``every``-th of which meets a fate."""
    ends = [fate if every and number % every == 0 else "" for number in range(1, count + 1)]
    return [Ticket(f"{prefix}-{n:03}{end}", f"Ticket {prefix}-{n:03}{end}") for n, end in enumerate(ends, 1)]


@dataclass
class Campaign:
    """One export, one ledger, and every run of the same command until all is done.

    Attributes:
        folder: Where the program runs.
        server: Where cases are made.
        tickets: The export.
        options: Further flags of the command.
        variables: Further variables of the environment.
        ends: How the runs ended, in order.
    """

    folder: Path
    server: SandboxProcess
    tickets: Sequence[Ticket]
    options: tuple[object, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    ledger_folder: Path | None = None
    ends: list[Ended] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        write_tickets(self.folder / "t.csv", self.tickets)
        (self.folder / "m.yml").write_text(MAPPING, encoding="utf-8")

    @property
    def ledger(self) -> Path:
        return (self.ledger_folder or self.folder / "out") / "ledger.db"

    @property
    def command(self) -> tuple[object, ...]:
        """What is started again and again."""
        where = ("--ledger", self.ledger, "--out", "out", "--api-url", self.server.url)
        return ("run", "t.csv", "--mapping", "m.yml", "--quiet", *where, *self.options)

    @property
    def environment(self) -> dict[str, str]:
        return {"CASE_IMPORTER_SETTLE_DELAY": SETTLE_DELAY, **self.server.login, **self.variables}

    def run(self, **options: Change) -> Ended:
        """The command once."""
        self.ends.append(run(self.folder, *self.command, variables=self.environment, **options))
        return self.ends[-1]

    def retry(self) -> Ended:
        """What a person does next who believes the reports: send again what was refused, and search nothing."""
        verb = ("retry", "--quiet", "--accept-existing", "--ledger", self.ledger, "--api-url", self.server.url)
        self.ends.append(run(self.folder, *verb, variables=self.environment))
        return self.ends[-1]

    def finish(self) -> History:
        """The command again for as long as it asks for that; then the truth."""
        for _ in range(4):
            if self.run().code != ExitCode.TEMPORARY:
                break
        return self.history()

    def history(self) -> History:
        """What really happened."""
        return read_history(self.ledger, keys=[ticket.id for ticket in self.tickets], cases=self.cases())

    def cases(self) -> list[dict[str, Any]]:
        """What the server made of this export."""
        keys = {ticket.id for ticket in self.tickets}
        return [case for case in self.server.cases() if case["custom_fields"].get("text1") in keys]

    def standing(self, state: str) -> int:
        """Records in a state."""
        return self._number("SELECT count(*) FROM record WHERE state = ?", state)

    def requests(self) -> int:
        """Requests to create a case, as the ledger has them."""
        return self._number("SELECT sum(attempts) FROM record")

    def _number(self, query: str, *values: str) -> int:
        with closing(sqlite3.connect(f"{self.ledger.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return int(connection.execute(query, values).fetchone()[0])

    def story(self, history: History, **circumstances: object) -> str:
        """How to do it again, and what went wrong."""
        ends = " | ".join(f"{end.code} {end.err.strip()[-300:]}" for end in self.ends)
        return history.story(**circumstances, ends=ends)
