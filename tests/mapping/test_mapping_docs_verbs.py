"""docs/mapping.md: every example goes through the public verbs, from a file to what a sandbox keeps."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from mapping_page import EXAMPLES, Example, expected_of, write_export, write_files

from importer import Settings, check, preview, run_import
from importer.errors import ExitCode, MappingError
from importer.models import State
from importer.verbs.rehearse import rehearse

pytestmark = pytest.mark.slow

ROWS = [example for example in EXAMPLES if example.rows]
REFUSED = [example for example in EXAMPLES if example.message]
SANDBOX = Settings(sandbox=True)
READING = {"encoding": "utf-8", "delimiter": ","}


def names(examples: list[Example]) -> list[str]:
    """``types-2`` for the second of these examples in the section "Types"."""
    seen: Counter[str] = Counter()
    found = []
    for example in examples:
        section = example.section.split(":")[0].strip("`").replace(" ", "-").lower()
        seen[section] += 1
        found.append(f"{section}-{seen[section]}")
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with the files that the page shows."""
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    return tmp_path


def write(example: Example) -> None:
    Path("m.yml").write_text(example.mapping, encoding="utf-8")
    write_export(Path("t.csv"), example)


def expected_states(example: Example) -> dict[State, int]:
    """How many rows are invalid, filtered, and sent."""
    expected = [expected_of(sent) for _, sent in example.rows]
    invalid = sum(sent.startswith("error") for _, sent in example.rows)
    filtered = expected.count("filtered")
    states = {State.INVALID: invalid, State.SKIPPED: filtered, State.CREATED: len(expected) - invalid - filtered}
    return {state: count for state, count in states.items() if count}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("example", ROWS, ids=names(ROWS))
def test_check_and_preview_take_an_example(example: Example) -> None:
    write(example)
    counts = Counter(check("t.csv", "m.yml", **READING).totals.counts)
    counts[State.CREATED] = counts.pop(State.PENDING, 0) + counts.pop(State.WAITING, 0)
    assert +counts == expected_states(example)
    if example.is_linked:  # which id a parent has, and what is wrong with a link, preview cannot know
        return
    for row, (_, sent) in zip(preview("t.csv", "m.yml", count=99, **READING), example.rows, strict=True):
        found: Any = "filtered" if row.filtered else [error.code for error in row.errors]
        if row.body is not None:
            bodies = [example.shown(json.loads(row.body)), *map(json.loads, row.case_updates)]
            found = bodies if row.case_updates else bodies[0]
        assert found == expected_of(sent)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("example", ROWS, ids=names(ROWS))
def test_run_and_rehearse_take_an_example(example: Example) -> None:
    """What the page says is sent is what the sandbox keeps: it has the fields that the mapping names."""
    write(example)
    expected = expected_states(example)
    result = run_import("t.csv", "m.yml", settings=SANDBOX, out="out", **READING)
    assert result.error is None
    assert +result.totals.counts == expected
    assert stored(Path(result.ledger), example) == kept(result.reports.results, example)
    rehearsal = rehearse("t.csv", "m.yml", profile="calm", **READING)
    assert +rehearsal.run.totals.counts == expected
    assert rehearsal.exit_code == (ExitCode.ROWS_FAILED if State.INVALID in expected else ExitCode.OK)


def stored(ledger: Path, example: Example) -> dict[str, dict[str, Any]]:
    """Case id → what the sandbox keeps of the request, and of the updates that followed it."""
    if State.CREATED not in expected_states(example):  # then it was never started
        return {}
    with sqlite3.connect(f"{ledger}.sandbox") as database:
        rows = database.execute("SELECT id, content FROM cases")
        cases = {str(case_id): json.loads(content) for case_id, content in rows}
    database.close()
    return {ident: example.shown(sent(case)) for ident, case in cases.items()}


def sent(case: dict[str, Any]) -> dict[str, Any]:
    custom = {key: entry["value"] for key, entry in case["custom_fields"].items()}
    notes = [{name: note[name] for name in ("note_title", "note_body", "public")} for note in case["notes"]]
    plain = ("title", "description", "parent_id", "owner_id", "priority", "requester_email", "requester_name")
    plain = (*plain, "status", "type", "resolution")
    body = {name: case.get(name) for name in plain} | {"custom_fields": custom, "notes": notes}
    if case["group_id"] != "agents":  # which every new case has
        body["group_id"] = case["group_id"]
    if case["requester_email"] == "api-client@sandbox.example":  # whom a case without requester is from
        del body["requester_email"], body["requester_name"]
    if body.get("requester_name") == body.get("requester_email"):  # how somebody without a name is called
        body.pop("requester_name", None)
    return {name: value for name, value in body.items() if value}


def kept(results: Path, example: Example) -> dict[str, dict[str, Any]]:
    """Case id → what the page says is sent, in the form of :func:`sent`."""
    with results.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    ids = {row["key"]: row["case_id"] for row in rows}
    found = {}
    for row, (_, text) in zip(rows, example.rows, strict=True):
        expected = expected_of(text)
        if row["state"] != State.CREATED:
            assert row["code"] == (expected if expected == "filtered" else expected[0])
            continue
        body, *updates = expected if isinstance(expected, list) else [expected]
        notes = [{"note_title": "", **note} for part in (body, *updates) for note in part.get("notes", ())]
        custom = dict(body.get("custom_fields", {}))
        body = {"status": "OPEN" if body.get("owner_id") else "NEW", **body}
        for update in updates:
            custom |= {key: packed["value"] for key, packed in update.get("custom_fields", {}).items()}
            body |= update
        body |= {"notes": notes, "custom_fields": custom, "parent_id": parent_of(body, ids)}
        body.pop("requester_type", None)  # the only one that there is
        found[row["case_id"]] = {name: value for name, value in body.items() if value}
    return found


def parent_of(body: dict[str, Any], ids: dict[str, str]) -> str | None:
    """The page writes "case of 1" for the case of the row with the key 1."""
    parent: str | None = body.get("parent_id")
    return ids[parent.removeprefix("case of ")] if parent and parent.startswith("case of ") else parent


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("example", REFUSED, ids=names(REFUSED))
def test_every_verb_refuses_an_example_alike(example: Example) -> None:
    Path("m.yml").write_text(example.mapping, encoding="utf-8")
    Path("t.csv").write_text(f"{','.join(example.header) or 'ID'}\n1\n", encoding="utf-8")
    verbs = {
        "check": lambda: check("t.csv", "m.yml"),
        "preview": lambda: preview("t.csv", "m.yml"),
        "run": lambda: run_import("t.csv", "m.yml", settings=SANDBOX, out="out"),
        "rehearse": lambda: rehearse("t.csv", "m.yml", profile="calm"),
    }
    for name, verb in verbs.items():
        with pytest.raises(MappingError) as caught:
            verb()
        assert str(caught.value) == example.refusal, name
