"""Mapping text → nodes that know where they stand. The only module that knows the YAML library.

YAML is read here as what people mean by it: every scalar is text (``no``, ``00123``, ``12:30`` stay what they
are), a key occurs once, and there are no aliases, anchors or tags, so nothing can be expanded or constructed.
The nodes are built from the parser's events, without recursion, so a deeply nested file is refused, not fatal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)
from ruamel.yaml.reader import ReaderError

from importer.mapping.problems import Mark, Problem
from importer.models import shown

DEPTH_MAX = 20

NodePath: TypeAlias = "tuple[str | int, ...]"


@dataclass(slots=True)
class Scalar:
    """A text."""

    start: Mark
    end: Mark
    text: str


@dataclass(slots=True)
class Items:
    """A list."""

    start: Mark
    end: Mark
    nodes: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Table:
    """Keys and their values, in the order of the file."""

    start: Mark
    end: Mark
    keys: dict[str, Scalar] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)


Node: TypeAlias = Scalar | Items | Table


class _Stop(Exception):
    """Reading ends here, with this problem."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem


def parse(text: str) -> tuple[Node | None, list[Problem]]:
    """The nodes of a mapping text, and what is wrong with it as YAML. Never raises.

    The node is None if the text could not be read to its end.
    """
    builder = _Builder()
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            builder.take(event)
    except _Stop as stop:
        return None, [*builder.problems, stop.problem]
    except YAMLError as error:
        return None, [*builder.problems, _syntax_problem(error, text)]
    except (ValueError, OverflowError):  # the library lets an escape through that names no character
        what = r"a \U escape in the text that follows names no character"
        return None, [*builder.problems, Problem(what, builder.reached, "write the character itself")]
    return builder.root, builder.problems


def plain(node: Node) -> str | list[Any] | dict[str, Any]:
    """The texts, lists and dicts of a node, without places."""
    match node:
        case Scalar(text=text):
            return text
        case Items(nodes=nodes):
            return [plain(entry) for entry in nodes]
        case Table(nodes=entries):
            return {key: plain(entry) for key, entry in entries.items()}


def mark_of(root: Node, path: NodePath, *, key: bool = False) -> Mark:
    """Where ``path`` stands, or the nearest thing above it that exists.

    Args:
        root: The node that the path begins at.
        path: Keys and list positions.
        key: Whether the key itself is meant and not what stands behind it.
    """
    node = root
    for number, step in enumerate(path, start=1):
        if isinstance(node, Table) and step in node.nodes:
            if key and number == len(path):
                return node.keys[str(step)].start
            node = node.nodes[str(step)]
        elif isinstance(node, Items) and isinstance(step, int) and step < len(node.nodes):
            node = node.nodes[step]
        else:
            break
    return node.start


