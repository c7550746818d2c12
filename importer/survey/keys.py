"""Keys that look like the same ticket to a person: they differ by case, blanks, composition or a number's form only."""

from __future__ import annotations

import re
import unicodedata

_NUMBER = re.compile(r"0*([0-9]+)(?:[.,]0+)?")


def look(key: str) -> str:
    """What a person sees in ``key``: different keys with the same look are near-twins.

    ``ABC-1`` looks like ``abc - 1``, ``é`` like ``e`` with an accent behind it, ``7`` like ``007`` and ``7.0``.
    """
    text = "".join(unicodedata.normalize("NFKC", key).casefold().split())
    number = _NUMBER.fullmatch(text)
    return number[1] if number else text
