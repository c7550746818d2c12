"""Whether bytes make words in an encoding: what tells the right code page from those that merely have the letters."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

_WORD = re.compile(r"[^\s,;:|\"']+")
_SIGNS = frozenset("©®™°€£§«»–—‘’“”…·•¿¡ºª№")
_LETTERS_LEAST = 3  # so many letters of a word are hardly all accented


def plausible_share(data: bytes, codec: str) -> float:
    """The share of the words that are not ASCII that could be words of a language; 0 if the bytes are no text."""
    try:
        text = data.decode(codec)
    except UnicodeDecodeError:
        return 0.0
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    return sum(map(_is_plausible, words)) / len(words) if words else 0.0


def _is_eastern_stop(sign: str) -> bool:
    """Whether it is punctuation of a script without spaces."""
    return sign >= "\u3000" and unicodedata.category(sign).startswith("P")


def _is_plausible(word: str) -> bool:
    """One script, no strange signs, no capital behind a small letter, and not all letters accented."""
    letters = [each for each in word if each.isalpha()]
    if not all(each.isascii() or each.isalpha() or each in _SIGNS or _is_eastern_stop(each) for each in word):
        return False
    scripts = {unicodedata.name(each, "?").split()[0] for each in letters}
    if len(scripts - {"HIRAGANA", "KATAKANA", "CJK", "KATAKANA-HIRAGANA"}) > 1:
        return False
    if any(second.isupper() and first.islower() for first, second in pairwise(letters)):
        return False
    is_latin = scripts == {"LATIN"} and len(letters) >= _LETTERS_LEAST
    return not (is_latin and not any(each.isascii() for each in letters))
