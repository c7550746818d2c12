"""The files that a mapping names, and what they say about cells that are looked up in them (CSV, Excel)."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from importer.errors import SourceError
from importer.files.small import head_of
from importer.files.yaml import NodePath
from importer.mapping.converters import folding
from importer.mapping.field_errors import CellError, FormError, Problems
from importer.mapping.header import Header
from importer.text.formulas import unescape_formula
from importer.text.safe import shown
from importer.text.wording import listed

if TYPE_CHECKING:
    from importer.mapping.language.value_forms import LookupForm
    from importer.reader import Reader

OUTSIDE = "the mapping may not read {}: it is outside the folders of the mapping and of the export"
ALLOW = "if you trust this mapping, allow the folder of the file with --allow-files DIR"


def is_below(file: Path, folders: Iterable[str | os.PathLike[str]]) -> bool:
    """Whether a file is below one of the folders, wherever links lead. A mapping may come from somebody else."""
    try:
        real = file.resolve()
        return any(real.is_relative_to(Path(folder).resolve()) for folder in folders)
    except (OSError, RuntimeError):  # links in a circle
        return False


class NamedFiles:
    """The files that a mapping names. They are a part of it: if one changes, the mapping has changed.

    Args:
        folder: The folder of the mapping: relative paths start there, and files below it may be read.
        content: The bytes of the mapping itself.
        others: More folders whose files may be read.
    """

    def __init__(self, folder: Path, content: bytes, others: Iterable[str | os.PathLike[str]] = ()) -> None:
        self._folder = folder
        #: Where the files must be, links resolved.
        self.folders = tuple(Path(name).resolve() for name in (folder, *others))
        self.read: list[Path] = []  #: The files that were asked for, links resolved.
        self._digests = [hashlib.sha256(content).hexdigest()]
        self._tables: dict[NodePath, LookupTable] = {}

    def _path(self, name: str) -> Path:
        """The path of the file that the mapping calls ``name``. Raises :class:`FormError`."""
        path = self._folder / name
        if "\0" not in name and not is_below(path, self.folders):  # whether it exists is not told either
            raise FormError(OUTSIDE.format(repr(shown(name))), ALLOW)
        try:
            if path.is_file():  # no device, and no pipe that somebody would have to fill
                self.read.append(path.resolve())
                return path
            what = f"{name!r} is not a file" if path.exists() else f"file not found: {name!r}"
        except (OSError, ValueError):
            what = f"file not found: {name!r}"
        raise FormError(what, "paths are relative to the folder of the mapping")

    def content(self, name: str, most: int) -> bytes:
        """The first bytes of the file that the mapping calls ``name``.

        Raises:
            FormError: There is no such file, the mapping may not read it, or it cannot be read.
        """
        try:
            content = head_of(self._path(name), most)
        except OSError as error:
            what = f"cannot read the file {name!r}: {error.strerror or error}"
            raise FormError(what, "check its path and permissions") from None
        self._digests.append(hashlib.sha256(content).hexdigest())
        return content

    def table(self, form: LookupForm, *, path: NodePath, problems: Problems) -> LookupTable:
        """The table that the mapping names at ``path``, read once; what keeps it from being used is a problem."""
        if path in self._tables:
            return self._tables[path]
        from importer.reader import open_named  # costs a third of a second, and few mappings look anything up

        table = self._tables[path] = LookupTable(form, folding(form.ignore or ()))
        try:
            file = open_named(self._path(form.file), sheet=form.sheet, encoding=form.encoding, delimiter=form.delimiter)
            self._digests.append(file.fingerprint())
            table.load(file, path=path, problems=problems)
            if not table.entries:
                raise FormError(f"{form.file!r} has no row with a key", "check that this is the right file")
        except FormError as error:
            problems.add((*path, "file"), error.what, error.hint)
        except SourceError as error:
            where = f"{error.where}: " if error.where else ""
            hint = re.sub("--(sheet|encoding|delimiter)", r"`\1:`", error.hint)
            problems.add((*path, "file"), f"cannot use the lookup file: {where}{error.what}", hint)
        return table

    def sha256(self) -> str:
        """The digest of the mapping, or of it and all files that it names."""
        first, *others = self._digests
        return hashlib.sha256(" ".join(self._digests).encode()).hexdigest() if others else first


@dataclass(frozen=True, slots=True)
class LookupTable:
    """What a lookup file says."""

    form: LookupForm
    fold: Callable[[str], str]  #: Makes texts equal that count as the same key.
    #: Folded texts of the key columns → the different texts of that key, in the order of the file; one may be "".
    entries: dict[tuple[str, ...], list[str]] = field(default_factory=dict)

    def load(self, file: Reader, *, path: NodePath, problems: Problems) -> None:
        """Reads all rows of the file.

        Raises:
            SourceError: It cannot be read to its end, or a cell that is needed is damaged.
        """
        header = Header(file.columns, problems, owner=file.name)
        keys = header.positions_of(self.form.key, path=(*path, "key"))
        value = header.position(self.form.value.column, self.form.value.occurrence, path=(*path, "value"))
        for chunk in file.chunks():
            for row in chunk.rows():
                for problem in row.problems:
                    if problem.column is None or problem.column in header.used:
                        what = f"{problem.column}: {problem.rule}" if problem.column else problem.rule
                        raise SourceError(what, where=f"{file.name}:{row.number}", hint=problem.hint)
                cells = [unescape_formula(cell) for cell in row.cells]  # `users --save` escapes formulas
                key = tuple([self.fold(cells[position]) for position in keys])
                texts, text = self.entries.setdefault(key, []) if any(key) else [], cells[value].strip()
                if text not in texts:
                    texts.append(text)

    def find(self, texts: Sequence[str]) -> str | None:
        """What the file says about these cells; empty or None if they are not in it, as the mapping wants it.

        Raises:
            CellError: They are not in the file, or several times with different values.
        """
        form, key = self.form, tuple([self.fold(unescape_formula(text)) for text in texts])
        found = self.entries.get(key, []) if any(key) else [""]
        if not found and form.none == "reject":
            raise CellError("not_found", file=form.file)
        if len(found) > 1 and form.several == "reject":
            raise CellError("several_found", file=form.file, values=listed(map(repr, found)))
        if not found:
            return None if form.none == "empty" else ""
        return found[0]
