"""Of exports with known answers none is read wrongly, and what is wrong in a suggestion says CHECK."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from generated_exports import Export, make

from importer.mapping import load_mapping
from importer.reader import open_reader
from importer.suggest.suggesting import suggest
from importer.suggest.suggestion import Suggestion

SEEDS = range(40)
MANY = range(40, 540)


def wrong(export: Export, suggestion: Suggestion) -> list[str]:
    """What is not true and does not say so."""
    found = []
    for choice in suggestion.choices:
        role = export.truth[choice.column]
        if choice.mark != "CHECK" and choice.field not in ("other", "empty", role):
            found.append(f"{choice.column} is {role}, not {choice.field}")
    fields = {choice.field: choice for choice in suggestion.choices}
    said = " ".join(line.strip(" #") for line in suggestion.text.splitlines())
    if export.has_id and fields.get("key") is None:
        found.append("the id is not the key")
    if not export.has_id and "CHECK: no id column" not in said and "CHECK: no single column" not in said:
        found.append("a key is taken although there is no id")
    if export.is_history and "CHECK: a history" not in said:
        found.append("a history is not said to be one")
    return found + list(_wrong_cases(export, suggestion, said))


def _wrong_cases(export: Export, suggestion: Suggestion, said: str) -> list[str]:
    """Cases that are not what the rows mean."""
    path = export.path.parent / "mapping.yml"
    path.write_text(suggestion.text, encoding="utf-8")
    source = open_reader(export.path)
    mapper = load_mapping(path).bind(source.columns)
    rows = [row for chunk in source.chunks() for row in chunk.rows()]
    if [list(row.cells) for row in rows] != export.rows:
        return ["the rows are not those of the file"]
    found = []
    open_order = "could come first" in said
    keyed = export.columns.get("key")
    for number, (row, mapped) in enumerate(zip(rows, map(mapper.apply, rows), strict=True)):
        if mapped.body is None:
            found.append(f"row {number}: {[error.code for error in mapped.errors]}")
            continue
        body = json.loads(mapped.body)
        created = body.get("custom_fields", {}).get("date1", "")
        if created[:16] != export.created[number].isoformat()[:16] and not open_order:
            found.append(f"row {number}: created {created}, not {export.created[number]}")
        if "priority" in export.columns and body.get("priority") != export.levels[number]:
            found.append(f"row {number}: priority {body.get('priority')}, not {export.levels[number]}")
        if keyed and mapped.key != row.cells[export.header.index(keyed)]:
            found.append(f"row {number}: key {mapped.key}")
    return found[:3]


def check(seeds: range, folder: Path) -> None:
    failures = {}
    for seed in seeds:
        export = make(seed, folder)
        suggestion = suggest(open_reader(export.path), path=export.path)
        found = wrong(export, suggestion)
        if export.comments and f"{export.comments} of {export.comments} cells" not in suggestion.text:
            found.append("the comments are not joined")
        if found:
            failures[export.what] = found
    assert failures == {}


def test_no_guess_is_wrong_without_a_check(tmp_path: Path) -> None:
    check(SEEDS, tmp_path)


@pytest.mark.soak
def test_no_guess_is_wrong_without_a_check_in_many(tmp_path: Path) -> None:
    check(MANY, tmp_path)
