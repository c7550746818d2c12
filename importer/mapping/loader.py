"""Finds a mapping file, reads it, and checks everything about it that needs no columns."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from collections.abc import Mapping as Mapping_
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from importer.errors import MappingError
from importer.files.bundled import bundled
from importer.files.small import head_of
from importer.files.yaml import NodePath, mark_of
from importer.mapping.builtin import SUFFIX, builtin_names
from importer.mapping.conditions import filter_conditions
from importer.mapping.converters import TYPES
from importer.mapping.custom_fields import SIZE_MAX as FIELDS_MAX
from importer.mapping.custom_fields import Definitions, read_fields
from importer.mapping.dates import ISO, has_offset
from importer.mapping.field_errors import Document, FormError, Problems
from importer.mapping.header import Header
from importer.mapping.language.case_forms import EachForm, MappingForm
from importer.mapping.language.value_forms import ReadingForm
from importer.mapping.mapper import RowMapper
from importer.mapping.named_files import ALLOW, OUTSIDE, NamedFiles, is_below
from importer.mapping.notes import Companion
from importer.mapping.values import Field
from importer.models import Links, ReadingOptions
from importer.talkdesk.fields import FieldDefinition, as_answer
from importer.text.safe import shown
from importer.text.wording import listed, nearest

SIZE_MAX = 1024 * 1024
#: What a case can hardly do without → the fields that say it.
_ESSENTIAL = {"description": ("description",), "requester": ("requester_email", "requester_name")}
_MOST_LISTED = 5


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """A mapping that is right in itself; whether it fits an export shows when it is bound to its columns."""

    name: str  #: File name, or the name of a built-in mapping.
    path_or_name: str  #: Its whole path, or the name of a built-in mapping: what :func:`load_mapping` finds it by.
    sha256: str  #: Of the bytes of the file, and of the files that it names, in hex.
    notes: tuple[str, ...]  #: What the mapping does not say and is therefore assumed.
    folders: tuple[Path, ...]  #: Where files must be that it names, links resolved.
    columns_read: tuple[str, ...] = field(repr=False)  #: The columns that it reads, as it names them.
    _essential: Mapping_[str, frozenset[str]] = field(repr=False)
    _form: MappingForm = field(repr=False)
    _definitions: Definitions | None = field(repr=False)
    _named: NamedFiles = field(repr=False)
    _document: Document = field(repr=False)

    @property
    def external_id_field(self) -> str | None:
        """Key of the custom field that receives the key of the row, such as ``text1``; None for none."""
        return self._form.external_id_field

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that it names and that were read with it."""
        return tuple(self._named.read)

    @property
    def links(self) -> Links | None:
        """How it links rows to each other; None if it does not."""
        form = self._form.case.parent_id
        if form is None or form.record is None:
            return None
        return Links(", ".join(column.column for column in form.record), form.missing, form.cycle, form.deep)

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The columns that the key of a row is in; none if it is the position of the row."""
        return tuple(column.column for column in self._form.source.key or ())

    @property
    def position(self) -> str | None:
        """How the checksum of the only file begins for which it counts, if the position of a row is its key."""
        return self._form.source.position

    @property
    def reading(self) -> ReadingOptions:
        """How the export is to be read, as far as the mapping says it."""
        keys = {*ReadingForm.model_fields, "header_row"}
        return cast(ReadingOptions, self._form.source.model_dump(include=keys, exclude_none=True))

    @property
    def keep_last(self) -> bool:
        """Whether the last row of a key counts: each row of the export is a state of its ticket."""
        return self._form.source.keep == "last"

    @property
    def note_files(self) -> list[tuple[EachForm, NodePath]]:
        """The companion files with notes, and where the mapping names each first."""
        found: list[tuple[EachForm, NodePath]] = []
        for number, note in enumerate(self._form.case.notes):
            if note.each and note.each.file and all(note.each != form for form, _ in found):
                found.append((note.each, ("case", "notes", number, "each")))
        return found

    @property
    def account_fields(self) -> list[dict[str, Any]]:
        """The custom fields of the account, as it answers them itself: those of the file that `fields` names, with
        their options; without such a file those that the mapping names, of which no options are known.
        """
        if self._definitions is not None:
            return as_answer(self._definitions.values())
        form = self._form
        keys = [*form.case.custom_fields, *form.after_create.custom_fields, *filter(None, [self.external_id_field])]
        return as_answer(FieldDefinition(key=key) for key in keys)

    @property
    def filters(self) -> tuple[str, ...]:
        """The conditions by which rows are filtered, as :class:`importer.models.Mapped` names them."""
        return tuple(reason for _, reason, _ in filter_conditions(self._form.source))

    def lacking(self, columns: tuple[str, ...]) -> list[str]:
        """The columns that it reads and an export with these columns does not have."""
        header = self._header(columns)
        return [column for column in self.columns_read if header.name(column) not in columns]

    def unread(self, columns: tuple[str, ...]) -> list[str]:
        """The columns of an export with these columns that it does not read."""
        read = set(map(self._header(columns).name, self.columns_read))
        return [column for column in dict.fromkeys(columns) if column not in read]

    def misfit(self, columns: tuple[str, ...]) -> str:
        """Why it cannot be meant for an export with these columns; empty if it can, or if binding it says why not.

        A column that the export must have is missed where the mapping names it. Of those that it may lack, it may lack
        neither most, nor all that the description or the requester of a case is made of.
        """
        lacking = self.lacking(columns)
        optional = list(filter(self._header(columns).lacks, lacking))
        if optional and 2 * len(lacking) > len(self.columns_read):
            which = f"{len(lacking)} of the {len(self.columns_read)} columns of {self.name}"
            return f"{which} are not in this export: {_listed(lacking)}"
        for what, needed in self._essential.items() if optional == lacking else ():
            if needed.issubset(lacking):
                return f"the columns of {self.name} for the {what} are not in this export: {_listed(sorted(needed))}"
        return ""

    def _header(self, columns: tuple[str, ...]) -> Header:
        return Header(columns, Problems(self._document), names=self._form.source.columns)

    def bind(self, columns: tuple[str, ...], companions: Collection[Companion] | None = None) -> RowMapper:
        """The mapper of an export with these columns.

        Args:
            columns: The header, in file order, repeats kept.
            companions: One for each of :attr:`note_files`; without them there are no notes of files.

        Raises:
            MappingError: A column does not exist, or exists more than once where one is meant.
        """
        return RowMapper(
            self._form,
            tuple(columns),
            Problems(self._document),
            files=self._named,
            definitions=self._definitions,
            companions=companions,
        )

    def refuse_outside(self, file: Path, path: NodePath, folders: Iterable[Path]) -> None:
        """Refuse a file that the mapping names at ``path``, if it is neither below its folders nor below ``folders``.

        Raises:
            MappingError: It is not.
        """
        if not is_below(file, (*self.folders, *folders)):
            what = OUTSIDE.format(repr(shown(file.name)))
            raise MappingError(what, where=self.place(path), hint=f"{ALLOW}, or choose the file with --notes FILE")

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
        MappingError: It cannot be found or read, or is wrong. All problems of its form are named, each with its place;
            if there are none, all that it means wrongly.
    """
    name = os.fspath(path_or_name)
    source = _source_of(name)
    file = source.name if _is_bare(name) else name
    content = _read(source, name)
    if len(content) > SIZE_MAX:
        what = "the file is larger than 1 MiB, the maximum for a mapping"
        raise MappingError(what, where=file, hint="if this is the export, give it as SOURCE")
    document = Document.read(content, file)
    files, problems = NamedFiles(source.parent, content, allow_files), Problems(document)
    try:
        form = MappingForm.model_validate(document.root)
    except ValidationError as error:
        raise problems.of_form(error, MappingForm) from None
    definitions = None
    if form.fields is not None:
        try:
            definitions = read_fields(files.content(form.fields, FIELDS_MAX + 1), form.fields)
        except FormError as error:
            problems.add(("fields",), error.what, error.hint)
            problems.raise_if_any()
    checked = RowMapper(form, None, problems, files=files, definitions=definitions)
    return Mapping(
        name=Path(name).name,
        path_or_name=name if _is_bare(name) else str(source.resolve()),
        sha256=files.sha256(),
        notes=tuple(_assumptions(checked.fields)),
        folders=files.folders,
        columns_read=_in_order(form, checked.columns_used),
        _essential=dict(_essential(form, checked.fields)),
        _form=form,
        _definitions=definitions,
        _named=files,
        _document=document,
    )


