"""What a case shows that nobody sent: the work of automations, of SLA policies, and of the account itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from importer.delivery.comparison import compare, excerpts
from importer.models import CaseVerdict
from importer.talkdesk.bodies import CUSTOM
from importer.talkdesk.payloads import other_spelling
from importer.talkdesk.shown import Case

#: What others may fill in. Whose case it is, is not among them: an account completes what it is told of a requester.
_FILLED_IN = ("status", "type", "priority", "owner_id", "group_id", "parent_id", "resolution")


#: What an account may give each new case, so that it is told and no reason to look twice.
_DEFAULTS = frozenset({"type", "priority", "group_id"})


@dataclass(frozen=True, slots=True)
class SideEffect:
    """A field of a case that has another value than the one that was sent, or that was not sent at all."""

    field: str
    sent: str | None  #: None if nothing was sent
    found: str
    is_default: bool = False  #: what an account may give each new case


def with_first_status(sent: dict[str, Any]) -> dict[str, Any]:
    """The same fields with the status that a case has if nobody sends one: a new case is NEW, or OPEN if it has an
    owner (Talkdesk help, "Case statuses")."""
    return {"status": "OPEN" if sent.get("owner_id") else "NEW"} | sent


def side_effects(
    sent: dict[str, Any], notes: Sequence[Mapping[str, Any]], case: Case
) -> tuple[list[SideEffect], list[str]]:
    """What changed by itself in a case that was read on its own, and which of the fields that were sent it does not
    show; ``sent`` and ``notes`` as in :func:`compare`."""
    expected = with_first_status(sent)
    findings = compare(expected, notes, listed=None, alone=case, written_after=0.0)
    effects = [
        SideEffect(each.field, None if each.verdict is CaseVerdict.MORE_NOTES else each.sent, each.found)
        for each in findings
        if each.verdict.is_bad or each.verdict is CaseVerdict.MOVED_ON
    ]
    for field in _FILLED_IN:
        if field not in expected and (value := getattr(case, field)):
            effects.append(SideEffect(field, None, excerpts("", value)[1], field in _DEFAULTS))
    for key, value in case.custom_fields.items():
        is_sent = f"{CUSTOM}{key}" in sent or f"{CUSTOM}{other_spelling(key)}" in sent
        if value not in (None, "", []) and not is_sent:
            effects.append(SideEffect(f"{CUSTOM}{key}", None, excerpts("", str(value))[1]))
    return effects, [each.field for each in findings if each.verdict is CaseVerdict.NOT_SHOWN]
