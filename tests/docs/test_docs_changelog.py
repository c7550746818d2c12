"""Changelog fragments are for users, and all of one form."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from documents import PROJECT

FRAGMENTS = sorted(path for path in (PROJECT / "changelog.d").iterdir() if path.name != "README.md")
NAME = re.compile(r"[1-9]\d*\.(added|changed|fixed|removed)\.md")


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=lambda path: path.name)
def test_the_form_of_a_fragment(fragment: Path) -> None:
    text = fragment.read_text(encoding="utf-8")
    assert NAME.fullmatch(fragment.name)
    assert text == text.strip() + "\n"
    assert not re.search(r"^#", text, re.MULTILINE), "no headings"
    assert not re.search(r"\w+\.py\b|\w\(\)", text), "no names of the code"
    assert max(map(len, text.splitlines())) <= 120
    assert all(line.startswith(("- ", "  ")) for line in text.splitlines()) or "\n\n" not in text
