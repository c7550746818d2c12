"""The list of licences names every package that an installation brings along."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PAGE = Path(__file__).parents[2] / "docs" / "licences.md"


def installed_with(name: str, extras: frozenset[str], seen: set[str]) -> set[str]:
    """The packages that ``name`` needs on this machine, and those that these need."""
    for text in metadata.requires(name) or []:
        needed = Requirement(text)
        applies = needed.marker is None or any(needed.marker.evaluate({"extra": one}) for one in (*extras, ""))
        if applies and (known := canonicalize_name(needed.name)) not in seen:
            seen.add(known)
            installed_with(needed.name, frozenset(needed.extras), seen)
    return seen


def test_every_package_has_its_licence_in_the_list() -> None:
    listed = set(re.findall(r"^\| ([a-z0-9-]+) \| \S", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    installed = installed_with("case-importer", frozenset(), set())
    assert installed - listed == set()
    assert listed - installed <= {"package", "uvloop"}, "no longer installed (uvloop is not, on Windows)"
