"""One cause, many refusals: only its own rows are left alone."""

from __future__ import annotations

import json

import pytest

from importer.delivery.error_groups import LAST, MOST, MOST_CODES, MOST_OF_LAST, ErrorGroups, value_of
from importer.delivery.verdicts import Verdict
from importer.ledger.records import Outcome
from importer.models import State

CREATED = Verdict(Outcome(State.CREATED, "1", 201, "created"))


def refused(field: str = "owner_id", code: str = "1520005") -> Verdict:
    return Verdict(Outcome(State.REFUSED, None, 400, code, "no"), field=field)


def body(**fields: object) -> bytes:
    return json.dumps({"title": "T", "description": "D", **fields}).encode()


def test_a_few_refusals_suppress_nothing() -> None:
    groups = ErrorGroups()
    for _ in range(MOST_OF_LAST - 1):
        groups.record(refused(), body(owner_id="gone"))
    assert groups.suppressing(body(owner_id="gone")) is None


def test_a_frequent_cause_suppresses_the_rows_that_carry_what_was_refused_and_no_others() -> None:
    groups = ErrorGroups()
    for _ in range(MOST_OF_LAST):
        groups.record(refused(), body(owner_id="gone"))
    assert groups.suppressing(body(owner_id="gone")) is not None
    assert groups.suppressing(body(owner_id="here")) is None
    assert groups.suppressing(body()) is None


def test_a_field_that_is_always_refused_is_the_cause_itself_whatever_its_value() -> None:
    groups = ErrorGroups()
    for number in range(MOST):
        groups.record(refused("text9"), body(custom_fields={"text9": f"value {number}"}))
    assert groups.suppressing(body(custom_fields={"text9": "never seen"})) is not None
    assert groups.suppressing(body(custom_fields={"text8": "never seen"})) is None


def test_a_field_that_is_sometimes_accepted_suppresses_only_values_that_were_refused() -> None:
    groups = ErrorGroups()
    for number in range(MOST):
        groups.record(refused("text9"), body(custom_fields={"text9": f"bad {number}"}))
        groups.record(CREATED, body(custom_fields={"text9": f"good {number}"}))
    assert groups.suppressing(body(custom_fields={"text9": "bad 3"})) is not None
    assert groups.suppressing(body(custom_fields={"text9": "good 3"})) is None
    assert groups.suppressing(body(custom_fields={"text9": "never seen"})) is None


def test_a_value_that_was_accepted_after_all_is_not_suppressed() -> None:
    groups = ErrorGroups()
    for _ in range(MOST_OF_LAST):
        groups.record(refused(), body(owner_id="moody"))
    groups.record(CREATED, body(owner_id="moody"))
    assert groups.suppressing(body(owner_id="moody")) is None


def test_rare_refusals_among_many_successes_never_become_a_cause() -> None:
    """One in a hundred is half of what is too much in the last thousand; only the total counts in the end."""
    groups = ErrorGroups()
    for _ in range(1, MOST):
        for _ in range(99):
            groups.record(CREATED, body())
        groups.record(refused(), body(owner_id="gone"))
        assert groups.suppressing(body(owner_id="gone")) is None


def test_a_field_that_the_account_requires_suppresses_the_rows_without_it_and_no_others() -> None:
    groups = ErrorGroups()
    for _ in range(MOST):
        groups.record(refused("text7"), body())
    assert groups.suppressing(body()) is not None
    assert groups.suppressing(body(custom_fields={"text7": "filled"})) is None, "no such row was refused"


def test_what_half_of_the_rows_without_a_field_are_refused_for_is_not_that_field() -> None:
    """A value that was accepted is not to blame, in whatever order the answers come."""
    for order in ((refused("text7"), CREATED), (CREATED, refused("text7"))):
        groups = ErrorGroups()
        for verdict in order * MOST:
            groups.record(verdict, body())
        assert groups.suppressing(body()) is None


def test_a_cause_without_a_field_suppresses_everything_only_while_nothing_succeeds() -> None:
    groups = ErrorGroups()
    for _ in range(MOST_OF_LAST):
        groups.record(refused(field=""), body())
    assert groups.suppressing(body()) is not None
    groups.record(CREATED, body())
    assert groups.suppressing(body()) is None


def test_different_codes_are_different_causes() -> None:
    groups = ErrorGroups()
    for number in range(MOST_CODES * (MOST_OF_LAST - 1)):
        groups.record(refused(code=f"code {number % MOST_CODES}"), body(owner_id="gone"))
    assert groups.suppressing(body(owner_id="gone")) is None


def test_a_code_that_is_another_one_each_time_is_the_same_cause() -> None:
    groups = ErrorGroups()
    for number in range(MOST_CODES + MOST_OF_LAST):
        groups.record(refused(code=f"request {number}"), body(owner_id="gone"))
    group = groups.suppressing(body(owner_id="gone"))
    assert str(group) == "HTTP 400, various codes in owner_id"


def test_a_server_that_names_another_field_each_time_fills_no_memory() -> None:
    groups = ErrorGroups()
    for number in range(2 * LAST):
        groups.record(refused(f"field {number}", f"code {number}"), body())
    assert groups.suppressing(body()) is not None
    assert len(groups._groups) <= LAST + MOST_CODES + 1


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("owner_id", '"x"'),
        ("custom_fields.text9", '"y"'),
        ("text9", '"y"'),
        ("checkbox1", "false"),
        ("nothing", None),
        ("", None),
    ],
)
def test_a_field_is_found_however_the_server_names_it(field: str, expected: str | None) -> None:
    content = {"owner_id": "x", "custom_fields": {"text9": "y", "checkbox1": False}}
    assert value_of(content, field) == expected


def test_refusals_spread_thin_are_no_cause_until_they_are_many() -> None:
    """19 in the last thousand, again and again, until 200 are full: a dirty file, but its rows go on till then."""
    groups = ErrorGroups()
    for number in range(MOST):
        if number % (MOST_OF_LAST - 1) == 0:
            for _ in range(LAST):
                groups.record(CREATED, body())
        assert groups.suppressing(body(owner_id="gone")) is None
        groups.record(refused(), body(owner_id="gone"))
    assert groups.suppressing(body(owner_id="gone")) is not None
