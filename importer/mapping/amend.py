"""Writes lines into the `values:` tables of a mapping file and leaves every other byte as it is, comments included."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from importer.errors import MappingError
from importer.mapping.problems import Mark
from importer.mapping.yaml_nodes import Items, Node, NodePath, Scalar, Table, parse, plain

_LINE = re.compile("[^\r\n\x85\u2028\u2029]*(?:\r\n|[\r\n\x85\u2028\u2029]|$)")  # as the YAML library counts them
_PLAIN = re.compile(r"[^\W_](?:[\w ()/+.-]*[\w)+.])?")
_STEP = "  "


@dataclass(frozen=True, slots=True)
class Entry:
    """A line for a table.

    Attributes:
        word: The text of the cell.
        value: What it becomes; None if a person has to choose, then the line is a comment.
        remark: Why, in a few words.
    """

    word: str
    value: str | None
    remark: str

    def line(self) -> str:
        """As it is written into a table of one line an entry."""
        key = quoted(self.word)
        told = f"  # {self.remark}" if self.remark else ""
        return f"{key}: {quoted(self.value)}{told}" if self.value is not None else f"# {key}: …{told}"


class _Edit(NamedTuple):
    start: int
    end: int
    text: str


def quoted(text: str) -> str:
    """``text`` as YAML, in quotes if it needs them."""
    if _PLAIN.fullmatch(text):
        return text
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return json.dumps(text)


def amended(text: str, tables: Mapping[NodePath, Sequence[Entry]], *, file: str) -> str:
    """``text`` of a mapping file with more lines in its tables.

    Args:
        text: The whole file, without a byte order mark.
        tables: By the path of a value, such as ``("case", "priority")``: what goes into its `values:`. A value
            that has no table gets one. Comments that are there already are not written again.
        file: How messages call it.

    Raises:
        MappingError: The file is written in a manner that cannot be amended; nothing is lost.
    """
    root, problems = parse(text)
    if root is None or problems:
        raise MappingError("this mapping cannot be read", where=file, hint="run check without --fix")
    page = _Page(text)
    edits = [edit for path, entries in tables.items() for edit in page.edits(_node(root, path, file), entries)]
    new = _applied(text, edits)
    _verify(new, _expected(root, tables), file)
    return new


class _Page:
    """The text of a mapping and where its lines begin."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts = [match.start() for match in _LINE.finditer(text)]
        self._newline = "\r\n" if "\r\n" in text else "\n"

    def edits(self, node: Node, entries: Sequence[Entry]) -> list[_Edit]:
        """What puts ``entries`` into the table of the value ``node``."""
        fresh = [entry for entry in entries if entry.value is not None or f"# {quoted(entry.word)}: …" not in self.text]
        table = node.nodes.get("values") if isinstance(node, Table) else None
        if not fresh:
            return []
        if isinstance(table, Table) and not self._is_flow(table):
            return [self._lines_after(table, [entry.line() for entry in fresh])]
        if table is None and isinstance(node, Table) and not self._is_flow(node):
            begin = "values:" if any(entry.value is not None for entry in fresh) else "# values:"
            return [self._lines_after(node, [begin, *(_STEP + entry.line() for entry in fresh)])]
        return [*self._comment_above(node, fresh), *self._inside(node, table, fresh)]

    def _inside(self, node: Node, table: Node | None, fresh: Sequence[Entry]) -> list[_Edit]:
        """Entries in braces: only those that are decided."""
        pairs = ", ".join(f"{quoted(entry.word)}: {quoted(entry.value)}" for entry in fresh if entry.value is not None)
        if not pairs:
            return []
        if isinstance(table, Table):
            return [self._before_brace(table, pairs)]
        if isinstance(node, Table):
            return [self._before_brace(node, f"values: {{{pairs}}}")]
        assert isinstance(node, Scalar)
        value = f"{{column: {quoted(node.text)}, values: {{{pairs}}}}}"
        return [_Edit(self._offset(node.start), self._offset(node.end), value)]

    def _comment_above(self, node: Node, fresh: Sequence[Entry]) -> list[_Edit]:
        open_entries = [entry for entry in fresh if entry.value is None]
        start = self._starts[node.start.line - 1]
        line = self.text[start:]
        indent = line[: len(line) - len(line.lstrip(" "))]
        lines = "".join(f"{indent}{entry.line()}{self._newline}" for entry in open_entries)
        return [_Edit(start, start, lines)] if lines else []

    def _before_brace(self, table: Table, entries: str) -> _Edit:
        brace = self._offset(table.end) - 1
        before = self.text[:brace].rstrip()
        comma = "" if before.endswith(("{", ",")) else ", "
        return _Edit(brace, brace, f"{comma}{entries}")

    def _lines_after(self, table: Table, lines: Sequence[str]) -> _Edit:
        indent = " " * (next(iter(table.keys.values())).start.column - 1)
        end = self._end(table)
        last = end.line - (end.column == 1)
        at = self._starts[last] if last < len(self._starts) else len(self.text)
        begun = self.text[:at].endswith(("\n", "\r"))
        text = "".join(f"{indent}{line}{self._newline}" for line in lines)
        return _Edit(at, at, text if begun else f"{self._newline}{text}")

    def _end(self, node: Node) -> Mark:
        """Where the text of a node ends; a table in lines is said to end where the next thing begins."""
        if isinstance(node, Scalar) or not node.nodes or self._is_flow(node):
            return node.end
        return self._end(node.nodes[-1] if isinstance(node, Items) else list(node.nodes.values())[-1])

    def _is_flow(self, node: Node) -> bool:
        return self.text[self._offset(node.start)] in "{["

    def _offset(self, mark: Mark) -> int:
        return self._starts[mark.line - 1] + mark.column - 1


def _node(root: Node, path: NodePath, file: str) -> Node:
    node = root
    try:
        for step in path:
            node = node.nodes[step]  # type: ignore[union-attr, index]  # if it is none, the file has changed
    except (AttributeError, LookupError, TypeError):
        raise MappingError("this mapping has changed since it was read", where=file, hint="check again") from None
    return node


def _applied(text: str, edits: Sequence[_Edit]) -> str:
    for edit in sorted(edits, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _expected(root: Node, tables: Mapping[NodePath, Sequence[Entry]]) -> object:
    """What the amended file must say."""
    content: object = plain(root)
    for path, entries in tables.items():
        decided = {entry.word: entry.value for entry in entries if entry.value is not None}
        if not decided:
            continue
        *parents, last = path
        holder: object = content
        for step in parents:
            holder = holder[step]  # type: ignore[index]
        value = holder[last]  # type: ignore[index]
        if not isinstance(value, dict):
            value = holder[last] = {"column": value}  # type: ignore[index]
        value["values"] = {**value.get("values", {}), **decided}
    return content


def _verify(text: str, expected: object, file: str) -> None:
    root, problems = parse(text)
    if root is None or problems or plain(root) != expected:
        hint = "write the lines that `check` proposes by hand"
        raise MappingError("this mapping is written in a manner that --fix cannot amend", where=file, hint=hint)
