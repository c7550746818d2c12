"""Which priority of Talkdesk the words of an export mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from importer.suggest.headers import Vocabulary

_SCALE = {1: "URGENT", 2: "HIGH", 3: "NORMAL", 4: "LOW", 5: "LOW"}
_NUMBER = re.compile(r"[PSps]?(\d)")
USUAL = "NORMAL"


@dataclass(frozen=True)
class Level:
    """What a word of the export becomes.

    Attributes:
        word: The word.
        count: How often it occurs.
        becomes: LOW, NORMAL, HIGH or URGENT.
        reason: Why.
        sure: Whether that can be told from the word.
    """

    word: str
    count: int
    becomes: str
    reason: str
    sure: bool


def levels(values: Mapping[str, int], vocabulary: Vocabulary) -> list[Level]:
    """A level for each word, the commonest word first."""
    by_count = sorted(values.items(), key=lambda entry: -entry[1])
    return [_level(word, count, vocabulary) for word, count in by_count]


def _level(word: str, count: int, vocabulary: Vocabulary) -> Level:
    if negations := vocabulary.negations.intersection(word.casefold().replace("-", " ").split()):
        return Level(word, count, USUAL, f"{min(negations)!r} reverses the meaning", sure=False)
    if known := _known_word(word, vocabulary):
        return Level(word, count, vocabulary.priority[known], f"contains {known!r}", sure=True)
    number = _NUMBER.fullmatch(word)
    if number and int(number[1]) in _SCALE:
        reason = "number: 1 is assumed to be highest; reverse the list if not"
        return Level(word, count, _SCALE[int(number[1])], reason, sure=False)
    return Level(word, count, USUAL, "unclear; choose a priority", sure=False)


def _known_word(word: str, vocabulary: Vocabulary) -> str:
    """The longest word of the lists that is in ``word``; letters of other scripts need no spaces around."""
    text = word.casefold()
    for known in vocabulary.priority:
        if known in text and (not known.isascii() or re.search(rf"(?<![^\W_]){re.escape(known)}(?![^\W_])", text)):
            return known
    return ""


def are_priorities(values: Mapping[str, int], vocabulary: Vocabulary) -> bool:
    """Whether at least two different words are there and every one is a word of a priority."""
    return len(values) >= 2 and all(_known_word(word, vocabulary) for word in values)