class _Builder:
    """Puts nodes together from events. ``open`` holds the lists and tables that are not closed yet."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.problems: list[Problem] = []
        self.reached = Mark(1, 1)
        self._open: list[Items | Table] = []
        self._key: list[Scalar | None] = []
        self._documents = 0

    def take(self, event: Event) -> None:
        self.reached = _mark(event.end_mark)
        match event:
            case NodeEvent():
                self._take_node(event)
            case SequenceEndEvent() | MappingEndEvent():
                self._open.pop().end = _mark(event.end_mark)
                self._key.pop()
            case DocumentStartEvent():
                self._begin_document(event)
            case StreamStartEvent() | StreamEndEvent() | DocumentEndEvent():
                pass

    def _begin_document(self, event: DocumentStartEvent) -> None:
        self._documents += 1
        if self._documents > 1:
            hint = "keep one mapping in a file: remove the line '---' and what follows"
            raise _Stop(Problem("a second document begins here", _mark(event.start_mark), hint))

    def _take_node(self, event: NodeEvent) -> None:
        start, end = _mark(event.start_mark), _mark(event.end_mark)
        self.problems.extend(_unwanted(event, start))
        match event:
            case ScalarEvent():
                self._place(Scalar(start, end, event.value))
            case SequenceStartEvent():
                self._enter(Items(start, end))
            case MappingStartEvent():
                self._enter(Table(start, end))
            case _:  # an alias: reported above; a text stands in for it
                self._place(Scalar(start, end, ""))

    def _enter(self, node: Items | Table) -> None:
        self._place(node)
        self._open.append(node)
        self._key.append(None)
        if len(self._open) > DEPTH_MAX:
            raise _Stop(Problem(f"nested more than {DEPTH_MAX} levels deep", node.start, "no mapping needs that"))

    def _place(self, node: Node) -> None:
        parent = self._open[-1] if self._open else None
        if parent is None:
            self.root = node
        elif isinstance(parent, Items):
            parent.nodes.append(node)
        elif (key := self._key[-1]) is None:
            self._key[-1] = self._as_key(node)
        else:
            self._key[-1] = None
            self._put(parent, key, node)

    def _as_key(self, node: Node) -> Scalar:
        if isinstance(node, Scalar):
            return node
        raise _Stop(Problem("a key must be a text", node.start, "put a text with braces or brackets in quotes"))

    def _put(self, table: Table, key: Scalar, node: Node) -> None:
        if (first := table.keys.get(key.text)) is not None:
            hint = f"it stands already in line {first.start.line}; keep one of the two"
            self.problems.append(Problem(f"key {shown(key.text)!r} occurs twice", key.start, hint))
            return
        if node.start == node.end:  # nothing stands there; the parser looks for it on the next line
            node.start = node.end = key.start
        table.keys[key.text] = key
        table.nodes[key.text] = node


def _mark(mark: Any) -> Mark:
    return Mark(mark.line + 1, mark.column + 1)


def _unwanted(event: NodeEvent, mark: Mark) -> Iterator[Problem]:
    name = shown(event.anchor or "")
    tag = shown(getattr(event, "tag", None) or "")
    if isinstance(event, AliasEvent):
        yield Problem(f"alias '*{name}' is not allowed", mark, "write the text out; a text with * needs quotes")
    elif name:
        yield Problem(f"anchor '&{name}' is not allowed", mark, "remove it; a text with & needs quotes")
    if tag:
        yield Problem(f"tag {tag!r} is not allowed", mark, "remove it; a text with ! needs quotes")


#: What the parser says → what it means to someone who writes a mapping.
_SYNTAX: tuple[tuple[str, str, str], ...] = (
    (r"'\\t' that cannot start", "a tab stands here", "YAML wants blanks: replace the tab by blanks"),
    (r"character '(.)' that cannot start", "a text cannot begin with {0!r}", "put the text in quotes"),
    (
        "mapping values are not allowed",
        "a ':' is not expected here",
        "put a text that contains ': ' in quotes, or check the indentation",
    ),
    ("unexpected end of stream|<stream end>", "the file ends too early", "close the quote, bracket or brace"),
    ("unknown escape character '(.)'", "'\\{0}' means nothing in double quotes", r"write \\ for one back-slash"),
    ("expected <block end>", "the indentation does not fit the lines above", "begin keys of one level in one column"),
    (r"expected ',' or '([\]}])'", "a ',' or '{0}' is missing", "close the list or table before this place"),
    ("could not find expected ':'", "a ':' is missing", "write key: value"),
)


def _syntax_problem(error: YAMLError, text: str) -> Problem:
    if isinstance(error, ReaderError):
        return _character_problem(error, text)
    said = str(error.problem or error.context) if isinstance(error, MarkedYAMLError) else str(error)
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    where = _mark(mark) if mark else Mark(1, 1)
    for pattern, what, hint in _SYNTAX:
        if found := re.search(pattern, repr(said) if "\t" in said else said):
            return Problem(what.format(*found.groups()), where, hint)
    return Problem(f"this is not YAML: {said}", where, "see docs/mapping.md for the form")


def _character_problem(error: ReaderError, text: str) -> Problem:
    before = text[: error.position]
    where = Mark(before.count("\n") + 1, error.position - before.rfind("\n"))
    return Problem(f"a mapping is text, and this is character {error.character:#06x}", where, "is this the right file?")
