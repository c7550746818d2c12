"""Values that are looked up: cells of the row → what another file (CSV, Excel) says, read when a mapping is loaded."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from pydantic_core import PydanticCustomError

from importer.errors import SourceError
from importer.formulas import unescape_formula
from importer.mapping.converters import folding
from importer.mapping.field_errors import CellError, Problems, listed
from importer.mapping.value_sources import Binding, Blame, Header, Source, Texts
from importer.yaml_places import NodePath

if TYPE_CHECKING:
    from importer.mapping.loader import NamedFiles
    from importer.mapping.schema import LookupForm
    from importer.reader import Reader as File

#: The folded texts of the key columns.
LookupKey: TypeAlias = "tuple[str, ...]"


@dataclass(frozen=True, slots=True)
class LookupTable:
    """What a lookup file says.

    Attributes:
        fold: Makes texts equal that count as the same key.
        entries: Key → the different texts of that key, in the order of the file; "" may be among them.
    """

    fold: Callable[[str], str]
    entries: dict[LookupKey, list[str]] = field(default_factory=dict)

    def read(self, file: File, form: LookupForm, *, path: NodePath, problems: Problems) -> None:
        """Reads all rows of the file.

        Raises:
            SourceError: It cannot be read to its end, or a cell that is needed is damaged.
        """
        header = Header(file.columns, problems, owner=file.name)
        keys = header.positions_of(form.key, path=(*path, "key"))
        value = header.position(form.value.column, form.value.occurrence, path=(*path, "value"))
        for chunk in file.chunks():
            for row in chunk.rows():
                for problem in row.problems:
                    if problem.column is None or problem.column in header.used:
                        what = f"{problem.column}: {problem.rule}" if problem.column else problem.rule
                        raise SourceError(what, where=f"{file.name}:{row.number}", hint=problem.hint)
                cells = [unescape_formula(cell) for cell in row.cells]  # as `users --save` wrote them
                key = tuple([self.fold(cells[position]) for position in keys])
                texts, text = self.entries.setdefault(key, []) if any(key) else [], cells[value].strip()
                if text not in texts:
                    texts.append(text)


def load_table(form: LookupForm, files: NamedFiles, *, path: NodePath, problems: Problems) -> LookupTable | None:
    """The table of a file that the mapping names at ``path``; None after a problem."""
    from importer.reader import open_reader  # costs a third of a second, and few mappings look anything up

    table = LookupTable(folding(form.ignore or ()))
    try:
        file = open_reader(files.path(form.file), sheet=form.sheet, encoding=form.encoding, delimiter=form.delimiter)
        files.digests.append(file.fingerprint())
        table.read(file, form, path=path, problems=problems)
    except PydanticCustomError as error:
        problems.add_malformed((*path, "file"), error)
        return None
    except SourceError as error:
        where = f"{error.where}: " if error.where else ""
        hint = re.sub("--(sheet|encoding|delimiter)", r"`\1:`", error.hint)
        problems.add((*path, "file"), f"cannot use the lookup file: {where}{error.what}", hint)
        return None
    if not table.entries:
        problems.add((*path, "file"), f"{form.file!r} has no row with a key", "check that this is the right file")
    return table


def lookup_source(form: LookupForm, binding: Binding, *, path: NodePath) -> Source:
    """What the file says about the cells of a row."""
    columns, name = (form.by, "by") if form.by else (form.key, "key")
    positions = binding.header.positions_of(columns, path=(*path, "lookup", name))
    table = binding.tables[path]

    def read(texts: Texts) -> str | None:
        key = tuple([table.fold(binding.filled(text)) for text in texts])
        text = _found(form, table.entries.get(key, [])) if any(key) else ""
        return text and binding.filled(text)

    def blame(texts: Texts) -> Blame:
        return Blame(columns[0].column, " / ".join(texts) if any(map(str.strip, texts)) else "")

    return Source(tuple(column.column for column in columns), positions, read, blame, is_text=False)


def _found(form: LookupForm, texts: Sequence[str]) -> str | None:
    if not texts and form.none == "reject":
        hint = f"add it to {form.file}, or set `none:`"
        raise CellError("not_found", f"is not in {form.file}", hint)
    if len(texts) > 1 and form.several == "reject":
        rule = f"has several values in {form.file}: {listed(map(repr, texts))}"
        raise CellError("several_found", rule, f"keep one of them in {form.file}, or set `several: first`")
    if not texts:
        return None if form.none == "empty" else ""
    return texts[0]
