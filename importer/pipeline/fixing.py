"""Writes the lines that a check proposes into the mapping file: the only verb that changes a mapping."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from importer.errors import ConfigError
from importer.mapping import load_mapping
from importer.mapping.loader import mapping_file
from importer.quality.autofix import Suggestion
from importer.yaml_places import Entry, NodePath, amended

_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Fix:
    """What was written.

    Attributes:
        path: The mapping as it is now; None if there was nothing to write.
        backup: The file as it was before; None for a copy of a ready mapping, which is never changed itself.
        diff: The difference, as ``diff -u`` shows it.
        open: How many words a person has to choose a value for; their lines are comments.
    """

    path: Path | None
    backup: Path | None
    diff: str
    open: int


def write_suggestions(
    mapping: str | os.PathLike[str], found: Iterable[Suggestion], *, export: Path, allow_files: Iterable[Path] = ()
) -> Fix:
    """Write what ``found`` proposes for `values:` tables into ``mapping``.

    A built-in mapping is copied first, next to ``export``.

    Raises:
        ConfigError: the file cannot be written, or stands in the way of the copy.
        MappingError: the file is written in a manner that cannot be amended.
    """
    tables: dict[NodePath, list[Entry]] = {}
    for suggestion in found:
        tables.setdefault(suggestion.path, []).extend(suggestion.entries)
    file, is_bundled = mapping_file(mapping)
    name = os.fspath(mapping)
    old = file.read_bytes().decode()
    mark = _MARK if old.startswith(_MARK) else ""
    new = mark + amended(old.removeprefix(_MARK), tables, file=name)
    undecided = sum(entry.value is None for entries in tables.values() for entry in entries)
    if new == old:
        return Fix(None, None, "", undecided)
    path = export.parent / file.name if is_bundled else Path(name)
    path = path.resolve() if path.is_symlink() else path
    backup = _write(path, new, is_new=is_bundled)
    load_mapping(os.path.join(path.parent, path.name), allow_files=(export.parent, *allow_files))
    diff = "".join(unified_diff(old.splitlines(True), new.splitlines(True), name, str(path)))
    return Fix(path, backup, diff, undecided)


def _write(path: Path, text: str, *, is_new: bool) -> Path | None:
    """Replace ``path`` in one go; the file that was there is kept."""
    try:
        if is_new:
            with path.open("x", encoding="utf-8", newline="") as file:
                file.write(text)
            return None
        path.open("r+b").close()  # a file that may not be written is not replaced either
        backup, draft = _free(path), path.with_name(f".{path.name}.new")
        shutil.copy2(path, backup)
        draft.write_text(text, encoding="utf-8", newline="")
        shutil.copymode(path, draft)
        draft.replace(path)
    except FileExistsError:
        what = "there is a mapping of this name next to the export already"
        raise ConfigError(what, where=str(path), hint=f"give it with --mapping {path}, or remove it") from None
    except OSError as error:
        raise ConfigError(f"the mapping cannot be written: {error.strerror}", where=str(path)) from None
    return backup


def _free(path: Path) -> Path:
    """A name for the backup that no earlier backup has."""
    number, backup = 1, path.with_name(f"{path.name}.bak")
    while backup.exists():
        number, backup = number + 1, path.with_name(f"{path.name}.bak{number + 1}")
    return backup
