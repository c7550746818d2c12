"""What the sandbox takes in a rehearsal: Talkdesk's own sample case, and the custom fields of the account."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from program import PATIENCE, Program, sandbox_process
from talkdesk_sample import SAMPLE, sent, write_sample

pytestmark = pytest.mark.slow

#: Fields that no sandbox has of its own, as an account answers them.
FIELDS = [
    {"key": "text12", "name": "Old id", "type": "010", "required": False, "active": True, "dict_list": []},
    {"key": "text25", "name": "Customer", "type": "010", "required": True, "active": True},
    {"key": "drop_down7", "name": "Channel", "type": "001", "dict_list": [{"key": "010", "lable": "Fax"}]},
    {"key": "reason", "name": "Reason", "type": "001", "dict_list": [{"key": "1", "text": "Low", "children": None}]},
    {"key": "odd", "name": "Odd", "type": "099"},
]
WITH_FIELDS = """\
version: 1
source: {key: Id}
fields: fields.json
external_id_field: text12
case:
  title: Subject
  description: {value: Imported}
  custom_fields:
    text25: Customer
    drop_down7: Channel
    reason: {column: Reason, type: integer}
"""
ROWS = "Id,Subject,Customer,Channel,Reason\nT-1,Hi,Acme,fax,low\n"


def stored(program: Program, ledger: str) -> list[dict[str, Any]]:
    """The cases that the embedded sandbox keeps next to a ledger."""
    with (
        sandbox_process(program.folder, "--store", f"{ledger}.sandbox") as server,
    ):
        return server.cases()


def write_with_fields(folder: Path) -> None:
    (folder / "fields.json").write_text(json.dumps(FIELDS), encoding="utf-8")
    (folder / "m.yml").write_text(WITH_FIELDS, encoding="utf-8")
    (folder / "t.csv").write_text(ROWS, encoding="utf-8")


def test_the_sample_case_is_mapped_as_the_reference_has_it(program: Program) -> None:
    write_sample(program.folder)
    ended = program("preview", "sample.csv", "-m", "sample.yml", "--json")
    assert ended.json["body"] == SAMPLE
    assert list(ended.json["body"]["custom_fields"]) == list(SAMPLE["custom_fields"])


def test_the_sample_case_is_imported_into_the_sandbox(program: Program) -> None:
    """Its parent, case 1 of another account, is no case of the sandbox, and then it is a subcase there."""
    write_sample(program.folder, rows=2)
    ended = program("run", "sample.csv", "-m", "sample.yml", "--sandbox", "--out", "out", "--json")
    assert (ended.code, ended.counts) == (0, {"created": 2})
    assert [sent(case) for case in stored(program, "out/ledger.db")] == [SAMPLE, SAMPLE]


def test_the_sample_case_is_rehearsed(program: Program) -> None:
    write_sample(program.folder, rows=2)
    ended = program("rehearse", "sample.csv", "-m", "sample.yml", "--profile", "calm", "--json")
    assert (ended.code, ended.counts) == (0, {"created": 2})


def test_the_sandbox_has_the_fields_of_the_account(program: Program) -> None:
    write_with_fields(program.folder)
    ended = program("run", "t.csv", "-m", "m.yml", "--sandbox", "--out", "out", "--json")
    assert (ended.code, ended.counts) == (0, {"created": 1})
    (case,) = stored(program, "out/ledger.db")
    assert case["custom_fields"] == {"text25": "Acme", "drop_down7": "010", "reason": 1, "text12": "T-1"}


def test_a_rehearsal_has_the_fields_of_the_account(program: Program) -> None:
    write_with_fields(program.folder)
    ended = program("rehearse", "t.csv", "-m", "m.yml", "--profile", "calm", "--json")
    assert (ended.code, ended.counts) == (0, {"created": 1})


def test_without_definitions_the_sandbox_has_the_fields_that_the_mapping_names(program: Program) -> None:
    write_with_fields(program.folder)
    mapping = WITH_FIELDS.replace("fields: fields.json\n", "").replace(
        "    reason: {column: Reason, type: integer}\n", ""
    )
    (program.folder / "m.yml").write_text(mapping, encoding="utf-8")
    ended = program("run", "t.csv", "-m", "m.yml", "--sandbox", "--out", "out", "--json")
    assert (ended.code, ended.counts) == (0, {"created": 1})
    (case,) = stored(program, "out/ledger.db")
    assert case["custom_fields"] == {"text25": "Acme", "drop_down7": "fax", "text12": "T-1"}
    assert program("rehearse", "t.csv", "-m", "m.yml", "--profile", "calm", "-q").code == 0


def test_a_retry_finds_the_same_fields_without_the_mapping(program: Program) -> None:
    """The second row is sent by a command that knows the ledger alone."""
    write_with_fields(program.folder)
    (program.folder / "t.csv").write_text(f"{ROWS}T-2,Hi,Acme,fax,low\n", encoding="utf-8")
    program("run", "t.csv", "-m", "m.yml", "--sandbox", "--out", "out", "--limit", 1)
    ended = program("retry", "--ledger", "out/ledger.db", "--sandbox", "--json")
    assert (ended.code, ended.counts) == (0, {"created": 2})


def test_a_sandbox_alone_takes_its_fields_from_a_file(program: Program) -> None:
    """Both forms of the file: the bare answer of an account, and what ``case-importer fields --save`` writes."""
    write_with_fields(program.folder)
    with sandbox_process(program.folder, "--fields", program.folder / "fields.json", "--static-token", "t") as server:
        online = program.having(CASE_IMPORTER_API_URL=server.url, CASE_IMPORTER_TOKEN="t")
        online("fields", "--save", "saved.yml")
        assert online("run", "t.csv", "-m", "m.yml", "-q").code == 0
        first = fields_of(server.url)
    assert [field["key"] for field in first] == ["text12", "text25", "drop_down7", "reason"], "odd is of no known kind"
    assert [field["required"] for field in first] == [False, True, False, False]
    with sandbox_process(program.folder, "--fields", program.folder / "saved.yml", "--static-token", "t") as server:
        assert fields_of(server.url) == first


def fields_of(url: str) -> list[dict[str, Any]]:
    request = urllib.request.Request(f"{url}/cm/meta/va/fields", headers={"Authorization": "Bearer t"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        fields: list[dict[str, Any]] = json.load(answer)
    return fields


def test_a_sandbox_alone_takes_the_ids_of_another_account_if_told_so(program: Program) -> None:
    write_sample(program.folder, rows=2)
    with sandbox_process(program.folder, "--any-ids", "--static-token", "t") as server:
        online = program.having(CASE_IMPORTER_API_URL=server.url, CASE_IMPORTER_TOKEN="t")
        assert online("run", "sample.csv", "-m", "sample.yml", "-q").code == 0
        assert [sent(case) for case in server.cases()] == [SAMPLE, SAMPLE]


def test_a_fields_file_that_is_none(program: Program) -> None:
    (program.folder / "m.yml").write_text("version: 1\nsource: {key: Id}\n", encoding="utf-8")
    ended = program("sandbox", "--port", 0, "--fields", "m.yml")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: m.yml:")
    missing = program("sandbox", "--port", 0, "--fields", "none.yml")
    assert (missing.code, missing.out) == (2, "")
    assert "none.yml: cannot read the fields file" in missing.err
