from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ledgers import do, invalid, mark_one, settle_one, stage, valid

from importer.ledger import Ledger
from importer.ledger.records import Outcome
from importer.models import State


@pytest.fixture
def tmp_path(memory_path: Path) -> Path:
    """Quick, as nothing here depends on what the disk is."""
    return memory_path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a ledger may be made."""
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    """A new, empty ledger."""
    with Ledger(path, verb="run") as opened:
        yield opened


@pytest.fixture
def mixed(ledger: Ledger) -> Ledger:
    """One row in each state that a run can leave behind, and one more that is pending."""
    stage(
        ledger,
        [valid(key, row=row, subject=f"Subject of {key}") for row, key in enumerate("ABCDEA", 2)]
        + [invalid("", row=8, code="missing_key"), invalid("=G", row=9)],
    )
    outcomes = {
        1: Outcome(State.CREATED, "77", 201, "created"),
        2: Outcome(State.REFUSED, None, 422, "0900001", "no such owner"),
        3: Outcome(State.UNKNOWN, None, None, "timeout", "no answer in time"),
        4: Outcome(State.UNKNOWN, None, 500, "http_500", "HTTP 500"),
    }
    for number, outcome in outcomes.items():
        do(ledger, lambda number=number: mark_one(ledger, number))
        do(ledger, lambda number=number, outcome=outcome: settle_one(ledger, number, State.SENDING, outcome))
    two = Outcome(State.DUPLICATE, None, None, "duplicate", "looked up: there are 2 cases: 78, 79")
    do(ledger, lambda: settle_one(ledger, 4, State.UNKNOWN, two))
    return ledger
