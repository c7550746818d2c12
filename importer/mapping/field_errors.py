"""What is wrong with a cell of the export or with the mapping file, in words for the person who owns it.

A :class:`CellError` becomes a :class:`importer.models.FieldError`, which is data of the row. The problems of a mapping
file are collected in :class:`Problems`, so that a person sees all of them, each with its line and column.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from inspect import isclass
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from importer.errors import MappingError
from importer.files.yaml import Mark, NodePath, YamlProblem, mark_of, read_yaml
from importer.models import FieldError
from importer.talkdesk.payloads import Check, custom_field_prefix
from importer.text.safe import shown
from importer.text.wording import closest, closest_column, did_you_mean, listed, nearest

PROBLEMS_SHOWN = 25
#: What messages call it.
EXPORT = "the export"
#: The end of a text that was cut.
ELLIPSIS = "…"
#: An export that lacks more columns of the mapping than this, or two of which none is a misspelt one, is probably from
#: elsewhere: one error says so.
_MOST_COLUMNS = 3


# -- cells -----------------------------------------------------------------------------------------


@cache
def _texts() -> dict[str, dict[str, str]]:
    return tomllib.loads(files("importer.mapping").joinpath("cell_errors.toml").read_text("utf-8"))


class CellError(ValueError):
    """A text that cannot become a value. Becomes a :class:`FieldError` once the column is known.

    Args:
        name: Of its texts in ``cell_errors.toml``; the code, unless a code has several texts.
        hint: What the person can do, if something better is known than what stands there.
        column: The column, if it is not the one that the field reads; ``text`` likewise.
        suggestion: A text that would do, if there is one that was probably meant.
        facts: What the texts have in braces.
    """

    def __init__(
        self,
        name: str,
        *,
        hint: str = "",
        column: str | None = None,
        text: str | None = None,
        suggestion: str = "",
        **facts: object,
    ) -> None:
        super().__init__(name)
        texts = _texts()[name]
        self.code, self.suggestion = texts.get("code", name), suggestion
        self.rule, self.hint = texts["rule"].format(**facts), hint or texts["hint"].format(**facts)
        self._column, self._text = column, text

    def at(self, column: str | None, text: str, *, target: str) -> FieldError:
        """The same error, now of a certain cell."""
        column = column if self._column is None else self._column
        text = text if self._text is None else self._text
        return FieldError(self.code, column, shown(encodable(text)), self.rule, self.hint, target, self.suggestion)


def unsendable(check: Check, body: dict[str, Any]) -> Iterator[FieldError]:
    """What its model says against a whole body, whose values are good each for itself."""
    try:
        check(body)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            yield from_pydantic(detail).at(None, "", target=".".join(map(str, detail["loc"])))


def encodable(text: str) -> str:
    """``text`` with incomplete characters written out, so that every file can hold it."""
    return text if text.isprintable() else text.encode("utf-8", "backslashreplace").decode()


def is_sendable(text: str) -> bool:
    """Whether ``text`` has neither NUL nor half of a surrogate pair in it."""
    return text.isprintable() or ("\x00" not in text and not any("\ud800" <= sign <= "\udfff" for sign in text))


def too_long(text: str, most: int) -> CellError:
    """More characters than the field or the mapping allows."""
    cut = encodable(text[: most - 1].rstrip()) + ELLIPSIS
    return CellError("too_long", length=len(text), most=most, suggestion=cut)


def from_pydantic(found: ErrorDetails) -> CellError:
    """What the model of the case says against a value, in the words of this importer."""
    value, limits = found["input"], found.get("ctx", {})
    match found["type"]:
        case "string_too_long":
            return too_long(value, limits["max_length"])
        case "too_long":
            return CellError("too_many", length=len(value), most=limits["max_length"])
        case "literal_error":
            allowed = _expected_words(found)
            close = closest(str(value), allowed)
            hint = f"did you mean {close!r}?" if close else ""
            return CellError("not_allowed", allowed=listed(allowed), hint=hint, suggestion=close)
        case "string_unicode" | "string_pattern_mismatch":
            return CellError("bad_text")
        case "string_too_short" | "too_short":
            return CellError("missing")
    return CellError("not_accepted", said=found["msg"])


def _expected_words(found: ErrorDetails) -> list[str]:
    words: list[str] = found["ctx"]["expected"].split("'")[1::2]
    return words


# -- the mapping file ------------------------------------------------------------------------------


class Problem(NamedTuple):
    """One thing that is wrong with a mapping file, where it is, and what to write instead."""

    what: str
    mark: Mark
    hint: str = ""


class FormError(ValueError):
    """Something in a mapping has no meaning, such as a date format: what is wrong, and what to write instead.

    Validators of the forms raise it, with the ``key`` if it is about one of several; what reads the files that a
    mapping names does too.
    """

    def __init__(self, what: str, hint: str, *, key: str = "") -> None:
        super().__init__(what)
        self.what, self.hint, self.key = what, hint, key


class MappingProblems(MappingError):
    """A mapping file with one or more ``problems``, in the order of the file.

    ``what``, ``where`` and ``hint`` are those of the first problem; the text of the exception names all of them.
    """

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(dict.fromkeys(problems), key=lambda problem: problem.mark))
        self._file = file
        first = self.problems[0]
        super().__init__(first.what, where=f"{file}:{first.mark}", hint=first.hint)

    def __str__(self) -> str:
        first, left = self.problems[:PROBLEMS_SHOWN], len(self.problems) - PROBLEMS_SHOWN
        lines = [str(MappingError(what, where=f"{self._file}:{mark}", hint=hint)) for what, mark, hint in first]
        return "\n".join([*lines, *([f"and {left} more errors"] if left > 0 else [])])


class Document(NamedTuple):
    """A YAML file that was read: its keys know their places, so that a problem found later has one."""

    file: str  #: As the user named it, for messages.
    root: dict[str, Any]  #: Its keys with their values, as :func:`importer.files.yaml.read_yaml` returned them.

    @classmethod
    def read(cls, content: bytes, file: str) -> Document:
        """The document in the bytes of a file that should be a mapping.

        Raises:
            MappingProblems: It is not text, not YAML, or has no keys.
        """
        try:
            root = read_yaml(content.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            before = content[: error.start]
            mark = Mark(before.count(b"\n") + 1, error.start - before.rfind(b"\n"))
            problem = Problem("the file is not UTF-8 text", mark, "save it as UTF-8, or give another file")
        except YamlProblem as error:
            problem = Problem(error.what, error.mark, error.hint)
        else:
            if isinstance(root, dict):
                return cls(file, root)
            what = "the mapping is empty" if root is None else "the file is not a mapping"
            problem = Problem(what, Mark(1, 1), "a mapping starts with the line `version: 1`")
        raise MappingProblems(file, [problem])


class Problems:
    """The problems of one document, collected until they are raised."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._found: list[Problem] = []
        self._missing: dict[tuple[str, tuple[str, ...]], dict[str, Mark]] = {}

    def add(self, path: NodePath, what: str, hint: str = "", *, key: bool = False) -> None:
        """Notes a problem of the value at ``path``, or of the key itself."""
        self._found.append(Problem(what, mark_of(self._document.root, path, key=key), hint))

    def add_missing(self, path: NodePath, column: str, owner: str, columns: Iterable[str]) -> None:
        """Notes that ``owner``, which has ``columns``, lacks the one that is named at ``path``."""
        lacking = self._missing.setdefault((owner, tuple(columns)), {})
        lacking.setdefault(column, mark_of(self._document.root, path))

    def raise_if_any(self) -> None:
        """Raises :class:`MappingProblems` with all that was found."""
        for (owner, columns), marks in self._missing.items():
            self._found += _lacking(owner, columns, marks)
        if self._found:
            raise MappingProblems(self._document.file, self._found)

    def of_form(self, invalid: ValidationError, model: type[BaseModel]) -> MappingProblems:
        """What pydantic found in a document that should have been a ``model``."""
        for found in invalid.errors(include_url=False):
            path, kind = tuple(found["loc"]), found["type"]
            parent = ".".join(map(str, path[:-1]))
            inside = f" in `{parent}`" if parent else ""
            if kind == "extra_forbidden":
                what = f"unknown key {shown(str(path[-1]))!r}{inside}"
                self.add(path, what, _key_hint(parent, str(path[-1]), _keys_at(path[:-1], model)), key=True)
            elif kind == "missing":
                self.add(path[:-1], f"`{path[-1]}` is missing{inside}", f"add `{path[-1]}: …`")
            elif kind == "literal_error":
                value, words = str(found["input"]), _expected_words(found)
                key = next(step for step in reversed(path) if isinstance(step, str))
                hint = nearest(value, words, otherwise=f"use one of {listed(words)}")
                self.add(path, f"{shown(value)!r} is not a valid value for `{key}`", hint)
            elif kind == "value_error" and isinstance(error := found["ctx"]["error"], FormError):
                self.add((*path, error.key) if error.key else path, error.what, error.hint, key=bool(error.key))
            elif path == ("version",):
                self.add(path, "this mapping version is not supported", "write `version: 1`")
            else:
                self.add(path, _EXPECTED.get(kind, found["msg"]), "see docs/mapping.md for the syntax")
        return MappingProblems(self._document.file, self._found)


