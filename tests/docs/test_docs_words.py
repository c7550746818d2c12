"""Texts for users are plain English: none of the words in ``banned_words.toml``, which says what to write instead."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from documents import PROJECT

WORDS = tomllib.loads((Path(__file__).parent / "banned_words.toml").read_text(encoding="utf-8"))


class Text(NamedTuple):
    """A text that a user may see; ``place`` is its file and line."""

    place: str
    text: str


def literals(path: Path) -> Iterator[Text]:
    """The string literals of a module, placeholders of f-strings as ``{}``; of docstrings only the help of commands."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parts: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            parts.add(id(node.value))  # a docstring
        elif isinstance(node, ast.JoinedStr):
            parts |= {id(part) for part in ast.walk(node) if part is not node}
            shown = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
            yield Text(f"{path.relative_to(PROJECT)}:{node.lineno}", shown)
        elif isinstance(node, ast.FunctionDef) and any("command(" in ast.unparse(one) for one in node.decorator_list):
            yield Text(f"{path.relative_to(PROJECT)}:{node.lineno}", ast.get_docstring(node) or "")
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield Text(f"{path.relative_to(PROJECT)}:{node.lineno}", node.value)


def lines(path: Path) -> Iterator[Text]:
    """The lines of a document or mapping, each with the beginning of the next, because sentences are wrapped."""
    texts = path.read_text(encoding="utf-8").splitlines()
    for number, (line, following) in enumerate(zip(texts, [*texts[1:], ""], strict=True), start=1):
        yield Text(f"{path.relative_to(PROJECT)}:{number}", f"{line} {following.strip(' #').partition(' ')[0]}")


@cache
def all_texts() -> list[Text]:
    """What users may see; read when a test asks, as every process collects the tests."""
    documents = [PROJECT / "README.md", *PROJECT.glob("docs/*.md"), *PROJECT.glob("mappings/*.yml")]
    tables = ("importer/checks/issues.toml", "importer/mapping/cell_errors.toml", "importer/sandbox/page.html")
    documents += [PROJECT / table for table in tables]
    texts = [text for path in sorted((PROJECT / "importer").rglob("*.py")) for text in literals(path)]
    return texts + [text for path in sorted(documents) for text in lines(path)]


@pytest.mark.parametrize("banned", WORDS["banned"], ids=[f"pattern-{n}" for n in range(1, len(WORDS["banned"]) + 1)])
def test_no_text_has_a_banned_word(banned: dict[str, str]) -> None:
    pattern = re.compile(banned["pattern"], re.IGNORECASE)
    allowed = [entry["text"] for entry in WORDS["except"]]
    found = {
        text.place: text.text.strip()
        for text in all_texts()
        if pattern.search(text.text) and not any(part in text.text for part in allowed)
    }
    assert found == {}, f"write instead: {banned['say']}"


def test_each_exception_is_still_needed() -> None:
    patterns = [re.compile(banned["pattern"], re.IGNORECASE) for banned in WORDS["banned"]]
    used = [text.text for text in all_texts() if any(pattern.search(text.text) for pattern in patterns)]
    assert [entry["text"] for entry in WORDS["except"] if not any(entry["text"] in text for text in used)] == []
    assert [entry for entry in WORDS["except"] if not entry["reason"]] == []


def test_all_kinds_of_texts_are_read() -> None:
    """So that a change of the layout cannot empty the test."""
    places = {text.place.partition(":")[0] for text in all_texts()}
    assert {"importer/cli/output.py", "importer/sandbox/server.py", "README.md", "mappings/jira.yml"} <= places
    assert [text for text in all_texts() if text.text.startswith("Import SOURCE (CSV")], "the help of a command"
    assert [text for text in all_texts() if "{} of {} delivered" in text.text], "an f-string"
