"""The documents of the project, read as text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).parents[2]
DOCUMENTS = sorted([*PROJECT.glob("*.md"), *PROJECT.glob("docs/*.md"), *PROJECT.glob("[!.]*/README.md")])

_FENCE = re.compile(r"^(?P<mark><!-- run -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block; ``is_run`` if the tests shall run it."""

    language: str
    text: str
    is_run: bool


def read(name: str) -> str:
    """One document."""
    return (PROJECT / name).read_text(encoding="utf-8")


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a document."""
    for found in _FENCE.finditer(text):
        yield Block(found["language"], found["text"], found["mark"] is not None)


def prose(text: str) -> str:
    """A document without its fenced blocks."""
    return _FENCE.sub("", text)


def words_in_code(text: str) -> set[str]:
    """All words between back-ticks and in fenced blocks."""
    return set(
        re.findall(r"[\w./%$-]+", " ".join([*re.findall(r"`([^`\n]+)`", text), *(b.text for b in blocks(text))]))
    )
