"""What becomes of a cell: one line a rule."""

from typing import Any

import orjson
import pytest
from mapping_files import CASE, Bind

from importer.models import Row

TITLE, DESCRIPTION = "T", "D"


def sent(bind: Bind, fragment: str, cells: dict[str, str]) -> dict[str, Any]:
    """What the fragment of `case:` makes of the cells, in addition to title and description."""
    mapper = bind(CASE + "".join(f"  {line}\n" for line in fragment.splitlines()), "|".join(["ID", "T", "D", *cells]))
    mapped = mapper.apply(Row(2, ("1", TITLE, DESCRIPTION, *cells.values())))
    if mapped.body is None:
        return {"errors": [(error.code, error.column, error.target) for error in mapped.errors]}
    body = orjson.loads(mapped.body)
    assert (body.pop("title"), body.pop("description")) == (TITLE, DESCRIPTION)
    return body


NAME = "requester_name"


@pytest.mark.parametrize(
    ("value", "cell", "becomes"),
    [
        ("A", " x  y ", "x  y"),
        ("A", "\tx\r\n y\u2028z\x0b", "x y z"),
        ("A", "x\xa0y", "x\xa0y"),
        ("A", "  \t ", None),
        ("A", "é\u200b日本😀", "é\u200b日本😀"),
        ("A", "{B} %s {{ }} %(a)s", "{B} %s {{ }} %(a)s"),
        ("{column: A}", "NULL", "NULL"),
        ("{value: no}", "", "no"),
        ("{value: 00123}", "", "00123"),
        ("{value: '12:30'}", "", "12:30"),
        ("{column: A, strip: false}", " x ", " x "),
        ("{column: A, strip: false}", " x\ny ", " x y "),
        ("{column: A, collapse: true}", " x \u3000\n y ", "x y"),
        ("{column: A, collapse: false}", " x\n\ty ", "x\n\ty"),
        ("{column: A, max: 3}", "abc", "abc"),
        ("{column: A, max: 3, overflow: truncate}", "abc", "abc"),
        ("{column: A, max: 3, overflow: truncate}", "abcd", "ab…"),
        ("{column: A, max: 3, overflow: truncate}", "a bcd", "a…"),
        ("{column: A, max: 1, overflow: truncate}", "abcd", "…"),
        ("{column: A, default: nobody}", "", "nobody"),
        ("{column: A, default: nobody}", "x", "x"),
        ("{column: A, default: null}", "", "null"),
        ("{column: A, values: {x: y}}", " x ", "y"),
        ("{column: A, values: {x: y}, default: z}", "", "z"),
        ("{column: A, values: {x: ''}, default: z}", "x", None),
        ("{column: A, values: {x: y}, unknown: keep}", " w ", "w"),
        ("{column: A, values: {x: y}, unknown: empty, default: z}", "w", None),
        ("{column: A, values: {x: y}, unknown: default, default: z}", "w", "z"),
        ("{column: A, values: {1: one, no: none, 007: bond}}", "no", "none"),
        ("{column: A, values: {1: one, no: none, 007: bond}}", "007", "bond"),
        ("{column: A, values: {in progress: y}, ignore: blanks}", "in  pro gress\xa0", "y"),
        ("{column: A, values: {STRASSE: y}, ignore: [case]}", " straße ", "y"),
        ("{column: A, values: {'Very High': y}, ignore: [blanks, case]}", "veryhigh", "y"),
        ("{column: A, html: text}", "<b>x</b>\n&amp; y", "x & y"),
        ("{column: A, html: text}", "<br>", None),
        ("{column: A, html: text, default: z}", "<br>", "z"),
        ("{first: [A], html: text}", "<b>x</b>", "x"),
        ("{template: '<{A}>', html: text}", "<b>x</b>", "<x>"),
        ("{template: '<{A}>', html: text}", "<br>", None),
        ("{column: A, html: text, max: 3, overflow: truncate}", "<b>abcd</b>", "ab…"),
        ("{column: A, when: empty(A)}", "x", None),
        ("{column: A, when: empty(A), default: z}", "x", "z"),
        ("{value: y, when: not empty(A), default: z}", "", "z"),
        ("{column: A, type: date, format: '%d.%m.%y'}", "1.2.24", "2024-02-01T00:00:00Z"),
        ("{template: '<{A}>'}", " x ", "< x >"),
        ("{template: '{A}{A}'}", "x", "xx"),
        ("{template: '100%{{{A}}}%s'}", "{A}", "100%{{A}}%s"),
        ("{template: '{A}', default: z}", " ", "z"),
        ("{template: '{A} and {A}'}", "x", "x and x"),
        ("{template: '{{}} {A}'}", "x", "{} x"),
        ("{template: '{{{{{A}'}", "x", "{{x"),
        ("{template: '5% %s {A}'}", "x", "5% %s x"),
        ("{template: '{A}!', values: {x!: y}}", "x", "y"),
    ],
)
def test_a_text(bind: Bind, value: str, cell: str, becomes: str | None) -> None:
    assert sent(bind, f"{NAME}: {value}", {"A": cell}) == ({} if becomes is None else {NAME: becomes})


