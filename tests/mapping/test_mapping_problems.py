"""Everything that is wrong with a mapping is said at once, with its place, and with what to write instead."""

import pytest
from mapping_files import CASE, HEAD, Bind, Load

from importer.errors import ExitCode, MappingError
from importer.mapping.field_errors import PROBLEMS_SHOWN, MappingProblems

FORM = [
    ("", ["1:1: the mapping is empty"]),
    ("# nothing\n", ["1:1: the mapping is empty"]),
    ("- a\n- b\n", ["1:1: the file is not a mapping"]),
    ("just text", ["1:1: the file is not a mapping"]),
    (
        "version: 2\nsorce: 1\ncase: {titel: x}\n",
        [
            "1:1: `source` is missing",
            "1:10: this mapping version is not supported",
            "2:1: unknown key 'sorce'",
            "3:7: `title` is missing in `case`",
            "3:7: `description` is missing in `case`",
            "3:8: unknown key 'titel' in `case`",
        ],
    ),
    (HEAD.replace("1", "one") + "case: {title: T, description: D}", ["1:10: this mapping version is not"]),
    (
        "version: 1\nsource: ID\ncase: []\n",
        ["2:9: expected keys with values", "3:7: expected keys with values"],
    ),
    ("version: 1\nsource: {key: []}\ncase: {title: T, description: D}", ["2:15: the list is empty"]),
    (CASE + "  notes: x\n", ["6:10: expected a list"]),
    (CASE + "  requester_name:\n", ["6:3: expected a text, but the value is empty"]),
    (CASE + "  requester_name: [A, B]\n", ["6:19: expected keys with values"]),
    (CASE + "  requester_name: {}\n", ["6:19: this value has no source"]),
    (CASE + "  requester_name: {column: A, value: B}\n", ["6:19: `column` and `value` cannot be used together"]),
    (CASE + "  requester_name: {column: A, required: maybe}\n", ["6:41: expected true or false"]),
    (CASE + "  requester_name: {column: A, max: many}\n", ["6:36: expected a whole number"]),
    (CASE + "  requester_name: {column: A, max: 0}\n", ["6:36: Input should be greater than or equal to 1"]),
    (CASE + "  requester_name: {column: [A]}\n", ["6:28: expected a single text"]),
    (CASE + "  priority: {column: A, values: {a: LOW}, unknown: rejct}\n", ["6:52: 'rejct' is not a valid value"]),
    (CASE + "  requester_name: {column: A, type: strng}\n", ["6:37: unknown type 'strng'"]),
    (CASE + "  status: A\n  text1: B\n", ["6:3: unknown key 'status'", "7:3: unknown key 'text1'"]),
    (
        CASE + "  notes:\n    - {title: A}\n    - {body: A, each: {}}\n",
        ["7:7: this note has no", "8:23: these notes have no source"],
    ),
    (CASE + "  requester_name: {template: '{A'}\n", ["6:30: unmatched '{' in the template"]),
    (CASE + "  requester_name: {template: 'A}'}\n", ["6:30: unmatched '}' in the template"]),
    (CASE + "  requester_name: {template: '{}'}\n", ["6:30: '{}' does not name a column"]),
    (CASE + "  requester_name: {template: 'A'}\n", ["6:30: the template contains no {Column}"]),
]

DATE = CASE + "  custom_fields:\n    date1: {column: A, "
DATES = [
    (DATE + "format: '%d/%m/%Q'}", ["7:32: '%Q' is not a date format directive"]),
    (DATE + "format: '%d/%m'}", ["7:32: the date format '%d/%m' has no year"]),
    (DATE + "format: '%d/%m/%y%Y'}", ["7:32: the date format '%d/%m/%y%Y' contains the year twice"]),
    (DATE + "format: '%d/%m/%y %I:%M'}", ["7:32: the date format '%d/%m/%y %I:%M' needs both %I and %p"]),
    (DATE + "format: [iso, '%']}", ["7:38: '%' is not a date format directive"]),
    (DATE + "timezone: Europe/Lisbonn}", ["7:34: unknown time zone 'Europe/Lisbonn'"]),
    (DATE + "timezone: ../../etc/passwd}", ["7:34: unknown time zone '../../etc/passwd'"]),
    (DATE + "timezone: Europe}", ["7:34: unknown time zone 'Europe'"]),
]

