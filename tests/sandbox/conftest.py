from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from sandbox_client import Live


@pytest.fixture
def open_sandbox() -> Iterator[Callable[..., Live]]:
    """Starts sandboxes, and stops them after the test."""
    with contextlib.ExitStack() as running:

        def start(**options: Any) -> Live:
            return running.enter_context(Live(**options))

        yield start


@pytest.fixture
def live(open_sandbox: Callable[..., Live]) -> Live:
    """A sandbox with default settings."""
    return open_sandbox()


@pytest.fixture(scope="session")
def conforms() -> Callable[[str, Any], None]:
    """Asserts that an answer is one the contract describes: ``conforms("created", answer)``."""
    contract = json.loads((Path(__file__).parent / "contract.json").read_text(encoding="utf-8"))

    def check(name: str, answer: Any) -> None:
        schema = {"$ref": f"#/$defs/{name}", "$defs": contract["$defs"]}
        jsonschema.validate(answer, schema, cls=jsonschema.Draft202012Validator)

    return check
