"""Which encoding a text file has: a byte order mark, the user's word, or UTF-8. A guess is only ever suggested."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from importer.errors import SourceError
from importer.source.codepages import latin_codepage

#: Byte order marks and the encodings they stand for. The mark of UTF-32 LE begins like that of UTF-16 LE.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_HIGH_LINES = re.compile(rb"[^\n]*[\x80-\xff][^\n]*")
_HIGH_WORD = re.compile(r"[^\W\d_]*[^\x00-\x7f]+[^\W\d_]*")
_HIGH_CHARACTER = re.compile(r"[^\x00-\x7f]")
_LETTERS = re.compile(rb"[A-Za-z\x80-\xff]")
_HIGH = re.compile(rb"[\x80-\xff]")
_CUT_OFF = ("unexpected end of data", "truncated data", "incomplete multibyte sequence")
_SAMPLE_BYTES = 32_768
_MOSTLY_LATIN = 0.3  # share of bytes above 127 among the letters, in Western European text far below it


@dataclass(frozen=True)
class Encoding:
    """How the bytes of a file become text.

    Attributes:
        codec: Python's name of the encoding, byte order settled.
        mark: How many bytes of byte order mark come first.
        given: Whether the user named it.
    """

    codec: str
    mark: int = 0
    given: bool = False


def settle_encoding(head: bytes, given: str | None, name: str) -> Encoding:
    """The encoding of the file that begins with ``head``. What the user has ``given`` wins.

    Raises:
        SourceError: The given encoding does not exist, or the file is UTF-16 without saying which.
    """
    mark, marked = next(((mark, codec) for mark, codec in _MARKS if head.startswith(mark)), (b"", ""))
    if given is None:
        if marked:
            return Encoding(marked, len(mark))
        _refuse_unmarked_utf16(head, name)
        return Encoding("utf-8")
    codec = _known_codec(given, name)
    if marked and codec in (marked, marked[:-3], f"{marked}-sig"):
        return Encoding(marked, len(mark), given=True)
    if codec in ("utf-16", "utf-32"):
        hint = f"say --encoding {codec}-le (Windows) or --encoding {codec}-be"
        raise SourceError(f"no byte order mark says which {codec.upper()} this is", where=f"{name}:1", hint=hint)
    return Encoding(codec, given=True)


def encoding_note(encoding: Encoding, head: bytes) -> list[str]:
    """A note when a byte order mark was overruled; empty otherwise."""
    marked = next((codec for mark, codec in _MARKS if head.startswith(mark)), None)
    if not marked or encoding.mark:
        return []
    return [f"begins with the byte order mark of {marked.upper()}, but is read as {encoding.codec} as demanded"]


def not_decodable(error: UnicodeDecodeError, encoding: Encoding, *, offset: int, where: str) -> SourceError:
    """The error for bytes that are not text in ``encoding``.

    Args:
        error: What the decoder said.
        encoding: How the file was read.
        offset: Where in the (unpacked) file the offending byte lies, 0-based.
        where: File and line.
    """
    data = bytes(error.object)
    byte = data[error.start]
    what = f"byte 0x{byte:02X} at offset {offset:,} is not {encoding.codec.upper()}"
    if error.reason in _CUT_OFF:
        return SourceError(
            f"{what}: the file ends inside a character", where=where, hint="it was cut off: export again"
        )
    return SourceError(what, where=where, hint=_hint(data, error.start, encoding))


def _hint(data: bytes, at: int, encoding: Encoding) -> str:
    if encoding.codec == "utf-8" and _mostly_utf8(data):
        return "the text around it is UTF-8, so this place is damaged: correct it, or export again"
    found = suggest_encoding(data, at)
    if found is None or found[0] == encoding.codec:
        return "find out how the file was saved, and say so: --encoding NAME"
    codec, sample = found
    if codec == "utf-8":
        return "it is valid UTF-8: leave --encoding away"
    reads = f' (then it reads "{sample}")' if sample else ""
    return f"it looks like {codec}{reads}: add --encoding {codec}"


def suggest_encoding(data: bytes, at: int = 0) -> tuple[str, str] | None:
    """An encoding that ``data`` may be in, and a word of it as it would then read; None if there is no idea.

    Detectors mix up cp1252 and its neighbours, so in mostly Latin text the letters of known languages decide; the rest
    is left to charset-normalizer. Never used to read a file: a wrong guess corrupts names in silence.
    """
    if _decodes(data, "utf-8"):
        return "utf-8", ""
    lines = b"\n".join(_HIGH_LINES.findall(data))[:_SAMPLE_BYTES]
    letters = len(_LETTERS.findall(lines)) or 1
    codec = latin_codepage(lines) if len(_HIGH.findall(lines)) / letters < _MOSTLY_LATIN else ""
    if not codec:
        from charset_normalizer import from_bytes  # 60 ms, and only needed on the way out

        best = from_bytes(lines).best()
        if best is None:
            return None
        codec = best.encoding.replace("_", "-")
    return codec, _word(data, at, codec)


def _mostly_utf8(data: bytes) -> bool:
    """Whether more characters of several bytes are right than wrong; in other encodings hardly one is."""
    text = data.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    return len(_HIGH_CHARACTER.findall(text)) - wrong > wrong


def _word(data: bytes, at: int, codec: str) -> str:
    """The first non-ASCII word on the line of the offending byte."""
    start = data.rfind(b"\n", 0, at) + 1
    line = data[start : start + 2_000].split(b"\n", 1)[0].decode(codec, "replace")
    found = _HIGH_WORD.search(line)
    return found[0][:20] if found else ""


def _decodes(data: bytes, codec: str) -> bool:
    try:
        data.decode(codec)
    except UnicodeDecodeError as error:
        return codec == "utf-8" and error.start > 0 and error.end == len(data) and error.reason.startswith("unexpected")
    return True


def _known_codec(given: str, name: str) -> str:
    try:
        codec = codecs.lookup(given).name
        "a".encode(codec)  # refuses codecs such as base64 that are no encodings of text
    except (LookupError, UnicodeError):
        hint = "common ones are utf-8, cp1252 (Western Windows), utf-16-le, shift_jis, gb18030"
        raise SourceError(f"there is no encoding {given!r}", where=name, hint=hint) from None
    return codec


def _refuse_unmarked_utf16(head: bytes, name: str) -> None:
    """Latin text in UTF-16 has a NUL in nearly every second byte."""
    half = len(head) // 2 or 1
    for first, codec in ((1, "utf-16-le"), (0, "utf-16-be")):
        if head[first::2].count(0) > half * 0.7 and head[1 - first :: 2].count(0) < half * 0.1:
            hint = f"add --encoding {codec}"
            raise SourceError(
                f"this looks like {codec.upper()} without a byte order mark", where=f"{name}:1", hint=hint
            )
