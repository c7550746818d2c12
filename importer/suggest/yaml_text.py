"""Text of a YAML file: texts quoted where they must be, comments wrapped, columns as a mapping names them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from textwrap import wrap

from importer.profile.profile import ColumnProfile
from importer.text.wording import listed

WIDTH = 118
GUESS, CHECK = "GUESS", "CHECK"  #: Marks of what is inferred, and of what needs a decision.
_PLAIN = re.compile(r"[^\W\d_][\w ./()+-]*|\d[\w./+-]*(?: - [\w /]+)?")

#: A text, several, or a table of texts.
Entry = str | Sequence[str] | Mapping[str, str]


def quoted(text: str) -> str:
    """``text`` in double quotes; what cannot be seen becomes an escape."""
    written = json.dumps(text, ensure_ascii=False)
    return "".join(each if each.isprintable() else f"\\U{ord(each):08x}" for each in written)


def scalar(text: str) -> str:
    """``text`` as YAML, in quotes unless it cannot be misread without."""
    plain = _PLAIN.fullmatch(text) and text == text.strip() and text.isprintable()
    return text if plain else quoted(text)


def value(parts: Mapping[str, Entry]) -> str:
    """A value of the mapping on one line; a column alone is a bare text."""
    return _entry(parts["column"] if list(parts) == ["column"] else parts)


def _entry(entry: Entry | Mapping[str, Entry]) -> str:
    if isinstance(entry, str):
        return scalar(entry)
    if isinstance(entry, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {_entry(text)}" for key, text in entry.items()) + "}"
    return "[" + ", ".join(map(scalar, entry)) + "]"


def shown(text: str, most: int = 60) -> str:
    """``text`` for a comment: in one line, cut to ``most`` characters."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return line if len(line) <= most else line[: most - 1] + "…"


def named(columns: Iterable[ColumnProfile], most: int = 12) -> str:
    """Names for a sentence; of many only the first ones."""
    return listed((f"`{shown(name, 40)}`" for name in dict.fromkeys(column.name for column in columns)), most=most)


def reference(column: ColumnProfile) -> dict[str, str]:
    """The keys of a value that read this column."""
    occurrence = {} if column.repeats == 1 else {"occurrence": str(column.occurrence)}
    return {"column": column.name} | occurrence


def in_template(column: ColumnProfile) -> bool:
    """Whether a template can name the column: its header is unique and has no brace."""
    return column.repeats == 1 and not set("{}") & set(column.name)


@dataclass(frozen=True)
class Use:
    """What a column became: a field, and whether that is sure (no mark), a guess, or to be checked."""

    field: str
    mark: str = ""
    name: str = ""  #: The custom field that the file writes for it; empty if it is none.


class Page:
    """Lines of YAML and of comments; the comments above a line say how sure it is."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.uses: dict[ColumnProfile, Use] = {}  #: What each column became.
        self.made: dict[str, str] = {}  #: Field that no column is → what it is made of.
        self._marks: set[str] = set()  # of the comments since the last line

    def blank(self) -> None:
        """An empty line, unless there is one already or this is the first."""
        if self.lines and self.lines[-1]:
            self.lines.append("")

    def line(
        self, text: str, indent: int = 0, *, of: ColumnProfile | None = None, field: str = "", name: str = ""
    ) -> None:
        """A line of YAML; with ``of`` it makes a ``field`` of this column, in the file with another ``name``."""
        self.lines.append(" " * indent + text)
        if of is not None:
            mark = next((mark for mark in (CHECK, GUESS) if mark in self._marks), "")
            first = self.uses.setdefault(of, Use(field, mark, name))
            self.uses[of] = replace(first, mark=min(filter(None, (first.mark, mark)), default=""))  # CHECK < GUESS
        self._marks.clear()

    def value(self, name: str, parts: Mapping[str, Entry], indent: int, of: ColumnProfile, field: str = "") -> None:
        """A line ``name: value`` that makes the field of this name, or another one, of a column."""
        self.line(f"{name}: {value(parts)}", indent, of=of, field=field or name, name=name if field else "")

    def comment(self, text: str, indent: int = 0, mark: str = "", *, alone: bool = False) -> None:
        """A comment, wrapped; with a mark it begins with it. If it is ``alone``, it is not about the line below."""
        if not alone:
            self._marks.add(mark)
        margin = " " * indent + "# "
        marked = f"{mark}: {text}" if mark else text
        following = margin + ("  " if mark else "")
        wrapped = wrap(marked, WIDTH, initial_indent=margin, subsequent_indent=following, break_on_hyphens=False)
        self.lines += wrapped or [margin.rstrip()]

    def comments(self, remarks: Iterable[tuple[str, str]], indent: int) -> None:
        """Several comments: marks and texts."""
        for mark, text in remarks:
            self.comment(text, indent, mark)

    def add(self, other: Page) -> None:
        """The lines of another page; of two uses of a column the first counts."""
        self.lines += other.lines
        self.uses = other.uses | self.uses

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(self.lines) + "\n"
