"""A value of the mapping: compiled when the mapping is loaded, then bound to the columns of an export as a field.

Tables, defaults and constants are converted and checked when the mapping is loaded, so a misspelt priority is an error
of the mapping, with its line, and not of ten thousand rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from importer.mapping.conditions import BoundCondition, bind_condition
from importer.mapping.converters import (
    TYPES,
    Convert,
    Split,
    ValueType,
    converter,
    distinct,
    folding,
    in_entries,
    tidying,
)
from importer.mapping.field_errors import CellError, missing
from importer.mapping.lookups import lookup_source
from importer.mapping.problems import Problems, listed
from importer.mapping.schema import ValueForm
from importer.mapping.sources import Binding, Blame, Cells, Source, constant, repeated_columns, text_source
from importer.mapping.targets import Target
from importer.models import FieldError, shown
from importer.yaml_places import NodePath

#: How many texts of a column are remembered with their values: more than most helpdesks have customers.
REMEMBERED = 8192
_TYPE_OPTIONS = frozenset[str]().union(*(kind.options for kind in TYPES.values()))


@dataclass(frozen=True, slots=True)
class Field:
    """A value of the case, bound to the columns of an export. The one way to make it of a row is :meth:`read`.

    Attributes:
        target: The field of the case.
        path: Where the value is in the mapping.
        form: What the mapping says of it: its table, its formats, and so on.
        fold: A word → the form in which the table is asked for it: words with one form are one word to the table.
        default: What to take if there is no value; None for nothing.
        required: Whether a row without the value is invalid.
    """

    target: Target
    path: NodePath
    form: ValueForm
    fold: Callable[[str], str]
    default: Any
    required: bool
    _source: Source
    _convert: Callable[[Any], Any]
    _split: Split | None
    _condition: BoundCondition | None

    def read(self, cells: Cells) -> Any:
        """The value that a row has here; None for none. Raises :class:`CellError`."""
        if self._condition is not None and not self._condition.met(cells):
            found = self.default
        elif text := self._source.read(cells):
            found = self._convert(text)
        else:
            found = self.default if text is not None else None
        if found is None and self.required:
            raise missing()
        return found

    def collect(self, cells: Cells, errors: list[FieldError]) -> Any:
        """As :meth:`read`, but what is wrong goes to ``errors``."""
        try:
            return self.read(cells)
        except CellError as error:
            errors.append(self.located(error, cells))

    def located(self, error: CellError, cells: Cells) -> FieldError:
        """An error of this field as one of the cell that it comes from."""
        return error.at(*self._blame(cells), target=self.target.name)

    def _blame(self, cells: Cells) -> Blame:
        try:
            if self._condition is None or self._condition.met(cells):
                return self._source.blame(cells)
        except CellError:  # it knows its cell itself
            pass
        return Blame(self._condition.columns[0] if self._condition else None, "")

    # -- for statistics, such as those of `check` --

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads."""
        return self._source.columns

    @property
    def is_text(self) -> bool:
        """Whether it reads a text of the export that can be looked at, and not a constant or another file."""
        return self._source.is_text

    @property
    def table(self) -> dict[str, str] | None:
        """Its `values:`, text without spaces around it → what it becomes; None if it has none."""
        return None if self.form.values is None else {word.strip(): text for word, text in self.form.values.items()}

    @property
    def limit(self) -> int | None:
        """Most characters that are taken; None if that is not known."""
        return self.form.max or self.target.limit

    @property
    def choices(self) -> tuple[str, ...]:
        """What the field takes, if these are a few words; a table can lead to no others."""
        if self.form.type == "boolean" or self.target.type == "boolean":
            return ("true", "false") if self.form.values is not None else ()
        return self.target.choices

    def text(self, cells: Cells) -> str:
        """The text that the value is made of; empty for none, or if it cannot be read."""
        try:
            return self._source.read(cells) or ""
        except CellError:
            return ""

    def words(self, text: str) -> list[str]:
        """The words of a text that the table is asked for; none if it cannot be taken apart."""
        try:
            parts = self._split(text) if self._split else [text]
        except CellError:
            return []
        return [word for part in parts if (word := part.strip())]

    def length(self, text: str) -> int:
        """How many characters a text has once its spaces are in order, before it is cut."""
        is_text = TYPES[self.form.type or self.target.type] is TYPES["text"]
        return len(tidying(self.form, self.target)(text) if is_text else text)


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the mapping, compiled as far as it can be without columns.

    Attributes:
        form: As it is in the file.
        path: Where it is.
        target: The field that it is for.
        convert: One text that is not empty → its value, or one entry of it if there is ``split``; None for nothing.
        split: Takes a text apart that holds several.
        default: The value to take when there is none; None for nothing.
        constant: For `value:`: what every case gets.
    """

    form: ValueForm
    path: NodePath
    target: Target
    convert: Convert
    split: Split | None = None
    default: Any = None
    constant: Any = None

    @property
    def kind(self) -> ValueType:
        """Its type."""
        return TYPES[self.form.type or self.target.type]

    def bind(self, binding: Binding) -> Field:
        """The field of an export. Columns that do not fit go to the problems of the binding."""
        source, convert = self._source(binding)
        return Field(
            self.target,
            self.path,
            self.form,
            folding(self.form.ignore or ()),
            self.default,
            self.form.required or self.target.required,
            source,
            convert if self._is_plain else _remembering(convert, self.target),
            self.split,
            bind_condition(self.form.when, binding, path=(*self.path, "when")),
        )

    def _source(self, binding: Binding) -> tuple[Source, Callable[[Any], Any]]:
        if self.form.origin == "value":
            return constant(self.form.value or ""), lambda _: self.constant
        convert = in_entries(self.convert, self.split) if self.split else self.convert
        if self.form.lookup is not None:
            return lookup_source(self.form.lookup, binding, path=self.path), convert
        if positions := self._repeated(binding):
            html = replace(binding, html=self.form.html is not None)
            return repeated_columns(self.form.column or "", positions, html), self._of_several
        return text_source(self.form, binding, path=self.path), convert

    def _repeated(self, binding: Binding) -> tuple[int, ...]:
        """The positions of the columns of a list that takes all columns of one name; () for any other value."""
        form = self.form
        if self.split is None or form.origin != "column" or form.occurrence is not None or form.join is not None:
            return ()
        positions = binding.header.positions(form.column or "", path=(*self.path, "column"))
        return positions if len(positions) > 1 else ()

    def _of_several(self, texts: tuple[str, ...]) -> list[Any] | None:
        """A list of several cells; where a separator could be given and is not, cells are not split."""
        whole = self.split is None or (self.form.separator is None and "separator" in self.kind.options)
        parts = texts if whole else (part for text in texts for part in self.split(text))  # type: ignore[misc]
        return distinct(self.convert(part) for part in parts if part.strip())

    @property
    def _is_plain(self) -> bool:
        """Whether it is a text that only has its spaces put in order, which costs less than remembering it."""
        return self.kind is TYPES["text"] and self.form.values is None and self.target.options is None


def _remembering(convert: Callable[[Any], Any], target: Target) -> Callable[[Any], Any]:
    """``convert``, which remembers the latest texts. Texts of several lines hardly repeat, and could be very large."""
    return lru_cache(REMEMBERED)(convert) if target.one_line else convert


def compile_value(form: ValueForm, *, path: NodePath, target: Target, problems: Problems) -> Value | None:
    """The compiled value, or None if it cannot be what the target needs (then a problem says so)."""
    name = form.type or target.type
    kind = TYPES[name]
    if kind.yields not in target.takes:
        fitting = [other for other, kind in TYPES.items() if kind.yields in target.takes]
        what = f"{target.name} does not accept `type: {name}`"
        problems.add((*path, "type"), what, f"it accepts {listed(fitting)}")
        return None
    for key, what, hint in contradictions(form, name=name, target=target):
        problems.add((*path, key), what, hint, key=True)
    return _compiled(form, kind, path=path, target=target, problems=problems)


def _compiled(form: ValueForm, kind: ValueType, *, path: NodePath, target: Target, problems: Problems) -> Value:
    constants = _Constants(kind, form=form, target=target, path=path, problems=problems)
    default = constants.convert("default", form.default)
    return Value(
        form,
        path,
        target,
        convert=constants.plain if form.values is None else _with_table(form, constants, default=default),
        split=constants.split,
        default=default,
        constant=constants.convert("value", form.value),
    )


def uncut(value: Value, problems: Problems) -> Value:
    """The same value without a limit, for a note with the whole text."""
    form = value.form.model_copy(update={"max": None, "overflow": "reject"})
    target = replace(value.target, limit=None)
    return _compiled(form, value.kind, path=value.path, target=target, problems=problems)


class _Constants:
    """Converts and checks the texts of the mapping itself."""

    def __init__(self, kind: ValueType, *, form: ValueForm, target: Target, path: NodePath, problems: Problems) -> None:
        self.plain = converter(kind, form, target)
        self.split = kind.split(form) if kind.split else None
        self._form = form
        self._target = target
        self._path = path
        self._problems = problems

    def convert(self, key: str, text: str | None) -> Any:
        """The value of the text at ``key``; None for no text, or after a problem."""
        if text is None:
            return None
        convert = in_entries(self.plain, self.split) if self.split else self.plain
        return self._checked(convert, text, path=(*self._path, key))

    def table(self, fold: Callable[[str], str]) -> dict[str, Any]:
        """The table of `values:`, with its right sides converted. An empty right side is no value."""
        table: dict[str, Any] = {}
        for word, text in (self._form.values or {}).items():
            path, key = (*self._path, "values", word), fold(word)
            if key in table:
                what = f"{word.strip()!r} is listed twice in `values:`"
                self._problems.add(path, what, "remove one of them", key=True)
            entry = self._checked(self._entry, text, path=path) if text else None
            table[key] = entry[0] if self.split and entry else entry
        return table

    def _entry(self, text: str) -> Any:
        return [self.plain(text)] if self.split else self.plain(text)

    def _checked(self, convert: Convert, text: str, *, path: NodePath) -> Any:
        try:
            value = convert(text)
            problem = None if value is None else self._target.problem(value)
        except CellError as error:
            problem = error
        if problem:
            self._problems.add(path, f"{shown(text)!r} {problem.rule}", problem.hint)
            return None
        return value


def _with_table(form: ValueForm, constants: _Constants, *, default: Any) -> Convert:
    fold = folding(form.ignore or ())
    table = constants.table(fold)
    words = listed(map(str.strip, form.values or ()))

    def convert(text: str) -> Any:
        word = fold(text)
        if word in table:
            return table[word]
        match form.unknown:
            case "reject":
                hint = f"add `{shown(text.strip())!r}: …` to `values:`, or set `unknown:`"
                raise CellError("unknown_value", f"is not listed in `values:` ({words})", hint)
            case "default":
                return default
            case "keep":
                return constants.plain(text)
        return None

    return convert


# -- keys that have no effect, or contradict each other --------------------------------------------


def contradictions(form: ValueForm, *, name: str, target: Target) -> Iterator[tuple[str, str, str]]:
    """Keys that have no effect with the others: the key, what is wrong, and the hint."""
    given = form.model_fields_set
    if form.origin == "record":
        yield "record", f"{target.name} does not accept `record`", "only `parent_id` accepts `record`"
        return
    for key in ("of", "missing", "cycle", "deep"):
        if key in given:
            yield key, f"`{key}` requires `record`", f"remove `{key}`"
    for key in sorted(given & _TYPE_OPTIONS - TYPES[name].options):
        owners = [other for other, kind in TYPES.items() if key in kind.options]
        yield key, f"`{key}` has no effect with `type: {name}`", f"use it with `type:` {listed(owners)}"
    for key, needed in (("unknown", "values"), ("ignore", "values"), ("occurrence", "column"), ("join", "column")):
        if key in given and needed not in given:
            yield key, f"`{key}` requires `{needed}`", f"add `{needed}`, or remove `{key}`"
    if form.origin == "value":
        without_effect = {"values", "html"} if form.when else {"values", "html", "default", "required"}
        for key in sorted(given & without_effect):
            yield key, f"`{key}` has no effect with `value`", f"remove `{key}`"
    if "occurrence" in given and "join" in given:
        yield "join", "`occurrence` and `join` cannot be used together", "remove one of them"
    if form.unknown == "default" and form.default is None:
        yield "unknown", "`unknown: default` requires `default`", "add `default`"
    if form.unknown == "default" and TYPES[name].split is not None:
        yield "unknown", "`unknown: default` cannot be used with a list", "use `keep`, `empty` or `reject`"
    if form.required and form.default is not None:
        yield "required", "`required` has no effect with `default`", "remove one of them"
    yield from _lookup_contradictions(form)
    yield from _length_contradictions(form, limit=target.limit)


def _lookup_contradictions(form: ValueForm) -> Iterator[tuple[str, str, str]]:
    lookup = form.lookup
    if lookup and lookup.by and len(lookup.by) != len(lookup.key):
        what = f"`key` has {len(lookup.key)} columns, but `by` has {len(lookup.by)}"
        yield "lookup", what, "list the same number of columns in both"
    if lookup and lookup.none == "default" and form.default is None:
        yield "lookup", "`none: default` requires `default` next to `lookup`", "add `default`"


def _length_contradictions(form: ValueForm, *, limit: int | None) -> Iterator[tuple[str, str, str]]:
    if form.max and limit and form.max > limit:
        what = f"the field accepts at most {limit:,} characters"
        yield "max", what, f"set `max` to {limit} or less, or remove it"
    if "overflow" in form.model_fields_set and form.max is None and limit is None:
        yield "overflow", "`overflow` requires `max`", "add `max`: the field itself has no limit"
