"""What a case shows against what was sent: tables of values, and properties of texts drawn at random."""

from __future__ import annotations

import html
import unicodedata
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.delivery.comparison import MARGIN, SHOWN, compare, compare_values, excerpts
from importer.models import CaseVerdict, Finding
from importer.talkdesk.shown import Case

SENT: dict[str, Any] = {
    "title": "The printer is on fire",
    "description": "Smoke was seen\nbehind it.",
    "owner_id": "61036b508ff57b5578f25a10",
    "priority": "LOW",
    "requester_email": "ana@example.com",
    "requester_name": "Ana",
    "custom_fields.text1": "T-1",
    "custom_fields.numeric1": 7,
}
NOTE = {"note_title": "Seen", "note_body": "It burns in the second room.", "public": False}


def case(**changes: Any) -> Case:
    """A case of a list that is as sent, but for these changes; None takes a field away."""
    fields = {"text1": {"value": "T-1", "label": None}, "numeric1": {"value": 7}}
    shown = {name: value for name, value in SENT.items() if name != "owner_id" and "." not in name}
    shown |= {
        "id": "7",
        "agent_id": SENT["owner_id"],
        "priority": "Low",
        "custom_fields": orjson.dumps(fields).decode(),
    }
    given = shown | {"notes": [], "update_at": "2026-01-01T12:00:00Z"} | changes
    return Case.model_validate({name: value for name, value in given.items() if value is not None})


def shown_note(title: str = "Seen", body: str = NOTE["note_body"], *, public: bool | None = False) -> dict[str, Any]:  # type: ignore[assignment]
    return {"id": "1", "notes_title": title, "notes_body": body} | ({} if public is None else {"public": public})


def found(listed: Case | None, *, sent: dict[str, Any] = SENT, notes: Any = (), **more: Any) -> list[tuple[str, str]]:
    """Verdicts and fields."""
    known = {"alone": None, "written_after": 4e9} | more
    return [(each.verdict.value, each.field) for each in compare(sent, notes, listed=listed, **known)]


def test_a_case_that_is_as_sent_is_the_same() -> None:
    assert found(case()) == [("same", "")]
    assert found(case(notes=[shown_note()]), notes=[NOTE]) == [("same", "")]


