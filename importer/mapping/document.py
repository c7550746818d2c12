"""A mapping file that was read: its nodes and its name, so that a problem found later still knows its place."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from importer.mapping.problems import MappingProblems, Problem, listed, nearest
from importer.mapping.yaml_nodes import Node, NodePath, mark_of
from importer.models import shown

#: A mapping that lacks more columns than this is probably for another export: one error says so.
_MOST_COLUMNS = 3


class Document(NamedTuple):
    """The nodes of a mapping file.

    Attributes:
        file: The file as the user named it, for messages.
        root: The node that holds all others.
    """

    file: str
    root: Node


class Problems:
    """The problems of one document, collected until somebody asks."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._found: list[Problem] = []
        self._missing: dict[tuple[str, tuple[str, ...]], dict[str, NodePath]] = {}

    def add(self, path: NodePath, what: str, hint: str = "", *, key: bool = False) -> None:
        """Notes a problem of what stands at ``path``, or of the key itself."""
        self._found.append(Problem(what, mark_of(self._document.root, path, key=key), hint))

    def add_missing(self, path: NodePath, column: str, owner: str, columns: Collection[str]) -> None:
        """Notes that ``owner``, which has ``columns``, lacks the one that stands at ``path``."""
        self._missing.setdefault((owner, tuple(columns)), {}).setdefault(column, path)

    def raise_if_any(self) -> None:
        """Raises :class:`MappingProblems` with all that was found."""
        if self._found or self._missing:
            raise self.as_error()

    def as_error(self) -> MappingProblems:
        """All that was found, as the error that ends the reading."""
        missing = [
            problem for (owner, has), lacks in self._missing.items() for problem in self._lacks(owner, has, lacks)
        ]
        return MappingProblems(self._document.file, [*self._found, *missing])

    def _lacks(self, owner: str, columns: tuple[str, ...], missing: dict[str, NodePath]) -> list[Problem]:
        """The columns that a file has are listed once, however many it lacks."""
        marks = {column: mark_of(self._document.root, path) for column, path in missing.items()}
        ordered = sorted(missing, key=lambda column: marks[column])
        has = f"it has: {listed(map(repr, columns))}"
        if len(ordered) > _MOST_COLUMNS:
            names = listed((repr(shown(column)) for column in ordered), most=len(ordered))
            hint = f"{has}; check that this mapping is for this file, or draft one with: case-importer suggest FILE"
            return [Problem(f"{owner} lacks {len(ordered)} columns of the mapping: {names}", marks[ordered[0]], hint)]
        return [
            Problem(
                f"{owner} has no column {shown(column)!r}",
                marks[column],
                f"{nearest(column, columns)} {has if column == ordered[0] else ''}".strip(),
            )
            for column in ordered
        ]
