"""What is wrong with a mapping file: collected, so that a person sees everything at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from inspect import isclass
from types import MappingProxyType
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError

from importer.errors import MappingError
from importer.models import shown
from importer.talkdesk.payloads import custom_field_prefix
from importer.yaml_places import Mark, NodePath, YamlProblem, mark_of

PROBLEMS_SHOWN = 25
#: A mapping that lacks more columns than this is probably for another export: one error says so.
_MOST_COLUMNS = 3


class Problem(NamedTuple):
    """One thing that is wrong with a mapping file, where it is, and what to write instead."""

    what: str
    mark: Mark
    hint: str = ""


class Malformed(ValueError):
    """A format, a time zone or a template of the mapping that has no meaning.

    Args:
        what: What is wrong.
        hint: What to write instead.
    """

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what, hint)
        self.what = what
        self.hint = hint


class MappingProblems(MappingError):
    """A mapping file with one or more problems.

    ``what``, ``where`` and ``hint`` are those of the first problem; the text of the exception names all of them.

    Attributes:
        problems: All problems, in the order of the file.
    """

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(dict.fromkeys(problems), key=lambda problem: problem.mark))
        self._errors = [
            MappingError(problem.what, where=place(file, problem.mark), hint=problem.hint) for problem in self.problems
        ]
        first = self._errors[0]
        super().__init__(first.what, where=first.where, hint=first.hint)

    def __str__(self) -> str:
        lines = [MappingError.__str__(error) for error in self._errors[:PROBLEMS_SHOWN]]
        if (left := len(self._errors) - PROBLEMS_SHOWN) > 0:
            lines.append(f"and {left} more errors")
        return "\n".join(lines)

    @classmethod
    def of_yaml(cls, file: str, problem: YamlProblem) -> MappingProblems:
        """The error of a file that cannot be read as YAML."""
        return cls(file, [Problem(problem.what, problem.mark, problem.hint)])


class Document(NamedTuple):
    """A YAML file that was read, so that a problem found later still knows its place.

    Attributes:
        file: The file as the user named it, for messages.
        root: What :func:`importer.yaml_places.read_yaml` returned.
    """

    file: str
    root: Any


class Problems:
    """The problems of one document, collected until they are raised."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._found: list[Problem] = []
        self._missing: dict[tuple[str, tuple[str, ...]], dict[str, NodePath]] = {}

    def add(self, path: NodePath, what: str, hint: str = "", *, key: bool = False) -> None:
        """Notes a problem of the value at ``path``, or of the key itself."""
        self._found.append(Problem(what, mark_of(self._document.root, path, key=key), hint))

    def add_missing(self, path: NodePath, column: str, owner: str, columns: Iterable[str]) -> None:
        """Notes that ``owner``, which has ``columns``, lacks the one that is named at ``path``."""
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
        has = f"columns: {listed(map(repr, columns))}"
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


def place(file: str, mark: Mark) -> str:
    """``file:line:column``, as editors and terminals understand it."""
    return f"{file}:{mark.line}:{mark.column}"


def nearest(word: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """A hint that names the known word closest to ``word``, or ``otherwise`` if none is close."""
    names = {name.casefold(): name for name in known}
    close = get_close_matches(word.casefold(), names, n=1, cutoff=0.6)
    return f"did you mean {names[close[0]]!r}?" if close else otherwise


def listed(words: Iterable[str], *, most: int = 12) -> str:
    """``a, b, c`` for a message, with the number of words that are not shown."""
    names = list(words)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


# -- what pydantic says ----------------------------------------------------------------------------

_NOT_ON_CREATE = frozenset({"status", "type", "group_id", "resolution", "tags", "created_at", "updated_at"})
_KEYS = "expected keys with values, such as {key: value}"
_LIST = "expected a list, such as [one, two]"
_EXPECTED: Mapping[str, str] = MappingProxyType(
    {
        "bool_parsing": "expected true or false",
        "bool_type": "expected true or false",
        "dict_type": _KEYS,
        "int_parsing": "expected a whole number",
        "int_type": "expected a whole number",
        "list_type": _LIST,
        "model_attributes_type": _KEYS,
        "model_type": _KEYS,
        "string_too_short": "expected a text, but the value is empty",
        "string_type": "expected a single text",
        "string_unicode": "contains an incomplete Unicode character",
        "tuple_type": _LIST,
    }
)


def report(error: ValidationError, problems: Problems, model: type[BaseModel]) -> None:
    """Adds a problem for each thing that pydantic found in a file that should have been a ``model``."""
    for found in error.errors(include_url=False, include_context=True):
        path: NodePath = tuple(found["loc"])
        kind, context = found["type"], found.get("ctx", {})
        if kind == "extra_forbidden":
            what = f"unknown key {shown(str(path[-1]))!r}{_inside(path)}"
            problems.add(path, what, _key_hint(path, _keys_at(path[:-1], model)), key=True)
        elif kind == "missing":
            problems.add(path[:-1], f"`{path[-1]}` is missing{_inside(path)}", f"add `{path[-1]}: …`")
        elif kind == "literal_error":
            value, words = str(found["input"]), context["expected"].split("'")[1::2]
            key = next(step for step in reversed(path) if isinstance(step, str))
            hint = nearest(value, words, otherwise=f"use one of {listed(words)}")
            problems.add(path, f"{shown(value)!r} is not a valid value for `{key}`", hint)
        elif kind == "malformed":
            problems.add(path, context["what"], context["hint"])
        elif path == ("version",):
            problems.add(path, "this mapping version is not supported", "write `version: 1`")
        else:
            problems.add(path, _EXPECTED.get(kind, found["msg"]), "see docs/mapping.md for the syntax")


def _inside(path: NodePath) -> str:
    names = ".".join(str(step) for step in path[:-1])
    return f" in `{names}`" if names else ""


def _key_hint(path: NodePath, known: list[str]) -> str:
    *parent, key = map(str, path)
    if parent == ["case"] and custom_field_prefix(key):
        return "put custom fields under `custom_fields:`"
    if parent == ["case"] and key in _NOT_ON_CREATE:
        return "Talkdesk does not accept this field for new cases; put it in a custom field"
    return nearest(key, known, otherwise=f"known keys: {listed(known, most=99)}")


def _keys_at(path: NodePath, model: type[BaseModel]) -> list[str]:
    """The keys that the model knows at ``path``."""
    for step in path:
        if isinstance(step, str) and step in model.model_fields:
            model = _model_in(model.model_fields[step].annotation) or model
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isclass(annotation) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
