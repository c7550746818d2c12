"""YAML with line and column, and edits that keep comments: what mappings need of ruamel.yaml.

YAML is read here as what people mean by it: every scalar is text (``no``, ``00123``, ``12:30`` stay what they are), a
key occurs once, and there are no aliases, anchors or tags, so nothing can be expanded or constructed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, NamedTuple, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    NodeEvent,
)
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.resolver import VersionedResolver

from importer.errors import MappingError
from importer.models import shown

DEPTH_MAX = 20
_PLAIN = re.compile(r"[^\W_](?:[\w ()/+.-]*[\w)+.])?")

#: Keys and positions in lists, from the top of a document.
NodePath: TypeAlias = "tuple[str | int, ...]"


class Mark(NamedTuple):
    """A place in a file; line and column count from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


class YamlProblem(ValueError):
    """A text that cannot be read as YAML: what is wrong, where, and what to write instead."""

    def __init__(self, what: str, mark: Mark, hint: str) -> None:
        super().__init__(what, mark, hint)
        self.what = what
        self.mark = mark
        self.hint = hint


def read_yaml(text: str) -> Any:
    """The document: dicts, lists and texts that know where they are; None if there is none.

    Raises:
        YamlProblem: It cannot be read, or has something in it that is not allowed here.
    """
    try:
        _check_events(text)
        document = _yaml().load(text)
    except RecursionError:
        raise YamlProblem(f"nested more than {DEPTH_MAX} levels deep", Mark(1, 1), "use fewer levels") from None
    except YAMLError as error:
        raise _syntax_problem(error, text) from None
    except TypeError:  # the library cannot have a table within a table as a key
        raise YamlProblem("a key must be a text", Mark(1, 1), "look for '? ' in front of a key") from None
    _check_keys(document)
    return document


def mark_of(document: Any, path: NodePath, *, key: bool = False) -> Mark:
    """Where ``path`` is in a document, or the nearest thing above it that exists; its value, or the ``key`` itself."""
    node, place = document, (0, 0)
    for number, step in enumerate(path, start=1):
        if isinstance(node, CommentedMap) and step in node:
            place = node.lc.key(step)
            is_behind_key = node.lc.value(step)[0] == place[0]  # else it is empty, or a block that begins below
            if is_behind_key and not (key and number == len(path)):
                place = node.lc.value(step)
        elif isinstance(node, CommentedSeq) and isinstance(step, int) and step < len(node):
            place = node.lc.item(step)
        else:
            break
        node = node[step]
    return Mark(place[0] + 1, place[1] + 1)


class _Texts(VersionedResolver):
    """Takes every scalar without quotes as a text."""

    @property
    def versioned_resolver(self) -> Any:
        """No pattern makes a number, a date or a truth value of a text."""
        return {}


def _yaml() -> YAML:
    yaml = YAML(typ="rt")
    yaml.Resolver = _Texts
    return yaml


# -- what is not allowed ---------------------------------------------------------------------------


def _check_events(text: str) -> None:
    """Goes through the parser's events, which is possible without recursion, however deep the file is nested."""
    depth = documents = 0
    reached = Mark(1, 1)
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            depth += isinstance(event, CollectionStartEvent)
            depth -= isinstance(event, CollectionEndEvent)
            documents += isinstance(event, DocumentStartEvent)
            _check_event(event, _mark(event.start_mark), depth=depth, documents=documents)
            reached = _mark(event.end_mark)
    except YamlProblem:
        raise
    except (OverflowError, ValueError):  # the library lets an escape through that names no character
        what = r"a \U escape in the text that follows is not a character"
        raise YamlProblem(what, reached, "write the character itself") from None