MEANING = [
    (
        CASE + "  priority: {column: A, values: {low: LWO}, default: low}\n",
        ["6:39: 'LWO' is not one of", "6:54: 'low' is"],
    ),
    (CASE + "  priority: {value: low}\n", ["6:21: 'low' is not one of LOW, NORMAL, HIGH, URGENT"]),
    (CASE + "  requester_type: {value: contact}\n", ["6:27: 'contact' is not one of Contact"]),
    (CASE + "  requester_name: {value: ''}\n", ["6:27: '' is empty, but a value is required"]),
    (CASE + '  requester_name: {value: "a\\x00"}\n', ["6:27: 'a\\x00' contains a NUL character"]),
    (CASE + '  requester_name: {value: "a\\ud800"}\n', ["6:27: 'a\\ud800' contains a NUL character or an inc"]),
    (CASE + "  requester_email: {column: A, default: nobody}\n", ["6:41: 'nobody' is not a valid e-mail address"]),
    (CASE + "  requester_name: {column: A, format: iso}\n", ["6:31: `format` has no effect with `type: text`"]),
    (CASE + "  requester_name: {column: A, type: date, max: 5}\n", ["6:43: `max` has no effect with `type: date`"]),
    (CASE + "  requester_name: {column: A, unknown: keep}\n", ["6:31: `unknown` has no effect without `values`"]),
    (
        CASE + "  requester_name: {template: '{A}', occurrence: 1}\n",
        ["6:37: `occurrence` has no effect without `column`"],
    ),
    (CASE + "  requester_name: {column: A, occurrence: 1, join: x}\n", ["6:46: `occurrence` and `join` cannot"]),
    (
        CASE + "  priority: {column: A, values: {a: LOW}, unknown: default}\n",
        ["6:43: `unknown: default` requires `default`"],
    ),
    (CASE + "  requester_name: {column: A, required: true, default: x}\n", ["6:31: `required` has no effect with `d"]),
    (CASE + "  requester_name: {value: A, default: x}\n", ["6:30: `default` has no effect with `va"]),
    (CASE + "  requester_name: {column: A, overflow: truncate}\n", ["6:31: `overflow` requires `max`"]),
    (CASE.replace("T\n", "{column: T, max: 151}\n"), ["4:22: the field accepts at most 150 characters"]),
    (CASE + "  owner_id: {column: A, type: integer}\n", ["6:31: owner_id does not accept `type: integer`"]),
    (
        CASE + "  custom_fields: {checkbox1: {column: A, type: text}}\n",
        ["6:48: custom_fields.checkbox1 does not accept `type"],
    ),
    (
        CASE + "  custom_fields: {txt1: A, text: B}\n",
        ["6:19: 'txt1' is not a custom field key", "6:28: 'text' is no"],
    ),
    (CASE + "  custom_fields: {drop_down1: A, dropdown1: B}\n", ["6:34: 'dropdown1' and 'drop_down1' are the same f"]),
    (
        CASE + "  custom_fields: {dropdown1: A}\nafter_create: {custom_fields: {drop_down1: B, drop_down2: A}}\n",
        ["7:32: 'dropdown1' is set in `case` as well"],
    ),
    (CASE + "  custom_fields: {dependent_field1: {value: 'a,b,c,d'}}\n", ["6:45: 'a,b,c,d' has 4 entries"]),
    (
        CASE + "  custom_fields: {multi_select1: {column: A, values: {a: b}, unknown: default, default: c}}\n",
        ["6:62: `unknown: default` cannot be used with a list"],
    ),
    (
        CASE + "  custom_fields: {drop_down1: {column: A, values: {a: b, ' a': c}}}\n",
        ["6:58: 'a' is listed twice in `values:`"],
    ),
    (
        CASE + "  requester_name: {column: A, values: {a: b, A: c}, ignore: case}\n",
        ["6:46: 'A' is listed twice in `values:`"],
    ),
    (
        CASE + "  requester_name: {column: A, values: {'': b}}\n",
        ["6:40: '' in `values:` is never looked up, because it counts as empty"],
    ),
    (
        CASE.replace("key: ID", "key: ID, empty: [-, N/A]") + "  requester_name: {column: A, values: {N/A: b}}\n",
        ["6:40: 'N/A' in `values:` is never looked up, because it counts as empty"],
    ),
    (CASE + "  requester_name: {column: A, ignore: case}\n", ["6:31: `ignore` has no effect without `values`"]),
    (CASE + "  requester_name: {column: A, values: {a: b}, ignore: cse}\n", ["6:55: 'cse' is not a valid value"]),
    (CASE + "  requester_name: {column: A, html: yes}\n", ["6:37: 'yes' is not a valid value"]),
    (CASE + "  requester_email: {column: A, html: text}\n", ["6:32: `html` has no effect with `type: email`"]),
    (CASE + "  requester_name: {column: A, overflow: note}\n", ["6:31: `overflow` requires `max`"]),
    (CASE + "  requester_name: {column: A, type: json}\n", ["6:37: requester_name does not accept `type: json`"]),
    (CASE + "  requester_name: {value: A, when: empty(A), values: {A: b}}\n", ["6:46: `values` has no effect"]),
    (
        CASE + "  notes: [{title: {column: A, overflow: note}, body: A}]\n",
        ["6:31: `overflow: note` cannot be used in a note"],
    ),
    (CASE + "after_create: {status: {value: CLOSED}}\n", ["6:16: solves cases, which need a `resolution`"]),
    (
        CASE + "after_create: {status: {column: A, values: {x: OPEN, y: RESOLVED}}}\n",
        ["6:16: solves cases, which need a `resolution`"],
    ),
    (CASE + "external_id_field: checkbox1\n", ["6:20: 'checkbox1' cannot be used"]),
    (CASE + "external_id_field: text\n", ["6:20: 'text' cannot be used"]),
    (
        CASE + "  custom_fields: {text1: A}\nexternal_id_field: text1\n",
        ["6:19: 'text1' is already used"],
    ),
]


