"""Values that are looked up: cells of the row → what another file says about them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from importer.mapping.binding import Binding
from importer.mapping.cell_errors import CellError, missing
from importer.mapping.lookup_table import LookupKey, LookupTable
from importer.mapping.parts import WHOLE_ROW, Blame, Cells, Part, leaf, remembering
from importer.mapping.problems import listed
from importer.mapping.spec import LookupForm
from importer.mapping.values import Value, in_entries


def bind_lookup(value: Value, form: LookupForm, binding: Binding) -> Part:
    """The part that looks ``value`` up."""
    columns, name = (form.by, "by") if form.by else (form.key, "key")
    path = (*value.path, "lookup", name)
    positions = [binding.header.position(column, path=(*path, number)) for number, column in enumerate(columns)]
    table = binding.tables[value.path]
    fold = table.fold
    value_of = remembering(_value_of(value, form, table=table, empty=binding.empty), value.target)

    def read(cells: Cells) -> Any:
        return value_of(tuple([fold(binding.filled(cells[position])) for position in positions]))

    def blame(cells: Cells) -> Blame:
        texts = [cells[position] for position in positions]
        return Blame(columns[0].column, " / ".join(texts) if any(map(str.strip, texts)) else "")

    return leaf(WHOLE_ROW, read, target=value.target, blame=blame, sound=True)


def _value_of(
    value: Value, form: LookupForm, *, table: LookupTable, empty: tuple[str, ...]
) -> Callable[[LookupKey], Any]:
    convert = in_entries(value.convert, value.split) if value.split else value.convert

    def value_of(key: LookupKey) -> Any:
        texts = table.entries.get(key, ()) if any(key) else ("",)
        if not texts and form.none == "reject":
            raise _not_found(form)
        if len(texts) > 1 and form.several == "reject":
            raise _several(form, texts)
        if not texts and form.none == "empty":
            found = None
        else:
            found = convert(texts[0]) if texts and texts[0] not in empty else value.default
        if found is None and value.required:
            raise missing()
        return found

    return value_of


def _not_found(form: LookupForm) -> CellError:
    hint = "add it there, or say with `none:` what then"
    return CellError("not_found", f"is not in {form.file}", hint)


def _several(form: LookupForm, texts: tuple[str, ...]) -> CellError:
    rule = f"stands in {form.file} with several values: {listed(map(repr, texts))}"
    return CellError("several_found", rule, "leave one of them there, or write `several: first`")
