from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from program import SandboxProcess, sandbox_process
from scenes import PLAN

sys.path.append(str(Path(__file__).parents[1] / "delivery"))  # for virtual_time


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """One API for all proofs; it outlives whoever talks to it. Each campaign has keys of its own."""
    with sandbox_process(tmp_path_factory.mktemp("server"), faults=PLAN) as server:
        yield server
