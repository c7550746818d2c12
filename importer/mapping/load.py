"""Finds a mapping file, reads it, and checks everything about it that needs no columns."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from importer.errors import MappingError
from importer.mapping.beside import Beside
from importer.mapping.bind import RowMapper, bind
from importer.mapping.choice import reasons
from importer.mapping.document import Document, Problems
from importer.mapping.fields_file import Definitions, read_fields
from importer.mapping.lookup_table import load_tables
from importer.mapping.notes_file import NotesFile
from importer.mapping.outline import Outline, outline
from importer.mapping.parent import links_of
from importer.mapping.plan import Plan, assumptions, make_plan
from importer.mapping.problems import Malformed, MappingProblems, Mark, Problem, listed, nearest, place
from importer.mapping.spec_case import EachForm, MappingForm
from importer.mapping.well_formed import well_formed, without_custom_fields
from importer.mapping.yaml_nodes import Node, NodePath, Table, mark_of, parse, plain
from importer.models import Links, shown
from importer.talkdesk.fields import as_answer

SIZE_MAX = 1024 * 1024
SUFFIX = ".yml"


@dataclass(frozen=True)
class Mapping:
    """A mapping that is right in itself; whether it fits an export shows when it is bound to its columns.

    Attributes:
        name: File name, or the name of a bundled mapping.
        sha256: Of the bytes of the file, and of the files that it names, in hex.
        stamp: Key of the custom field that receives the key of the row, such as ``text1``; None for none.
        notes: What the mapping leaves open and is therefore assumed.
    """

    name: str
    sha256: str
    stamp: str | None
    notes: tuple[str, ...]
    _plan: Plan = field(repr=False)
    _document: Document = field(repr=False)

    @property
    def links(self) -> Links | None:
        """How it links rows to each other; None if it does not."""
        return None if self._plan.parent is None else links_of(self._plan.parent)

    @property
    def note_files(self) -> list[tuple[EachForm, NodePath]]:
        """The files of notes that lie beside the export, and where the mapping speaks of each first."""
        found: list[tuple[EachForm, NodePath]] = []
        for each in filter(None, (note.each for note in self._plan.notes)):
            if each.form.file and all(each.form != form for form, _ in found):
                found.append((each.form, each.path))
        return found

    def bind(self, columns: tuple[str, ...], notes: Collection[NotesFile] | None = None) -> RowMapper:
        """The mapper of an export with these columns.

        Args:
            columns: The header, in file order, repeats kept.
            notes: One file for each of :attr:`note_files`, opened; without them, notes of files are left out.

        Raises:
            MappingError: A column does not exist, or exists more than once where one is meant.
        """
        return bind(self._plan, tuple(columns), self._document, notes)

    def outline(self, columns: tuple[str, ...]) -> tuple[Outline, ...]:
        """The values that read columns, for looking at an export with these columns, which the mapping must fit."""
        return outline(self._plan, tuple(columns), self._document)

    @property
    def account_fields(self) -> list[dict[str, Any]]:
        """The custom fields of the account, as it answers them itself: those of the file that `fields` names, with
        their options; without such a file those that the mapping names, of which no options are known.
        """
        return as_answer(self._plan.definitions)

    @property
    def choices(self) -> tuple[str, ...]:
        """The conditions by which rows are left out on purpose, as :class:`importer.models.Mapped` names them."""
        return reasons(self._plan.source)

    def place(self, path: NodePath) -> str:
        """``file:line:column`` of what stands at ``path``, or of the nearest thing above it."""
        return place(self._document.file, mark_of(self._document.root, path))


def load_mapping(path_or_name: str | os.PathLike[str]) -> Mapping:
    """Reads a mapping.

    Args:
        path_or_name: A file, or the bare name of a bundled mapping such as ``zendesk``. What has a suffix or
            a folder is a file.

    Raises:
        MappingError: It cannot be found or read, or is wrong. All problems are named, each with its place.
    """
    name = os.fspath(path_or_name)
    source = _bundled(name) if _is_bare(name) else Path(name)
    content = _read(source, name)
    file = source.name if _is_bare(name) else name
    document = Document(file, _root(_decoded(content, file), file))
    beside = Beside(source.parent if isinstance(source, Path) else Path(), content)
    plan = _plan(plain(document.root), Problems(document), beside)
    return Mapping(Path(name).name, beside.sha256(), plan.stamp, tuple(assumptions(plan)), plan, document)


def _plan(content: Any, problems: Problems, beside: Beside) -> Plan:
    form = well_formed(content, problems)
    if form is None:
        raise problems.as_error()
    definitions = _definitions(form, problems, beside)
    if form.fields is not None and definitions is None:
        form = without_custom_fields(form)
    plan = make_plan(form, problems, definitions=definitions, tables=load_tables(form, problems, beside))
    problems.raise_if_any()
    return plan


def _definitions(form: MappingForm, problems: Problems, beside: Beside) -> Definitions | None:
    if form.fields is None:
        return None
    try:
        return read_fields(beside.content(form.fields), form.fields)
    except Malformed as error:
        problems.add(("fields",), error.what, error.hint)
        return None


def _root(text: str, file: str) -> Node:
    root, problems = parse(text)
    if not problems and not isinstance(root, Table):
        what = "this is not a mapping" if root else "this mapping is empty"
        problems = [Problem(what, root.start if root else Mark(1, 1), "it begins with the line `version: 1`")]
    if problems or root is None:
        raise MappingProblems(file, problems)
    return root


def _decoded(content: bytes, file: str) -> str:
    if len(content) > SIZE_MAX:
        raise MappingError("a mapping has at most 1 MiB", where=file, hint="is this the export? It goes first")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        mark = Mark(before.count(b"\n") + 1, error.start - before.rfind(b"\n"))
        hint = "save it as UTF-8, or check that this is the right file"
        raise MappingProblems(file, [Problem("this is not UTF-8 text", mark, hint)]) from None


def _read(source: Path | Traversable, name: str) -> bytes:
    try:
        with source.open("rb") as stream:
            return stream.read(SIZE_MAX + 1)
    except FileNotFoundError:
        raise MappingError(f"there is no mapping {shown(name)!r}", hint=_hint_for_missing(name)) from None
    except IsADirectoryError:
        raise MappingError(f"{shown(name)!r} is a folder", hint="name the mapping file in it") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise MappingError(
            f"the mapping {shown(name)!r} cannot be read: {reason}", hint="check its path and rights"
        ) from None


def mapping_file(path_or_name: str | os.PathLike[str]) -> tuple[Path | Traversable, bool]:
    """Where a mapping lies, and whether it is one of those that come with the package."""
    name = os.fspath(path_or_name)
    if _is_bare(name):
        return _bundled(name), True
    folder = _bundled_folder()
    return Path(name), isinstance(folder, Path) and Path(name).resolve().parent == folder.resolve()


def _is_bare(name: str) -> bool:
    return Path(name).name == name and not Path(name).suffix


def _bundled(name: str) -> Traversable:
    return _bundled_folder() / f"{name}{SUFFIX}"


def _bundled_folder() -> Traversable:
    """The mappings that come with the package, or in a checkout those beside it."""
    installed = files("importer") / "_bundled" / "mappings"
    return installed if installed.is_dir() else Path(__file__).resolve().parents[2] / "mappings"


def _hint_for_missing(name: str) -> str:
    folder = _bundled_folder()
    names = sorted(file.name.removesuffix(SUFFIX) for file in folder.iterdir()) if folder.is_dir() else []
    known = f"bundled are: {listed(names, most=99)}" if names else "no mappings are bundled"
    if not _is_bare(name):
        return f"check the path; {known}"
    return f"a file of that name is written ./{name}; {nearest(name, names, otherwise=known)}"
