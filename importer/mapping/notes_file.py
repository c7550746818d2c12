"""A file of notes beside the export: its rows are put on a shelf and found again by the key of their ticket."""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from importer.mapping.case_schema import EachForm
from importer.mapping.converters import folding
from importer.mapping.field_errors import printable
from importer.mapping.shelf import Shelf

if TYPE_CHECKING:
    from importer.models import FieldError, Row
    from importer.reader import Reader

Cells: TypeAlias = "tuple[str, ...]"

#: Between the cells of a key of several columns. No good row holds one.
_BETWEEN = "\x00"
#: The form of marshal that keeps no account of objects that occur twice, which no row needs.
_PLAIN = 2


class Orphan(NamedTuple):
    """A row of a file of notes that is a note of no case.

    Attributes:
        row: Where it stands in the file.
        key: What it says to belong to.
        code: Stable word for machines: ``no_row``, ``no_key``, or what the reader found.
        message: The same for a person.
        cells: As they were read.
    """

    row: int
    key: str
    code: str
    message: str
    cells: Cells


class NotesFile:
    """One file of notes, opened; its entries are there once it is loaded.

    Args:
        form: What the mapping says of it.
        source: The file.

    Attributes:
        form: What the mapping says of it.
        source: The file.
        used: The columns that the mapping reads.
        watch: Is shown the rows of the file on their way.
        read: How many rows the file has.
        bare: How many rows of the export have no note in it.
    """

    def __init__(self, form: EachForm, source: Reader) -> None:
        self.form = form
        self.source = source
        self.used: set[str] = set()
        self.watch: Callable[[Sequence[Row]], None] = lambda _: None
        self.read = 0
        self.bare = 0
        self._fold = folding(form.ignore or ())
        self._keys: tuple[int, ...] = ()
        self._texts: Callable[[Cells], Sequence[str]] = lambda _: ()
        self._width = 0
        self._shelf: Shelf | None = None
        self._taken = bytearray()
        self._asked = False
        self._found = False

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.source.name

    def bound(self, keys: Sequence[int], *, texts: Callable[[Cells], Sequence[str]], width: int) -> None:
        """Settles where the keys are.

        Args:
            keys: Positions of the columns of this file.
            texts: The cells of a row of the export → the texts that are looked up.
            width: How many cells such a row has.
        """
        self._keys, self._texts, self._width = tuple(keys), texts, width

    def load(self, progress: Callable[[], None]) -> None:
        """Read the whole file, once, and tell after every chunk.

        Raises:
            SourceError: it cannot be read to its end, or there is no room for it.
        """
        if self._shelf is not None:
            return
        self._shelf = Shelf(self.name)
        for chunk in self.source.chunks():
            rows = list(chunk.rows())
            self.watch(rows)
            self._shelf.put(self._packed(rows))
            self.read += len(rows)
            progress()
        self._shelf.sort()
        self._taken = bytearray((self.read >> 3) + 1)

    def close(self) -> None:
        """Let go of what was read."""
        if self._shelf is not None:
            self._shelf.close()

    def entries(self, row: Cells) -> list[Cells]:
        """The notes of a row of the export, in the order of the file; their own row number is one more cell behind."""
        self._asked = True
        if self._shelf is None or (key := self._key(self._texts(row))) is None:
            return []
        entries, taken = [], self._taken
        for number, content in self._shelf.look(key):
            taken[number >> 3] |= 1 << (number & 7)
            place, cells = marshal.loads(content)
            entries.append((*cells, str(place)))
        self._found = bool(entries)
        return entries

    def count(self, row: Cells) -> None:
        """Counts a row of the export that has been mapped. If something else was wrong with it, it has notes still."""
        if not self._asked and len(row) == self._width:
            self.entries(row)
        self.bare += not self._found
        self._asked = self._found = False

    def orphans(self) -> Iterator[Orphan]:
        """The rows that no row of the export has asked for, in the order of the file."""
        if self._shelf is None:
            return
        for number, key, content in self._shelf.all():
            if self._taken[number >> 3] & 1 << (number & 7):
                continue
            row, cells, *found = marshal.loads(content)
            if found:
                yield Orphan(row, "", found[0], found[1], cells)
            elif key is None:
                yield Orphan(row, "", "no_key", "it does not say which ticket it belongs to", cells)
            else:
                shown = " / ".join(cells[position].strip() for position in self._keys)
                yield Orphan(row, printable(shown), "no_row", "no row of the export has this key", cells)

    def _packed(self, rows: Sequence[Row]) -> Iterator[tuple[bytes | None, bytes]]:
        """Key and content of each row."""
        keys, key_of, dumps = self._keys, self._key, marshal.dumps
        for number, cells, problems in rows:
            if problems and (problem := self._spoiling(problems)):
                place = f"{problem.column}: " if problem.column else ""
                message = f"{place}{problem.rule}; {problem.hint}"
                yield None, dumps((number, cells, problem.code, message), _PLAIN)
            else:
                yield key_of([cells[position] for position in keys]), dumps((number, cells), _PLAIN)

    def _spoiling(self, problems: Sequence[FieldError]) -> FieldError | None:
        return next((found for found in problems if found.column is None or found.column in self.used), None)

    def _key(self, texts: Sequence[str]) -> bytes | None:
        folded = [self._fold(text) for text in texts]
        return encoded(_BETWEEN.join(folded)) if any(folded) else None


def encoded(text: str) -> bytes:
    """UTF-8, also of halves of characters, which only the slow way can write."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
