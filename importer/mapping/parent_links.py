"""What identifies a row, and its link to a parent row: texts of one or several cells.

The one normalisation is that spaces around a text are removed. ``1`` and ``1.0``, or ``é`` written in two ways, are
different keys. Which row is the parent, and whether the link can be made, only the rows together can tell: see
:mod:`importer.ledger.parents`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from importer.mapping.case_schema import CaseForm
from importer.mapping.conditions import BoundCondition, bind_condition
from importer.mapping.field_errors import CellError, Problems, bad_text, is_sendable
from importer.mapping.schema import ColumnForm, SourceForm, ValueForm
from importer.mapping.value_sources import Binding, Cells
from importer.models import FieldError, Link, Links
from importer.yaml_places import NodePath

#: A longer key could not be searched for: the field filter of the case list is a part of an address.
KEY_MAX = 255
KEY_TARGET = "source.key"
TARGET = "parent_id"
_PATH: NodePath = ("case", "parent_id")
_KEYS_OF_RECORD = frozenset({"record", "of", "missing", "cycle", "deep", "when"})


@dataclass(frozen=True, slots=True)
class RowName:
    """A key of a row, or another name for it, in one or several cells.

    Attributes:
        join: What is put between the cells. No cell but the last may contain it: two tickets could look like one.
        empty: Texts that count as no value.
        is_key: Whether it is the key, which no row can do without.
    """

    columns: tuple[str, ...]
    positions: tuple[int, ...]
    join: str
    empty: frozenset[str]
    is_key: bool

    def read(self, cells: Cells, errors: list[FieldError]) -> str:
        """The name; empty if there is none, or after an error. A name is empty unless all of its cells are filled."""
        texts = [cells[position].strip() for position in self.positions]
        if not self.is_key and not self.empty.isdisjoint(texts):
            return ""
        name = self.join.join(texts)
        found = [(number, error) for number, text in enumerate(texts) if (error := self._error(number, text))]
        if not found and len(name) > KEY_MAX:
            found = [(0, self._too_long(name))]
        for number, error in found:
            if self.is_key:
                errors.append(error.at(self.columns[number], cells[self.positions[number]], target=KEY_TARGET))
            else:  # of a link one error is enough
                errors.append(error.at(", ".join(self.columns), name, target=TARGET))
                break
        return "" if found else name

    def _error(self, number: int, text: str) -> CellError | None:
        if text in self.empty:
            hint = "fill in the cell, or set another `source.key`"
            return CellError("missing_key", "is empty, but it is the key of the row", hint)
        if number < len(self.positions) - 1 and self.join in text:
            rule = f"contains {self.join!r}, which separates the parts of {'a key' if self.is_key else 'a name'}"
            return CellError("ambiguous_key", rule, "set `source.join` to text that no part contains")
        if len(text) > KEY_MAX:
            return self._too_long(text)
        return None if is_sendable(text) else bad_text()

    def _too_long(self, text: str) -> CellError:
        what, target = ("a key", KEY_TARGET) if self.is_key else ("the name of a row", TARGET)
        rule = f"has {len(text):,} characters (maximum for {what}: {KEY_MAX})"
        return CellError("too_long", rule, f"check that `{target}` names the right column")


def bind_name(
    columns: Sequence[ColumnForm], path: NodePath, source: SourceForm, binding: Binding, *, is_key: bool = False
) -> RowName:
    """The key of the rows of an export, or another name for them, in the columns that are named at ``path``."""
    positions = binding.header.positions_of(columns, path=path)
    return RowName(tuple(form.column for form in columns), positions, source.join, binding.empty, is_key)


# -- links -----------------------------------------------------------------------------------------


def check_parent(form: CaseForm, problems: Problems) -> ValueForm | None:
    """The value that links rows, if ``parent_id`` is one."""
    value = form.parent_id
    if value is None or value.origin != "record":
        return None
    for key in sorted(value.model_fields_set - _KEYS_OF_RECORD):
        problems.add((*_PATH, key), f"`{key}` has no effect with `record`", f"remove `{key}`", key=True)
    return value


def links_of(form: ValueForm) -> Links:
    """What the ledger needs to know about the links of a mapping."""
    columns = ", ".join(column.column for column in form.record or ())
    return Links(columns, form.missing, form.cycle, form.deep)


class ParentLink:
    """How the link of a row to its parent row is read.

    Args:
        form: What the mapping says.
        source: What it says about the export.
        binding: The export.

    Attributes:
        columns: The columns that name rows.
    """

    def __init__(self, form: ValueForm, source: SourceForm, binding: Binding) -> None:
        self._parent = bind_name(form.record or (), (*_PATH, "record"), source, binding)
        self._own = bind_name(form.of, (*_PATH, "of"), source, binding) if form.of else None
        self._condition: BoundCondition | None = None
        if form.when is not None:
            self._condition = bind_condition(form.when, binding, path=(*_PATH, "when"))
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
