"""Real mapping files in a temporary folder."""

from pathlib import Path

import pytest
from mapping_files import Bind, Load

from importer.mapping import Mapping, load_mapping


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads a mapping from its text."""
    monkeypatch.chdir(tmp_path)

    def load_text(text: str) -> Mapping:
        Path("m.yml").write_bytes(text.encode("utf-8", "surrogatepass"))
        return load_mapping("m.yml")

    return load_text


@pytest.fixture
def bind(load: Load) -> Bind:
    """Binds a mapping, given as its text, to columns."""
    return lambda text, columns: load(text).bind(tuple(columns.split("|")))
