"""The commented `after_create` blocks of the built-in mappings fit the samples once the # is taken away."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import importer
from importer import State

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2]
#: The sample of each mapping; the others are called like the mapping.
SAMPLES = {
    "zendesk": "zendesk-tickets.csv",
    "jira": "jira-issues.csv",
    "servicenow": "servicenow-incidents.xlsx",
}
BLOCK = re.compile(r"^# after_create:\n(?:#   .*\n)+", re.MULTILINE)
MAPPINGS = sorted(path.stem for path in (PROJECT / "mappings").glob("*.yml"))


@pytest.mark.parametrize("name", MAPPINGS)
def test_a_block_solves_cases_and_makes_no_row_invalid(tmp_path: Path, name: str) -> None:
    text = (PROJECT / "mappings" / f"{name}.yml").read_text(encoding="utf-8")
    (block,) = BLOCK.findall(text)
    path = tmp_path / f"{name}.yml"
    path.write_text(text.replace(block, re.sub("(?m)^# ", "", block)), encoding="utf-8")
    sample = PROJECT / "sample_data" / SAMPLES.get(name, f"small/{name}.csv")
    plain, with_block = (importer.check(sample, mapping) for mapping in (name, path))
    new = {state: count for state, count in with_block.totals.counts.items() if state is not State.PENDING}
    assert new == {state: count for state, count in plain.totals.counts.items() if state is not State.PENDING}
    rows = importer.preview(sample, path, count=1000)
    assert any(b'"RESOLVED"' in body and b'"resolution"' in body for row in rows for body in row.case_updates)
