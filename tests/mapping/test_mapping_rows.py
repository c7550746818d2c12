"""The mapper as a whole: bytes, keys, and every error of a row at once."""

import gc

import orjson
import pytest
from mapping_files import CASE, Bind

from importer.mapping.converters import Target
from importer.models import FieldError, Mapped, Row

FULL = """\
version: 1
source: {key: ID, empty: [n/a]}
external_id_field: text1
case:
  requester_type: {value: Contact}
  requester_name: Name
  requester_email: Mail
  notes: [{title: {value: Note}, body: Note}]
  custom_fields: {multi_select1: Tags, date1: {column: Opened, timezone: Europe/Lisbon}}
  priority: {column: Priority, values: {low: LOW, high: HIGH}}
  owner_id: Owner
  parent_id: Parent
  description: {template: "{Body}\\n#{ID}"}
  title: Subject
"""
COLUMNS = "ID|Subject|Body|Priority|Name|Mail|Owner|Parent|Tags|Opened|Note|Other"
GOOD = ("7", "Hello", "World", "low", "Ana", "ana@example.com", "5f", "12", "a,b", "2024-07-12 10:00", "n", "o")


def test_the_bytes_are_in_the_order_of_the_api_whatever_the_order_of_the_mapping(bind: Bind) -> None:
    assert bind(FULL, COLUMNS).apply(Row(2, GOOD)) == Mapped(
        "7",
        b'{"title":"Hello","description":"World\\n#7","parent_id":"12","owner_id":"5f","priority":"LOW",'
        b'"custom_fields":{"multi_select1":["a","b"],"date1":"2024-07-12T09:00:00Z","text1":"7"},'
        b'"notes":[{"note_title":"Note","note_body":"n","public":false}],"requester_email":"ana@example.com",'
        b'"requester_name":"Ana","requester_type":"Contact"}',
    )


