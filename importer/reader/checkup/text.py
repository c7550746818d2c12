"""Text that was cut, decoded twice, or holds characters that no text has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from importer.reader.checkup.finding import Batch, Finding, Tally

#: Most characters of an Excel cell. Source: Microsoft, "Excel specifications and limits".
EXCEL_CELL_MAX = 32_767

# UTF-8 that was read as Windows-1252. Quotes may well follow a Portuguese Ã, so they are no evidence there.
_FOLLOWS = "[\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ•–—˜™š›œžŸ]"
_DOUBLE_DECODED = re.compile(f"[ÃÂ]{_FOLLOWS}|â€[\x80-\xbf™œ˜š¢¦“”]|(?:[ÐÑ]{_FOLLOWS}){{2}}|ðŸ")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_C1_CONTROLS = re.compile("[\x80-\x84\x86-\x9f]")
_LONE_HALF = re.compile("[\ud800-\udfff]")


#: Not printable, and no damage.
_USUAL = ("\n", "\r", "\t", "\xa0", "\xad", "\u200b", "\u200c", "\u200d", "\ufeff")
#: Every printable sign of damage has one of these.
_LEADS = ("Ã", "Â", "â€", "Ð", "Ñ", "ðŸ", "\ufffd")


class _Sign(NamedTuple):
    kind: str
    found: Callable[[str], re.Match[str] | None]
    what: str
    hint: str


_SIGNS = (
    _Sign(
        "double_decoded",
        _DOUBLE_DECODED.search,
        "text was decoded wrongly before, such as Ã© for é",
        "export again as UTF-8, or undo it where the file was made: what is sent would look like this",
    ),
    _Sign(
        "replacement_character",
        re.compile("\ufffd").search,
        "U+FFFD stands where characters were lost",
        "they are gone from this file: export again with the right encoding",
    ),
    _Sign(
        "control_character",
        _CONTROLS.search,
        "there are control characters, which nobody can see",
        "remove them at the source; a NUL makes its row invalid",
    ),
    _Sign(
        "wrong_encoding",
        _C1_CONTROLS.search,
        "there are characters from U+0080 to U+009F, a sign of a wrong encoding",
        "name the encoding that the file has, such as --encoding cp1252",
    ),
    _Sign("half_character", _LONE_HALF.search, "there are halves of characters", "export again"),
)


class TextCheck:
    """Damaged characters. Plain cells, nearly all there are, cost no more than a look at their column."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._columns = columns
        self._tallies: dict[tuple[int, str], Tally] = {}

    def take(self, batch: Batch) -> None:
        """Look at the next rows."""
        for position, (cells, joined) in enumerate(zip(batch.columns, batch.joined, strict=True)):
            if _is_plain(joined):
                continue
            for number, cell in zip(batch.numbers, cells, strict=True):
                if not _is_plain(cell):
                    self._look(position, number, cell)

    def _look(self, position: int, number: int, cell: str) -> None:
        for sign in _SIGNS:
            if match := sign.found(cell):
                begin = max(0, match.start() - 20)
                self._tallies.setdefault((position, sign.kind), Tally()).add(number, _visible(cell[begin : begin + 60]))

    def findings(self) -> Iterator[Finding]:
        """One a column and kind."""
        for sign in _SIGNS:
            for position, column in enumerate(self._columns):
                if tally := self._tallies.get((position, sign.kind)):
                    yield tally.finding(sign.kind, column, what=sign.what, hint=sign.hint)


def _is_plain(text: str) -> bool:
    """Whether there is certainly no sign in ``text``: whole columns are passed over at the speed of memory."""
    for usual in _USUAL:
        text = text.replace(usual, "")
    return text.isprintable() and (text.isascii() or not any(lead in text for lead in _LEADS))


def _visible(text: str) -> str:
    """``text`` with what cannot be seen written out."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" if ord(c) < 256 else f"\\u{ord(c):04x}" for c in text)


class CutCellCheck:
    """Cells that end exactly where Excel cuts them."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._columns = columns
        self._tallies = [Tally() for _ in columns]

    def take(self, batch: Batch) -> None:
        """Look at the next rows."""
        for tally, cells, joined in zip(self._tallies, batch.columns, batch.joined, strict=True):
            if len(joined) < EXCEL_CELL_MAX // 2 or max(map(len, cells)) < EXCEL_CELL_MAX // 2:
                continue
            for number, cell in zip(batch.numbers, cells, strict=True):
                if _is_cut(cell):
                    tally.add(number, "…" + cell[-40:].replace("\n", " "))

    def findings(self) -> Iterator[Finding]:
        """One a column."""
        for column, tally in zip(self._columns, self._tallies, strict=True):
            if tally.count:
                what = f"texts end at {EXCEL_CELL_MAX:,} characters, where Excel cuts them"
                hint = "export again without a detour through Excel: the rest of the text is not in this file"
                yield tally.finding("cut_cell", column, what=what, hint=hint)


def _is_cut(cell: str) -> bool:
    """Excel counts UTF-16 units: an emoji is two."""
    if not EXCEL_CELL_MAX // 2 <= len(cell) <= EXCEL_CELL_MAX:
        return False
    return len(cell) + sum(character > "\uffff" for character in cell) == EXCEL_CELL_MAX
