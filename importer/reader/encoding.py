"""Which encoding a text file has: a byte order mark, the user's word, or UTF-8.

Nothing is guessed: a wrong guess corrupts names in silence. If the bytes are not UTF-8, the error shows one word as
each likely encoding would read it, and the person chooses.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise

from importer.errors import SourceError

#: Byte order marks and the encodings they stand for. The mark of UTF-32 LE begins like that of UTF-16 LE.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CUT_OFF = ("unexpected end of data", "truncated data", "incomplete multibyte sequence")
_SAMPLE_BYTES = 32_768
_WIDE_SHARE, _WIDE_SHARE_OF_UTF8 = 0.04, 0.5  #: Of the characters of a table in UTF-16, those that are ASCII.
_MOST_READINGS = 5
_NEARLY = 0.8  # as likely as the likeliest: one odd word must not hide the right one
#: What programs write that do not write Unicode, the most common first.
_COMMON = (
    *("cp1252", "cp1250", "iso8859-2", "cp1254", "cp1251", "koi8-r", "cp1253", "cp1255", "cp1256", "cp1257"),
    *("cp932", "gb18030", "big5", "cp949", "euc-jp", "cp437", "cp850", "mac-roman"),
)
_WORD = re.compile(r"[^\s,;:|\"']+")
_SIGNS = frozenset("©®™°€£§«»–—‘’“”…·•¿¡ºª№")
_LETTERS_LEAST = 3  # so many letters of a word are hardly all accented
_BETWEEN_WORDS = re.compile(rb"[\s,;:.!?()\"']+")  # bytes that are part of no letter in any encoding


@dataclass(frozen=True)
class Encoding:
    """How the bytes of a file become text."""

    codec: str  #: Python's name of the encoding, byte order settled.
    mark: int = 0  #: How many bytes of byte order mark come first.
    notes: tuple[str, ...] = ()  #: What the user should know about it.


def settle_encoding(head: bytes, given: str | None, name: str) -> Encoding:
    """The encoding of the file that begins with ``head``. What the user has ``given`` wins.

    Raises:
        SourceError: The given encoding does not exist, or the file is UTF-16 without saying which.
    """
    mark, marked = next(((mark, codec) for mark, codec in _MARKS if head.startswith(mark)), (b"", ""))
    if given is None:
        if not marked:
            _refuse_unmarked_utf16(head, name)
        return Encoding(marked or "utf-8", len(mark))
    try:
        codec = codecs.lookup(given).name
        b"\xe9".decode(codec, "replace")  # refuses codecs such as base64 and idna, which are not encodings of files
    except (LookupError, ValueError):
        hint = "common encodings: utf-8, cp1252 (Western Windows), utf-16-le, shift_jis, gb18030"
        raise SourceError(f"unknown encoding {given!r}", where=name, hint=hint) from None
    if marked and codec in (marked, marked[:-3], f"{marked}-sig"):
        return Encoding(marked, len(mark))
    if codec in ("utf-16", "utf-32"):
        hint = f"pass --encoding {codec}-le (Windows) or --encoding {codec}-be"
        what = f"the file has no byte order mark, so {codec.upper()} is ambiguous"
        raise SourceError(what, where=f"{name}:1", hint=hint)
    note = f"starts with a {marked.upper()} byte order mark, but is read as {codec} because of --encoding"
    return Encoding(codec, notes=(note,) if marked else ())


def _refuse_unmarked_utf16(head: bytes, name: str) -> None:
    """In UTF-16 the delimiters and line ends of any table, and Latin letters, have a NUL in every second byte.

    Bytes that are UTF-8 without them are a damaged text with a few NUL characters, unless most letters have one.
    """
    half = len(head) // 2 or 1
    is_utf8 = _is_printable(head.replace(b"\0", b""), "utf-8")
    least = half * (_WIDE_SHARE_OF_UTF8 if is_utf8 else _WIDE_SHARE)
    for first, codec in ((1, "utf-16-le"), (0, "utf-16-be")):
        nuls, others = head[first::2].count(0), head[1 - first :: 2].count(0)
        if nuls > least and others < nuls * 0.1 and _is_printable(head[: len(head) // 2 * 2], codec):
            what = f"looks like {codec.upper()} without a byte order mark"
            raise SourceError(what, where=f"{name}:1", hint=f"add --encoding {codec}")


def _is_printable(data: bytes, codec: str) -> bool:
    """Whether bytes, which may end inside a character, are text in an encoding."""
    text = _decoded(data, codec)
    return "\ufffd" not in text and sum(each.isprintable() or each.isspace() for each in text) > 0.95 * len(text)


def _decoded(data: bytes, codec: str) -> str:
    """The text of bytes that may be cut inside their last character."""
    return codecs.getincrementaldecoder(codec)("replace").decode(data)


def not_decodable(data: bytes, *, at: int, reason: str, codec: str, where: str, offset: int) -> SourceError:
    """The error for bytes that are not text in an encoding.

    Args:
        data, at: The part of the file around them, and where in it the offending byte is.
        reason: What the decoder said.
        offset: Of the byte in the (unpacked) file, 0-based.
    """
    what = f"byte 0x{data[at]:02X} at offset {offset:,} is not {codec.upper()}"
    if reason in _CUT_OFF:
        hint = "the file is cut off; export again"
        return SourceError(f"{what}: the file ends inside a character", where=where, hint=hint)
    text = _decoded(data, "utf-8")
    wrong = text.count("\ufffd")  # in other encodings hardly a character of several bytes is right UTF-8
    right = sum(not character.isascii() for character in text) - wrong
    if codec == "utf-8" and right > wrong:
        hint = "the text around it is UTF-8, so only this place is damaged; fix it, or export again"
    elif codec != "utf-8" and not wrong:
        hint = "it is valid UTF-8; remove --encoding"
    else:
        hint = _choices(data[data.rfind(b"\n", 0, at) + 1 :])
    return SourceError(what, where=where, hint=hint)


def _choices(data: bytes) -> str:
    """What to pass as --encoding: one word as each likely encoding would read it, the one on which they differ most."""
    sample = data[:_SAMPLE_BYTES].splitlines()
    if len(data) > _SAMPLE_BYTES and len(sample) > 1:
        del sample[-1]  # it may be cut inside a character, which no strict decoder takes
    lines = [line for line in sample if not line.isascii()]
    likely = {name: _plausible_share(b"\n".join(lines), name) for name in _COMMON}
    likeliest = sorted(_COMMON, key=lambda name: -likely[name])  # of equal ones the most common first
    names = [name for name in likeliest if likely[name] and likely[name] >= _NEARLY * likely[likeliest[0]]]

    def differences(word: bytes) -> list[int]:  # the most common encodings count most
        return [len({word.decode(name, "replace") for name in names[:most]}) for most in range(2, len(names) + 1)]

    words = [word for line in lines for word in _BETWEEN_WORDS.split(line) if not word.isascii()]
    telling = max(words, key=differences, default=b"")
    readings: dict[str, str] = {}
    for name in names:
        reading = telling.decode(name, "replace")[:20]
        if reading.isprintable() and reading not in readings.values() and len(readings) < _MOST_READINGS:
            readings[name] = reading
    if not readings:
        return "find out how the file was saved, and pass --encoding NAME"
    choices = ", ".join(f'--encoding {name} ("{word}")' for name, word in readings.items())
    return f"choose the encoding that reads this word right: {choices}"


def _plausible_share(data: bytes, codec: str) -> float:
    """The share of the words that are not ASCII that could be words of a language; 0 if the bytes are no text."""
    try:
        text = data.decode(codec)
    except UnicodeDecodeError:
        return 0.0
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    return sum(map(_is_plausible, words)) / len(words) if words else 0.0


def _is_plausible(word: str) -> bool:
    """One script, no strange signs, no capital behind a small letter, and not all letters accented."""
    letters = [each for each in word if each.isalpha()]
    others = [each for each in word if not (each.isascii() or each.isalpha() or each in _SIGNS)]
    if not all(each >= "\u3000" and unicodedata.category(each).startswith("P") for each in others):  # eastern stops
        return False
    scripts = {unicodedata.name(each, "?").split()[0] for each in letters}
    if len(scripts - {"HIRAGANA", "KATAKANA", "CJK", "KATAKANA-HIRAGANA"}) > 1:
        return False
    if any(second.isupper() and first.islower() for first, second in pairwise(letters)):
        return False
    is_latin = scripts == {"LATIN"} and len(letters) >= _LETTERS_LEAST
    return not (is_latin and not any(each.isascii() for each in letters))
