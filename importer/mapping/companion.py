"""What a mapping knows of a companion file, such as the comments beside an export: its header, the entries of a key.

It knows neither the file nor where its rows are kept: whoever has them hands it the entries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from importer.mapping.case_schema import EachForm
from importer.mapping.converters import folding
from importer.mapping.field_errors import printable

if TYPE_CHECKING:
    from importer.models import FieldError

Cells: TypeAlias = "tuple[str, ...]"
#: The key of entries → their cells, in the order of the file, each with its row number as one more cell behind.
Find: TypeAlias = "Callable[[bytes], list[Cells]]"

#: Between the cells of a key of several columns. No good row holds one.
_BETWEEN = "\x00"


class Companion:
    """A companion file that a mapping names.

    Args:
        form: What the mapping says of it.
        name: What messages call it.
        columns: Its header.
        find: Gives the entries of a key.

    Attributes:
        form: What the mapping says of it.
        name: What messages call it.
        columns: Its header.
        used: The columns that the mapping reads.
    """

    def __init__(self, form: EachForm, name: str, columns: tuple[str, ...], find: Find) -> None:
        self.form = form
        self.name = name
        self.columns = columns
        self.used: set[str] = set()
        self._find = find
        self._fold = folding(form.ignore or ())
        self._keys: tuple[int, ...] = ()
        self._texts: Callable[[Cells], Sequence[str]] = lambda _: ()
        self._width = 0

    def bound(self, keys: Sequence[int], *, texts: Callable[[Cells], Sequence[str]], width: int) -> None:
        """Settles where the keys are.

        Args:
            keys: Positions of the columns of this file.
            texts: The cells of a row of the export → the texts that are looked up.
            width: How many cells such a row has.
        """
        self._keys, self._texts, self._width = tuple(keys), texts, width

    def key_of_row(self, row: Cells) -> bytes | None:
        """The key of the entries of a row of the export; None if it has none, or if its cells do not tell."""
        return self._key(self._texts(row)) if len(row) == self._width else None

    def key_of_entry(self, entry: Cells) -> bytes | None:
        """The key of an entry; None if it has none."""
        return self._key([entry[position] for position in self._keys])

    def key_shown(self, entry: Cells) -> str:
        """The key of an entry as it stands there, for people."""
        return printable(" / ".join(entry[position].strip() for position in self._keys))

    def spoiling(self, problems: Sequence[FieldError]) -> FieldError | None:
        """What the reader found wrong with an entry that keeps it from being used."""
        return next((found for found in problems if found.column is None or found.column in self.used), None)

    def entries(self, row: Cells) -> list[Cells]:
        """The entries of a row of the export, in the order of the file."""
        key = self._key(self._texts(row))
        return [] if key is None else self._find(key)

    def _key(self, texts: Sequence[str]) -> bytes | None:
        folded = [self._fold(text) for text in texts]
        # surrogatepass: a DataFrame or a workbook may hold halves of characters
        return _BETWEEN.join(folded).encode("utf-8", "surrogatepass") if any(folded) else None
