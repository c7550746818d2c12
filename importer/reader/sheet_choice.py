"""Which sheet of a workbook has the tickets: the names in its header tell them from a dashboard or a list of users."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from importer.errors import EmptySourceError, SourceError

#: The sheets of failures.xlsx that are shown: the first one has the rows to import, whatever else is in it.
FAILURES_SHEETS = ("failures", "causes")
#: A table with so many known names and rows is taken at once: the sheets behind it are not even loaded.
_PLAIN_NAMES, _PLAIN_ROWS = 5, 50
_TABLE_HEIGHT, _TABLE_WIDTH = 2, 3  # less is a cover with a title
_TO_FIX, _HELPING = "failures", ("causes", "allowed values")  # sheets of failures.xlsx
_WORD = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True)
class SheetShape:
    """What a sheet looks like."""

    header: Sequence[str]  #: Its header cells.
    rows: int  #: How many rows it has below.
    width: int  #: How many columns its cells span.

    @property
    def is_table(self) -> bool:
        """Whether it is more than a cover with a title."""
        return self.rows + 1 >= _TABLE_HEIGHT and self.width >= _TABLE_WIDTH

    @property
    def known_names(self) -> int:
        """How many different header cells have a word that headers of tickets have."""
        return sum(map(_is_known, {cell.strip() for cell in self.header}))

    @property
    def likeness(self) -> tuple[int, int, int]:
        """How much it looks like tickets. Numbers of rows are compared by their number of digits."""
        return self.is_table, self.known_names, len(str(self.rows))


@cache
def _words() -> frozenset[str]:
    words = tomllib.loads(files("importer.reader").joinpath("ticket_words.toml").read_text("utf-8"))
    return frozenset(" ".join(words.values()).split())


def _is_known(name: str) -> bool:
    text = _CAMEL.sub(" ", name).casefold()
    if not _words().isdisjoint(_WORD.findall(text)):
        return True
    return any(word in text for word in _words() if word[0] > "\u3000")  # scripts without spaces


def choose_sheet(
    shown: Sequence[str], hidden: Sequence[str], *, shape_of: Callable[[str], SheetShape], where: str
) -> tuple[str, list[str]]:
    """The sheet that is read unless another one is chosen, and notes about the others.

    Of sheets that look alike it is the first one. One that cannot be read does not count while there is another.

    Raises:
        SourceError: All sheets are hidden, empty or unreadable.
    """
    if not shown:
        hint = f"choose one: --sheet {hidden[0]!r}" if hidden else "export again"
        what = f"all sheets are hidden: {listed(hidden)}" if hidden else "the workbook has no sheets"
        raise SourceError(what, where=where, hint=hint)
    candidates = FAILURES_SHEETS[:1] if set(FAILURES_SHEETS) <= set(shown) else shown
    shapes = dict(_shapes(candidates, shape_of))
    filled = [name for name, shape in shapes.items() if shape.width]
    if not filled:
        what = "the sheet is empty" if len(candidates) == 1 else f"all sheets are empty: {listed(shown)}"
        raise EmptySourceError(what, where=where, hint="export again, or choose a hidden sheet with --sheet")
    chosen = max(filled, key=lambda name: shapes[name].likeness)
    notes = []
    if others := [name for name in foreign(shown, chosen) if name != chosen]:
        why = "which looks most like tickets; " if chosen != filled[0] else ""
        notes.append(f"reading sheet {chosen!r} only, {why}not read: {listed(others)} (choose with --sheet)")
    if hidden := foreign(hidden, chosen):
        notes.append(f"hidden sheets not read: {listed(hidden)}")
    return chosen, notes


def foreign(names: Sequence[str], chosen: str) -> list[str]:
    """These sheets without those of failures.xlsx that help to fix its rows, if these rows are read."""
    return [name for name in names if chosen != _TO_FIX or name not in _HELPING]


def _shapes(names: Sequence[str], shape_of: Callable[[str], SheetShape]) -> Iterator[tuple[str, SheetShape]]:
    """The shapes of the sheets, up to the first one that has tickets beyond doubt."""
    refused: SourceError | None = None
    found = False
    for name in names:
        try:
            shape = shape_of(name)
        except SourceError as error:
            refused = refused or error
            continue
        found = found or bool(shape.width)
        yield name, shape
        if shape.rows >= _PLAIN_ROWS and shape.known_names >= _PLAIN_NAMES:
            return
    if refused and not found:
        raise refused


def listed(names: Sequence[str]) -> str:
    """``'Page 1', 'Page 2'``."""
    return ", ".join(map(repr, names))
