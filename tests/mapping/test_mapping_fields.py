"""`fields:`: labels become option keys, and only fields that the account has and uses are taken."""

from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapping_files import CASE, Bind, Load

from importer.errors import MappingError
from importer.mapping import Mapping
from importer.mapping.custom_fields import COMPARED_MAX, fields_text, read_fields
from importer.models import Row
from importer.talkdesk.fields import FieldDefinition, Option

FIELDS = """\
version: 1
fields:
  drop_down1:
    name: Channel
    options: [{key: "1", label: E-mail}, {key: "2", label: "1"}, {key: "3", label: Fax}, {key: "4", label: FAX}]
  dependent_field1:
    name: Place
    options: [{key: a, label: A, options: [{key: ab, label: A, options: [{key: abc, label: C}]}]}, {key: b, label: B}]
  drop_down3: {name: Level, options: [{key: "007", label: Low}, {key: abc, label: High}]}
  text1: {name: Old id}
  memo: {name: Memo, type: multi_line_text}
  odd: {name: Odd, type: "009"}
  text2: {name: Gone, active: false}
"""
WITH_FIELDS = CASE.replace("case:", "fields: fields.yml\ncase:")


@pytest.fixture(autouse=True)
def fields_file(tmp_path: Path) -> Path:
    path = tmp_path / "fields.yml"
    path.write_text(FIELDS)
    return path


@pytest.mark.parametrize(
    ("field", "cell", "becomes"),
    [
        ("drop_down1: A", " e-MAIL ", "1"),
        ("drop_down1: A", "1", "2"),
        ("drop_down1: A", "2", "2"),
        ("drop_down1: {column: A, values: {fax: '3'}, ignore: case}", "FAX", "3"),
        ("drop_down1: {value: e-mail}", "", "1"),
        ("drop_down1: {column: A, default: e-mail}", "", "1"),
        ("dependent_field1: A", "a, A,c", ["a", "ab", "abc"]),
        ("dependent_field1: {column: A, separator: ' > '}", "B > ", ["b"]),
        ("dependent_field1: {column: A, values: {here: 'A,A'}}", "here", ["a", "ab"]),
        ("dependent_field1: {template: '{A}/{B}', separator: /}", "A", ["a"]),
        ("memo: A", " a\n", " a\n"),
        ("drop_down1: {column: A, type: integer}", " e-MAIL ", 1),
        ("drop_down1: {column: A, type: integer}", "1", 2),
        ("drop_down1: {column: A, type: integer}", "02", 2),
        ("drop_down1: {column: A, type: integer, values: {post: e-mail}}", "post", 1),
        ("drop_down1: {value: e-mail, type: integer}", "", 1),
        ("dropdown1: A", "e-mail", "1"),
        ("dropdown1: {column: A, type: integer}", "e-mail", 1),
        ("drop_down3: {column: A, type: integer}", "7", 7),
    ],
)
def test_labels_become_keys(bind: Bind, field: str, cell: str, becomes: object) -> None:
    mapped = bind(WITH_FIELDS + f"  custom_fields:\n    {field}\n", "ID|T|D|A|B").apply(
        Row(2, ("1", "T", "D", cell, ""))
    )
    assert orjson.loads(mapped.body or b"{}").get("custom_fields") == {field.partition(":")[0]: becomes}, mapped.errors


@pytest.mark.parametrize(
    ("field", "cell", "code", "words"),
    [
        ("drop_down1: A", "E-mial", "unknown_option", "did you mean 'E-mail'?"),
        ("drop_down1: A", "?", "unknown_option", "options: 'E-mail', '1', 'Fax'"),
        ("drop_down1: A", "fax", "ambiguous_option", "matches several options of 'Channel' (drop_down1): 3, 4"),
        (
            "dependent_field1: A",
            "A,B",
            "unknown_option",
            "contains 'B', which is not an option of 'Place' (depen",
        ),
        ("drop_down3: {column: A, type: integer}", "8", "unknown_option", "is not an option of 'Level' (drop_down3)"),
        ("drop_down3: {column: A, type: integer}", "high", "not_an_integer", "is the option 'abc' of 'Level'"),
        ("dependent_field1: A", "B,A", "unknown_option", "remove it: this level has no options"),
    ],
)
def test_what_is_no_option_is_said_with_the_nearest(bind: Bind, field: str, cell: str, code: str, words: str) -> None:
    mapper = bind(WITH_FIELDS + f"  custom_fields: {{{field}}}\n", "ID|T|D|A")
    (error,) = mapper.apply(Row(2, ("1", "T", "D", cell))).errors
    assert (error.code, error.column) == (code, "A")
    assert words in f"{error.rule}; {error.hint}"