@pytest.mark.parametrize(("text", "expected"), [*FORM, *DATES, *MEANING])
def test_each_problem_is_named_with_line_and_column(load: Load, text: str, expected: list[str]) -> None:
    with pytest.raises(MappingProblems) as caught:
        load(text)
    lines = [line for line in str(caught.value).splitlines() if not line.startswith("  ")]
    assert [line[: len(want) + 6] for line, want in zip(lines, expected, strict=True)] == [
        f"m.yml:{w}" for w in expected
    ]
    assert all(problem.hint for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (CASE.replace("title", "titel"), "did you mean 'title'?"),
        (CASE + "  requester_name: {columns: A}", "did you mean 'column'?"),
        (CASE + "  custom_fields: {txt1: A}", "did you mean 'text'?"),
        (CASE + "  custom_fields: {date1: {column: A, timezone: europe/lisboa}}", "did you mean 'Europe/Lisbon'?"),
        (CASE + "  requester_name: {column: A, type: datum}", "did you mean 'date'?"),
        (CASE + "  text1: A", "put custom fields under `custom_fields:`"),
        (CASE + "  group_id: A", "put it under `after_create:`, which sets it once the case is there"),
        (CASE + "  created_at: A", "Talkdesk does not accept this field; put it in a custom field"),
        (CASE + "  zzzz: A", "known keys: title, description, parent_id, owner_id, priority, custom_fields, notes"),
        (CASE + "  notes: [{body: A, publik: true}]", "did you mean 'public'?"),
    ],
)
def test_the_hint_names_the_nearest_right_word(load: Load, text: str, hint: str) -> None:
    with pytest.raises(MappingProblems) as caught:
        load(text)
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    ("text", "columns", "expected"),
    [
        (
            CASE,
            "ID|T|Long",
            ["5:16: the export has no column 'D'\n  did you mean 'ID'? columns: 'ID', 'T', 'Long'"],
        ),
        (
            CASE,
            "Number|T|E",
            ["2:15: the export lacks 2 columns of the mapping: 'ID', 'D'\n  columns: 'Number', 'T', 'E'; "],
        ),
        (
            CASE,
            "Id|t|D",
            ["2:15: the export has no column 'ID'\n  did you mean 'Id'?", "4:10: the export has no column 'T'"],
        ),
        (
            CASE.replace("T\n", "{template: '{T} {Descr}'}\n"),
            "ID|T|D|Descr.",
            ["4:21: the export has no column 'Descr'"],
        ),
        (CASE + "  priority: {first: [A, B]}", "ID|T|D|A", ["6:25: the export has no column 'B'"]),
        (
            CASE,
            "ID|T|D|D",
            ["5:16: the export has 2 columns named 'D'\n  use one: {column: D, occurrence: 2}, or all"],
        ),
        (CASE, "ID|ID|T|D", ["2:15: the export has 2 columns named 'ID'"]),
        (CASE + "  priority: {template: '{A}'}", "ID|T|D|A|A", ["6:24: the export has 2 columns named 'A'"]),
        (
            CASE + "  priority: {column: A, occurrence: 3}",
            "ID|T|D|A|A",
            ["6:22: the export has only 2 columns named 'A'"],
        ),
        (CASE + "  notes: [{each: A}, {body: B, title: C}]", "ID|T|D", ["6:18: the export lacks 3 columns"]),
        (CASE + "external_id_field: text1", "T|D", ["2:15: the export has no column 'ID'"]),
        (CASE, "", ["2:15: the export lacks 3 columns of the mapping: 'ID', 'T', 'D'"]),
    ],
)
def test_columns_that_do_not_fit_are_all_named(bind: Bind, text: str, columns: str, expected: list[str]) -> None:
    with pytest.raises(MappingError) as caught:
        bind(text, columns)
    assert isinstance(caught.value, MappingProblems)
    shown = [
        f"m.yml:{problem.mark.line}:{problem.mark.column}: {problem.what}\n  {problem.hint}"
        for problem in caught.value.problems
    ]
    assert [text[: len(want) + 6] for text, want in zip(shown, expected, strict=True)] == [
        f"m.yml:{w}" for w in expected
    ]


