"""Everything that is wrong with a mapping is said at once, with its place, and with what to write instead."""

import pytest
from mapping_files import CASE, HEAD, Bind, Load

from importer.errors import ExitCode, MappingError
from importer.mapping.problems import PROBLEMS_SHOWN, MappingProblems

FORM = [
    ("", ["1:1: this mapping is empty"]),
    ("# nothing\n", ["1:1: this mapping is empty"]),
    ("- a\n- b\n", ["1:1: this is not a mapping"]),
    ("just text", ["1:1: this is not a mapping"]),
    (
        "version: 2\nsorce: 1\ncase: {titel: x}\n",
        [
            "1:1: `source` is missing",
            "1:10: this version of the form is not known",
            "2:1: unknown key 'sorce'",
            "3:7: `title` is missing in `case`",
            "3:7: `description` is missing in `case`",
            "3:8: unknown key 'titel' in `case`",
        ],
    ),
    (HEAD.replace("1", "one") + "case: {title: T, description: D}", ["1:10: this version of the form is not"]),
    (
        "version: 1\nsource: ID\ncase: []\n",
        ["2:9: keys with values are expected", "3:7: keys with values are expected"],
    ),
    ("version: 1\nsource: {key: []}\ncase: {title: T, description: D}", ["2:15: this list is empty"]),
    (CASE + "  notes: x\n", ["6:10: a list is expected here"]),
    (CASE + "  requester_name:\n", ["6:3: a text is expected here, and there is none"]),
    (CASE + "  requester_name: [A, B]\n", ["6:19: keys with values are expected"]),
    (CASE + "  requester_name: {}\n", ["6:19: this value comes from nowhere"]),
    (CASE + "  requester_name: {column: A, value: B}\n", ["6:19: `column` and `value` exclude each other"]),
    (CASE + "  requester_name: {column: A, required: maybe}\n", ["6:41: true or false is expected here"]),
    (CASE + "  requester_name: {column: A, max: many}\n", ["6:36: a whole number is expected here"]),
    (CASE + "  requester_name: {column: A, max: 0}\n", ["6:36: Input should be greater than or equal to 1"]),
    (CASE + "  requester_name: {column: [A]}\n", ["6:28: one text is expected here"]),
    (CASE + "  priority: {column: A, values: {a: LOW}, unknown: rejct}\n", ["6:52: 'rejct' is not known here"]),
    (CASE + "  requester_name: {column: A, type: strng}\n", ["6:37: there is no type 'strng'"]),
    (CASE + "  status: A\n  text1: B\n", ["6:3: unknown key 'status'", "7:3: unknown key 'text1'"]),
    (
        CASE + "  notes:\n    - {title: A}\n    - {body: A, each: {}}\n",
        ["7:7: this note has no", "8:23: these notes come from nowhere"],
    ),
    (CASE + "  requester_name: {template: '{A'}\n", ["6:30: a lonely '{' in the template"]),
    (CASE + "  requester_name: {template: 'A}'}\n", ["6:30: a lonely '}' in the template"]),
    (CASE + "  requester_name: {template: '{}'}\n", ["6:30: '{}' names no column"]),
    (CASE + "  requester_name: {template: 'A'}\n", ["6:30: a template without a {Column}"]),
]

DATE = CASE + "  custom_fields:\n    date1: {column: A, "
DATES = [
    (DATE + "format: '%d/%m/%Q'}", ["7:32: '%Q' means nothing in a date format"]),
    (DATE + "format: '%d/%m'}", ["7:32: the date format '%d/%m' has no year"]),
    (DATE + "format: '%d/%m/%y%Y'}", ["7:32: the date format '%d/%m/%y%Y' has the year twice"]),
    (DATE + "format: '%d/%m/%y %I:%M'}", ["7:32: in the date format '%d/%m/%y %I:%M', %I and %p go together"]),
    (DATE + "format: [iso, '%']}", ["7:38: '%' means nothing in a date format"]),
    (DATE + "timezone: Europe/Lisbonn}", ["7:34: there is no time zone 'Europe/Lisbonn'"]),
    (DATE + "timezone: ../../etc/passwd}", ["7:34: there is no time zone '../../etc/passwd'"]),
    (DATE + "timezone: Europe}", ["7:34: there is no time zone 'Europe'"]),
]

