"""What is wrong with a mapping file: collected, so that a person sees everything at once."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import NamedTuple

from importer.errors import MappingError

PROBLEMS_SHOWN = 25


class Mark(NamedTuple):
    """A place in the mapping file; line and column are 1-based."""

    line: int
    column: int


class Problem(NamedTuple):
    """One thing that is wrong with a mapping file, where it stands, and what to write instead."""

    what: str
    mark: Mark
    hint: str = ""


class Malformed(ValueError):
    """A format, a time zone or a template in the mapping that means nothing.

    Args:
        what: What is wrong.
        hint: What to write instead.
    """

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what, hint)
        self.what = what
        self.hint = hint


class MappingProblems(MappingError):
    """A mapping file with one or more problems.

    ``what``, ``where`` and ``hint`` are those of the first problem; the text of the exception names all of them.

    Attributes:
        problems: All problems, in the order of the file.
    """

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(dict.fromkeys(problems), key=lambda problem: problem.mark))
        self._errors = [MappingError(what, where=place(file, mark), hint=hint) for what, mark, hint in self.problems]
        first = self._errors[0]
        super().__init__(first.what, where=first.where, hint=first.hint)

    def __str__(self) -> str:
        lines = [MappingError.__str__(error) for error in self._errors[:PROBLEMS_SHOWN]]
        if left := len(self._errors) - PROBLEMS_SHOWN:
            lines += [f"and {left} more"] if left > 0 else []
        return "\n".join(lines)


def place(file: str, mark: Mark) -> str:
    """``file:line:column``, as editors and terminals understand it."""
    return f"{file}:{mark.line}:{mark.column}"


def nearest(word: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """A hint that names the known word closest to ``word``, or ``otherwise`` if none is close."""
    names = {name.casefold(): name for name in known}
    close = get_close_matches(word.casefold(), names, n=1, cutoff=0.6)
    return f"did you mean {names[close[0]]!r}?" if close else otherwise


def listed(words: Iterable[str], *, most: int = 12) -> str:
    """``a, b, c`` for a message, with the number of those left out."""
    names = list(words)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
