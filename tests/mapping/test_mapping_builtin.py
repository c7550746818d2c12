"""The built-in mappings: they fit fair exports of their systems, and are listed and copied."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from program import Program

from importer import check
from importer.errors import MappingError
from importer.mapping import json_schema, load_mapping
from importer.mapping.builtin import SCHEMA_FILE, builtin_names
from importer.models import Row

MAPPINGS = Path(__file__).resolve().parents[2] / "mappings"
#: The columns without which a mapping makes no sense, and the cells of a ticket in them.
LEAST = {
    "freshdesk": {"Ticket Id": "1", "Subject": "Hi"},
    "glpi": {"ID": "1", "Title": "Hi"},
    "glpi-fr": {"ID": "1", "Titre": "Hi"},
    "hubspot": {"Record ID": "1", "Ticket name": "Hi"},
    "intercom": {"conversation_id": "1", "message_body": "Hi"},
    "jira": {"Key": "1", "Summary": "Hi"},
    "jira-cloud": {"Issue key": "1", "Summary": "Hi"},
    "jira-cloud-de": {"Schlüssel": "1", "Zusammenfassung": "Hi"},
    "osticket": {"Number": "1", "Subject": "Hi"},
    "redmine": {"#": "1", "Subject": "Hi"},
    "salesforce": {"Id": "500A", "CaseNumber": "1", "Subject": "Hi"},
    "servicenow": {"number": "1", "short_description": "Hi"},
    "zammad": {"#": "1", "Title": "Hi"},
    "zendesk": {"id": "1", "subject": "Hi"},
}


@pytest.mark.parametrize("name", builtin_names())
def test_a_built_in_mapping_needs_little_more_than_key_and_title(name: str) -> None:
    mapped = load_mapping(name).bind(tuple(LEAST[name])).apply(Row(2, tuple(LEAST[name].values())))
    assert mapped.errors == ()
    body = json.loads(mapped.body or b"")
    assert (mapped.key, body["title"], body["custom_fields"]["text1"]) == ("1", "Hi", "1")
    assert all(note["note_body"].strip() for note in body.get("notes", ()))


def test_what_misses_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("Name,Place\nAna,Lisbon\n", "utf-8")
    with pytest.raises(MappingError) as refused:
        check(tmp_path / "t.csv", "salesforce")
    first, hint = str(refused.value).splitlines()
    assert first.startswith("t.csv: 19 of the 19 columns of salesforce are not in this export: 'CaseNumber', ")
    assert first.endswith("and 14 more; your columns that nothing reads: 'Name', 'Place'")
    assert f"case-importer suggest {tmp_path / 't.csv'} -o mine.yml" in hint


def test_columns_may_have_other_names_or_be_absent_everywhere(tmp_path: Path) -> None:
    """In conditions, notes, lookups, lists, parent rows and values set later; a repeated key is joined as always."""
    (tmp_path / "agents.csv").write_text("name,id\nana,u1\n", "utf-8")
    (tmp_path / "m.yml").write_text(
        """
version: 1
source:
  key: Id
  columns:
    Id: [Number, No]
    State: {also: [Status], optional: true}
    Agent: {optional: true}
    Comment: {optional: true}
    Parent: {optional: true}
    Mail: {also: [E-mail], optional: true}
  skip: "State == 'spam' or Agent == 'robot'"
case:
  title: Subject
  description: {template: "{Subject} of {Mail}{Agent}\\nAgent: {Agent}"}
  parent_id: {record: Parent}
  owner_id: {lookup: {file: agents.csv, key: name, by: Agent, value: id}}
  requester_email: {first: [Agent, Mail]}
  custom_fields: {text2: {column: State, values: {a: b}, ignore: case}}
  notes: [{each: Comment}, {body: Agent}]
after_create: {status: {column: State, values: {a: OPEN}, ignore: case}}
""",
        "utf-8",
    )
    mapper = load_mapping(tmp_path / "m.yml").bind(("No", "Subject", "Status", "E-mail"))
    mapped = mapper.apply(Row(2, ("7", "Hi", "A", "ana@example.com")))
    assert json.loads(mapped.body or b"") == {
        "title": "Hi",
        "description": "Hi of ana@example.com",
        "requester_email": "ana@example.com",
        "custom_fields": {"text2": "b"},
    }
    assert [json.loads(update.body) for update in mapped.case_updates] == [{"status": "OPEN"}]
    (wrong,) = mapper.apply(Row(3, ("8", "Hi", "A", "nobody"))).errors
    assert (wrong.column, wrong.code) == ("E-mail", "not_an_email")
    assert mapper.apply(Row(4, ("9", "Hi", "spam", ""))).filtered_by
    with pytest.raises(MappingError, match="has no column 'Id'"):
        load_mapping(tmp_path / "m.yml").bind(("Subject",))


def test_built_in_mappings_are_listed_and_copied(program: Program, tmp_path: Path) -> None:
    listed = program("mappings").out
    assert all(f"{name} " in listed for name in builtin_names())
    copied = program("mappings", "copy", "zendesk", "-o", "mine.yml")
    assert "Change it, then run: case-importer check FILE --mapping mine.yml" in copied.out
    assert (tmp_path / "mine.yml").read_bytes() == (MAPPINGS / "zendesk.yml").read_bytes()
    assert json.loads((tmp_path / SCHEMA_FILE).read_text("utf-8")) == json_schema()
    again = program("mappings", "copy", "zendesk", "-o", "mine.yml")
    assert (again.code, "the file already exists" in again.err) == (2, True)
    unknown = program("mappings", "copy", "zendes")
    assert (unknown.code, "did you mean 'zendesk'?" in unknown.err) == (2, True)


def test_editors_find_the_schema_next_to_the_mappings() -> None:
    """It is written by: case-importer schema > mappings/mapping.schema.json"""
    schema = json.loads((MAPPINGS / SCHEMA_FILE).read_text("utf-8"))
    assert schema == json_schema()
    assert schema["$id"].startswith("urn:")
    jsonschema.Draft202012Validator.check_schema(schema)
    for name in builtin_names():
        first, *_ = (MAPPINGS / f"{name}.yml").read_text("utf-8").splitlines()
        assert first == f"# yaml-language-server: $schema={SCHEMA_FILE}"
