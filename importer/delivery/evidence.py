"""What the notes that a case shows prove about an update of which nobody knows whether it was taken. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import Enum, auto


class Shown(Enum):
    """What a look at a case shows of the notes of one update."""

    THERE = auto()
    ABSENT = auto()
    UNCLEAR = auto()


def what_is_shown(
    shown: Sequence[str] | None, *, surely: Iterable[str], perhaps: Iterable[str], sent: Sequence[str]
) -> Shown:
    """Whether a case has the notes of an update.

    The notes that came before are the proof that the list can be believed, and as equal notes may come twice, they
    are counted. Whatever else is there must be exactly what is looked for, or nothing at all: a server may have
    changed the texts, so notes that nobody knows prove nothing.

    Args:
        shown: The notes that the case shows; None if it shows no list of notes.
        surely: Those that it got before.
        perhaps: Those that it may have got before.
        sent: Those that are looked for.
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
