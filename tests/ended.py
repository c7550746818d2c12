"""What all ways to run the program share: the environment that it gets, and how it ended."""

from __future__ import annotations

import json
import os
import re
from typing import Any, NamedTuple

#: Seconds after which something must have got stuck. Nothing is ever measured against it.
PATIENCE = 100.0

_WHAT_CHANGES_US = re.compile(r"CASE_IMPORTER_|TQDM_|(COLUMNS|LINES|NO_COLOR|FORCE_COLOR)$")


class Ended(NamedTuple):
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What ``--json`` printed: one object and nothing else."""
        return json.loads(self.out)

    @property
    def counts(self) -> dict[str, int]:
        """The states that have records, as ``--json`` printed them."""
        result = self.json
        return counts_of(result.get("run", result)["totals"])


def counts_of(totals: dict[str, Any]) -> dict[str, int]:
    """The states that have records; the totals must match."""
    states = {name: count for name, count in totals.items() if name not in ("read", "match")}
    assert totals["match"] is True
    assert sum(states.values()) == totals["read"]
    return {state: count for state, count in states.items() if count}


def environment(**more: str) -> dict[str, str]:
    """This process's environment without anything that changes what the program does, and with ``more``."""
    return {name: value for name, value in os.environ.items() if not _WHAT_CHANGES_US.match(name)} | more
