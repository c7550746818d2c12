"""From an unknown export to cases in one go: suggest, check, preview, run; compared with readings made by hand."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from suggest_exports import SAMPLES, Sample

from importer import Settings, State, check, preview, run_import
from importer.errors import SourceError
from importer.verbs.suggest import suggest_mapping

pytestmark = pytest.mark.slow


@pytest.fixture(params=SAMPLES, ids=lambda sample: sample.name)
def sample(request: pytest.FixtureRequest) -> Sample:
    return request.param


@pytest.fixture
def export(sample: Sample, tmp_path: Path) -> Path:
    path = tmp_path / sample.name
    sample.save(path)
    return path


def test_the_encoding_is_proposed(sample: Sample, export: Path) -> None:
    """Never used unasked; but what is proposed has to be right."""
    if "encoding" not in sample.reading:
        return
    with pytest.raises(SourceError) as error:
        suggest_mapping(export)
    assert re.search(rf"--encoding {sample.reading['encoding']}( |$)", error.value.hint)


def test_the_cases_are_those_that_a_person_reads(sample: Sample, export: Path) -> None:
    mapping = _suggested(sample, export)
    rows = [row for row in preview(export, mapping, count=100, **sample.reading) if row.body is not None]
    seen = [{"key": row.key} | _body(row.body) for row in rows]
    assert len(seen) == len(sample.expected)
    for found, expected in zip(seen, sample.expected, strict=True):
        assert _telling(found, expected) == expected


def test_check_and_run_agree(sample: Sample, export: Path, tmp_path: Path) -> None:
    mapping, expected = _suggested(sample, export), len(sample.expected)
    counts = check(export, mapping, **sample.reading).totals.counts
    assert (counts[State.PENDING], counts[State.SKIPPED]) == (expected, sample.filtered)
    settings = Settings(sandbox=True, rate=200)
    result = run_import(export, mapping, out=tmp_path / "out", settings=settings, **sample.reading)
    counts = result.totals.counts
    assert (counts[State.CREATED], counts[State.SKIPPED]) == (expected, sample.filtered)


def test_the_mapping_says_what_was_guessed(sample: Sample, export: Path) -> None:
    text = _suggested(sample, export).read_text("utf-8").replace("\n#   ", " ").replace("\n  #   ", " ")
    for words in sample.said:
        assert words in text


def _suggested(sample: Sample, export: Path) -> Path:
    path = export.parent / "mapping.yml"
    path.write_text(suggest_mapping(export, **sample.reading).text, encoding="utf-8")
    return path


def _body(body: Any) -> dict[str, Any]:
    return body if isinstance(body, dict) else json.loads(body)


def _telling(found: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    """What ``expected`` speaks of; texts that only have to be contained are shortened to what was expected."""
    seen = found | {"created": found.get("custom_fields", {}).get("date1")}
    bodies = [note["note_body"] for note in found.get("notes", [])]
    if "note" in expected:
        seen["note"] = next((expected["note"] for body in bodies if expected["note"] in body), bodies)
    if seen["description"].startswith(expected["description"]):
        seen["description"] = expected["description"]
    return {name: seen.get(name) for name in expected}