def _check_event(event: Event, mark: Mark, *, depth: int, documents: int) -> None:
    if documents > 1:
        hint = "keep one mapping per file: remove the line '---' and everything below it"
        raise YamlProblem("the file contains a second YAML document", mark, hint)
    if depth > DEPTH_MAX:
        raise YamlProblem(f"nested more than {DEPTH_MAX} levels deep", mark, "use fewer levels")
    if isinstance(event, AliasEvent):
        hint = "repeat the text, or quote a text that starts with *"
        raise YamlProblem(f"YAML alias '*{shown(event.anchor)}' is not supported", mark, hint)
    if isinstance(event, NodeEvent) and event.anchor:
        hint = "remove it, or quote a text that starts with &"
        raise YamlProblem(f"YAML anchor '&{shown(event.anchor)}' is not supported", mark, hint)
    if tag := getattr(event, "tag", None):
        hint = "remove it, or quote a text that starts with !"
        raise YamlProblem(f"YAML tag {shown(str(tag))!r} is not supported", mark, hint)


def _check_keys(node: Any) -> None:
    if isinstance(node, CommentedMap):
        for key in node:
            if not isinstance(key, str):
                line, column = node.lc.key(key)
                hint = "quote a text that contains braces or brackets"
                raise YamlProblem("a key must be a text", Mark(line + 1, column + 1), hint)
    for child in node.values() if isinstance(node, CommentedMap) else node if isinstance(node, CommentedSeq) else ():
        _check_keys(child)


# -- syntax errors ---------------------------------------------------------------------------------

#: What the parser says → what it means to someone who writes a mapping.
_SYNTAX: tuple[tuple[str, str, str], ...] = (
    (r"'\\t' that cannot start", "tab used for indentation", "replace the tab with spaces"),
    (r"character '(.)' that cannot start", "a text cannot start with {0!r}", "put the text in quotes"),
    (
        "mapping values are not allowed",
        "unexpected ':'",
        "quote a text that contains ': ', or fix the indentation",
    ),
    ("unexpected end of stream|<stream end>", "what begins here is not closed", "close the quote, bracket or brace"),
    ("unknown escape character '(.)'", "'\\{0}' is not an escape sequence", r"write \\ for a backslash"),
    (r"expected <block end>, but found '([\]}])'", "'{0}' closes nothing", "remove it, or put the text in quotes"),
    (
        "expected <block end>, but found '<scalar>'",
        "text after a closing quote",
        "put the whole text in quotes, and double each of these quotes inside it",
    ),
    ("expected <block end>", "the indentation does not match the lines above", "indent keys of the same level equally"),
    (r"expected ',' or '([\]}])'", "a ',' or '{0}' is missing", "close the list or table before this place"),
    ("could not find expected ':'", "a ':' is missing", "write key: value"),
)


def _syntax_problem(error: YAMLError, text: str) -> YamlProblem:
    if isinstance(error, ReaderError):
        before = text[: error.position]
        where = Mark(before.count("\n") + 1, error.position - before.rfind("\n"))
        return YamlProblem(f"character {error.character:#06x} is not text", where, "check that this is a mapping file")
    said = str(error.problem or error.context) if isinstance(error, MarkedYAMLError) else str(error)
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    where = _mark(mark) if mark else Mark(1, 1)
    opened = _mark(place) if (place := getattr(error, "context_mark", None)) else Mark(1, 1)
    if isinstance(error, DuplicateKeyError):
        key = re.match('found duplicate key "(.*?)" with value', said, re.DOTALL)
        hint, above = "remove one of them", text.split("\n")[where.line - 2]
        if above.rstrip().endswith(":") and _indent(above) == where.column - 1:  # keys of another level came below it
            hint += f", or fix the indentation: line {where.line - 1} has no value"
        return YamlProblem(f"duplicate key {shown(key[1] if key else '')!r}", where, hint)
    is_sign = "character" in said  # that the parser does not take, so it is here
    if not is_sign and (problem := _mistake_above(text, where, opened=opened.line)):
        return problem
    if re.search("end of stream|<stream end>", said):
        where = opened
    for pattern, what, hint in _SYNTAX:
        if found := re.search(pattern, repr(said) if "\t" in said else said):
            return YamlProblem(what.format(*found.groups()), where, hint)
    return YamlProblem(f"not valid YAML: {said}", where, "see docs/mapping.md for the syntax")


