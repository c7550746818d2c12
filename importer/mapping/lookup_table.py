"""Look-up files: tables from CSV or Excel, read once when a mapping is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from importer.errors import SourceError
from importer.mapping.beside import Beside
from importer.mapping.document import Problems
from importer.mapping.folding import Fold, folding
from importer.mapping.header import Header
from importer.mapping.problems import Malformed
from importer.mapping.spec import LookupForm, ValueForm
from importer.mapping.spec_case import MappingForm
from importer.mapping.yaml_nodes import NodePath

if TYPE_CHECKING:
    from importer.models import Row
    from importer.reader import Reader

#: The folded texts of the key columns.
LookupKey: TypeAlias = "tuple[str, ...]"


class LookupTable(NamedTuple):
    """What a look-up file says.

    Attributes:
        fold: Makes texts equal that count as the same key.
        entries: Key → the different texts that stand there, in the order of the file; "" may be among them.
    """

    fold: Fold
    entries: dict[LookupKey, tuple[str, ...]]


class _Columns(NamedTuple):
    """Which columns of the file count."""

    names: frozenset[str]
    keys: tuple[int, ...]
    value: int


def load_tables(form: MappingForm, problems: Problems, beside: Beside) -> dict[NodePath, LookupTable]:
    """The table of each value that looks something up, by the path of the value."""
    tables = {}
    for path, value in _values(form):
        if value.lookup and (table := _load(value.lookup, path=(*path, "lookup"), problems=problems, beside=beside)):
            tables[path] = table
    return tables


def _values(form: MappingForm) -> Iterator[tuple[NodePath, ValueForm]]:
    for name, value in form.case:
        if isinstance(value, ValueForm):
            yield ("case", name), value
    for key, value in form.case.custom_fields.items():
        yield ("case", "custom_fields", key), value
    for number, note in enumerate(form.case.notes):
        for name, value in note:
            if isinstance(value, ValueForm):
                yield ("case", "notes", number, name), value
        for place, value in enumerate((note.each and note.each.order) or ()):
            yield ("case", "notes", number, "each", "order", place), value


def _load(form: LookupForm, *, path: NodePath, problems: Problems, beside: Beside) -> LookupTable | None:
    from importer.reader import open_reader  # costs a third of a second, and few mappings look anything up

    try:
        place = beside.path(form.file)
        source = open_reader(place, sheet=form.sheet, encoding=form.encoding, delimiter=form.delimiter)
        beside.read(source.fingerprint())
        columns = _columns(form, source, path=path, problems=problems)
        table = LookupTable(folding(form.ignore or ()), {})
        table.entries.update(_entries(source, columns, table.fold))
    except Malformed as error:
        problems.add((*path, "file"), error.what, error.hint)
        return None
    except SourceError as error:
        where = f"{error.where}: " if error.where else ""
        problems.add((*path, "file"), f"no look-up is possible: {where}{error.what}", _in_mapping_words(error.hint))
        return None
    if not table.entries:
        problems.add((*path, "file"), f"{form.file!r} has no row with a key", "is this the right file?")
    return table


def _columns(form: LookupForm, source: Reader, *, path: NodePath, problems: Problems) -> _Columns:
    header = Header(source.columns, problems, owner=source.name)
    keys = [header.position(column, path=(*path, "key", number)) for number, column in enumerate(form.key)]
    value = header.position(form.value, path=(*path, "value"))
    return _Columns(frozenset(header.used), tuple(keys), value)


def _entries(source: Reader, columns: _Columns, fold: Fold) -> dict[LookupKey, tuple[str, ...]]:
    found: dict[LookupKey, dict[str, None]] = {}
    for chunk in source.chunks():
        for row in chunk.rows():
            _refuse_damage(row, source.name, columns.names)
            key = tuple([fold(row.cells[position]) for position in columns.keys])
            if any(key):
                found.setdefault(key, {})[row.cells[columns.value].strip()] = None
    return {key: tuple(texts) for key, texts in found.items()}


def _refuse_damage(row: Row, name: str, used: frozenset[str]) -> None:
    for problem in row.problems:
        if problem.column is None or problem.column in used:
            column = f" {problem.column}:" if problem.column else ""
            raise SourceError(f"{column} {problem.rule}".strip(), where=f"{name}:{row.number}", hint=problem.hint)


def _in_mapping_words(hint: str) -> str:
    for option in ("sheet", "encoding", "delimiter"):
        hint = hint.replace(f"--{option}", f"`{option}:`")
    return hint