@pytest.mark.parametrize(
    ("key", "cell", "becomes"),
    [
        ("numeric1", " -12 ", -12),
        ("numeric1", "+0", 0),
        ("numeric1", "9007199254740991", 2**53 - 1),
        ("decimal1", "1.10", 1.1),
        ("decimal1", "-.5", -0.5),
        ("decimal1", "100", 100.0),
        ("checkbox1", "TRUE", True),
        ("checkbox1", "Não", False),
        ("checkbox1", "はい", True),
        ("multi_select1", "b, a,,b", ["b", "a"]),
        ("multi_select1", " , ", None),
        ("multi_select1: {column: A, type: json}", '["b", "a", "b", null, 1.50, true]', ["b", "a", "1.50", "true"]),
        ("multi_select1: {column: A, type: json}", "12345678901234567890", ["12345678901234567890"]),
        ("multi_select1: {column: A, type: json}", "[]", None),
        ("multi_select1: {column: A, type: json}", "null", None),
        ("dependent_field1", "a,b,c", ["a", "b", "c"]),
        ("dependent_field1", "001,001, ,", ["001", "001"]),
        ("dependent_field1: {column: A, type: path, separator: /}", "/a/a/", ["a", "a"]),
        ("dependent_field1: {column: A, values: {x: ''}, unknown: keep}", "a,b,x", ["a", "b"]),
        ("drop_down1", "001", "001"),
        ("dropdown1", "001", "001"),
        ("multi_line_text1", " a\r\nb ", " a\r\nb "),
        ("text9", " a\r\nb ", "a b"),
        ("date1", "2024-07-12", "2024-07-12T00:00:00Z"),
        ("date1", "2024-07-12 10:00 +0200", "2024-07-12T08:00:00Z"),
    ],
)
def test_a_custom_field_takes_what_its_kind_says(bind: Bind, key: str, cell: str, becomes: object) -> None:
    name, _, value = key.partition(": ")
    expected = {} if becomes is None else {"custom_fields": {name: becomes}}
    assert sent(bind, f"custom_fields: {{{name}: {value or 'A'}}}", {"A": cell}) == expected


