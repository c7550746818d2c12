"""One cause, many refusals: only its own rows are left alone."""

from __future__ import annotations

import json

import pytest

from importer.delivery.causes import LAST, MOST, MOST_OF_LAST, Causes, value_of
from importer.delivery.judge import Verdict
from importer.ledger import Outcome
from importer.models import State

CREATED = Verdict(Outcome(State.CREATED, "1", 201, "created"))


def refused(field: str = "owner_id", code: str = "1520005") -> Verdict:
    return Verdict(Outcome(State.REFUSED, None, 400, code, "no"), field=field)


def body(**fields: object) -> bytes:
    return json.dumps({"title": "T", "description": "D", **fields}).encode()


def test_a_few_refusals_park_nothing() -> None:
    causes = Causes()
    for _ in range(MOST_OF_LAST - 1):
        assert causes.hear(refused(), body(owner_id="gone")) is None
    assert causes.parks(body(owner_id="gone")) is None


def test_a_frequent_cause_parks_the_rows_that_carry_what_was_refused_and_no_others() -> None:
    causes = Causes()
    told = [causes.hear(refused(), body(owner_id="gone")) for _ in range(MOST_OF_LAST)]
    assert [cause is not None for cause in told] == [False] * (MOST_OF_LAST - 1) + [True]
    assert causes.parks(body(owner_id="gone")) is not None
    assert causes.parks(body(owner_id="here")) is None
    assert causes.parks(body()) is None


def test_a_cause_is_told_once() -> None:
    causes = Causes()
    told = [causes.hear(refused(), body(owner_id="gone")) for _ in range(MOST)]
    assert sum(cause is not None for cause in told) == 1


def test_a_field_that_is_always_refused_is_the_cause_itself_whatever_its_value() -> None:
    causes = Causes()
    for number in range(MOST):
        causes.hear(refused("text9"), body(custom_fields={"text9": f"value {number}"}))
    assert causes.parks(body(custom_fields={"text9": "never seen"})) is not None
    assert causes.parks(body(custom_fields={"text8": "never seen"})) is None


def test_a_field_that_is_sometimes_accepted_parks_only_values_that_were_refused() -> None:
    causes = Causes()
    for number in range(MOST):
        causes.hear(refused("text9"), body(custom_fields={"text9": f"bad {number}"}))
        causes.hear(CREATED, body(custom_fields={"text9": f"good {number}"}))
    assert causes.parks(body(custom_fields={"text9": "bad 3"})) is not None
    assert causes.parks(body(custom_fields={"text9": "good 3"})) is None
    assert causes.parks(body(custom_fields={"text9": "never seen"})) is None


def test_a_value_that_was_accepted_after_all_is_not_parked() -> None:
    causes = Causes()
    for _ in range(MOST_OF_LAST):
        causes.hear(refused(), body(owner_id="moody"))
    causes.hear(CREATED, body(owner_id="moody"))
    assert causes.parks(body(owner_id="moody")) is None


def test_rare_refusals_among_many_successes_never_become_a_cause() -> None:
    """One in a hundred is half of what is too much in the last thousand; only the total counts in the end."""
    causes = Causes()
    for number in range(1, MOST):
        for _ in range(99):
            causes.hear(CREATED, body())
        assert causes.hear(refused(), body(owner_id=f"gone {number}")) is None


def test_a_cause_without_a_field_parks_everything_only_while_nothing_succeeds() -> None:
    causes = Causes()
    for _ in range(MOST_OF_LAST):
        causes.hear(refused(field=""), body())
    assert causes.parks(body()) is not None
    causes.hear(CREATED, body())
    assert causes.parks(body()) is None


def test_different_codes_are_different_causes() -> None:
    causes = Causes()
    for number in range(LAST):
        causes.hear(refused(code=f"code {number}"), body(owner_id="gone"))
    assert causes.parks(body(owner_id="gone")) is None


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
