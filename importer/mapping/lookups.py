"""Values that are looked up: cells of the row → what another file (CSV, Excel) says, read when a mapping is loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from importer.errors import SourceError
from importer.mapping.converters import folding
from importer.mapping.field_errors import CellError
from importer.mapping.problems import Malformed, Problems, listed
from importer.mapping.sources import Binding, Blame, Cells, Header, Source
from importer.yaml_places import NodePath

if TYPE_CHECKING:
    from importer.mapping.loader import NamedFiles
    from importer.mapping.schema import LookupForm
    from importer.models import Row
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
                _refuse_damage(row, file.name, header.used)
                key = tuple([self.fold(row.cells[position]) for position in keys])
                texts, text = self.entries.setdefault(key, []) if any(key) else [], row.cells[value].strip()
                if text not in texts:
                    texts.append(text)


def load_table(form: LookupForm, files: NamedFiles, *, path: NodePath, problems: Problems) -> LookupTable | None:
    """The table of a file that the mapping names at ``path``; None after a problem."""
    from importer.reader import open_reader  # costs a third of a second, and few mappings look anything up

    table = LookupTable(folding(form.ignore or ()))
    try:
        file = open_reader(files.path(form.file), sheet=form.sheet, encoding=form.encoding, delimiter=form.delimiter)
        files.note(file.fingerprint())
        table.read(file, form, path=path, problems=problems)
    except Malformed as error:
        problems.add((*path, "file"), error.what, error.hint)
        return None
    except SourceError as error:
        where = f"{error.where}: " if error.where else ""
        what = f"cannot use the lookup file: {where}{error.what}"
        problems.add((*path, "file"), what, _in_mapping_words(error.hint))
        return None
    if not table.entries:
        problems.add((*path, "file"), f"{form.file!r} has no row with a key", "check that this is the right file")
    return table


def _refuse_damage(row: Row, name: str, used: set[str]) -> None:
    for problem in row.problems:
        if problem.column is None or problem.column in used:
            column = f" {problem.column}:" if problem.column else ""
            raise SourceError(f"{column} {problem.rule}".strip(), where=f"{name}:{row.number}", hint=problem.hint)


def _in_mapping_words(hint: str) -> str:
    for option in ("sheet", "encoding", "delimiter"):
        hint = hint.replace(f"--{option}", f"`{option}:`")
    return hint


def lookup_source(form: LookupForm, binding: Binding, *, path: NodePath) -> Source:
    """What the file says about the cells of a row."""
    columns, name = (form.by, "by") if form.by else (form.key, "key")
    positions = binding.header.positions_of(columns, path=(*path, "lookup", name))
    table, filled = binding.tables[path], binding.filled

    def read(cells: Cells) -> str | None:
        key = tuple([table.fold(filled(cells[position])) for position in positions])
        text = _found(form, table.entries.get(key, [])) if any(key) else ""
        return "" if text in binding.empty else text

    def blame(cells: Cells) -> Blame:
        texts = [cells[position] for position in positions]
        return Blame(columns[0].column, " / ".join(texts) if any(map(str.strip, texts)) else "")

    return Source(tuple(column.column for column in columns), read, blame, is_text=False)


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
