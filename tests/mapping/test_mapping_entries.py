"""Notes from parts of cells: where they are taken apart, what their values read, and what is wrong with them."""

from typing import Any

import orjson
import pytest
from mapping_files import CASE, Bind, Load

from importer.errors import MappingError
from importer.models import Mapped, Row

PARTS = "each: {column: C, separator: ;, into: [date, author, text]}"


def notes_of(mapped: Mapped) -> list[tuple[Any, ...]]:
    assert mapped.body is not None, mapped.errors
    return [tuple(note.values()) for note in orjson.loads(mapped.body).get("notes", ())]


def test_the_last_part_takes_the_rest_and_is_the_body(bind: Bind) -> None:
    mapper = bind(CASE + f"  notes: [{{{PARTS}, title: author}}]\n", "ID|C|T|D|C")
    row = Row(2, ("1", "d1;ana;a;b\n;c;", "T", "D", "d2;;last"))
    assert notes_of(mapper.apply(row)) == [("ana", "a;b\n;c;", False), ("last", False)]


def test_an_entry_whose_last_part_is_empty_is_no_note(bind: Bind) -> None:
    mapper = bind(CASE + f"  notes: [{{{PARTS}}}]\n", "ID|T|D|C")
    assert notes_of(mapper.apply(Row(2, ("1", "T", "D", "d;ana; ")))) == []


def test_parts_hide_columns_of_the_same_name_and_other_columns_are_there(bind: Bind) -> None:
    text = CASE + f"  notes: [{{{PARTS}, title: {{template: '{{author}} {{T}}'}}}}]\n"
    mapper = bind(text, "ID|author|T|D|C|text")
    row = Row(2, ("1", "column", "T", "D", "d;part;x", "column"))
    assert notes_of(mapper.apply(row)) == [("part T", "x", False)]
    assert mapper.columns_used == {"ID", "T", "D", "C"}, "the columns that parts hide are not read"


def test_the_external_id_does_not_shift_the_parts(bind: Bind) -> None:
    mapper = bind("external_id_field: text1\n" + CASE + f"  notes: [{{{PARTS}, title: date}}]\n", "ID|T|D|C")
    mapped = mapper.apply(Row(2, ("1", "T", "D", "d;a;x")))
    assert notes_of(mapped) == [("d", "x", False)]
    assert orjson.loads(mapped.body or b"")["custom_fields"] == {"text1": "1"}


def test_a_condition_is_asked_of_each_entry(bind: Bind) -> None:
    mapper = bind(CASE + f"  notes: [{{{PARTS}, when: \"author == 'ana' and T != ''\"}}]\n", "ID|T|D|C|C")
    assert notes_of(mapper.apply(Row(2, ("1", "T", "D", "d;ana;x", "d;bo;y")))) == [("x", False)]


def test_an_entry_with_too_few_parts_is_named_and_the_others_are_looked_at(bind: Bind) -> None:
    text = CASE + f"  notes: [{{{PARTS}, public: {{column: author}}}}]\n"
    mapped = bind(text, "ID|T|D|C|C|C").apply(Row(2, ("1", "T", "D", "d;ana", "d;yes;x", "d;who;y")))
    assert [(error.code, error.column, error.value, error.target) for error in mapped.errors] == [
        ("too_few_parts", "C", "d;ana", "notes"),
        ("not_a_boolean", "author", "who", "notes.public"),
    ]
    assert mapped.errors[0].rule == "has 2 of 3 parts separated by ';' (date, author, text)"


def test_an_entry_with_too_few_parts_can_be_taken_whole(bind: Bind) -> None:
    text = CASE + f"  notes: [{{{PARTS.replace(']}', '], short: keep}')}, title: date}}]\n"
    assert notes_of(bind(text, "ID|T|D|C").apply(Row(2, ("1", "T", "D", "d;ana")))) == [("d;ana", False)]


