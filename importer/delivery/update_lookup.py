"""What a case shows of an update whose answer was lost. Pure: bodies and reads in, a judgement out.

Notes that are sent twice are there twice. Setting a field is repeatable, but it fires the automations of the account
again, and it would undo what an agent did meanwhile. So an update is sent again only if the case stands as before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum, auto
from typing import Any

from importer.delivery.comparison import NOT_SHOWN, compare_values, excerpts, shown_value
from importer.models import CaseVerdict
from importer.talkdesk.shown import Case

_ALIKE = frozenset({CaseVerdict.SAME, CaseVerdict.SAME_BUT})
#: What an account may give a new case by itself, so that a value that nobody sent need not be somebody's.
_GIVEN = frozenset({"type", "group_id"})


class Shown(Enum):
    """What a look at a case shows of one update."""

    THERE = auto()
    ABSENT = auto()
    UNCLEAR = auto()


def notes_in_case(
    shown: Sequence[str] | None, *, surely: Iterable[str], perhaps: Iterable[str], sent: Sequence[str]
) -> Shown:
    """Whether a case has the notes of an update.

    The notes that came before are the proof that the list can be believed, and as equal notes may come twice, they
    are counted. Whatever else is there must be exactly what is looked for, or nothing at all: a server may have
    changed the texts, so notes that nobody knows prove nothing. The case got some ``surely`` before, and some
    ``perhaps``; it shows None if it shows no list of notes.
    """
    if shown is None:
        return Shown.UNCLEAR
    before, found = Counter(surely), Counter(shown)
    if not before <= found:
        return Shown.UNCLEAR
    others = found - before
    if not others:
        return Shown.ABSENT
    is_there = Counter(sent) <= others and not set(sent) & set(perhaps)
    return Shown.THERE if is_there else Shown.UNCLEAR


def fields_in_case(
    sent: Mapping[str, Any], before: Mapping[str, Any], *, listed: Case | None, alone: Case | None
) -> Shown:
    """Whether a case has the fields of an update.

    One request sets all of its fields or none. So a field that is as sent, and was not so before, proves that all were
    set; if another one is different by now, or has a third value, somebody works with the case or an automation has
    changed it: that is for a person. Where nothing but what was before is shown, it is sent again. ``before``: what
    stood there as far as what was sent before says, with the status of a new case.
    """
    shown = {field: value for field in sent if (value := shown_value(field, listed, alone)) is not NOT_SHOWN}
    as_sent = {field for field, value in shown.items() if compare_values(field, sent[field], value) in _ALIKE}
    was = {field for field, value in shown.items() if compare_values(field, before.get(field, ""), value) in _ALIKE}
    proof = as_sent - was  #: one request sets all of its fields or none
    firm = {field for field in proof if not _may_be_given(field, shown[field], before)}
    others = shown.keys() - as_sent
    if others == {"status"} and sent["status"] == "RESOLVED" and shown["status"] in ("CLOSED", "Closed"):
        return Shown.THERE if firm else Shown.UNCLEAR  # it was closed since
    if proof:
        return Shown.THERE if not others and (firm or as_sent == sent.keys()) else Shown.UNCLEAR
    given = {field for field in others - was if field in _GIVEN and field not in before}
    is_as_before = bool(shown.keys() & was) and others <= was | given
    return Shown.ABSENT if is_as_before else Shown.UNCLEAR


def _may_be_given(field: str, value: Any, before: Mapping[str, Any]) -> bool:
    """Whether a case may have this value although nobody sent it: then it says nothing of fields not shown."""
    if field == "status":
        return bool(value in ("OPEN", "Open")) and "owner_id" not in before  # an account may give it an owner
    is_empty_box = str(value).casefold() == "false"  # which nobody ticked
    return field not in before and (field in _GIVEN or field == "priority" or is_empty_box)


def changed_by_server(sent: Mapping[str, Any], case: Case) -> Iterator[str]:
    """Words for each field that the answer to an update shows with another value than the one that was sent."""
    for field, value in sent.items():
        found = shown_value(field, None, case)
        if found not in (NOT_SHOWN, "") and compare_values(field, value, found) not in _ALIKE:
            ours, theirs = excerpts(str(value), str(found))
            yield f"{field}: sent {ours!r}, the case has {theirs!r}"
