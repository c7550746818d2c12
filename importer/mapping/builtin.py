"""The built-in mappings: what there is, and copies of them to change."""

from __future__ import annotations

from pathlib import Path

from importer.bundled import bundled
from importer.errors import ConfigError
from importer.wording import listed, nearest

SUFFIX = ".yml"
#: The schema of mapping files, which the first line of each names for editors.
SCHEMA_FILE = "mapping.schema.json"


def builtin_names() -> list[str]:
    """The names of all built-in mappings, in order."""
    return sorted(file.stem for file in bundled("mappings").glob(f"*{SUFFIX}"))


def title_of(name: str) -> str:
    """What a built-in mapping is for, as its first remark says it: ``Zendesk tickets (CSV)``."""
    lines = (bundled("mappings") / f"{name}{SUFFIX}").read_text("utf-8").splitlines()
    return next(line.removeprefix("# ").partition(" → ")[0] for line in lines if " → " in line)


def copy_builtin(name: str, to: Path, *, force: bool = False) -> Path:
    """Write a copy of a built-in mapping, and next to it the schema that its first line names; returns that.

    Raises:
        ConfigError: There is no such mapping, or a file is in the way or cannot be written.
    """
    names = builtin_names()
    if name not in names:
        hint = nearest(name, names, otherwise=f"built-in mappings: {listed(names, most=99)}")
        raise ConfigError(f"{name!r} is not a built-in mapping", hint=hint)
    folder, schema = bundled("mappings"), to.with_name(SCHEMA_FILE)
    try:
        with to.open("wb" if force else "xb") as file:
            file.write((folder / f"{name}{SUFFIX}").read_bytes())
        schema.write_bytes((folder / SCHEMA_FILE).read_bytes())
    except FileExistsError:
        hint = "choose another file with -o, or pass --force"
        raise ConfigError("the file already exists", where=str(to), hint=hint) from None
    except OSError as error:
        hint = "choose another file with -o"
        raise ConfigError(f"cannot be written: {error.strerror}", where=str(to), hint=hint) from None
    return schema
