"""Edits of a YAML file that keep its comments, and every line that is not meant."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from importer.errors import MappingError
from importer.files.yaml import _PLAIN, NodePath, YamlProblem, _yaml, read_yaml


@dataclass(frozen=True, slots=True)
class Entry:
    """A line for a `values:` table."""

    word: str  #: The text of the cell.
    value: str | None  #: What it becomes; None if a person has to choose, then the line is a comment.
    remark: str  #: Why, in a few words.

    @property
    def comment(self) -> str:
        """How the line begins by which a person is asked for the value."""
        return f"# {quoted(self.word)}: …"

    def line(self) -> str:
        """As it is written into a table of one line per entry."""
        told = f"  # {self.remark}" if self.remark else ""
        return f"{self.comment if self.value is None else f'{quoted(self.word)}: {quoted(self.value)}'}{told}"


def quoted(text: str) -> str:
    """``text`` as YAML, in quotes if it needs them."""
    if _PLAIN.fullmatch(text):
        return text
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    written = json.dumps(text, ensure_ascii=False)
    return "".join(each if each.isprintable() else f"\\U{ord(each):08x}" for each in written)


def amended(text: str, tables: Mapping[NodePath, Sequence[Entry]], *, file: str) -> str:
    """``text`` of a mapping file with more lines in its tables; all other lines stay as they are, to the byte.

    ``tables`` has by the path of a value, such as ``("case", "priority")``, what goes into its `values:`. A value that
    has no table gets one. Comments that are there already are not written again. Messages call it ``file``.

    Raises:
        MappingError: The file cannot be read, or cannot be amended.
    """
    try:
        document, root = read_yaml(text), _yaml().compose(text)
    except YamlProblem:
        raise MappingError("cannot read the mapping", where=file, hint="run check without --fix") from None
    try:
        edits = [edit for path, entries in tables.items() for edit in _edits(text, root, path, entries)]
        new = text
        for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
            new = new[: edit.start] + edit.text + new[edit.end :]
        if _means(new, document, tables):
            return new
    except (LookupError, TypeError):
        raise MappingError("the mapping has changed since it was read", where=file, hint="run check again") from None
    what = "--fix cannot edit the way this mapping is written"
    raise MappingError(what, where=file, hint="add the lines that `check` proposes by hand")


class _Edit(NamedTuple):
    """Characters of a text that another text takes the place of."""

    start: int
    end: int
    text: str


def _edits(text: str, root: Any, path: NodePath, entries: Sequence[Entry]) -> Iterator[_Edit]:
    """Lines go on top of the table: at its end there may be comments that belong to what follows.

    In braces there is no place for a comment; those are above the innermost key that has a line of its own.
    """
    keys, value = _way(root, path)
    decided = [entry for entry in entries if entry.value is not None]
    undecided = [entry for entry in entries if entry.value is None and entry.comment not in text]
    shown = [entry.line() for entry in (*decided, *undecided)]
    key, is_block = keys[-1], len(keys) == len(path)  # else there are braces, or a list, on the way
    table_key, table = _entry_of(value, "values")
    if not shown:
        return
    if is_block and _is_block(value) and (table is None or _is_block(table)):
        if table is not None:
            yield _below(text, table_key, table.value[0][0].start_mark.column, shown)
        else:
            column = value.value[0][0].start_mark.column
            yield _below(text, key, column, _table(shown, is_comment=not decided))
    elif is_block and undecided and isinstance(value, ScalarNode) and value.end_mark.line == key.start_mark.line:
        source = text[value.start_mark.index : value.end_mark.index]
        yield _Edit(text.rindex(":", 0, value.start_mark.index) + 1, value.end_mark.index, "")
        lines = [f"column: {source}", *_table(shown, is_comment=not decided)]
        yield _below(text, key, key.start_mark.column + 2, lines)
    else:
        if decided:
            yield _in_braces(text, value, table, decided)
        if undecided:
            start = key.start_mark.index - key.start_mark.column
            yield _Edit(start, start, _block(text, key.start_mark.column, [entry.line() for entry in undecided]))


def _way(root: Any, path: NodePath) -> tuple[list[Any], Any]:
    """The keys on the way to a value that have a line of their own, and the value."""
    keys, node, is_block = [], root, True
    for step in path:
        is_block = is_block and not node.flow_style
        if isinstance(node, SequenceNode):
            node = node.value[step]
            continue
        key, node = _entry_of(node, str(step))
        if key is None:
            raise LookupError(step)
        keys += [key] if is_block else []
    return keys, node


def _entry_of(node: Any, name: str) -> tuple[Any, Any]:
    """The key and the value of this name; None for both if there are none."""
    pairs = node.value if isinstance(node, MappingNode) else ()
    return next(((key, value) for key, value in pairs if key.value == name), (None, None))


def _is_block(node: Any) -> bool:
    return isinstance(node, MappingNode) and not node.flow_style and bool(node.value)


def _table(lines: Sequence[str], *, is_comment: bool) -> list[str]:
    return [f"{'# ' * is_comment}values:", *(f"  {line}" for line in lines)]


def _block(text: str, column: int, lines: Sequence[str]) -> str:
    end = "\r\n" if "\r\n" in text else "\n"
    return "".join(f"{' ' * column}{line}{end}" for line in lines)


def _below(text: str, key: Any, column: int, lines: Sequence[str]) -> _Edit:
    """Lines below the one that a key is in."""
    place = text.find("\n", key.end_mark.index) + 1
    block = _block(text, column, lines)
    return _Edit(place, place, block) if place else _Edit(len(text), len(text), f"\n{block}")


def _in_braces(text: str, value: Any, table: Any, entries: Sequence[Entry]) -> _Edit:
    listing = ", ".join(f"{quoted(entry.word)}: {quoted(entry.value or '')}" for entry in entries)
    if not isinstance(value, MappingNode):
        start, end = value.start_mark.index, value.end_mark.index
        return _Edit(start, end, f"{{column: {text[start:end]}, values: {{{listing}}}}}")
    node, new = (value, f"values: {{{listing}}}") if table is None else (table, listing)
    end = node.end_mark.index - 1
    before = text[:end].rstrip()
    return _Edit(end, end, new if before[-1] in "{," else f", {new}")


def _means(text: str, document: Any, tables: Mapping[NodePath, Sequence[Entry]]) -> bool:
    """Whether a text says the same as a document with these entries."""
    try:
        new = read_yaml(text)
    except YamlProblem:
        return False
    for path, entries in tables.items():
        holder = _node(document, path[:-1])
        if isinstance(_node(new, path), CommentedMap) and not isinstance(holder[path[-1]], CommentedMap):
            holder[path[-1]] = CommentedMap(column=holder[path[-1]])
        for entry in entries:
            if entry.value is not None:
                holder[path[-1]].setdefault("values", CommentedMap())[entry.word] = entry.value
    return bool(new == document)


def _node(document: Any, path: NodePath) -> Any:
    for step in path:
        document = document[step]
    return document
