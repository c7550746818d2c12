from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from importer.ledger import Ledger


@pytest.fixture
def tmp_path(memory_path: Path) -> Path:
    """Quick, as nothing here depends on what the disk is."""
    return memory_path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a ledger may be made."""
    return tmp_path / "import" / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    """A new, empty ledger, held by this process."""
    with Ledger(path, verb="run") as opened:
        yield opened
