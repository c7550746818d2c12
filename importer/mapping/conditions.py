"""Conditions of a mapping, bound to the columns of an export."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.mapping.field_errors import CellError
from importer.mapping.language.expressions import Condition, parse_condition
from importer.models import FieldError

if TYPE_CHECKING:
    from importer.files.yaml import NodePath
    from importer.mapping.header import Cells
    from importer.mapping.inputs import Binding
    from importer.mapping.language.value_forms import SourceForm


class BoundCondition:
    """The condition at ``path``, which knows where its columns are in an export. Without a text every row meets it."""

    def __init__(self, text: str | None, binding: Binding, *, path: NodePath) -> None:
        columns, self._test = parse_condition(text) if text is not None else Condition((), lambda _: True)
        header = binding.header
        self.columns = tuple(map(header.name, columns))
        #: where the text of each column is; None for one that the export lacks
        self._places = [None if header.lacks(column) else header.position(column, path=path) for column in columns]
        self.positions = tuple(place for place in self._places if place is not None)
        self._filled = binding.filled

    def met(self, cells: Cells) -> bool:
        """Whether a row meets the condition. Raises :class:`CellError`."""
        if not self._places:
            return True
        return self._test(["" if place is None else self._filled(cells[place]).strip() for place in self._places])

    def decide(self, cells: Cells, errors: list[FieldError], *, target: str) -> bool | None:
        """The same; None if it cannot be decided, then an error says so."""
        try:
            return self.met(cells)
        except CellError as error:
            errors.append(error.at(None, "", target=target))
            return None


def filter_conditions(source: SourceForm) -> list[tuple[str, str, str]]:
    """The conditions by which rows are filtered: `only` or `skip`, the reason that is given, the condition."""
    said = [
        ("only", f"source.only is not met: {source.only}", source.only),
        ("skip", f"source.skip is met: {source.skip}", source.skip),
    ]
    return [(name, reason, text) for name, reason, text in said if text is not None]