@pytest.mark.parametrize(
    ("fragment", "cell", "code", "target"),
    [
        ("requester_name: {column: A, required: true}", "", "missing", "requester_name"),
        ("requester_name: {column: A, max: 3}", "abcd", "too_long", "requester_name"),
        ("requester_name: A", "a\x00b", "bad_text", "requester_name"),
        ("requester_name: A", "a\ud800b", "bad_text", "requester_name"),
        ("requester_name: {column: A, values: {x: y}}", "X", "unknown_value", "requester_name"),
        ("requester_name: {column: A, values: {x: ''}, required: true}", "x", "missing", "requester_name"),
        ("priority: A", "low", "not_allowed", "priority"),
        ("requester_type: A", "contact", "not_allowed", "requester_type"),
        ("owner_id: A", "x" * 256, "too_long", "owner_id"),
        ("requester_email: A", "ana", "not_an_email", "requester_email"),
        ("requester_email: A", "ana@example", "not_an_email", "requester_email"),
        ("requester_email: A", "a@b.co, c@d.co", "not_an_email", "requester_email"),
        ("requester_email: A", "a..b@c.de", "not_an_email", "requester_email"),
        ("requester_email: A", "a@-b.de", "not_an_email", "requester_email"),
        ("requester_email: A", "a" * 250 + "@b.de", "not_an_email", "requester_email"),
        ("custom_fields: {numeric1: A}", "1.0", "not_an_integer", "custom_fields.numeric1"),
        ("custom_fields: {numeric1: A}", "٣", "not_an_integer", "custom_fields.numeric1"),
        ("custom_fields: {numeric1: A}", "9007199254740992", "too_large", "custom_fields.numeric1"),
        ("custom_fields: {decimal1: {column: A, type: integer}}", "9" * 30, "too_large", "custom_fields.decimal1"),
        ("custom_fields: {decimal1: A}", "1,5", "not_a_decimal", "custom_fields.decimal1"),
        ("custom_fields: {decimal1: A}", "nan", "not_a_decimal", "custom_fields.decimal1"),
        ("custom_fields: {decimal1: A}", "1.2345678901234567890", "too_precise", "custom_fields.decimal1"),
        ("custom_fields: {checkbox1: A}", "?", "not_a_boolean", "custom_fields.checkbox1"),
        ("custom_fields: {multi_select1: {column: A, type: json}}", "a", "not_json", "custom_fields.multi_select1"),
        ("custom_fields: {multi_select1: {column: A, type: json}}", "[[1]]", "not_json", "custom_fields.multi_select1"),
        ("custom_fields: {multi_select1: {column: A, type: json}}", "[NaN]", "not_json", "custom_fields.multi_select1"),
        (
            "custom_fields: {multi_select1: {column: A, type: json}}",
            "[" * 100_000,
            "not_json",
            "custom_fields.multi_select1",
        ),
        ("requester_name: {column: A, html: text, max: 3}", "<b>abcd", "too_long", "requester_name"),
        ("requester_name: {column: A, html: text}", "<p>" + "<div>" * 300, "unreadable_html", "requester_name"),
        ("requester_name: {column: A, max: 3, overflow: note}", "abc\ud800", "bad_text", NAME),
        ("custom_fields: {date1: A}", "12/07/2024", "not_a_date", "custom_fields.date1"),
        ("custom_fields: {dependent_field1: A}", "a,b,c,d", "too_many", "custom_fields.dependent_field1"),
        ("custom_fields: {dependent_field1: A}", "a,,c", "empty_part", "custom_fields.dependent_field1"),
        (
            "custom_fields: {dependent_field1: {column: A, values: {b: ''}, unknown: keep}}",
            "a,b,c",
            "empty_part",
            "custom_fields.dependent_field1",
        ),
        (
            "custom_fields: {dependent_field1: {column: A, type: path}}",
            "a, ,c",
            "empty_part",
            "custom_fields.dependent_field1",
        ),
        ("custom_fields: {multi_select1: A}", "a,b\x00", "bad_text", "custom_fields.multi_select1"),
        ("custom_fields: {multi_select1: A}", "a,\ud800", "bad_text", "custom_fields.multi_select1"),
        (
            "custom_fields: {multi_select1: {column: A, values: {a: b}}}",
            "a,c",
            "unknown_value",
            "custom_fields.multi_select1",
        ),
    ],
)
def test_a_cell_that_does_not_fit(bind: Bind, fragment: str, cell: str, code: str, target: str) -> None:
    assert sent(bind, fragment, {"A": cell}) == {"errors": [(code, "A", target)]}


@pytest.mark.parametrize(
    ("cells", "becomes"),
    [({"A": "a", "B": "b"}, "a"), ({"A": " ", "B": "b"}, "b"), ({"A": "", "B": ""}, None)],
)
def test_the_first_column_with_a_value_counts(bind: Bind, cells: dict[str, str], becomes: str | None) -> None:
    expected = {} if becomes is None else {NAME: becomes}
    assert sent(bind, f"{NAME}: {{first: [A, B]}}", cells) == expected


def test_an_error_names_the_column_that_was_chosen(bind: Bind) -> None:
    fragment = "requester_email: {first: [A, B]}"
    assert sent(bind, fragment, {"A": "", "B": "x"}) == {"errors": [("not_an_email", "B", "requester_email")]}


def test_a_template_that_is_too_long_is_blamed_on_its_longest_cell(bind: Bind) -> None:
    fragment = "requester_name: {template: '{A} {B}', max: 9}"
    assert sent(bind, fragment, {"A": "abc", "B": "abcdef"}) == {"errors": [("too_long", "B", NAME)]}


