"""Numbers, lists, near words, durations, commands and JSON as people see them, the same in all messages and reports."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterable
from difflib import get_close_matches

from importer.text.safe import UNSAFE, shown

#: A word with these is no word to copy: what a terminal obeys, and bytes of a file name that are not Unicode.
_UNPRINTABLE = re.compile(UNSAFE.pattern + "|[\ud800-\udfff]")


def plural(count: int, word: str) -> str:
    """``1 row``, ``1,000 rows``."""
    return f"{count:,} {word}{'s' * (count != 1)}"


def carried(count: int) -> str:
    """``1 note or field``, ``1,000 notes and fields``: what case updates carry."""
    return f"{count:,} {'note or field' if count == 1 else 'notes and fields'}"


def are(count: int) -> str:
    """``is`` or ``are``."""
    return "is" if count == 1 else "are"


def nearest(word: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """A hint that names the known word closest to ``word``, or ``otherwise`` if none is close."""
    close = closest(word, known)
    return did_you_mean(close) if close else otherwise


def did_you_mean(close: str) -> str:
    """A hint that names a word."""
    return f"did you mean {shown(close)!r}?"


def closest_column(name: str, columns: Iterable[str]) -> str:
    """The column that ``name`` may be called now; empty if none is close.

    Words may change places: ``Ticket Description`` is rather ``Description of ticket`` than ``Ticket Subject``.
    """
    columns = list(columns)

    def words_in_order(text: str) -> str:
        return " ".join(sorted(re.findall(r"\w+", text.casefold())))

    return next(iter(close_words(name, columns, fold=words_in_order)), "") or closest(name, columns)


def closest(word: str, known: Iterable[str]) -> str:
    """The known word closest to ``word``; empty if none is close."""
    return next(iter(close_words(word, known)), "")


def close_words(
    word: str, known: Iterable[str], *, fold: Callable[[str], str] = str.casefold, most: int = 1, cutoff: float = 0.6
) -> list[str]:
    """The known words closest to ``word``, the closest first, compared as ``fold`` makes them; see :mod:`difflib`."""
    names = {fold(name): name for name in reversed(list(known))}  # of words that are folded alike the first counts
    text = fold(word)
    if cutoff * len(text) > (2 - cutoff) * max(map(len, names), default=0):
        return []  # too long to be near any of them; a whole description would cost difflib 20 ms
    return [names[folded] for folded in get_close_matches(text, names, n=most, cutoff=cutoff)]


def listed(words: Iterable[str], *, most: int = 12) -> str:
    """``a, b, c`` for a message, with the number of words that are not shown."""
    names = list(words)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def duration(seconds: float) -> str:
    """``0.1 s``, ``3 min 21 s``, ``32 h 05 min``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def shell_word(word: str) -> str:
    """A word of a command to copy; as ``$'…'``, which bash and zsh know, if a terminal should not see it as it is."""
    if not _UNPRINTABLE.search(word):
        return shlex.quote(word)
    word = word.replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + _UNPRINTABLE.sub(lambda found: "".join(map("\\x{:02x}".format, os.fsencode(found[0]))), word) + "'"


def command_line(words: Iterable[str]) -> str:
    """A command to copy, in one line."""
    return " ".join(map(shell_word, words))


def printable(text: str) -> str:
    """JSON or YAML that says the same, with what a terminal would obey escaped as both of them allow it."""

    def escaped(unsafe: re.Match[str]) -> str:
        return "".join(f"\\u{ord(character):04x}" for character in unsafe[0])

    return "\n".join(UNSAFE.sub(escaped, line) for line in text.split("\n"))