SAME, SAME_BUT, CUT = CaseVerdict.SAME, CaseVerdict.SAME_BUT, CaseVerdict.CUT
ESCAPED, DIFFERS = CaseVerdict.ESCAPED, CaseVerdict.DIFFERS
VALUES: list[tuple[str, Any, Any, CaseVerdict]] = [
    ("title", "Hello", "Hello", SAME),
    ("title", "Hello", "Hello ", SAME_BUT),
    ("title", "Hello", "HELLO", SAME_BUT),
    ("description", "a\nb", "a\r\nb", SAME_BUT),
    ("title", "Zoë", unicodedata.normalize("NFD", "Zoë"), SAME_BUT),
    ("title", "Hello world", "Hello", CUT),
    ("title", "Hello world", "Hello wo…", CUT),
    ("title", "Hello world", "Hello wo...", CUT),
    ("title", "Hello", "", DIFFERS),
    ("title", "Hello", "Hello world", DIFFERS),
    ("title", "Hello", "ello", DIFFERS),
    ("title", "a < b & c", "a &lt; b &amp; c", ESCAPED),
    ("title", "a < b", "a &amp;lt; b", ESCAPED),
    ("title", "it's", "it&#39;s", ESCAPED),
    ("title", "a &lt; b", "a < b", DIFFERS),
    ("priority", "LOW", "Low", SAME),
    ("priority", "LOW", "High", DIFFERS),
    ("requester_email", "Ana@Example.com", "ana@example.com", SAME_BUT),
    ("custom_fields.text1", "00123", "123", DIFFERS),
    ("custom_fields.text1", "00123", 123, DIFFERS),
    ("custom_fields.text1", "123", 123, SAME),
    ("custom_fields.text1", "1.0", "1", CUT),
    ("custom_fields.numeric1", 1, 1.0, SAME_BUT),
    ("custom_fields.numeric1", 7, "7", SAME_BUT),
    ("custom_fields.numeric1", 7, 8, DIFFERS),
    ("custom_fields.numeric1", 7, "", DIFFERS),
    ("custom_fields.numeric1", 7, "sNaN", DIFFERS),
    ("custom_fields.numeric1", 1, True, DIFFERS),
    ("custom_fields.decimal1", 1.5, "1.50", SAME_BUT),
    ("custom_fields.checkbox1", True, True, SAME),
    ("custom_fields.checkbox1", True, "true", SAME_BUT),
    ("custom_fields.checkbox1", True, False, DIFFERS),
    ("custom_fields.checkbox1", False, "", DIFFERS),
    ("custom_fields.dropdown1", 1, "001", SAME_BUT),
    ("custom_fields.drop_down1", "001", "002", DIFFERS),
    ("custom_fields.drop_down1", "001", ["001"], DIFFERS),
    ("custom_fields.multi_select1", ["a", "b"], ["b", "a"], SAME_BUT),
    ("custom_fields.multi_select1", ["a", "b"], ["a"], DIFFERS),
    ("custom_fields.multi_select1", ["a", "a", "b"], ["a", "b", "b"], DIFFERS),
    ("custom_fields.multi_select1", ["a"], "a", DIFFERS),
    ("custom_fields.dependent_field1", ["a", "b"], ["b", "a"], DIFFERS),
    ("custom_fields.date1", "2022-04-21T06:30:21Z", "2022-04-21T08:30:21.000+02:00", SAME_BUT),
    ("custom_fields.date1", "2022-04-21T06:30:21Z", "2022-04-21 06:30:21", SAME_BUT),
    ("custom_fields.date1", "2022-04-21T06:30:21Z", "2022-04-21T06:30:22Z", DIFFERS),
    ("custom_fields.date1", "2022-04-21T06:30:21Z", "yesterday", DIFFERS),
    ("custom_fields.text1", "x", {"y": 1}, DIFFERS),
]


@pytest.mark.parametrize(("field", "sent", "shown", "verdict"), VALUES)
def test_values(field: str, sent: Any, shown: Any, verdict: CaseVerdict) -> None:
    assert compare_values(field, sent, shown) is verdict


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"title": "Another"}, [("differs", "title")]),
        ({"title": None}, [("same", ""), ("not_shown", "title")]),
        ({"agent_id": None}, [("differs", "owner_id")]),
        ({"priority": None}, [("differs", "priority")]),
        ({"requester_email": None}, [("differs", "requester_email")]),
        ({"custom_fields": '{"text1": {"value": "T-1"}}'}, [("differs", "custom_fields.numeric1")]),
        ({"custom_fields": "{}"}, [("differs", "custom_fields.text1"), ("differs", "custom_fields.numeric1")]),
        ({"custom_fields": {"text1": {"value": "T-1"}, "numeric1": {"value": 7}}}, [("same", "")]),
        ({"custom_fields": r"{\"text1\": {\"value\": \"T-1\"}, \"numeric1\": {\"value\": 7}}"}, [("same", "")]),
        *(
            (
                {"custom_fields": broken},
                [("same", ""), ("not_shown", "custom_fields.text1"), ("not_shown", "custom_fields.numeric1")],
            )
            for broken in (None, "{broken", 5, [])
        ),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)  # fmt: skip