def test_a_column_of_anything_is_not_compared_with_the_options_for_ever(bind: Bind) -> None:
    mapper = bind(WITH_FIELDS + "  custom_fields: {drop_down1: A}\n", "ID|T|D|A")
    rows = [Row(2, ("1", "T", "D", f"E-mial {n}")) for n in range(COMPARED_MAX)]
    hints = [mapped.errors[0].hint for mapped in mapper.apply_all(rows)]
    assert hints[0] == "did you mean 'E-mail'?"
    assert hints[-1].startswith("options: 'E-mail', ")


def test_nor_is_it_compared_with_all_words_of_a_large_table(bind: Bind) -> None:
    words = ", ".join(f"'number {n}': LOW" for n in range(COMPARED_MAX // 10))
    mapper = bind(CASE + f"  priority: {{column: A, values: {{urgent: URGENT, {words}}}}}\n", "ID|T|D|A")
    mapped = mapper.apply_all([Row(2, ("1", "T", "D", f"urgend {n}")) for n in range(11)])
    assert [each.errors[0].suggestion for each in (mapped[0], mapped[-1])] == ["urgent", ""]


def test_rows_that_are_filtered_are_not_compared_at_all(bind: Bind) -> None:
    words = ", ".join(f"'number {n}': LOW" for n in range(COMPARED_MAX // 10))
    text = CASE + f"  priority: {{column: A, values: {{urgent: URGENT, {words}}}}}\n"
    mapper = bind(text.replace("{key: ID}", "{key: ID, skip: \"T == 'spam'\"}"), "ID|T|D|A")
    rows = [Row(2, ("1", "spam", "D", f"urgend {n}")) for n in range(11)]
    *filtered, kept = mapper.apply_all([*rows, Row(13, ("2", "T", "D", "urgend"))])
    assert all(each.filtered_by for each in filtered)
    assert kept.errors[0].suggestion == "urgent"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            WITH_FIELDS + "  custom_fields: {text3: A}\n",
            "m.yml:7:19: the account has no custom field 'text3'\n",
        ),
        (
            WITH_FIELDS + "  custom_fields: {dropdown2: A}\n",
            "m.yml:7:19: the account has no custom field 'dropdown2'\n",
        ),
        (
            WITH_FIELDS + "  custom_fields: {memos: A}\n",
            "m.yml:7:19: the account has no custom field 'memos'\n",
        ),
        (
            WITH_FIELDS + "  custom_fields: {' place': A}\n",
            "no custom field ' place'\n  hint: this is the name of",
        ),
        (WITH_FIELDS + "  custom_fields: {text2: A}\n", "m.yml:7:19: the custom field 'text2' (Gone) is not active"),
        (WITH_FIELDS + "  custom_fields: {odd: A}\n", "m.yml:7:19: the definition of 'odd' has an unknown type"),
        (WITH_FIELDS + "external_id_field: text9\n", "m.yml:7:20: the account has no custom field 'text9'"),
        (
            WITH_FIELDS + "external_id_field: drop_down1\n",
            "m.yml:7:20: 'drop_down1' cannot be used",
        ),
        (
            WITH_FIELDS + "  custom_fields: {drop_down1: {value: Phone}}\n",
            "m.yml:7:39: 'Phone' is not an option",
        ),
        (
            WITH_FIELDS + "  custom_fields: {dependent_field1: {column: A, type: list}}\n",
            "m.yml:7:55: custom_fields.dependent_field1 does not accept `type: list`\n  hint: it accepts path",
        ),
        (CASE + "fields:\n", "m.yml:6:1: expected a text"),
        (
            CASE + "fields: nowhere.yml\n",
            "m.yml:6:9: file not found: 'nowhere.yml'\n  hint: paths are relative",
        ),
        (CASE + "fields: .\n", "m.yml:6:9: '.' is not a file"),
        (CASE + 'fields: "a\\0b"\n', "m.yml:6:9: file not found"),
    ],
)
def test_what_does_not_fit_the_account_has_its_place(load: Load, text: str, message: str) -> None:
    with pytest.raises(MappingError) as caught:
        load(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "fields.yml:1:1: the file is not a fields file"),
        (b"\xff\xfe", "fields.yml:1:1: the file is not a fields file"),
        (b"{}", "m.yml:3:9: fields.yml contains no custom field definitions"),
        (b"[{", "m.yml:3:9: fields.yml contains no custom field definitions"),
        (b"[" * 9999, "m.yml:3:9: fields.yml contains no custom field definitions"),
        (b"a:\n\t- b", "fields.yml:2:1: the file is not a fields file"),
        (
            b"version: 1\nfields: {a: {name: A, actve: no}}",
            "fields.yml:2:30: the file is not a fields file",
        ),
        (
            b"version: 1\nfields: {a: {name: A, options: [{label: x}]}}",
            "fields.yml:2:33: the file is not a fields file",
        ),
        (b"version: 1\nfields: {a: {name: A}, a: {name: B}}", "fields.yml:2:24: the file is not a fields file"),
        (b"version: 1\nfields: &a {b: {name: *a}}", "fields.yml:2:9: the file is not a fields file"),
        (b"#" * (16 * 1024 * 1024 + 1), "m.yml:3:9: fields.yml is larger than 16 MiB"),
    ],
)
def test_a_file_that_is_no_file_of_fields(load: Load, fields_file: Path, content: bytes, message: str) -> None:
    fields_file.write_bytes(content)
    with pytest.raises(MappingError) as caught:
        load(WITH_FIELDS)
    assert message in str(caught.value)


