"""What a look at a case proves about its notes, and what an answer to an update proves. Pure."""

from __future__ import annotations

from collections import Counter

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.delivery.update_lookup import Shown, notes_in_case
from importer.delivery.verdicts import REFUSED, Signal, classify_update
from importer.models import State
from importer.talkdesk.shown import Case
from importer.talkdesk.transport import Answer

TEXTS = st.lists(st.sampled_from(["any news?", "closed", "one", "two"]), max_size=6)


@pytest.mark.parametrize(
    ("shown", "surely", "perhaps", "sent", "means"),
    [
        pytest.param(["a"], ["a"], [], ["b"], Shown.ABSENT, id="what came before is all there is"),
        pytest.param(["a", "b"], ["a"], [], ["b"], Shown.THERE, id="there"),
        pytest.param(["b", "a"], ["a"], [], ["b"], Shown.THERE, id="in any order"),
        pytest.param(["a"], ["a"], [], ["a"], Shown.ABSENT, id="an equal note came before"),
        pytest.param(["a", "a"], ["a"], [], ["a"], Shown.THERE, id="an equal note came before and again"),
        pytest.param(["a", "b", "x"], ["a"], [], ["b"], Shown.THERE, id="somebody wrote another note as well"),
        pytest.param(["a", "x"], ["a"], [], ["b"], Shown.UNCLEAR, id="another note; it may be this one, changed"),
        pytest.param(["a", "b"], ["a"], [], ["b", "c"], Shown.UNCLEAR, id="half of it"),
        pytest.param(["b"], ["a"], [], ["b"], Shown.UNCLEAR, id="the list does not show what must be there"),
        pytest.param([], ["a"], [], ["b"], Shown.UNCLEAR, id="a list that shows nothing"),
        pytest.param(None, ["a"], [], ["b"], Shown.UNCLEAR, id="no list"),
        pytest.param(["a", "b"], ["a"], ["b"], ["b"], Shown.UNCLEAR, id="an equal one may have come before"),
        pytest.param(["a", "b"], ["a"], ["c"], ["b"], Shown.THERE, id="another one may have come before"),
    ],
)
def test_what_a_look_proves(
    shown: list[str] | None, surely: list[str], perhaps: list[str], sent: list[str], means: Shown
) -> None:
    assert notes_in_case(shown, surely=surely, perhaps=perhaps, sent=sent) is means


@given(before=TEXTS, sent=TEXTS.filter(bool), strangers=st.lists(st.just("by an agent"), max_size=2), data=st.data())
def test_an_honest_list_is_never_misread(
    before: list[str], sent: list[str], strangers: list[str], data: st.DataObject
) -> None:
    """Whatever equal notes there are: taken is never called absent, and not taken is never called there."""
    taken = data.draw(st.booleans())
    shown = data.draw(st.permutations(before + sent * taken + strangers))
    means = notes_in_case(shown, surely=before, perhaps=[], sent=sent)
    assert means is not (Shown.ABSENT if taken else Shown.THERE)
    if not strangers:
        assert means is (Shown.THERE if taken else Shown.ABSENT)


@given(before=TEXTS, sent=TEXTS.filter(bool), missing=st.integers(min_value=1))
def test_a_list_that_shows_too_little_proves_nothing(before: list[str], sent: list[str], missing: int) -> None:
    shown = before[missing:]
    if Counter(shown) != Counter(before):
        assert notes_in_case(shown, surely=before, perhaps=[], sent=sent) is Shown.UNCLEAR


@pytest.mark.parametrize(
    ("notes", "texts"),
    [
        ([{"note_body": "one"}, {"notes_body": "two", "notes_title": "t"}], ["one", "two"]),
        ([], []),
        (None, None),
        (["one"], None),
    ],
)
def test_notes_are_read_by_either_of_their_names(notes: object, texts: list[str] | None) -> None:
    """Talkdesk OpenAPI: ``note_body`` in answers to writes, ``notes_body`` in reads."""
    case = Case.model_validate({"id": "1", "notes": notes})
    assert (None if case.notes is None else [note.text for note in case.notes]) == texts
    assert Case.model_validate({"id": "1"}).notes is None


def answer(status: int, **case: object) -> Answer:
    return Answer(status, {}, orjson.dumps(case))


def test_only_what_proves_that_nothing_was_taken_is_sent_again() -> None:
    expected = dict.fromkeys(range(200, 600), State.UNKNOWN) | dict.fromkeys(REFUSED | {404, 405, 410}, State.REFUSED)
    expected |= {200: State.CREATED, 401: State.PENDING, 425: State.PENDING, 429: State.PENDING}
    assert {status: classify_update(answer(status, id="7"), "7").outcome.state for status in expected} == expected


@pytest.mark.parametrize(
    ("given", "code", "signal"),
    [
        (answer(200, id="8"), "wrong_echo", Signal.CROSSED),
        (answer(200, title="no id"), "unreadable", Signal.OUTAGE),
        (Answer(200, {}, b"<html>"), "unreadable", Signal.OUTAGE),
    ],
)
def test_a_success_that_is_none(given: Answer, code: str, signal: Signal) -> None:
    verdict = classify_update(given, "7")
    assert (verdict.outcome.state, verdict.outcome.code, verdict.signal) == (State.UNKNOWN, code, signal)


def test_a_case_that_is_gone_says_nothing_about_the_address() -> None:
    for status in (404, 410):
        verdict = classify_update(answer(status), "7")
        assert (verdict.outcome.state, verdict.signal) == (State.REFUSED, Signal.NONE)
    assert classify_update(answer(405), "7").signal is Signal.WRONG_TARGET