def test_what_is_absent(changes: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """An optional field that a read leaves out is empty; what no read gives, or cannot be read, is not shown."""
    assert found(case(**changes)) == expected


def test_what_no_read_gives_is_never_the_same() -> None:
    sent = SENT | {"parent_id": "1", "requester_type": "Contact"}
    assert found(case(), sent=sent) == [("same", ""), ("not_shown", "parent_id"), ("not_shown", "requester_type")]
    assert found(case(parent_id="2"), sent=sent)[0] == ("differs", "parent_id"), "unless an account shows it"


def test_a_case_that_is_read_alone_does_not_show_who_asked() -> None:
    alone = case(requester_email=None, requester_name=None)
    expected = [("same", ""), ("not_shown", "requester_email"), ("not_shown", "requester_name")]
    assert found(None, alone=alone) == expected
    assert found(case(), alone=alone) == [("same", "")], "the list shows it"
    assert found(case(custom_fields=None), alone=alone) == [("same", "")], "and the other way round"


def test_a_drop_down_has_two_spellings() -> None:
    sent = {"title": SENT["title"], "custom_fields.dropdown1": "001"}
    assert found(case(custom_fields={"drop_down1": {"value": "001"}}), sent=sent) == [("same", "")]


N1, N2 = (NOTE | {"note_body": body} for body in ("It burns in the second room.", "Nobody was hurt so far."))
NOTES: list[tuple[list[dict[str, Any]], list[dict[str, Any]], list[str]]] = [
    ([N1, N2], [shown_note(body=N2["note_body"]), shown_note()], ["same"]),  # type: ignore[arg-type]
    ([N1], [shown_note(), shown_note()], ["more_notes"]),
    ([N1, N1], [shown_note()], ["fewer_notes"]),
    ([N1, N2], [], ["fewer_notes", "fewer_notes"]),
    ([N1], [shown_note(public=True)], ["differs"]),
    ([N1], [shown_note(public=None)], ["same"]),
    ([N1], [shown_note(title="Other")], ["differs"]),
    ([N1], [shown_note(body="It burns in the second\r\nroom.")], ["differs"]),
    ([N1 | {"note_body": "a\nb"}], [shown_note(body="a\r\nb")], ["same_but"]),
    ([N1], [shown_note(body="It burns")], ["cut"]),
    ([N1 | {"note_body": "a < b"}], [shown_note(body="a &lt; b")], ["escaped"]),
    ([N1], [shown_note(body="It burns in the third room.")], ["differs"]),
    ([N1], [shown_note(title="", body="Called her back")], ["fewer_notes", "more_notes"]),
    ([{"note_body": "no title", "public": True}], [shown_note("", "no title", public=True)], ["same"]),
    ([{"note_body": "bare", "public": True}], [{"notes_title": None, "notes_body": "bare", "public": True}], ["same"]),
]  # fmt: skip


@pytest.mark.parametrize(("sent", "shown", "expected"), NOTES, ids=range(1, len(NOTES) + 1))
def test_notes_are_a_multiset(sent: list[dict[str, Any]], shown: list[dict[str, Any]], expected: list[str]) -> None:
    assert [verdict for verdict, _ in found(case(notes=shown), notes=sent)] == expected


@pytest.mark.parametrize("notes", [None, "none", [{"notes_body": 5}]], ids=["absent", "text", "no_text"])
def test_notes_that_are_not_shown(notes: Any) -> None:
    assert found(case(notes=notes), notes=[NOTE]) == [("same", ""), ("not_shown", "notes")]
    assert found(case(notes=notes)) == [("same", "")]


def test_a_thousand_strange_notes_are_told_at_once() -> None:
    """Nobody waits until each was held against each."""
    shown = [shown_note(body=f"strange {number}") for number in range(1000)]
    sent = [NOTE | {"note_body": f"ours {number}"} for number in range(1000)]
    verdicts = [verdict for verdict, _ in found(case(notes=shown), notes=sent)]
    assert verdicts == ["fewer_notes"] * 1000 + ["more_notes"] * 1000


NOON = 1767268800.0  # of the update of the case
DAY = 86_400.0
CREATED = datetime.fromtimestamp(NOON - DAY, UTC).isoformat()


@pytest.mark.parametrize(
    ("changes", "before", "after"),
    [
        ({"title": "Another"}, "differs", "moved_on"),
        ({"notes": [shown_note()]}, "more_notes", "moved_on"),
        ({"title": "The printer"}, "cut", "cut"),
        ({"title": "the printer is on fire"}, "same_but", "same_but"),
        ({}, "same", "same"),
    ],
)
def test_a_case_that_was_changed_later_moved_on(changes: dict[str, Any], before: str, after: str) -> None:
    """What is not done by people, such as a text that is cut or a note that is missing, stays what it is."""
    assert (moment := case().update_at)
    assert moment.timestamp() == NOON
    assert found(case(**changes, create_at=CREATED), written_after=DAY - MARGIN)[0][0] == before
    assert found(case(**changes, create_at=CREATED), written_after=DAY - MARGIN - 1)[0][0] == after
    assert found(case(**changes, update_at=None), written_after=0.0)[0][0] == before, "without a time it is not known"
    assert found(case(notes=[]), notes=[NOTE], written_after=0.0) == [("fewer_notes", "notes")]


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1, max_size=60)


