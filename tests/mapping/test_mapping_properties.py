"""Any cells whatever: a body or errors, never an exception, always the same, and nothing changed on the way."""

from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.mapping import RowMapper, load_mapping
from importer.models import Row
from importer.talkdesk.payloads import case_check

pytestmark = pytest.mark.slow

COLUMNS = ("ID", "T", "D", "P", "M", "N", "L", "L", "O", "X", "Y", "Z", "C", "C")
TEXT = """\
version: 1
source: {key: [ID, N], empty: ["-"]}
external_id_field: text1
case:
  title: {template: "{T} ({ID})", overflow: truncate}
  description: D
  priority: {column: P, values: {low: LOW, high: HIGH}, unknown: default, default: NORMAL}
  requester_email: {first: [M, N], required: true}
  requester_name: {column: N, collapse: true, max: 20}
  custom_fields:
    multi_select1: L
    multi_select2: {column: L, separator: ";"}
    date1: {column: O, format: [iso, "%d.%m.%Y %H:%M"], timezone: Europe/Lisbon}
    date2: {column: O, type: date}
    numeric1: X
    decimal1: Y
    checkbox1: Z
    text2: {column: X, values: {a: b}, unknown: keep}
  notes: [{title: T, body: T}, {each: C, title: N, public: {column: Z, default: false}}]
"""
RICH = """\
version: 1
source: {key: ID, empty: ["-"]}
external_id_field: text1
fields: fields.yml
case:
  title: {column: T, overflow: note, when: "number(X) < 9 or not contains(T, 'x')", default: none}
  description: {template: "{D} {T}", html: text, overflow: note}
  priority: {lookup: {file: p.csv, key: [P, Z], value: V, ignore: [case, blanks], none: default}, default: LOW}
  requester_name: {first: [N, M], html: text, values: {A B: c}, ignore: [blanks, case], unknown: keep}
  requester_email: {column: M, when: "number(Y) > 1"}
  custom_fields:
    drop_down1: {column: P, values: {low: Red}, unknown: keep}
    multi_select1: {column: L, type: json}
    dependent_field1: {column: L, join: ";", separator: ";"}
    text2: {column: N, html: text, max: 5, overflow: note}
  notes: [{body: D, when: "startswith(D, 'a') or number(X) >= number(Y)"}, {body: {column: T, html: text}}]
"""
BESIDE = {
    "p.csv": "P,Z,V\nlow,yes,LOW\nlow,1,HIGH\nlow,1,LOW\n",
    "fields.yml": """\
version: 1
fields:
  drop_down1: {name: Colour, options: [{key: "1", label: Red}]}
  multi_select1: {name: Parts, options: [{key: "1", label: a}, {key: "2", label: b}]}
  dependent_field1: {name: Place, options: [{key: "1", label: a, options: [{key: "2", label: b}]}]}
  text1: {name: Old id}
  text2: {name: Text}
""",
}
TYPICAL = "|-|low|a@b.co|2024-03-31 01:30|27.10.2024 01:30|31.02.2024 10:00|1|1.5|yes|a;b|{ID}|%s|\\u0000| "
ODD = [
    '["a", "b"]',
    "<b>x",
    "<p>a&amp;",
    "a <b",
    "<div>" * 300,
    "1",
    "0",
    "\ud800",
    "a\x00",
    "x" * 3000,
    "\x85",
    "9" * 40,
]
CELL = st.text(max_size=12) | st.sampled_from([*TYPICAL.split("|"), *ODD])
CELLS = st.tuples(*[CELL] * len(COLUMNS))


def mapper_of(text: str, columns: tuple[str, ...]) -> RowMapper:
    with TemporaryDirectory() as folder:
        file = Path(folder, "m.yml")
        file.write_text(text)
        for name, content in BESIDE.items():
            Path(folder, name).write_text(content)
        return load_mapping(file).bind(columns)


MAPPERS = {text: mapper_of(text, COLUMNS) for text in (TEXT, RICH)}
MAPPER = MAPPERS[TEXT]
PLAIN = mapper_of("version: 1\nsource: {key: ID}\ncase: {title: {value: T}, description: D}\n", ("ID", "D"))
KEYS = "multi_select1 multi_select2 date1 date2 numeric1 decimal1 checkbox1 text1 text2 drop_down1 dependent_field1"
CHECK = case_check(KEYS.split())


@given(st.sampled_from([TEXT, RICH]), CELLS)
def test_any_cells_give_a_body_or_errors_and_the_same_every_time(text: str, cells: tuple[str, ...]) -> None:
    mapper = MAPPERS[text]
    mapped = mapper.apply(Row(2, cells))
    assert (mapped.body is None) == bool(mapped.errors)
    assert mapped == mapper.apply(Row(99, cells)) == mapper_of(text, COLUMNS).apply(Row(2, cells))
    if mapped.body is not None:
        body = orjson.loads(mapped.body)
        CHECK(body)
        assert body["custom_fields"]["text1"] == mapped.key != ""
    orjson.dumps(mapped.errors)
    assert all(error.column in COLUMNS and error.rule and error.hint for error in mapped.errors)


@given(st.lists(st.text(max_size=5) | st.just("\x00"), max_size=20).map(tuple))
def test_any_number_of_cells_is_survived(cells: tuple[str, ...]) -> None:
    mapped = MAPPER.apply(Row(2, cells))
    assert (mapped.body is None) == bool(mapped.errors)


@given(st.text(min_size=1, max_size=300))
def test_a_description_is_sent_byte_for_byte(text: str) -> None:
    mapped = PLAIN.apply(Row(2, ("1", text)))
    if mapped.body is None:
        assert not text.strip() or "\x00" in text
    else:
        assert orjson.loads(mapped.body)["description"] == text


@given(
    st.lists(st.sampled_from(["{", "}", "{{", "ID", "D", "%s", "%(D)s", "{ID}", "{D}", "$", "!r"]), min_size=1).map(
        "".join
    )
)
def test_what_looks_like_a_template_in_a_cell_stays_as_it_is(text: str) -> None:
    mapper = mapper_of(
        "version: 1\nsource: {key: ID}\ncase: {title: {value: T}, description: {template: '{D}|{ID}'}}\n", ("ID", "D")
    )
    assert orjson.loads(mapper.apply(Row(2, ("7", text))).body or b"")["description"] == f"{text}|7"