def test_the_columns_of_the_export_are_listed_once(bind: Bind) -> None:
    with pytest.raises(MappingError) as caught:
        bind(CASE, "Number|Topic|Text")
    assert "m.yml:2:15: the export lacks 3 columns of the mapping: 'ID', 'T', 'D'" in str(caught.value)
    assert str(caught.value).count("columns: 'Number', 'Topic', 'Text'") == 1


def test_a_problem_is_a_mapping_error_with_a_place_and_the_exit_code_of_usage(load: Load) -> None:
    with pytest.raises(MappingError) as caught:
        load(CASE + "  zzzz: A\n  yyyy: B")
    assert caught.value.where == "m.yml:6:3"
    assert caught.value.what == "unknown key 'zzzz' in `case`"
    assert caught.value.exit_code == ExitCode.USAGE


def test_a_flood_of_problems_is_cut(load: Load) -> None:
    with pytest.raises(MappingProblems) as caught:
        load(CASE + "".join(f"  zzz{number}: A\n" for number in range(500)))
    assert len(caught.value.problems) == 500
    assert str(caught.value).endswith(f"and {500 - PROBLEMS_SHOWN} more errors")


def test_a_long_text_is_not_repeated_at_length(load: Load) -> None:
    with pytest.raises(MappingProblems) as caught:
        load(CASE + f"  priority: {{value: {'x' * 10_000}}}\n  custom_fields: {{{'y' * 900}: A}}\n")
    assert len(str(caught.value)) < 1000


TOGETHER = [
    # the form first: a key that is not known, but not yet a word that is not
    (CASE + "  titel: x\n  priority: {value: low}\n", ["6:3: unknown key 'titel'"]),
    (CASE + "  priority: {colum: A, values: {a: b}, max: 0}\n", ["6:14: unknown key 'colum'", "6:45: "]),
    (
        "version: 2\nsource: {ky: ID}\ncase:\n  description: []\n  priority: {value: low}\n",
        ["1:10: ", "2:10: unknown key 'ky'", "3:1: `title`", "4:16: "],
    ),
    (CASE + "  notes:\n    - {bdy: A}\n  custom_fields: {text1: {}}\n", ["7:8: unknown key 'bdy'", "8:26: this value"]),
    (CASE + "fields: [a]\nx: y\n", ["6:9: expected a single", "7:1: unknown key 'x'"]),
    (
        "version: 1\nsource: {empty: -}\n" + CASE.partition("source: {key: ID}\n")[2],
        ["2:9: `key` is missing in `source`"],
    ),
    # then what it means
    (
        CASE + "  priority: {value: low}\n  custom_fields: {txt2: A}\nexternal_id_field: checkbox1\n",
        ["6:21: 'low' is not", "7:19: 'txt2' is not", "8:20: 'checkbox1'"],
    ),
    (
        CASE + "  priority: {value: low}\n  owner_id: {lookup: {file: gone.csv, key: A, value: B}}\n",
        ["6:21: ", "7:29: "],
    ),
    # without definitions nothing is said of custom fields
    (CASE + "  custom_fields: {tier: A}\nfields: gone.yml\nexternal_id_field: other\n", ["7:9: "]),
]


@pytest.mark.parametrize(("text", "expected"), TOGETHER)
def test_all_of_the_form_is_said_then_all_of_the_meaning_in_the_order_of_the_file(
    load: Load, text: str, expected: list[str]
) -> None:
    with pytest.raises(MappingProblems) as caught:
        load(text)
    found = [f"{problem.mark.line}:{problem.mark.column}: {problem.what}" for problem in caught.value.problems]
    assert [line[: len(want)] for line, want in zip(found, expected, strict=False)] == expected
    assert len(found) == len(expected), found