@given(TEXTS)
def test_what_a_server_may_do_to_a_text_is_the_same_but_for_that(text: str) -> None:
    ascii_swapped = "".join(char.swapcase() if char.isascii() else char for char in text)
    for changed in (text.replace("\n", "\r\n"), f" {text}\n", unicodedata.normalize("NFD", text), ascii_swapped):
        assert compare_values("description", text, changed) is (SAME if changed == text else SAME_BUT)


@given(TEXTS, TEXTS)
def test_the_beginning_of_a_text_is_cut(head: str, tail: str) -> None:
    """A mark that joins the letter before it is another letter; so there is a word between."""
    text = f"{head}x {tail}y"
    assert compare_values("description", text, f"{head}x") is CUT


@given(TEXTS)
def test_entities_are_seen(text: str) -> None:
    for escaped in (html.escape(text), html.escape(html.escape(text))):
        verdict = compare_values("description", text, escaped)
        assert verdict is (SAME if escaped == text else ESCAPED)


@given(TEXTS, TEXTS)
def test_only_what_is_equal_is_the_same(ours: str, theirs: str) -> None:
    assert (compare_values("description", ours, theirs) is SAME) == (ours == theirs)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from([entry[:2] for entry in VALUES]), JSON.filter(lambda value: value is not None))
def test_whatever_an_answer_has_there_is_a_verdict(entry: tuple[str, Any], shown: Any) -> None:
    field, sent = entry
    sound = orjson.loads(orjson.dumps(shown, option=orjson.OPT_NON_STR_KEYS)) if _fits(shown) else "text"
    assert compare_values(field, sent, sound) in (SAME, SAME_BUT, CUT, ESCAPED, DIFFERS)


def _fits(value: Any) -> bool:
    try:
        return bool(orjson.dumps(value))
    except TypeError:
        return False


def test_long_texts_are_cut_to_where_they_differ() -> None:
    ours, theirs = "a" * 1000 + "ours" + "b" * 1000, "a" * 1000 + "theirs" + "b" * 1000
    sent, shown = excerpts(ours, theirs)
    assert "aours" in sent
    assert "atheirs" in shown
    assert len(sent) == len(shown) == SHOWN + 2
    assert sent.startswith("…a")
    assert sent.endswith("b…")
    assert excerpts("short", "shirt") == ("short", "shirt")


def test_a_finding_has_both_values() -> None:
    (finding,) = compare(SENT, [], listed=case(title="Another"), alone=None, written_after=4e9)
    assert finding == Finding(DIFFERS, "title", "The printer is on fire", "Another")
    (note,) = compare(SENT, [], listed=case(notes=[shown_note()]), alone=None, written_after=4e9)
    assert note == Finding(CaseVerdict.MORE_NOTES, "notes", "", "[internal] Seen: It burns in the second room.")
