"""What tests of the command line meet: a server that reads titles, and an import that has ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from program import Ended, Program

from importer.delivery import circuit_breaker, rate_limit

#: What the server does to a row with these words in its title.
REFUSED = "refuse me"
LOST_AFTER = "save me and drop the line"
LOST_BEFORE = "drop the line on me"
HANGS = "save me and hang"

PLAN: dict[str, Any] = {
    "name": "by title",
    "rules": [
        {"do": "status", "status": 422, "title": REFUSED},
        {"do": "drop", "save": True, "title": LOST_AFTER},
        {"do": "drop", "save": False, "title": LOST_BEFORE},
        {"do": "hang", "save": True, "title": HANGS},
    ],
}


def write_env(path: Path, **variables: str) -> Path:
    """A settings file that only its owner can read."""
    path.write_text("".join(f"{name}={value}\n" for name, value in variables.items()), encoding="utf-8")
    path.chmod(0o600)
    return path


@contextmanager
def in_a_hurry(patience: float) -> Iterator[None]:
    """A build that probes ten times a second during an outage, and gives up after so many seconds."""
    circuit_breaker.PATIENCE, rate_limit.PROBE_EVERY = patience, 0.1
    yield


class Import(NamedTuple):
    """An import that has ended; not to be changed."""

    program: Program
    folder: Path
    run: Ended
