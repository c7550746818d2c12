"""Which of the code pages for Latin letters some bytes are in: that in which the letters are those of one language."""

from __future__ import annotations

import re

#: Code page → the letters beyond ASCII of the languages that are written in it.
_LANGUAGES = {
    "cp1252": (
        "äöüß",  # German
        "àâçéèêëîïôûùüœæ",  # French
        "áéíóúñüª",  # Spanish
        "áàâãçéêíóôõúüº",  # Portuguese
        "àèéìòùî",  # Italian
        "áéèëêíïóöúü",  # Dutch
        "åäöé",  # Swedish, Finnish
        "æøåé",  # Danish, Norwegian
        "áðéíóúýþæö",  # Icelandic
    ),
    "cp1250": (
        "ąćęłńóśźż",  # Polish
        "áčďéěíňóřšťúůýž",  # Czech
        "áäčďéíľĺňóôŕšťúýž",  # Slovak
        "áéíóöőúüű",  # Hungarian
        "ăâîşţ",  # Romanian
        "čćđšž",  # Croatian, Slovene
    ),
    "cp1254": ("çğıöşüâîû",),  # Turkish
}
_LANGUAGES["iso8859-2"] = _LANGUAGES["cp1250"]
_LEAST = 0.5
_SYMBOL_IN_WORD = re.compile(r"(?<=[^\W\d_])[^\w\s\x00-\x7f’‘´`·–—…]|[\x80-\x9f]")
_CAPITAL_IN_WORD = re.compile(r"(?<=[a-z])[À-ÖØ-ÞŸĽŚŹŻŠŽ](?=[a-z])")
_LETTER = re.compile(r"(?<=[^\W\d_])[^\W\d_]|[^\W\d_](?=[^\W\d_])")  # a letter alone may be a sign such as ©


def latin_codepage(data: bytes) -> str:
    """The code page that ``data`` is most likely in, cp1252 if several are; empty if it looks like none of them."""
    best, codec = max((round(_likelihood(data, codec), 2), -place, codec) for place, codec in enumerate(_LANGUAGES))[
        ::2
    ]
    return codec if best >= _LEAST else ""


def _likelihood(data: bytes, codec: str) -> float:
    """How many of the characters beyond ASCII one language knows, less those that no word has; at most 1."""
    try:
        text = data.decode(codec)
    except UnicodeDecodeError:
        return -1.0
    odd = len(_SYMBOL_IN_WORD.findall(text)) + len(_CAPITAL_IN_WORD.findall(text))
    letters = [letter for letter in _LETTER.findall(text.lower()) if not letter.isascii()]
    if not letters:
        return _LEAST - odd
    known = max(sum(letter in language for letter in letters) for language in _LANGUAGES[codec])
    return (known - odd) / (len(letters) + odd)
