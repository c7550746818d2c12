"""What a case shows that nobody sent: the work of automations, of SLA policies, and of the account itself. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from importer.delivery.comparison import CUSTOM, compare, excerpts
from importer.models import CaseVerdict, Finding
from importer.talkdesk.payloads import Case, other_spelling

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


def side_effects(
    sent: Mapping[str, Any], notes: Sequence[Mapping[str, Any]], case: Case
) -> tuple[list[SideEffect], list[str]]:
    """What changed by itself, and the names of the fields that were sent and that the case does not show.

    Args:
        sent: The last value of each field that was sent.
        notes: All notes that were sent.
        case: The case, read on its own.
    """
    # A new case is NEW, or OPEN if it has an owner (Talkdesk help, "Case statuses").
    expected = {"status": "OPEN" if sent.get("owner_id") else "NEW", **sent}
    findings = compare(expected, notes, listed=None, alone=case, written_at=0.0)
    not_shown = [each.field for each in findings if each.verdict is CaseVerdict.NOT_SHOWN]
    changed = [SideEffect(each.field, _sent(each), each.found) for each in findings if _is_other(each)]
    return [*changed, *_filled_in(expected, case)], not_shown


def _is_other(finding: Finding) -> bool:
    return finding.verdict.is_bad or finding.verdict is CaseVerdict.MOVED_ON


def _sent(finding: Finding) -> str | None:
    return None if finding.verdict is CaseVerdict.MORE_NOTES else finding.sent


def _filled_in(sent: Mapping[str, Any], case: Case) -> Iterator[SideEffect]:
    for field in _FILLED_IN:
        value = getattr(case, field)
        if field not in sent and value:
            yield SideEffect(field, None, excerpts("", value)[1], field in _DEFAULTS)
    custom = sent.get("custom_fields", {})
    for key, value in case.custom_fields.items():
        if value not in (None, "", []) and key not in custom and other_spelling(key) not in custom:
            yield SideEffect(f"{CUSTOM}{key}", None, excerpts("", str(value))[1])