def test_a_template_leaves_nothing_for_a_cell_that_counts_as_empty(bind: Bind) -> None:
    text = CASE.replace("{key: ID}", "{key: ID, empty: '-'}") + "  requester_name: {template: '{A}/{B}'}\n"
    mapper = bind(text, "ID|T|D|A|B")
    bodies = [mapper.apply(Row(2, ("1", "T", "D", a, b))).body for a, b in [("x", "-"), (" - ", "")]]
    assert [orjson.loads(body or b"").get(NAME) for body in bodies] == ["x/", None]


def test_a_text_of_several_cells_is_no_word_for_empty(bind: Bind) -> None:
    text = CASE.replace("{key: ID}", "{key: ID, empty: N/A}") + "  requester_name: {template: '{A}/{B}'}\n"
    text += "  custom_fields: {text1: {column: C, join: /}}\n"
    cells = ("1", "T", "D", "N", "A", "N", "A")
    body = orjson.loads(bind(text, "ID|T|D|A|B|C|C").apply(Row(2, cells)).body or b"{}")
    assert (body[NAME], body["custom_fields"]) == ("N/A", {"text1": "N/A"})


def test_columns_with_odd_names_can_be_named_everywhere(bind: Bind) -> None:
    names = {"a: b": "1", "%s": "2", "a.b[0]!r:>9": "3", "日本 語": "4", "'q\"": "5"}
    template = "".join(f"{{{name}}}" for name in names).replace("'", "''")
    assert sent(bind, f"requester_name: {{template: '{template}'}}", names) == {NAME: "12345"}


def test_repeated_columns(bind: Bind) -> None:
    text = CASE + "  requester_name: {column: L, join: ' / '}\n  custom_fields:\n    multi_select1: L\n"
    text += "    multi_select2: {column: L, separator: ','}\n    multi_select3: {column: L, occurrence: 2}\n"
    text += "    multi_select4: {column: L, values: {x: '1', 'a,b': '2'}, unknown: empty, default: z}\n"
    mapper = bind(text, "L|ID|T|D|L|L")
    mapped = mapper.apply(Row(2, ("a,b", "1", "T", "D", "c,a", "")))
    assert orjson.loads(mapped.body or b"")["custom_fields"] == {
        "multi_select1": ["a,b", "c,a"],
        "multi_select2": ["a", "b", "c"],
        "multi_select3": ["c", "a"],
        "multi_select4": ["2"],
    }
    empty = mapper.apply(Row(3, ("", "1", "T", "D", "", " ")))
    assert orjson.loads(empty.body or b"") == {
        "title": "T",
        "description": "D",
        "custom_fields": {"multi_select4": ["z"]},
    }


@pytest.mark.parametrize("value", ["L", "{column: L, join: ' / ', type: path, separator: /}"])
def test_an_empty_column_in_the_middle_of_a_path_is_not_left_out(bind: Bind, value: str) -> None:
    mapper = bind(CASE + f"  custom_fields: {{dependent_field1: {value}}}\n", "ID|T|D|L|L|L")
    whole = mapper.apply(Row(2, ("1", "T", "D", "us", "or", "")))
    assert orjson.loads(whole.body or b"")["custom_fields"] == {"dependent_field1": ["us", "or"]}
    assert [error.code for error in mapper.apply(Row(3, ("2", "T", "D", "us", "", "pdx"))).errors] == ["empty_part"]


def test_json_lists_in_repeated_columns_are_taken_apart(bind: Bind) -> None:
    mapper = bind(CASE + "  custom_fields: {multi_select1: {column: L, type: json}}\n", "ID|T|D|L|L|L")
    body = mapper.apply(Row(2, ("1", "T", "D", '["a", "b"]', "", '["c"]'))).body
    assert orjson.loads(body or b"")["custom_fields"] == {"multi_select1": ["a", "b", "c"]}


def test_a_repeated_list_can_be_required(bind: Bind) -> None:
    mapper = bind(CASE + "  custom_fields: {multi_select1: {column: L, required: true}}\n", "ID|T|D|L|L")
    mapped = mapper.apply(Row(2, ("1", "T", "D", "", "")))
    assert [(error.code, error.column) for error in mapped.errors] == [("missing", "L")]
