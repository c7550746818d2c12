"""The built-in mappings: what there is, and what is in them."""

from __future__ import annotations

from importer.errors import ConfigError
from importer.files.bundled import bundled
from importer.text.wording import listed, nearest

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


def builtin_files(name: str) -> tuple[bytes, bytes]:
    """The bytes of a built-in mapping, and of the schema that its first line names.

    Raises:
        ConfigError: There is no such mapping.
    """
    names, folder = builtin_names(), bundled("mappings")
    if name not in names:
        hint = nearest(name, names, otherwise=f"built-in mappings: {listed(names, most=99)}")
        raise ConfigError(f"{name!r} is not a built-in mapping", hint=hint)
    return (folder / f"{name}{SUFFIX}").read_bytes(), (folder / SCHEMA_FILE).read_bytes()