def test_solving_needs_the_required_fields_that_are_active_in_either_spelling(bind: Bind, fields_file: Path) -> None:
    options = "options: [{key: '1', label: Mail}]"
    fields_file.write_text(
        f"version: 1\nfields:\n  drop_down1: {{name: Channel, required: true, {options}}}\n"
        "  text1: {name: Must, required: true}\n  text2: {name: Gone, required: true, active: false}\n"
    )
    solved = "after_create: {status: {value: RESOLVED}, resolution: D, custom_fields: {text1: B}}\n"
    mapper = bind(WITH_FIELDS + "  custom_fields: {dropdown1: A}\n" + solved, "ID|T|D|A|B")
    rules = [
        [error.rule for error in mapper.apply(Row(2, ("1", "t", "d", *cells))).errors]
        for cells in (("Mail", "b"), ("", "b"), ("Mail", ""))
    ]
    what = "solves the case, which needs a value in "
    assert [[rule.partition(what)[2] for rule in row] for row in rules] == [[], ["drop_down1"], ["text1"]]


def test_the_bare_answer_of_the_api_will_do(load: Load, fields_file: Path) -> None:
    fields_file.write_text('[{"key": "assign_reason", "type": "001", "dict_list": [{"key": "1", "value": "low"}]}]')
    mapper = load(WITH_FIELDS + "  custom_fields: {assign_reason: {value: LOW}}\n").bind(("ID", "T", "D"))
    assert b'"assign_reason":"1"' in (mapper.apply(Row(2, ("1", "T", "D"))).body or b"")


def test_a_text_field_of_any_name_can_have_the_external_id(load: Load) -> None:
    mapping: Mapping = load(WITH_FIELDS + "external_id_field: memo\n")
    assert b'"memo":"1"' in (mapping.bind(("ID", "T", "D")).apply(Row(2, ("1", "T", "D"))).body or b"")


def test_a_change_of_the_file_is_a_change_of_the_mapping(load: Load, fields_file: Path) -> None:
    before, alone = load(WITH_FIELDS).sha256, load(CASE).sha256
    assert load(WITH_FIELDS).sha256 == before != alone
    fields_file.write_text(FIELDS + "# changed\n")
    assert load(WITH_FIELDS).sha256 != before


def tree(keys: st.SearchStrategy[str], labels: st.SearchStrategy[str]) -> st.SearchStrategy[Option]:
    leaf = st.builds(Option, key=keys, label=labels)
    return st.recursive(
        leaf,
        lambda inner: st.builds(Option, key=keys, label=labels, children=st.lists(inner, max_size=2).map(tuple)),
        max_leaves=4,
    )


anything = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=5)
one_line = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=5)
definitions = st.builds(
    FieldDefinition,
    key=anything,
    name=one_line,
    type=anything,
    active=st.booleans(),
    options=st.lists(tree(anything, one_line), max_size=2).map(tuple),
    required=st.booleans(),
)


@given(st.lists(definitions, max_size=2, unique_by=lambda definition: definition.key))
def test_what_is_written_is_read_back_the_same(fields: list[FieldDefinition]) -> None:
    text = fields_text(fields, account="https://api.example (account acme)")
    assert list(read_fields(text.encode(), "fields.yml").values()) == fields