def test_a_cell_can_hold_several_entries(bind: Bind) -> None:
    text = CASE + "  notes: [{each: {column: C, entries: '|', separator: ':', into: [who, what]}, title: who}]\n"
    mapper = bind(text, "ID|T|D|C|C")
    row = Row(2, ("1", "T", "D", "a:one| |b:two|", "c:three"))
    assert notes_of(mapper.apply(row)) == [("a", "one", False), ("b", "two", False), ("c", "three", False)]
    plain = bind(CASE + "  notes: [{each: {column: C, entries: '|'}}]\n", "ID|T|D|C")
    assert notes_of(plain.apply(Row(2, ("1", "T", "D", "a| b")))) == [("a", False), (" b", False)]


def test_texts_that_count_as_no_value_are_no_entries(bind: Bind) -> None:
    text = CASE.replace("{key: ID}", "{key: ID, empty: '-'}") + "  notes: [{each: C}]\n"
    assert notes_of(bind(text, "ID|T|D|C|C").apply(Row(2, ("1", "T", "D", "-", "x")))) == [("x", False)]


def test_a_title_that_repeats_the_part_that_is_the_body_is_cut(bind: Bind) -> None:
    mapper = bind(CASE + f"  notes: [{{{PARTS}, title: text}}]\n", "ID|T|D|C")
    ((title, body, _),) = notes_of(mapper.apply(Row(2, ("1", "T", "D", "d;a;" + "x" * 300))))
    assert (len(title), len(body)) == (255, 300)


@pytest.mark.parametrize(
    ("note", "what"),
    [
        ("{each: {column: C, separator: ;}}", "`separator` and `into` go together"),
        ("{each: {column: C, into: [a]}}", "`separator` and `into` go together"),
        ("{each: {column: C, separator: ;, into: []}}", "the list is empty"),
        ("{each: {column: C, separator: ;, into: [a, a]}}", "two parts have the same name"),
        ("{each: {column: C, separator: '', into: [a]}}", "expected a text"),
        ("{each: {column: C, short: keep}}", "`short` has no effect without `into`"),
        ("{each: {column: C, separator: ;, into: [a], short: drop}}", "'drop' is not a valid value"),
        ("{each: {column: C, key: K}}", "`key` has no effect without `file`"),
        ("{each: {column: C, separatr: ;}}", "did you mean 'separator'?"),
        ("{each: {}}", "these notes have no source"),
        ("{each: {file: f, column: C, key: K}, body: B}", "`column` and `file` cannot be used together"),
        ("{each: {file: f}, body: B}", "`file` needs a `key`"),
        ("{each: {file: f, key: K}}", "notes from a file need a `body`"),
        ("{each: {file: f, key: K, entries: x}, body: B}", "`entries` has no effect without `column`"),
        ("{each: {file: f, key: [K, L]}, body: B}", "`key` has 2 columns, but `by` has 1"),
        (
            "{each: {file: f, key: K, order: {column: A, type: list}}, body: B}",
            "notes.order does not accept",
        ),
        ("{each: {file: f, key: K, order: []}, body: B}", "the list is empty"),
        ("{title: A}", "this note has no body"),
        ("{each: C, title: Dat}", "the export has no column 'Dat'"),
        (f"{{{PARTS}, title: autor}}", "did you mean 'author'?"),
        ("{each: {column: Z}}", "the export has no column 'Z'"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(load: Load, note: str, what: str) -> None:
    with pytest.raises(MappingError) as caught:
        load(CASE + f"  notes:\n    - {note}\n").bind(("ID", "T", "D", "C"))
    assert what in str(caught.value)
    assert str(caught.value).startswith("m.yml:7:")


def test_an_empty_line_between_entries_is_one_in_files_of_every_system(bind: Bind) -> None:
    """A line break of Windows has two characters, which are no empty line."""
    mapper = bind(CASE + '  notes: [{each: {column: C, entries: "\\n\\n"}}]\n', "ID|T|D|C")
    for end in ("\n", "\r\n", "\r"):
        text = end.join(["Dear Ana,", "the toner", "", "Thanks", "Bo"])
        mapped = mapper.apply(Row(2, ("1", "T", "D", text)))
        assert notes_of(mapped) == [(f"Dear Ana,{end}the toner", False), (f"Thanks{end}Bo", False)]
