"""The language of `when:`: what it decides, and that it can do nothing else."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapping_files import CASE, Bind, Load

from importer.errors import MappingError
from importer.mapping.field_errors import FormError
from importer.mapping.language.expressions import LENGTH_MAX, parse_condition
from importer.models import Row

ROW = {
    "Status": "Open",
    "Due date": "2024-07-12",
    "n": "12",
    "Blank": "",
    "a'b\"c": "odd",
    "Login": r"CORP\nina",
    "Ｓtatus": "wide",
    "column_0": "",
    "_column_0": "",
}


def with_condition(text: str) -> str:
    return CASE + f"  priority:\n    value: HIGH\n    when: {json.dumps(text)}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Status == 'Open'", True),
        ("Status == 'open'", False),
        ("'Open' == Status", True),
        ("Status != 'Open'", False),
        ("lower(Status) == 'open'", True),
        ("lower('STRAßE') == 'straße' and not empty(Status)", True),
        ("empty(Blank)", True),
        ("not empty(Status) and empty(Blank)", True),
        ("empty(Status) or empty({Blank})", True),
        ("not (Status == 'Open' or n == '12')", False),
        ("Status in ['Open', 'New']", True),
        ("Status in ('Closed', 'New')", False),
        ("Status not in ['Open']", False),
        ("Status in []", False),
        ("contains(Status, 'pen')", True),
        ("contains('reopened', lower(Status))", True),
        ("startswith({Due date}, '2024-')", True),
        ("{Due date} < '2024-08-01'", True),
        ("number(n) > 9", True),
        ("n > '9'", False),
        ("number(n) == 12.0", True),
        ("number(n) > -1.5", True),
        ("number(Blank) < 1 or number(Blank) >= 1", False),
        ("{a'b\"c} == 'odd'", True),
        ("Status == '{Status}' or Status == '}{'", False),
        (" Status\n == 'Open' # really", True),
        (r"Login == 'CORP\nina'", True),
        (r"startswith(Login, 'CORP\')", True),
        ("{Ｓtatus} == 'wide' and Status == 'Open'", True),
        ("{Status} == 'Open' and column_0 == '' and _column_0 == ''", True),
    ],
)
def test_a_condition_decides(bind: Bind, text: str, expected: bool) -> None:
    mapped = bind(with_condition(text), "|".join(["ID", "T", "D", *ROW])).apply(Row(2, ("1", "T", "D", *ROW.values())))
    assert (b'"HIGH"' in (mapped.body or b"")) is expected, mapped.errors


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "invalid condition"),
        ("Status ==", "invalid condition"),
        ("Status = 'Open'", "invalid condition"),
        ("{Status == 'Open'", "invalid condition"),
        ("Status == 'Open", "invalid condition"),
        ("\x00", "invalid condition"),
        ("Status", "a text alone is not a condition"),
        ("'Open'", "a text alone is not a condition"),
        ("Status == '' , n == ''", "this expression is not supported in a condition"),
        ("'a' == 'a'", "the condition uses no column"),
        ("{} == 'a'", "'{}' does not name a column"),
        ("Status == 12", "a text cannot be compared with a number"),
        ("number(n) == '12'", "a text cannot be compared with a number"),
        ("Status in 'Open'", "`in` requires a list"),
        ("Status in [n]", "the list after `in` may contain only texts"),
        ("'a' < n < 'b'", "chained comparisons are not supported"),
        ("Status is 'Open'", "`is` does not compare texts"),
        ("contains(Status)", "contains() takes 2 arguments"),
        ("contains(Status, 1)", "expected a text"),
        ("lower(Status)", "lower() cannot be used like this"),
        ("number('12') > 1", "number() cannot be used like this"),
        ("empty(x=Status)", "empty() cannot be used like this"),
        ("lenght(Status)", "unknown function 'lenght'"),
        ("__import__('os')", "unknown function '__import__'"),
        ("Status.__class__ == 'x'", "this expression is not supported in a condition"),
        ("Status[0] == 'O'", "this expression is not supported in a condition"),
        ("(lambda: Status)() == ''", "this expression is not supported in a condition"),
        ("f'{n}' == '12'", "invalid condition"),
        ("Status * 9 == ''", "this expression is not supported in a condition"),
        ("(x := Status) == ''", "this expression is not supported in a condition"),
        ("[x for x in Status] == ''", "this expression is not supported in a condition"),
        ("Status == True", "this expression is not supported in a condition"),
        ("Status == b'Open'", "invalid condition"),
        ("Status == 'O''Brien'", "invalid condition"),
        ("Status in ['Open' 'New']", "invalid condition"),
        ("Status == 'Open' and not empty 'Status'", "invalid condition"),
        ("Ｓtatus == 'Open'", "'Ｓtatus' needs braces"),
        ("Status == 'a'\u00a0and Status == 'b'", "the condition contains a space that is not a plain one"),
        ("Status＝'a'", "'Status＝' needs braces"),
        ("Status == 'a' and …", "'…' needs braces"),
        ("Status == ''" + " " * LENGTH_MAX, "a condition has at most 1000 characters"),
        ("(" * 900 + "Status == ''", "invalid condition"),
        ("not " * 240 + "Status", "a text alone is not a condition"),
    ],
)
def test_what_is_not_a_condition_is_refused_with_its_place(load: Load, text: str, what: str) -> None:
    with pytest.raises(MappingError) as caught:
        load(with_condition(text))
    assert caught.value.where == "m.yml:8:11"
    assert caught.value.what.startswith(what)
    assert caught.value.hint


@given(st.text("Status={}()[]'\"\\ nandortiemply.0123,<>!:*", max_size=60))
def test_any_text_is_a_condition_or_is_refused(text: str) -> None:
    try:
        condition = parse_condition(text)
    except FormError:
        return
    assert condition.test(("1",) * len(condition.columns)) in (True, False)


@pytest.mark.parametrize("token", ["'", '"', "{", "\\", "'\\", "not ", "a or ", "-", "("])
def test_the_worst_condition_takes_no_time(token: str) -> None:
    begun = time.process_time()
    with pytest.raises(FormError):
        parse_condition((token * LENGTH_MAX)[:LENGTH_MAX])
    assert time.process_time() - begun < 1


def test_a_column_that_does_not_exist_is_answered_with_the_nearest(bind: Bind) -> None:
    text = CASE + "  priority: {value: HIGH, when: \"Statsu == 'x'\"}\n"
    with pytest.raises(
        MappingError, match=r"m.yml:6:33: the export has no column .Statsu.\n  hint: did you mean .Status"
    ):
        bind(text, "ID|T|D|Status")


def test_a_bad_condition_has_its_place(load: Load) -> None:
    with pytest.raises(MappingError, match=r"m.yml:7:23: unknown function 'emty'"):
        load(CASE + "  notes:\n    - {body: A, when: emty(A)}\n")


def test_cells_that_count_as_empty_are_empty_in_conditions_and_their_columns_are_used(bind: Bind) -> None:
    text = CASE.replace("{key: ID}", "{key: ID, empty: '-'}") + "  priority: {value: LOW, when: empty(A)}\n"
    mapper = bind(text, "ID|T|D|A")
    assert [b'"priority"' in (mapper.apply(Row(2, ("1", "T", "D", a))).body or b"") for a in (" - ", "x")] == [
        True,
        False,
    ]
    assert mapper.columns_used == {"ID", "T", "D", "A"}


def test_a_required_value_that_its_condition_takes_away_is_missing(bind: Bind) -> None:
    mapper = bind(CASE.replace("title: T", "title: {column: T, when: empty(A)}"), "ID|T|D|A")
    errors = mapper.apply(Row(2, ("1", "T", "D", "x"))).errors
    assert [(error.code, error.column, error.target) for error in errors] == [("missing", "A", "title")]


def test_a_number_that_is_none_is_blamed_on_its_column(bind: Bind) -> None:
    condition = "number(A) > 1 or number(B) > 1"
    text = CASE + f"  priority: {{value: LOW, when: '{condition}'}}\n  notes: [{{body: T, when: '{condition}'}}]\n"
    errors = bind(text, "ID|T|D|A|B").apply(Row(2, ("1", "T", "D", "0", "1,5"))).errors
    assert [(error.code, error.column, error.value, error.target) for error in errors] == [
        ("not_a_number", "B", "1,5", "priority"),
        ("not_a_number", "B", "1,5", "notes"),
    ]


def test_a_column_in_braces_is_named_as_the_export_names_it(bind: Bind) -> None:
    text = CASE + "  priority: {value: LOW, when: 'number({Due in}) > 1'}\n"
    errors = bind(text, "ID|T|D|Due in").apply(Row(2, ("1", "T", "D", "soon"))).errors
    assert [(error.code, error.column, error.value) for error in errors] == [("not_a_number", "Due in", "soon")]