MEANING = [
    (
        CASE + "  priority: {column: A, values: {low: LWO}, default: low}\n",
        ["6:39: 'LWO' is not one of", "6:54: 'low' is"],
    ),
    (CASE + "  priority: {value: low}\n", ["6:21: 'low' is not one of LOW, NORMAL, HIGH, URGENT"]),
    (CASE + "  requester_type: {value: contact}\n", ["6:27: 'contact' is not one of Contact"]),
    (CASE + "  requester_name: {value: ''}\n", ["6:27: '' has no value, and one is required"]),
    (CASE + '  requester_name: {value: "a\\x00"}\n', ["6:27: 'a\\x00' holds a NUL character"]),
    (CASE + '  requester_name: {value: "a\\ud800"}\n', ["6:27: 'a\\ud800' holds a NUL character or half"]),
    (CASE + "  requester_email: {column: A, default: nobody}\n", ["6:41: 'nobody' is not one e-mail address"]),
    (CASE + "  requester_name: {column: A, format: iso}\n", ["6:31: `format` means nothing for type: text"]),
    (CASE + "  requester_name: {column: A, type: date, max: 5}\n", ["6:43: `max` means nothing for type: date"]),
    (CASE + "  requester_name: {column: A, unknown: keep}\n", ["6:31: `unknown` needs `values` beside it"]),
    (CASE + "  requester_name: {template: '{A}', occurrence: 1}\n", ["6:37: `occurrence` needs `column` beside it"]),
    (CASE + "  requester_name: {column: A, occurrence: 1, join: x}\n", ["6:46: `occurrence` takes one column"]),
    (
        CASE + "  priority: {column: A, values: {a: LOW}, unknown: default}\n",
        ["6:43: `unknown: default` needs `default`"],
    ),
    (CASE + "  requester_name: {column: A, required: true, default: x}\n", ["6:31: `required` never comes into play"]),
    (CASE + "  requester_name: {value: A, default: x}\n", ["6:30: `default` never comes into play"]),
    (CASE + "  requester_name: {column: A, overflow: truncate}\n", ["6:31: `overflow` needs `max` beside it"]),
    (CASE.replace("T\n", "{column: T, max: 151}\n"), ["4:22: the field takes at most 150 characters"]),
    (CASE + "  owner_id: {column: A, type: integer}\n", ["6:31: owner_id cannot take type: integer"]),
    (
        CASE + "  custom_fields: {checkbox1: {column: A, type: text}}\n",
        ["6:48: custom_fields.checkbox1 cannot take type"],
    ),
    (
        CASE + "  custom_fields: {txt1: A, text: B}\n",
        ["6:19: 'txt1' is no key of a custom field", "6:28: 'text' is no"],
    ),
    (CASE + "  custom_fields: {dependent_field1: {value: 'a,b,c,d'}}\n", ["6:45: 'a,b,c,d' has 4 entries"]),
    (
        CASE + "  custom_fields: {multi_select1: {column: A, values: {a: b}, unknown: default, default: c}}\n",
        ["6:62: `unknown: default` does not go with a list"],
    ),
    (
        CASE + "  custom_fields: {drop_down1: {column: A, values: {a: b, ' a': c}}}\n",
        ["6:58: 'a' occurs twice in the table"],
    ),
    (
        CASE + "  requester_name: {column: A, values: {a: b, A: c}, ignore: case}\n",
        ["6:46: 'A' occurs twice in the table"],
    ),
    (CASE + "  requester_name: {column: A, ignore: case}\n", ["6:31: `ignore` needs `values` beside it"]),
    (CASE + "  requester_name: {column: A, values: {a: b}, ignore: cse}\n", ["6:55: 'cse' is not known here"]),
    (CASE + "  requester_name: {column: A, html: yes}\n", ["6:37: 'yes' is not known here"]),
    (CASE + "  requester_email: {column: A, html: text}\n", ["6:32: `html` means nothing for type: email"]),
    (CASE + "  requester_name: {column: A, overflow: note}\n", ["6:31: `overflow` needs `max` beside it"]),
    (CASE + "  requester_name: {column: A, type: json}\n", ["6:37: requester_name cannot take type: json"]),
    (CASE + "  requester_name: {value: A, when: empty(A), values: {A: b}}\n", ["6:46: `values` never comes"]),
    (
        CASE + "  notes: [{title: {column: A, overflow: note}, body: A}]\n",
        ["6:31: a note cannot overflow into a note"],
    ),
    (CASE + "stamp: checkbox1\n", ["6:8: 'checkbox1' cannot be a stamp"]),
    (CASE + "stamp: text\n", ["6:8: 'text' cannot be a stamp"]),
    (CASE + "  custom_fields: {text1: A}\nstamp: text1\n", ["6:19: 'text1' is the stamp already"]),
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
        (CASE + "  text1: A", "custom fields stand under `custom_fields:`"),
        (CASE + "  group_id: A", "Talkdesk does not take this when a case is created; keep it in a custom field"),
        (CASE + "  zzzz: A", "known here: title, description, parent_id, owner_id, priority, custom_fields, notes"),
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
            ["5:16: the export has no column 'D'\n  did you mean 'ID'? it has: 'ID', 'T', 'Long'"],
        ),
        (
            CASE,
            "Number|T|E",
            [
                "2:15: the export has no column 'ID'\n  it has: 'Number', 'T', 'E'",
                "5:16: the export has no column 'D'",
            ],
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
            ["5:16: the export has 2 columns 'D'\n  take one, {column: D, occurrence: 2}, or all"],
        ),
        (CASE, "ID|ID|T|D", ["2:15: the export has 2 columns 'ID'"]),
        (CASE + "  priority: {template: '{A}'}", "ID|T|D|A|A", ["6:24: the export has 2 columns 'A'"]),
        (CASE + "  priority: {column: A, occurrence: 3}", "ID|T|D|A|A", ["6:22: the export has only 2 columns 'A'"]),
        (CASE + "  notes: [{each: A}, {body: B, title: C}]", "ID|T|D", ["6:18: ", "6:29: ", "6:39: "]),
        (CASE + "stamp: text1", "T|D", ["2:15: the export has no column 'ID'"]),
        (CASE, "", ["2:15: the export has no column 'ID'", "4:10: ", "5:16: "]),
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
    assert str(caught.value).endswith(f"and {500 - PROBLEMS_SHOWN} more")