def mapping_file(path_or_name: str | os.PathLike[str]) -> tuple[Path, bool]:
    """Where a mapping is, and whether it is a built-in one."""
    file = _source_of(os.fspath(path_or_name))
    return file, file.resolve().parent == bundled("mappings").resolve()


def _source_of(name: str) -> Path:
    return bundled("mappings") / f"{name}{SUFFIX}" if _is_bare(name) else Path(name)


def _is_bare(name: str) -> bool:
    return Path(name).name == name and not Path(name).suffix


def _read(source: Path, name: str) -> bytes:
    try:
        return head_of(source, SIZE_MAX + 1)
    except FileNotFoundError:
        names = builtin_names()
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


def _assumptions(fields: Iterable[Field]) -> Iterator[str]:
    """What the mapping does not say and is therefore assumed; a person should know."""
    for value in fields:
        form, kind = value.form, TYPES[value.form.type or value.target.type]
        is_open = not all(has_offset(pattern) for pattern in form.format or (ISO,))
        if kind is TYPES["datetime"] and form.timezone is None and form.value is None and is_open:
            yield f"{value.target.name}: no `timezone:` set, so times without an offset are read as UTC"


def _in_order(form: MappingForm, columns: Collection[str]) -> tuple[str, ...]:
    known = dict.fromkeys((*form.source.columns, *sorted(columns)))
    return tuple(column for column in known if column in columns)


def _essential(form: MappingForm, fields: Iterable[Field]) -> Iterator[tuple[str, frozenset[str]]]:
    """``description`` and ``requester`` → the columns that make it, but the key; not of one that has a default."""
    key = {column.column for column in form.source.key or ()}
    of_case = {field.path[1]: field for field in fields if field.path[0] == "case" and len(field.path) == 2}
    for what, names in _ESSENTIAL.items():
        found = [of_case[name] for name in names if name in of_case]
        columns = frozenset(column for field in found for column in field.columns) - key
        if columns and all(field.form.default is None for field in found):
            yield what, columns


def _listed(columns: Iterable[str]) -> str:
    return listed((repr(shown(column)) for column in columns), most=_MOST_LISTED)
