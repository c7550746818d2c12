"""Where the text of a value comes from: a column, the first of several, a template, or another file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias

from importer.mapping.header import Cells, Header
from importer.mapping.html import readable
from importer.mapping.language.templates import parse_template

if TYPE_CHECKING:
    from importer.files.yaml import NodePath
    from importer.mapping.custom_fields import Definitions
    from importer.mapping.language.value_forms import LookupForm, ValueForm
    from importer.mapping.named_files import NamedFiles

#: The cell that a bad value comes from: its column and its text.
Blame: TypeAlias = "tuple[str | None, str]"


@dataclass(frozen=True, slots=True)
class Binding:
    """What the values of a mapping are bound to."""

    header: Header
    empty: frozenset[str]  #: Texts that count as no value; "" among them.
    files: NamedFiles  #: The files that the mapping names, for lookups.
    definitions: Definitions | None = None  #: The custom fields of the account, if they are known.

    def filled(self, text: str) -> str:
        """``text``, or "" if it counts as no value."""
        return "" if text.strip() in self.empty else text


@dataclass(frozen=True, slots=True)
class Input:
    """Where a value comes from, bound to an export."""

    binding: Binding
    #: What counts of the cells, "" for each without a value → the text; or the texts, if a list takes several columns.
    #: Empty if there is no value; None if not even the default is wanted.
    combine: Callable[[list[str]], Any]
    names: tuple[str, ...] = ()  #: The column of each cell that it reads, at ``positions``.
    positions: tuple[int, ...] = ()
    is_html: bool = False  #: Whether the cells hold HTML.
    is_text: bool = True  #: Whether it gives a text of the export, not a constant or a text of another file.
    #: The columns with their cells → the one to look at if the value is wrong; without it all, and ``between`` them.
    pick: Callable[[list[Blame]], Blame] | None = None
    between: str = " "

    def read(self, cells: Cells) -> Any:
        """What ``combine`` makes of the cells of a row. Raises :class:`CellError`."""
        texts = [cells[position] for position in self.positions]
        if self.is_html:
            texts = [readable(text) for text in texts]
        empty = self.binding.empty
        return self.combine(["" if text.strip() in empty else text for text in texts])

    def blame(self, cells: Cells) -> Blame:
        """The cell to look at if the value of a row is wrong."""
        blamed: list[Blame] = [
            (name, cells[position]) for name, position in zip(self.names, self.positions, strict=True)
        ]
        if self.pick:
            return self.pick(blamed)
        return self.names[0] if self.names else None, self.between.join(text for _, text in blamed if text.strip())


def make_input(form: ValueForm, binding: Binding, *, path: NodePath, in_list: bool) -> Input:
    """The input of the value at ``path``; of several columns of one name a list takes all (``in_list``)."""
    path, header, is_html = (*path, form.origin), binding.header, form.html is not None
    nothing = Input(binding, lambda _: "", is_text=False)
    if form.value is not None:
        return Input(binding, lambda _: form.value, is_text=False)
    if form.lookup is not None:
        return _lookup(form.lookup, binding, path=path) or nothing
    if form.template is not None:
        frame, columns = parse_template(form.template, header.lacks)
        template = Input(
            binding,
            lambda texts: frame % tuple(texts) if any(texts) else "",
            tuple(map(header.name, columns)),
            tuple(header.position(column, path=path) for column in columns),
            is_html,
            pick=lambda cells: max(cells, key=lambda cell: len(cell[1])),  # if the text is too long, the one to shorten
        )
        return template if columns else nothing
    if form.first is not None:
        present = [column for column in form.first if not header.lacks(column.column)]
        first = Input(
            binding,
            lambda texts: next(filter(None, texts), ""),
            tuple(header.name(column.column) for column in present),
            header.positions_of(present, path=path),
            is_html,
            pick=lambda cells: next((cell for cell in cells if binding.filled(cell[1])), cells[0]),
        )
        return first if present else nothing
    if header.lacks(form.column or ""):
        return nothing
    column, join = header.name(form.column or ""), form.join
    if join is None and (form.occurrence is not None or not in_list):
        position = header.position(column, form.occurrence, path=path)
        return Input(binding, itemgetter(0), (column,), (position,), is_html)
    positions = header.positions(column, path=path)
    names = (column,) * len(positions)
    if join is not None:
        is_path = form.type == "path"  # which shows that a text in its middle is missing

        def joined(texts: list[str]) -> str:
            return join.join(text for text in texts if text or is_path) if any(texts) else ""

        return Input(binding, joined, names, positions, is_html, between=join)
    if len(positions) > 1:
        return Input(
            binding, lambda texts: tuple(texts) if any(texts) else (), names, positions, is_html, is_text=False
        )
    return Input(binding, itemgetter(0), names, positions, is_html)


def _lookup(form: LookupForm, binding: Binding, *, path: NodePath) -> Input | None:
    columns, name = (form.by, "by") if form.by else (form.key, "key")
    if any(binding.header.lacks(column.column) for column in columns):
        return None
    table = binding.files.table(form, path=path, problems=binding.header.problems)

    def find(texts: list[str]) -> str | None:
        text = table.find(texts)
        return text and binding.filled(text)

    names = tuple(binding.header.name(column.column) for column in columns)
    positions = binding.header.positions_of(columns, path=(*path, name))
    return Input(binding, find, names, positions, is_text=False, between=" / ")