def test_a_long_text_is_not_repeated_at_length(load: Load) -> None:
    with pytest.raises(MappingProblems) as caught:
        load(CASE + f"  priority: {{value: {'x' * 10_000}}}\n  custom_fields: {{{'y' * 900}: A}}\n")
    assert len(str(caught.value)) < 1000


TOGETHER = [
    # a key that is not known, and a word that is not
    (CASE + "  titel: x\n  priority: {value: low}\n", ["6:3: unknown key 'titel'", "7:21: 'low' is not one of"]),
    # nothing is said of a value that is malformed but that
    (CASE + "  priority: {colum: A, values: {a: b}, max: 0}\n", ["6:14: unknown key 'colum'", "6:45: "]),
    # what no mapping can do without is malformed
    (
        "version: 2\nsource: {ky: ID}\nstamp: checkbox1\ncase:\n  description: []\n  priority: {value: low}\n",
        ["1:10: ", "2:9: `key`", "2:10: unknown key 'ky'", "3:8: 'checkbox1'", "4:1: `title`", "5:16: ", "6:21: 'low'"],
    ),
    # the others of a list keep their places
    (
        CASE
        + "  notes:\n    - {bdy: A}\n    - {body: {column: A, format: iso}}\n  custom_fields: {text1: {}, txt2: A}\n",
        ["7:8: unknown key 'bdy'", "8:26: `format` means", "9:26: this value comes", "9:30: 'txt2' is no"],
    ),
    # a stamp that is filled twice is not noticed if one of the two is malformed
    (CASE + "  custom_fields: {text1: {}}\nstamp: text1\n", ["6:26: this value comes from nowhere"]),
    # without definitions nothing is said of custom fields
    (
        CASE + "  custom_fields: {tier: A}\n  priority: {value: low}\nfields: gone.yml\nstamp: other\n",
        ["7:21: 'low' is not", "8:9: "],
    ),
    (CASE + "  custom_fields: {tier: A}\nfields: [a]\nstamp: other\nx: y\n", ["7:9: one text", "9:1: unknown key 'x'"]),
    (CASE + "  priority: {lookup: {file: gone.csv, key: A, value: B}}\n  x: y\n", ["6:29: ", "7:3: unknown key 'x'"]),
]


@pytest.mark.parametrize(("text", "expected"), TOGETHER)
def test_form_and_meaning_are_said_at_once_in_the_order_of_the_file(load: Load, text: str, expected: list[str]) -> None:
    with pytest.raises(MappingProblems) as caught:
        load(text)
    found = [f"{problem.mark.line}:{problem.mark.column}: {problem.what}" for problem in caught.value.problems]
    assert [line[: len(want)] for line, want in zip(found, expected, strict=False)] == expected
    assert len(found) == len(expected), found
