from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def tmp_path(memory_path: Path) -> Path:
    """Quick, as nothing here depends on what the disk is."""
    return memory_path
