"""Files that come with the program: in an installed wheel inside the package, in a checkout next to it."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def bundled(name: str) -> Path:
    """The folder ``name`` (``mappings`` or ``sample_data``) that came with the program."""
    installed = _PACKAGE / "_bundled" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name