def _lacking(owner: str, columns: tuple[str, ...], marks: dict[str, Mark]) -> list[Problem]:
    """The columns that a file has are listed once, however many it lacks."""
    missing = sorted(marks, key=lambda column: marks[column])
    close = {column: closest_column(column, columns) for column in missing}
    near = {column: did_you_mean(name) if name else "" for column, name in close.items()}
    has = f"columns: {listed(repr(shown(column)) for column in columns)}"
    if owner != EXPORT:  # a file that the mapping names may be any file: its first line is not shown
        has = f"check the header of {owner}"
    if len(missing) > (_MOST_COLUMNS if any(near.values()) else 1):
        names = listed((repr(shown(column)) for column in missing), most=len(missing))
        hint = f"{has}; check that this mapping is for this file, or draft one with: case-importer suggest FILE"
        return [Problem(f"{owner} lacks {len(missing)} columns of the mapping: {names}", marks[missing[0]], hint)]
    if owner == EXPORT and not any(near.values()):
        has += "; if the mapping is for another export, draft one with: case-importer suggest FILE"
    near[missing[0]] = f"{near[missing[0]]} {has}".strip()
    return [Problem(f"{owner} has no column {shown(column)!r}", marks[column], near[column]) for column in missing]


_AFTER_CREATE = frozenset({"status", "type", "group_id", "resolution"})
_NOT_ACCEPTED = frozenset({"tags", "created_at", "updated_at"})
_KEYS = "expected keys with values, such as {key: value}"
_EXPECTED: Mapping[str, str] = {
    "bool_parsing": "expected true or false",
    "bool_type": "expected true or false",
    "dict_type": _KEYS,
    "int_parsing": "expected a whole number",
    "int_type": "expected a whole number",
    "model_attributes_type": _KEYS,
    "model_type": _KEYS,
    "string_too_short": "expected a text, but the value is empty",
    "string_type": "expected a single text",
    "string_unicode": "contains an incomplete Unicode character",
    "tuple_type": "expected a list, such as [one, two]",
}


def _key_hint(parent: str, key: str, known: list[str]) -> str:
    if parent == "case" and custom_field_prefix(key):
        return "put custom fields under `custom_fields:`"
    if parent == "case" and key in _AFTER_CREATE:
        return "a new case cannot have it; put it under `after_create:`, which sets it once the case is there"
    if parent in ("case", "after_create") and key in _NOT_ACCEPTED:
        return "Talkdesk does not accept this field; put it in a custom field"
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
