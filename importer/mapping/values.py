"""A value of the mapping: compiled when the mapping is loaded, then bound to the columns of an export as a field.

Tables, defaults and constants are converted and checked when the mapping is loaded, so a misspelt priority is an error
of the mapping, with its line, and not of ten thousand rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
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
from importer.mapping.field_errors import CellError, Problems, listed, missing
from importer.mapping.lookups import lookup_source
from importer.mapping.schema import ValueForm
from importer.mapping.targets import Target
from importer.mapping.value_sources import (
    Binding,
    Blame,
    Cells,
    Source,
    Texts,
    constant,
    repeated_columns,
    text_source,
)
from importer.models import FieldError, shown
from importer.yaml_places import NodePath

#: How many different cells of a field are remembered with their values: more than most helpdesks have customers.
REMEMBERED = 8192
_TYPE_OPTIONS = frozenset[str]().union(*(kind.options for kind in TYPES.values()))


@dataclass(frozen=True, slots=True)
class Field:
    """A value of the case, bound to the columns of an export. The one way to make it of rows is :meth:`collect`.

    Attributes:
        form: What the mapping says of it at ``path``: its table, its formats, and so on.
        fold: A word → the form in which the table is asked for it: words with one form are one word to the table.
        positions: Where the cells are that it reads: those of its source, then those of its condition.
    """

    target: Target
    path: NodePath
    form: ValueForm
    fold: Callable[[str], str]
    default: Any
    required: bool
    positions: tuple[int, ...]
    _source: Source
    _convert: Callable[[Any], Any]
    _split: Split | None
    _condition: BoundCondition | None
    _values: dict[str | Texts, Any] = field(default_factory=dict)
    _wrong: dict[str | Texts, CellError] = field(default_factory=dict)

    def collect(self, rows: Sequence[Cells], errors: Sequence[list[FieldError]]) -> list[Any]:
        """The value of each row, None for none; what is wrong goes to the list of the row in ``errors``.

        Equal cells have equal values: these are made once, and remembered unless they could be very large.
        """
        keys: list[Any] = [()] * len(rows)
        if self.positions:
            keys = list(map(itemgetter(*self.positions), rows))  # one text, or a tuple of several
        values, wrong = self._values, self._wrong
        if len(values) > REMEMBERED or not self.target.one_line:
            values.clear()
            wrong.clear()
        for key in set(keys).difference(values):
            try:
                values[key] = self._value((key,) if isinstance(key, str) else key)
            except CellError as error:
                values[key], wrong[key] = None, error.with_traceback(None)  # which would keep this very frame
        if wrong:
            for cells, key, found in zip(rows, keys, errors, strict=True):
                if key in wrong:
                    found.append(self.located(wrong[key], cells))
        return [values[key] for key in keys]

    def _value(self, texts: Texts) -> Any:
        own = len(self._source.positions)
        if self._condition is not None and not self._condition.test(texts[own:]):
            found = self.default
        elif text := self._source.read(texts[:own]):
            found = self._convert(text)
        else:
            found = self.default if text is not None else None
        if found is None and self.required:
            raise missing()
        return found

    def located(self, error: CellError, cells: Cells) -> FieldError:
        """An error of this field as one of the cell that it comes from."""
        return error.at(*self._blame(cells), target=self.target.name)

    def _blame(self, cells: Cells) -> Blame:
        try:
            if self._condition is None or self._condition.met(cells):
                return self._source.blame(tuple([cells[position] for position in self._source.positions]))
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
            return self._source.read(tuple([cells[position] for position in self._source.positions])) or ""
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
        form = self.form
        source, convert = self._source(binding)
        condition = bind_condition(form.when, binding, path=(*self.path, "when")) if form.when is not None else None
        return Field(
            self.target,
            self.path,
            form,
            folding(form.ignore or ()),
            self.default,
            form.required or self.target.required,
            source.positions + (condition.positions if condition else ()),
            source,
            convert,
            self.split,
            condition,
        )

    def _source(self, binding: Binding) -> tuple[Source, Callable[[Any], Any]]:
        form = self.form
        if form.origin == "value":
            return constant(form.value or ""), lambda _: self.constant
        convert = in_entries(self.convert, self.split) if self.split else self.convert
        if form.lookup is not None:
            return lookup_source(form.lookup, binding, path=self.path), convert
        if self.split and form.origin == "column" and form.occurrence is None and form.join is None:
            positions = binding.header.positions(form.column or "", path=(*self.path, "column"))
            if len(positions) > 1:
                return repeated_columns(form, positions, binding), self._of_several
        return text_source(form, binding, path=self.path), convert

    def _of_several(self, texts: Texts) -> list[Any] | None:
        """A list of several cells; where a separator could be given and is not, cells are not split."""
        whole = self.split is None or (self.form.separator is None and "separator" in self.kind.options)
        parts = texts if whole else (part for text in texts for part in self.split(text))  # type: ignore[misc]
        return distinct(self.convert(part) for part in parts if part.strip())


def compile_value(form: ValueForm, *, path: NodePath, target: Target, problems: Problems) -> Value | None:
    """The compiled value, or None if it cannot be what the target needs (then a problem says so)."""
    name = form.type or target.type
    if TYPES[name].yields not in target.takes:
        fitting = [other for other, kind in TYPES.items() if kind.yields in target.takes]
        what = f"{target.name} does not accept `type: {name}`"
        problems.add((*path, "type"), what, f"it accepts {listed(fitting)}")
        return None
    for key, what, hint in _contradictions(form, name=name, target=target):
        problems.add((*path, key), what, hint, key=True)
    return _compiled(form, TYPES[name], path=path, target=target, problems=problems)


def uncut(value: Value, problems: Problems) -> Value:
    """The same value without a limit, for a note with the whole text."""
    form = value.form.model_copy(update={"max": None, "overflow": "reject"})
    target = replace(value.target, limit=None)
    return _compiled(form, value.kind, path=value.path, target=target, problems=problems)


def _compiled(form: ValueForm, kind: ValueType, *, path: NodePath, target: Target, problems: Problems) -> Value:
    entry, split = converter(kind, form, target), kind.split(form) if kind.split else None
    whole = in_entries(entry, split) if split else entry

    def checked(convert: Convert, text: str | None, *key: str) -> Any:
        """The value of a text of the mapping; None for no text, or after a problem."""
        if text is None:
            return None
        try:
            value = convert(text)
            problem = None if value is None else target.problem(value)
        except CellError as error:
            problem = error
        if problem is None:
            return value
        problems.add((*path, *key), f"{shown(text)!r} {problem.rule}", problem.hint)
        return None

    default = checked(whole, form.default, "default")
    convert = entry
    if form.values is not None:
        fold, table = folding(form.ignore or ()), dict[str, Any]()
        for word, text in form.values.items():
            if fold(word) in table:
                what = f"{word.strip()!r} is listed twice in `values:`"
                problems.add((*path, "values", word), what, "remove one of them", key=True)
            one = checked((lambda text: [entry(text)]) if split else entry, text or None, "values", word)
            table[fold(word)] = one[0] if split and one else one  # an empty right side is no value
        convert = _with_table(form, table, fold, entry, default=default)
    return Value(form, path, target, convert, split, default, checked(whole, form.value, "value"))


def _with_table(
    form: ValueForm, table: dict[str, Any], fold: Callable[[str], str], plain: Convert, *, default: Any
) -> Convert:
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
                return plain(text)
        return None

    return convert


# -- keys that have no effect, or contradict each other --------------------------------------------


def _contradictions(form: ValueForm, *, name: str, target: Target) -> Iterator[tuple[str, str, str]]:
    """Keys that have no effect with the others: the key, what is wrong, and the hint."""
    given, lookup = form.model_fields_set, form.lookup
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
    if lookup and lookup.by and len(lookup.by) != len(lookup.key):
        what = f"`key` has {len(lookup.key)} columns, but `by` has {len(lookup.by)}"
        yield "lookup", what, "list the same number of columns in both"
    if lookup and lookup.none == "default" and form.default is None:
        yield "lookup", "`none: default` requires `default` next to `lookup`", "add `default`"
    if form.max and target.limit and form.max > target.limit:
        what = f"the field accepts at most {target.limit:,} characters"
        yield "max", what, f"set `max` to {target.limit} or less, or remove it"
    if "overflow" in given and form.max is None and target.limit is None:
        yield "overflow", "`overflow` requires `max`", "add `max`: the field itself has no limit"
