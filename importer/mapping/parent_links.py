"""What identifies a row, and its link to a parent row: texts of one or several cells.

The one normalisation is that spaces around a text are removed. ``1`` and ``1.0``, or ``é`` written in two ways, are
different keys. Which row is the parent, and whether the link can be made, only the rows together can tell: see
:mod:`importer.ledger.parents`.
"""

from __future__ import annotations

from collections.abc import Sequence

from importer.mapping.conditions import BoundCondition
from importer.mapping.field_errors import CellError, bad_text, is_sendable
from importer.mapping.schema import ColumnForm, SourceForm, ValueForm
from importer.mapping.value_sources import Binding, Cells
from importer.models import FieldError, Link
from importer.yaml_places import NodePath

#: A longer key could not be searched for: the field filter of the case list is a part of an address.
KEY_MAX = 255
KEY_TARGET = "source.key"
TARGET = "parent_id"
_PATH: NodePath = ("case", "parent_id")
_KEYS_OF_RECORD = frozenset({"record", "of", "missing", "cycle", "deep", "when"})


class RowName:
    """The key of a row, or another name for it, in the columns that are named at ``path``.

    No cell but the last may contain what is put between them: two tickets could look like one.

    Args:
        columns: The columns.
        binding: The export that is described by ``source``.
        path: Where the mapping names the columns.
        source: What the mapping says of the export.
        is_key: Whether it is the key, which no row can do without.
    """

    def __init__(
        self,
        columns: Sequence[ColumnForm],
        binding: Binding,
        *,
        path: NodePath,
        source: SourceForm,
        is_key: bool = False,
    ) -> None:
        self.columns = tuple(form.column for form in columns)
        self._positions = binding.header.positions_of(columns, path=path)
        self._join, self._empty, self._is_key = source.join, binding.empty, is_key

    def read(self, cells: Cells, errors: list[FieldError]) -> str:
        """The name; empty if there is none, or after an error. A name is empty unless all of its cells are filled."""
        texts = [cells[position].strip() for position in self._positions]
        if not self._is_key and not self._empty.isdisjoint(texts):
            return ""
        name = self._join.join(texts)
        found = [(number, error) for number, text in enumerate(texts) if (error := self._error(number, text))]
        if not found and len(name) > KEY_MAX:
            found = [(0, self._too_long(name))]
        for number, error in found:
            if self._is_key:
                errors.append(error.at(self.columns[number], cells[self._positions[number]], target=KEY_TARGET))
            else:  # of a link one error is enough
                errors.append(error.at(", ".join(self.columns), name, target=TARGET))
                break
        return "" if found else name

    def _error(self, number: int, text: str) -> CellError | None:
        if text in self._empty:
            hint = "fill in the cell, or set another `source.key`"
            return CellError("missing_key", "is empty, but it is the key of the row", hint)
        if number < len(self._positions) - 1 and self._join in text:
            rule = f"contains {self._join!r}, which separates the parts of {'a key' if self._is_key else 'a name'}"
            return CellError("ambiguous_key", rule, "set `source.join` to text that no part contains")
        if len(text) > KEY_MAX:
            return self._too_long(text)
        return None if is_sendable(text) else bad_text()

    def _too_long(self, text: str) -> CellError:
        what, target = ("a key", KEY_TARGET) if self._is_key else ("the name of a row", TARGET)
        rule = f"has {len(text):,} characters (maximum for {what}: {KEY_MAX})"
        return CellError("too_long", rule, f"check that `{target}` names the right column")


class ParentLink:
    """How the link of a row to its parent row is read: the ``parent_id`` of the mapping, if it is a `record`.

    Attributes:
        columns: The columns that name rows.
    """

    def __init__(self, form: ValueForm, binding: Binding, source: SourceForm) -> None:
        for key in sorted(form.model_fields_set - _KEYS_OF_RECORD):
            what = f"`{key}` has no effect with `record`"
            binding.header.problems.add((*_PATH, key), what, f"remove `{key}`", key=True)
        self._parent = RowName(form.record or (), binding, path=(*_PATH, "record"), source=source)
        self._own = RowName(form.of, binding, path=(*_PATH, "of"), source=source) if form.of else None
        self._condition = BoundCondition(form.when, binding, path=(*_PATH, "when")) if form.when is not None else None
        self.columns = frozenset(self._parent.columns + (self._own.columns if self._own else ()))

    def read(self, cells: Cells, errors: list[FieldError]) -> Link | None:
        """The link; None after an error."""
        found: list[FieldError] = []
        try:
            is_linked = self._condition is None or self._condition.met(cells)
        except CellError as error:
            errors.append(error.at(None, "", target=TARGET))
            return None
        parent = self._parent.read(cells, found) if is_linked else ""
        own = self._own.read(cells, found) if self._own else None
        errors += found
        return None if found else Link(own, parent or None)
