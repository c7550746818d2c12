"""What was sent, and what a case shows when it is read back, field by field. Pure: values in, findings out.

Which read shows what is from the OpenAPI bundle ("Get case list", "Get case details"): neither shows the parent or the
type of the requester, and reading one case does not show who the requester is. A field that no read shows is never
called the same.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from importer.models import CaseVerdict, Finding
from importer.talkdesk.bodies import CUSTOM
from importer.talkdesk.payloads import custom_field_prefix, other_spelling
from importer.talkdesk.shown import Case, Note

#: Seconds after our last write to a case in which a change of it is still called a difference: what automations change
#: at once comes of the import.
MARGIN = 900.0
#: Characters of a value that are kept, and how many of them are before the first difference.
SHOWN, SHOWN_BEFORE = 200, 40

#: What reads leave out of a case that has none: of these, absent is empty. Of all others it is "not shown".
_EMPTY_IN_LIST = frozenset({"owner_id", "priority", "type", "group_id", "requester_email", "requester_name"})
_EMPTY_ALONE = frozenset({"owner_id", "priority", "type"})
#: Lists capitalise these words, which are sent in upper case.
_WORDS = frozenset({"status", "type", "priority", "requester_type"})
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
#: Of unequal notes, which two belong together: the closest ones first.
_CLOSEST = (CaseVerdict.SAME_BUT, CaseVerdict.ESCAPED, CaseVerdict.CUT, CaseVerdict.DIFFERS)
#: Pairs of notes that are looked at for that; more are called missing and new without a look.
_MOST_PAIRS = 10_000
#: What somebody who works with a case does to it. Nobody shortens a text to its beginning, or deletes a note.
_BY_PEOPLE = (CaseVerdict.DIFFERS, CaseVerdict.MORE_NOTES)

#: In the place of the value of a field that no read shows.
NOT_SHOWN = object()


def compare(
    sent: Mapping[str, Any],
    notes: Sequence[Mapping[str, Any]],
    *,
    listed: Case | None,
    alone: Case | None,
    written_after: float,
) -> list[Finding]:
    """What a case shows of the last value of each field, and of all notes, that were sent: what is not the same, the
    worst first. If all that is shown is as sent, the first finding is about the whole case, ``same``.

    The case is as the list shows it (``listed``) and as it was read on its own (``alone``), which is believed rather.
    ``written_after``: when we last wrote to it, seconds after its creation: times of the server are only compared with
    each other.
    """
    findings = []
    for field, value in sent.items():
        found = shown_value(field, listed, alone)
        if found is NOT_SHOWN:
            findings.append(Finding(CaseVerdict.NOT_SHOWN, field))
        elif (verdict := compare_values(field, value, found)) is not CaseVerdict.SAME:
            findings.append(Finding(verdict, field, *excerpts(_text(value), _text(found))))
    findings += _notes(notes, [case for case in (alone, listed) if case])
    created, changed = (None, None) if listed is None else (listed.create_at, listed.update_at)
    if created and changed and (changed - created).total_seconds() > written_after + MARGIN:
        moved = CaseVerdict.MOVED_ON
        findings = [replace(each, verdict=moved) if each.verdict in _BY_PEOPLE else each for each in findings]
    if all(each.verdict is CaseVerdict.NOT_SHOWN for each in findings):
        findings.append(Finding(CaseVerdict.SAME))
    order = list(CaseVerdict)
    return sorted(findings, key=lambda each: order.index(each.verdict))


# -- fields ---------------------------------------------------------------------------------------------


def shown_value(field: str, listed: Case | None, alone: Case | None) -> Any:
    """The value that one of the reads shows; empty if the case has none, :data:`NOT_SHOWN` if neither says."""
    is_empty = False
    for case, empty in ((alone, _EMPTY_ALONE), (listed, _EMPTY_IN_LIST)):
        if case is None:
            continue
        if field.startswith(CUSTOM):
            key = field.removeprefix(CUSTOM)
            value = case.custom_fields.get(key, case.custom_fields.get(other_spelling(key) or key))
            is_empty = is_empty or case.shows_custom_fields
        else:
            value = getattr(case, field, None)
            is_empty = is_empty or field in empty
        if value is not None:
            return value
    return "" if is_empty else NOT_SHOWN


def compare_values(field: str, sent: Any, found: Any) -> CaseVerdict:
    """How the value of a field that is shown compares with the one that was sent: same … differs."""
    if type(sent) is type(found) and sent == found:
        return CaseVerdict.SAME
    if field in _WORDS and _word(sent) == _word(found):
        return CaseVerdict.SAME
    if isinstance(sent, list):
        listed = found if isinstance(found, list) else []
        ours, theirs = ([_loose(_text(value)) for value in values] for values in (sent, listed))
        if custom_field_prefix(field.removeprefix(CUSTOM)) == "multi_select":  # of a dependent field it is a path
            ours, theirs = sorted(ours), sorted(theirs)
        is_same = isinstance(found, list) and ours == theirs
    elif isinstance(sent, bool) or isinstance(found, bool | list | dict):
        is_same = not isinstance(found, list | dict) and _text(sent).casefold() == _text(found).strip().casefold()
    elif isinstance(sent, int | float):
        is_same = _number(sent) is not None and _number(sent) == _number(found)
    else:
        return _compare_texts(sent, _text(found))
    return CaseVerdict.SAME_BUT if is_same else CaseVerdict.DIFFERS


def _compare_texts(sent: str, found: str) -> CaseVerdict:
    if sent == found:
        return CaseVerdict.SAME
    if _loose(sent) == _loose(found) or (_INSTANT.fullmatch(sent) and _instant(sent) == _instant(found)):
        return CaseVerdict.SAME_BUT
    beginning = _plain(found.removesuffix("…").removesuffix("..."))
    if beginning and _plain(sent).startswith(beginning):
        return CaseVerdict.CUT
    once = html.unescape(found)
    if _plain(sent) in (_plain(once), _plain(html.unescape(once))):
        return CaseVerdict.ESCAPED
    return CaseVerdict.DIFFERS


def _word(value: Any) -> str:
    return _text(value).strip().upper().replace(" ", "_").replace("-", "_")


def _number(value: Any) -> Decimal | None:
    try:
        number = Decimal(_text(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _instant(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def _loose(text: str) -> str:
    return unicodedata.normalize("NFC", _plain(text).casefold())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else orjson.dumps(value).decode()


def excerpts(sent: str, found: str) -> tuple[str, str]:
    """Both texts, cut to what is around their first difference if they are long."""
    both = zip(sent, found, strict=False)
    first = next((at for at, (ours, theirs) in enumerate(both) if ours != theirs), min(len(sent), len(found)))
    start = max(0, first - SHOWN_BEFORE) if max(len(sent), len(found)) > SHOWN else 0
    end = start + SHOWN
    ours, theirs = (f"{'…' * bool(start)}{text[start:end]}{'…' * (end < len(text))}" for text in (sent, found))
    return ours, theirs


# -- notes ----------------------------------------------------------------------------------------------

#: Title, body, and whether the requester may read it; None if that is not shown.
_Note = tuple[str, str, bool | None]


def _notes(sent: Sequence[Mapping[str, Any]], reads: Sequence[Case]) -> Iterator[Finding]:
    """Notes are compared as a multiset: an answer need not have them in the order in which they came."""
    shown: list[Note] | None = next((case.notes for case in reads if case.notes is not None), None)
    if shown is None:
        if sent:
            yield Finding(CaseVerdict.NOT_SHOWN, "notes")
        return
    says_public = all(note.public is not None for note in shown)
    ours = Counter((note.get("note_title", ""), note["note_body"], note["public"] and says_public) for note in sent)
    theirs = Counter((note.title or "", note.text, bool(note.public) and says_public) for note in shown)
    missing, more = list((ours - theirs).elements()), list((theirs - ours).elements())
    for verdict in _CLOSEST if len(missing) * len(more) <= _MOST_PAIRS else ():
        for note in list(missing):
            other = next((each for each in more if _compare_notes(note, each) is verdict), None)
            if other is not None:
                missing.remove(note)
                more.remove(other)
                yield Finding(verdict, "notes", *excerpts(_note_text(note), _note_text(other)))
    yield from (Finding(CaseVerdict.FEWER_NOTES, "notes", sent=excerpts(_note_text(note), "")[0]) for note in missing)
    yield from (Finding(CaseVerdict.MORE_NOTES, "notes", found=excerpts(_note_text(note), "")[0]) for note in more)


def _compare_notes(sent: _Note, found: _Note) -> CaseVerdict | None:
    """How two notes compare, the worse of title and body; None if one is not a version of the other."""
    verdicts = {_compare_texts(ours, theirs) for ours, theirs in zip(sent[:2], found[:2], strict=True)}
    worst = next(verdict for verdict in CaseVerdict if verdict in verdicts)
    ours, theirs = Counter(sent[1].split()), Counter(found[1].split())
    is_alike = 2 * (ours & theirs).total() >= max(ours.total(), theirs.total()) > 0  # half of the words in common
    if worst is CaseVerdict.DIFFERS and not is_alike:
        return None
    return worst if sent[2] == found[2] else CaseVerdict.DIFFERS  # others may read it now


def _note_text(note: _Note) -> str:
    title, body, is_public = note
    return f"[{'public' if is_public else 'internal'}] {title}{': ' if title else ''}{body}"


# -- what a case shows that nobody sent: the work of automations, of SLA policies, and of the account itself ----
