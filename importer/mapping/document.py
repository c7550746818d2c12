"""A mapping file that was read: its nodes and its name, so that a problem found later still knows its place."""

from __future__ import annotations

from typing import NamedTuple

from importer.mapping.problems import MappingProblems, Problem
from importer.mapping.yaml_nodes import Node, NodePath, mark_of


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

    def add(self, path: NodePath, what: str, hint: str = "", *, key: bool = False) -> None:
        """Notes a problem of what stands at ``path``, or of the key itself."""
        self._found.append(Problem(what, mark_of(self._document.root, path, key=key), hint))

    def raise_if_any(self) -> None:
        """Raises :class:`MappingProblems` with all that was found."""
        if self._found:
            raise self.as_error()

    def as_error(self) -> MappingProblems:
        """All that was found, as the error that ends the reading."""
        return MappingProblems(self._document.file, self._found)
