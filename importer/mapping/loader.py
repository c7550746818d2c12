"""Finds a mapping file, reads it, and checks everything about it that needs no columns."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from importer.bundled import bundled
from importer.errors import MappingError
from importer.mapping.case_schema import EachForm, MappingForm
from importer.mapping.conditions import filter_conditions
from importer.mapping.custom_fields import SIZE_MAX as FIELDS_MAX
from importer.mapping.custom_fields import Definitions, read_fields
from importer.mapping.field_errors import Document, Problems, listed, malformed, nearest
from importer.mapping.lookups import LookupTable, load_table
from importer.mapping.mapper import Plan, RowMapper, assumptions, make_plan
from importer.mapping.notes import Companion
from importer.mapping.parent_links import links_of
from importer.mapping.schema import ValueForm
from importer.models import Links, shown
from importer.small_files import head_of
from importer.talkdesk.fields import as_answer
from importer.yaml_places import NodePath, mark_of

SIZE_MAX = 1024 * 1024
SUFFIX = ".yml"


@dataclass(frozen=True)
class Mapping:
    """A mapping that is right in itself; whether it fits an export shows when it is bound to its columns.

    Attributes:
        name: File name, or the name of a built-in mapping.
        sha256: Of the bytes of the file, and of the files that it names, in hex.
        external_id_field: Key of the custom field that receives the key of the row, such as ``text1``; None for none.
        notes: What the mapping does not say and is therefore assumed.
        files: The files that it names and that were read with it.
        folders: Where files must be that it names, links resolved.
    """

    name: str
    sha256: str
    external_id_field: str | None
    notes: tuple[str, ...]
    files: tuple[Path, ...]
    folders: tuple[Path, ...]
    _plan: Plan = field(repr=False)
    _document: Document = field(repr=False)

    @property
    def links(self) -> Links | None:
        """How it links rows to each other; None if it does not."""
        return None if self._plan.parent is None else links_of(self._plan.parent)

    @property
    def note_files(self) -> list[tuple[EachForm, NodePath]]:
        """The companion files with notes, and where the mapping names each first."""
        found: list[tuple[EachForm, NodePath]] = []
        for note in self._plan.notes:
            if note.each and note.each.file and all(note.each != form for form, _ in found):
                found.append((note.each, (*note.path, "each")))
        return found

    @property
    def account_fields(self) -> list[dict[str, Any]]:
        """The custom fields of the account, as it answers them itself: those of the file that `fields` names, with
        their options; without such a file those that the mapping names, of which no options are known.
        """
        return as_answer(self._plan.definitions)

    @property
    def choices(self) -> tuple[str, ...]:
        """The conditions by which rows are filtered, as :class:`importer.models.Mapped` names them."""
        return tuple(filter_conditions(self._plan.form.source))

    def bind(self, columns: tuple[str, ...], companions: Collection[Companion] | None = None) -> RowMapper:
        """The mapper of an export with these columns.

        Args:
            columns: The header, in file order, repeats kept.
            companions: One for each of :attr:`note_files`; without them there are no notes of files.

        Raises:
            MappingError: A column does not exist, or exists more than once where one is meant.
        """
        return RowMapper(self._plan, tuple(columns), self._document, companions)

    def refuse_outside(self, file: Path, path: NodePath, folders: Iterable[Path]) -> None:
        """Refuse a file that the mapping names at ``path``, if it is neither below its folders nor below ``folders``.

        Raises:
            MappingError: It is not.
        """
        if not _is_below(file, (*self.folders, *_resolved(folders))):
            what = _OUTSIDE.format(repr(shown(file.name)))
            raise MappingError(what, where=self.place(path), hint=f"{_ALLOW}, or choose the file with --notes FILE")

    def place(self, path: NodePath) -> str:
        """``file:line:column`` of what is at ``path``, or of the nearest thing above it."""
        return f"{self._document.file}:{mark_of(self._document.root, path)}"


def load_mapping(
    path_or_name: str | os.PathLike[str], *, allow_files: Iterable[str | os.PathLike[str]] = ()
) -> Mapping:
    """Reads a mapping.

    Args:
        path_or_name: A file, or the bare name of a built-in mapping such as ``zendesk``. What has a suffix or
            a folder is a file.
        allow_files: Folders. Files that the mapping names must be below one of them, or below its own folder.

    Raises:
        MappingError: It cannot be found or read, or is wrong. All problems are named, each with its place.
    """
    name = os.fspath(path_or_name)
    source = bundled("mappings") / f"{name}{SUFFIX}" if _is_bare(name) else Path(name)
    content = _read(source, name)
    file = source.name if _is_bare(name) else name
    if len(content) > SIZE_MAX:
        what = "the file is larger than 1 MiB, the maximum for a mapping"
        raise MappingError(what, where=file, hint="if this is the export, give it as SOURCE")
    document = Document.read(content, file, kind="mapping", hint="a mapping starts with the line `version: 1`")
    named = NamedFiles(source.parent, content, allow_files)
    problems = Problems(document)
    form = _well_formed(document.root, problems)
    definitions = _definitions(form, problems, named)
    if form.fields is not None and definitions is None:
        form = _without_custom_fields(form)
    plan = make_plan(form, problems, definitions=definitions, tables=_tables(form.case, ("case",), problems, named))
    problems.raise_if_any()
    return Mapping(
        Path(name).name,
        named.sha256(),
        plan.form.external_id_field,
        tuple(assumptions(plan)),
        tuple(named.read),
        named.folders,
        plan,
        document,
    )


# -- what is in it ---------------------------------------------------------------------------------

#: Stands in for a malformed part that no mapping can do without.
_FILLER = {"value": "x"}


def _well_formed(content: dict[str, Any], problems: Problems) -> MappingForm:
    """The form of what is well formed in ``content``, so that the rest is checked too.

    A malformed value of the case is left out as a whole: nothing is said that only follows from another problem.

    Raises:
        MappingProblems: Too little is well formed.
    """
    try:
        return MappingForm.model_validate(content)
    except ValidationError as error:
        problems.add_form(error, MappingForm)
        malformed_at: list[NodePath] = [tuple(found["loc"]) for found in error.errors()]
    if not isinstance(content.get("case"), dict):
        problems.raise_if_any()
    rest = deepcopy(content)
    for path in malformed_at:
        match path:
            case ("case", "custom_fields", str(key), *_):
                rest["case"]["custom_fields"].pop(key, None)
            case ("case", "notes", int(number), *_):
                rest["case"]["notes"][number] = {"body": _FILLER}  # not removed: the others keep their places
            case ("case", str(key), *_):
                rest["case"].pop(key, None)
            case (str(key), *_):
                rest.pop(key, None)
    rest = {"version": "1", "source": {"key": "x"}} | rest
    rest["case"] = {"title": _FILLER, "description": _FILLER} | rest["case"]
    form = MappingForm.model_validate(rest)
    return _without_custom_fields(form) if ("fields",) in malformed_at else form


def _without_custom_fields(form: MappingForm) -> MappingForm:
    """The form without what depends on the definitions of custom fields."""
    case = form.case.model_copy(update={"custom_fields": {}})
    return form.model_copy(update={"fields": None, "external_id_field": None, "case": case})


# -- files that it names ---------------------------------------------------------------------------


_OUTSIDE = "the mapping may not read {}: it is outside the folders of the mapping and of the export"
_ALLOW = "if you trust this mapping, allow the folder of the file with --allow-files DIR"


def _resolved(folders: Iterable[str | os.PathLike[str]]) -> tuple[Path, ...]:
    return tuple(Path(folder).resolve() for folder in folders)


def _is_below(file: Path, folders: Iterable[Path]) -> bool:
    """Whether a file is below one of the folders, wherever links lead. A mapping may come from somebody else."""
    try:
        real = file.resolve()
    except (OSError, RuntimeError):  # links in a circle
        return False
    return any(real.is_relative_to(folder) for folder in folders)


class NamedFiles:
    """The files that a mapping names. They are a part of it: if one changes, the mapping has changed.

    Args:
        folder: The folder of the mapping: relative paths start there, and files below it may be read.
        content: The bytes of the mapping itself.
        others: More folders whose files may be read.

    Attributes:
        read: The files that were asked for, links resolved.
    """

    def __init__(self, folder: Path, content: bytes, others: Iterable[str | os.PathLike[str]] = ()) -> None:
        self._folder = folder
        self.folders = _resolved((folder, *others))
        self.read: list[Path] = []
        self.digests = [hashlib.sha256(content).hexdigest()]

    def path(self, name: str) -> Path:
        """The path of the file that the mapping calls ``name``.

        Raises:
            PydanticCustomError: There is no such file, or the mapping may not read it.
        """
        path = self._folder / name
        if "\0" not in name and not _is_below(path, self.folders):  # whether it exists is not told either
            raise malformed(_OUTSIDE.format(repr(shown(name))), _ALLOW)
        try:
            if path.is_file():  # no device, and no pipe that somebody would have to fill
                self.read.append(path.resolve())
                return path
            what = f"{name!r} is not a file" if path.exists() else f"file not found: {name!r}"
        except (OSError, ValueError):
            what = f"file not found: {name!r}"
        raise malformed(what, "paths are relative to the folder of the mapping")

    def sha256(self) -> str:
        """The digest of the mapping, or of it and all files that it names."""
        first, *others = self.digests
        return hashlib.sha256(" ".join(self.digests).encode()).hexdigest() if others else first


def _definitions(form: MappingForm, problems: Problems, named: NamedFiles) -> Definitions | None:
    if form.fields is None:
        return None
    try:
        content = head_of(named.path(form.fields), FIELDS_MAX + 1)
        named.digests.append(hashlib.sha256(content).hexdigest())
        return read_fields(content, form.fields)
    except OSError as error:
        what = f"cannot read the file {form.fields!r}: {error.strerror or error}"
        problems.add(("fields",), what, "check its path and permissions")
    except PydanticCustomError as error:
        problems.add_malformed(("fields",), error)
    return None


def _tables(part: Any, path: NodePath, problems: Problems, named: NamedFiles) -> dict[NodePath, LookupTable]:
    """The table of each value in a part of the mapping that looks something up, by the path of the value."""
    if isinstance(part, ValueForm):
        lookup = part.lookup
        table = lookup and load_table(lookup, named, path=(*path, "lookup"), problems=problems)
        return {path: table} if table else {}
    inner: Iterable[tuple[str | int, Any]] = ()
    if isinstance(part, BaseModel | dict):
        inner = part.items() if isinstance(part, dict) else part
    elif isinstance(part, tuple):
        inner = enumerate(part)
    found: dict[NodePath, LookupTable] = {}
    for key, value in inner:
        found |= _tables(value, (*path, key), problems, named)
    return found


# -- the file itself -------------------------------------------------------------------------------


def mapping_file(path_or_name: str | os.PathLike[str]) -> tuple[Path, bool]:
    """Where a mapping is, and whether it is a built-in one."""
    name, folder = os.fspath(path_or_name), bundled("mappings")
    if _is_bare(name):
        return folder / f"{name}{SUFFIX}", True
    return Path(name), Path(name).resolve().parent == folder.resolve()


def _is_bare(name: str) -> bool:
    return Path(name).name == name and not Path(name).suffix


def _read(source: Path, name: str) -> bytes:
    try:
        return head_of(source, SIZE_MAX + 1)
    except FileNotFoundError:
        names = sorted(file.stem for file in bundled("mappings").glob(f"*{SUFFIX}"))
        known = f"built-in mappings: {listed(names, most=99)}"
        hint = f"check the path; {known}"
        if _is_bare(name):
            hint = f"write ./{name} if you mean a file; {nearest(name, names, otherwise=known)}"
        raise MappingError(f"mapping not found: {shown(name)!r}", hint=hint) from None
    except IsADirectoryError:
        raise MappingError(f"{shown(name)!r} is a folder", hint="give the mapping file inside it") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        what = f"cannot read mapping {shown(name)!r}: {reason}"
        raise MappingError(what, hint="check its path and permissions") from None