def test_a_whole_payload_is_checked_as_well(bind: Bind, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a single value was taken for, nothing is entered that the model of a case or an update refuses."""
    monkeypatch.setattr(Target, "check", lambda *_: None)
    case = bind(CASE + "  priority: B\n", "ID|T|D|B").apply(Row(2, ("7", "t", "d", "SOON")))
    assert (case.body, [error.target for error in case.errors]) == (None, ["priority"])
    update = bind(CASE + "after_create: {type: B}\n", "ID|T|D|B").apply(Row(2, ("7", "t", "d", "SOON")))
    assert (update.body, [error.target for error in update.errors]) == (None, ["type"])


def test_what_is_empty_is_left_out(bind: Bind) -> None:
    cells = ("7", "Hello", "World", "", " ", "n/a", "", "", ",", "", "", "")
    assert bind(FULL, COLUMNS).apply(Row(2, cells)).body == (
        b'{"title":"Hello","description":"World\\n#7","custom_fields":{"text1":"7"},"requester_type":"Contact"}'
    )


def test_all_errors_of_a_row_come_at_once_in_the_order_of_the_case(bind: Bind) -> None:
    cells = ("", "x" * 151, "x" * 2000, "lo", "a\x00", "ana", "x" * 256, "", "", "2024-03-31 01:30", "", "")
    mapped = bind(FULL, COLUMNS).apply(Row(2, cells))
    assert (mapped.key, mapped.body) == ("", None)
    assert [(error.code, error.column, error.target) for error in mapped.errors] == [
        ("missing_key", "ID", "source.key"),
        ("too_long", "Subject", "title"),
        ("too_long", "Body", "description"),
        ("too_long", "Owner", "owner_id"),
        ("unknown_value", "Priority", "priority"),
        ("nonexistent_time", "Opened", "custom_fields.date1"),
        ("not_an_email", "Mail", "requester_email"),
        ("bad_text", "Name", "requester_name"),
    ]
    title = mapped.errors[1]
    assert title.value == "x" * 79 + "…"
    assert title.rule == "has 151 characters (maximum 150)"
    assert all(error.rule and error.hint for error in mapped.errors)


@pytest.mark.parametrize("length", [150, 151])
def test_the_limit_of_the_title_counts_characters(bind: Bind, length: int) -> None:
    mapped = bind(CASE, "ID|T|D").apply(Row(2, ("1", "😀" * length, "D")))
    assert (mapped.body is not None) == (length == 150)


@pytest.mark.parametrize("length", [2000, 2001])
def test_the_limit_of_the_description(bind: Bind, length: int) -> None:
    mapped = bind(CASE, "ID|T|D").apply(Row(2, ("1", "T", "é" * length)))
    assert (mapped.body is not None) == (length == 2000)


@pytest.mark.parametrize(
    ("cell", "key"),
    [
        ("007", "007"),
        (" 7\t", "7"),
        ("1.0", "1.0"),
        ("é", "é"),
        ("e\u0301", "e\u0301"),
        ("a\nb", "a\nb"),
        ("x" * 255, "x" * 255),
    ],
)
def test_the_key_is_the_text_of_the_cell(bind: Bind, cell: str, key: str) -> None:
    mapped = bind(CASE + "external_id_field: text1\n", "ID|T|D").apply(Row(2, (cell, "T", "D")))
    assert mapped.key == key
    assert orjson.loads(mapped.body or b"")["custom_fields"] == {"text1": key}


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("", "missing_key"),
        (" \u3000", "missing_key"),
        ("a\x00", "bad_text"),
        ("\udfff", "bad_text"),
        ("x" * 256, "too_long"),
    ],
)
def test_a_bad_key_is_no_key(bind: Bind, cell: str, code: str) -> None:
    mapped = bind(CASE, "ID|T|D").apply(Row(2, (cell, "T", "D")))
    assert (mapped.key, mapped.body, [error.code for error in mapped.errors]) == ("", None, [code])


def test_two_tickets_never_share_a_composite_key(bind: Bind) -> None:
    mapper = bind(CASE.replace("{key: ID}", "{key: [P, ID], join: '-'}"), "P|ID|T|D")
    keys = [mapper.apply(Row(2, (p, number, "T", "D"))).key for p, number in [("A", "B-C"), ("A-B", "C"), (" A ", "B")]]
    assert keys == ["A-B-C", "", "A-B"]
    mapped = mapper.apply(Row(2, ("", "", "T", "D")))
    assert [(error.code, error.column) for error in mapped.errors] == [("missing_key", "P"), ("missing_key", "ID")]
    mapped = mapper.apply(Row(2, ("x" * 200, "y" * 200, "T", "D")))
    assert [(error.code, error.column) for error in mapped.errors] == [("too_long", "P")]


def test_one_of_several_key_columns_can_be_chosen(bind: Bind) -> None:
    mapper = bind(CASE.replace("{key: ID}", "{key: {column: id, occurrence: 3}}"), "id|id|id|T|D")
    assert mapper.apply(Row(2, ("1101", "0", "001101", "T", "D"))).key == "001101"


def error(column: str | None, code: str = "from_reader") -> FieldError:
    return FieldError(code, column, "", "is bad", "mend it")


def test_a_problem_of_the_whole_row_is_its_error_and_nothing_more_is_mapped(bind: Bind) -> None:
    mapper = bind(CASE, "ID|T|D")
    assert mapper.apply(Row(2, ("1", "", ""), (error(None),))) == Mapped("1", None, (error(None),))
    mapped = mapper.apply(Row(2, ("", "T", "D"), (error(None),)))
    assert [(e.code, e.column) for e in mapped.errors] == [("from_reader", None), ("missing_key", "ID")]


@pytest.mark.parametrize("cells", [("1",), ("1", "T"), ("1", "T", "D", "more errors"), ()])
def test_a_row_of_another_width_is_never_mapped(bind: Bind, cells: tuple[str, ...]) -> None:
    mapped = bind(CASE, "ID|T|D").apply(Row(2, cells))
    assert mapped.body is None
    assert mapped.key == ""  # nobody knows which cell belongs to which column
    assert mapped.errors[0].code == "field_count"
    told = bind(CASE, "ID|T|D").apply(Row(2, cells, (error(None, "too_few_fields"),)))
    assert told.errors[0].code == "too_few_fields"
    assert "field_count" not in [e.code for e in told.errors]


def test_a_problem_of_a_cell_counts_if_the_mapping_uses_the_column(bind: Bind) -> None:
    mapper = bind(CASE, "ID|T|D|Other")
    assert mapper.apply(Row(2, ("1", "T", "D", ""), (error("Other"),))).body is not None
    mapped = mapper.apply(Row(2, ("1", "#N/A", "", ""), (error("T"), error("Other"))))
    assert [(e.code, e.column) for e in mapped.errors] == [("from_reader", "T"), ("missing", "D")]
    assert mapped.key == "1"
    spoiled = mapper.apply(Row(2, ("#N/A", "T", "D", ""), (error("ID"),)))
    assert spoiled == Mapped("", None, (error("ID"),))


def test_the_columns_that_are_used(bind: Bind) -> None:
    assert bind(FULL, COLUMNS).columns_used == frozenset(COLUMNS.split("|")) - {"Other"}


def test_a_nul_in_a_column_that_is_not_used_does_no_harm(bind: Bind) -> None:
    mapped = bind(CASE, "ID|T|D|Other").apply(Row(2, ("1", "T", "\\u0000", "\x00")))
    assert mapped.body == b'{"title":"T","description":"\\\\u0000"}'


def test_errors_can_be_kept_whatever_was_in_the_cell(bind: Bind) -> None:
    """The ledger writes them as JSON, which halves of characters would break."""
    mapped = bind(CASE + "  priority: {column: P, values: {a: LOW}}\n", "ID|T|D|P").apply(
        Row(2, ("\ud800", "\ud801", "D", "\ud802"))
    )
    assert len(mapped.errors) == 3
    assert b"\\\\ud802" in orjson.dumps(mapped.errors)


def test_remembering_does_not_mix_rows_up(bind: Bind) -> None:
    """More different texts than are remembered, then the first ones again."""
    mapper = bind(CASE + "  custom_fields: {multi_select1: A, numeric1: A}\n", "ID|T|D|A")
    rows = [Row(n, (str(n), "T", "D", str(n % 9000))) for n in range(20_000)]
    for row in rows:
        body = orjson.loads(mapper.apply(row).body or b"")
        assert body["custom_fields"] == {"multi_select1": [row.cells[3]], "numeric1": int(row.cells[3])}


def test_rows_that_come_together_are_mapped_as_if_each_came_alone(bind: Bind) -> None:
    """Among them rows of the wrong width, with errors of the reader or of their own, and equal cells."""
    spoiled = FieldError("excel_error", None, "#N/A", "is an error", "")
    bad = ("8", "", "World", "lower", "Ana", "ana at example", "5f", "12", "a,b", "12.7.2024", "n", "o")
    cells = [GOOD, bad, ("9",), GOOD, bad, ("10", *GOOD[1:])]
    rows = [Row(n, each, (spoiled,) if n == 3 else ()) for n, each in enumerate(cells)]
    assert bind(FULL, COLUMNS).apply_all(rows) == [bind(FULL, COLUMNS).apply(row) for row in rows]


def test_rows_that_do_not_fit_leave_nothing_for_the_garbage_collector(bind: Bind) -> None:
    """It comes by rarely while a file is read, and a ring for each error would pile up until then."""
    mapper = bind(FULL, COLUMNS)
    bad = Row(2, ("", "x" * 200, "", "lower", "Ana", "ana at example", "5f", "12", "a,b", "12.7.2024", "n", "o"))
    mapper.apply(bad)
    gc.collect()
    gc.disable()
    try:
        assert len(mapper.apply(bad).errors) == 6
        assert gc.collect() == 0
    finally:
        gc.enable()
