"""YAML with line and column, and edits that keep comments: what mappings need of ruamel.yaml.

YAML is read here as what people mean by it: every scalar is text (``no``, ``00123``, ``12:30`` stay what they are), a
key occurs once, and there are no aliases, anchors or tags, so nothing can be expanded or constructed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
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
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.resolver import VersionedResolver

from importer.text.safe import shown

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
_UNSPACED = re.compile(r"^\s*(?:(?:- +)*[^\s\"'\[\]{}:#-][^\"'\[\]{}:#]*:(?=\S)|-(?=\w))")


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
