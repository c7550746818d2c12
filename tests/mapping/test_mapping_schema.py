"""The JSON Schema that editors get agrees with what the loader takes."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from mapping_files import CASE, HEAD, Load
from ruamel.yaml import YAML

import importer
from importer.errors import MappingError
from importer.mapping import json_schema
from importer.mapping.converters import TYPES

BUNDLED = sorted((Path(importer.__file__).parents[1] / "mappings").glob("*.yml"))


def valid(text: str) -> bool:
    """Whether an editor would accept it, which reads YAML with its types."""
    return jsonschema.Draft202012Validator(json_schema()).is_valid(YAML(typ="safe", pure=True).load(text))


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_every_key_has_a_title_and_a_description() -> None:
    schema = json_schema()
    for owner in (schema, *schema["$defs"].values()):
        for key, described in owner["properties"].items():
            assert described.get("title"), key
            assert described.get("description"), key


def test_null_is_no_value_anywhere() -> None:
    def walk(node: Any) -> None:
        if isinstance(node, dict):
            assert node.get("type") != "null"
            for child in node.values():
                walk(child)
        if isinstance(node, list):
            for child in node:
                walk(child)

    walk(json_schema())


def test_the_types_are_listed() -> None:
    assert json_schema()["$defs"]["ValueForm"]["properties"]["type"]["enum"] == list(TYPES)


@pytest.mark.parametrize("file", BUNDLED, ids=lambda file: file.stem)
def test_a_bundled_mapping_is_valid(file: Path) -> None:
    assert valid(file.read_text("utf-8"))


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (CASE, True),
        (CASE + "  requester_name: {column: 7, values: {1: LOW, x: no}, default: true}\n", True),
        (CASE + "  requester_name: {first: [A, {column: B, occurrence: 2}]}\n", True),
        (CASE + "  custom_fields: {date1: {column: A, format: [iso, '%d.%m.%Y']}}\n", True),
        (CASE + "  notes: [{each: A, public: true}, {body: A, public: {column: B}}]\n", True),
        (CASE.replace("{key: ID}", "{key: [A, B], join: '-', empty: '-'}"), True),
        (CASE + "  priority: {value: LOW, when: empty(A)}\n  notes: [{body: A, when: empty(A)}]\n", True),
        (CASE + "  requester_name: {column: A, values: {1: x}, ignore: [case, blanks]}\n", True),
        (CASE + "  requester_name: {column: A, values: {1: x}, ignore: case, html: text}\n", True),
        (CASE + "  requester_name: {column: A, max: 9, overflow: note}\n", True),
        (CASE + "  priority: {column: A, html: yes}\n", False),
        (CASE + "  priority: {column: A, lookup: {file: o.csv, key: a, value: b}}\n", False),
        (CASE + "  priority: {lookup: {file: o.csv, key: a}}\n", False),
        (CASE.replace("title", "titel"), False),
        (CASE + "  custom_fields: {txt1: A}\n", False),
        (CASE + "  notes: [{title: A}]\n", False),
        (CASE + "  notes: [{body: A, each: B}]\n", True),
        (CASE + "  notes: [{body: A, each: {file: f, key: K, order: [B, {column: C, type: datetime}]}}]\n", True),
        (CASE + "  notes: [{each: {column: A, separator: ;, into: [a, b], short: keep, entries: x}}]\n", True),
        (CASE + "  notes: [{body: A, each: {file: f}}]\n", False),
        (CASE + "  notes: [{body: A, each: {key: K}}]\n", False),
        (CASE + "  notes: [{body: A, each: {column: A, file: f, key: K}}]\n", False),
        (CASE + "  priority: {column: A, template: '{B}'}\n", False),
        (CASE + "  priority: {}\n", False),
        (CASE + "  priority: {column: A, unknown: x}\n", False),
        (CASE + "  priority: {column: A, type: x}\n", False),
        (CASE + "  priority:\n", False),
        (HEAD, False),
        (CASE.replace("version: 1", "version: 2"), False),
    ],
)
def test_the_schema_and_the_loader_agree(load: Load, text: str, good: bool) -> None:
    assert valid(text) == good
    try:
        load(text)
        loaded = True
    except MappingError:
        loaded = False
    assert loaded == good


def test_files_next_to_the_mapping_are_named_in_a_form_that_editors_take() -> None:
    fields = CASE + "  custom_fields: {assign_reason: A}\n"
    assert not valid(fields)
    assert valid(fields + "fields: fields.yml\n")
    assert valid(CASE + "  owner_id: {lookup: {file: o.csv, key: [a, {column: b}], by: [c, d], value: e, sheet: 2}}\n")