_TRIED_LINES, _LINES_BELOW = 60, 20
_MOST_PARSED = 500_000  # characters, in all tries together
_CLOSING = {"[": "]", "{": "}"}
#: A key or a dash of a list up to the sign that a space must follow.
_UNSPACED = re.compile(r"\s*(?:(?:- +)*[^\s\"'\[\]{}:#-][^\"'\[\]{}:#]*:(?=\S)|-(?=\w))")


def _mistake_above(text: str, where: Mark, *, opened: int) -> YamlProblem | None:
    """The mistake that made the parser stop further down, or None if none is found.

    It is in the line of which a repair lets the parser read on, the furthest of all. A few lines are tried: those since
    the one where the parser ``opened`` what it could not end.
    """
    lines = text.split("\n")[: where.line + _LINES_BELOW]
    last = min(where.line, len(lines))
    numbers = [n for n in range(max(opened, last - _TRIED_LINES), last + 1) if lines[n - 1].strip(" -#\r")]
    numbers = [n for n in numbers if not lines[n - 1].lstrip().startswith("#")]
    best, furthest = None, float(last)
    indents = sorted({_indent(lines[number - 1]) for number in numbers})
    signs = ((number, repair) for number in reversed(numbers) for repair in _with_signs(lines[number - 1].rstrip("\r")))
    moved = ((number, repair) for number in reversed(numbers) for repair in _indented(lines[number - 1], indents))
    tries = islice(chain(signs, moved), _MOST_PARSED // max(sum(map(len, lines)), 1))
    for number, (repaired, column, what, hint) in tries:
        reached = _read_until("\n".join([*lines[: number - 1], repaired, *lines[number:]]))
        if reached > furthest:
            best, furthest = YamlProblem(what, Mark(number, column), hint), reached
    return best


def _read_until(text: str) -> float:
    """The line in which the parser stops; infinite if it reads all."""
    try:
        for _ in YAML(typ="safe", pure=True).parse(text):
            pass
    except MarkedYAMLError as error:
        return float(error.problem_mark.line + 1) if error.problem_mark else 0.0
    except (YAMLError, ValueError, OverflowError):
        return 0.0
    return float("inf")


def _with_signs(line: str) -> Iterator[tuple[str, int, str, str]]:
    """A line with what may be missing in it, the column where it is, what is wrong, and the hint."""
    for quote in "\"'":
        if line.count(quote) % 2:
            yield line + quote, line.index(quote) + 1, f"the quote {quote} is not closed", f"close it with {quote}"
    opened = [each for each in line if each in _CLOSING]
    if missing := len(opened) - sum(line.count(each) for each in _CLOSING.values()):
        closing = "".join(_CLOSING[each] for each in reversed(opened[:missing]))
        yield line + closing, line.index(opened[0]) + 1, f"'{opened[0]}' is not closed", f"close it with {closing}"
    if found := _UNSPACED.match(line):
        spaced = f"{found[0]} {line[found.end() :]}"
        yield spaced, found.end(), f"a space is missing after '{found[0][-1]}'", f"write {shown(spaced.strip())}"
    if not re.search(r":(\s|$)", line):
        yield f"{line}:", _indent(line) + 1, "a ':' is missing", "write key: value"


def _indented(line: str, indents: Sequence[int]) -> Iterator[tuple[str, int, str, str]]:
    """A line at the other levels of the lines around it."""
    own = _indent(line)
    for other in indents:
        if other != own:
            hint = f"indent it by {other} space{'s' * (other != 1)}, or the other keys of its level like it"
            yield " " * other + line[own:], own + 1, "the indentation does not match the lines around it", hint


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _mark(mark: Any) -> Mark:
    return Mark(mark.line + 1, mark.column + 1)


# -- edits -----------------------------------------------------------------------------------------


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
