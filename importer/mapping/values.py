"""A value of the mapping → a function from text to value. Everything that needs no columns is settled here.

Tables, defaults and constants are converted and checked when the mapping is loaded, so a misspelt priority is
an error of the mapping, with its line, and not of ten thousand rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from importer.mapping.cell_errors import CellError
from importer.mapping.document import Problems
from importer.mapping.folding import Fold, folding
from importer.mapping.problems import listed
from importer.mapping.spec import ValueForm
from importer.mapping.targets import Target
from importer.mapping.types import TYPES, Convert, Split, ValueType, converter
from importer.mapping.yaml_nodes import NodePath
from importer.models import shown

_TYPE_OPTIONS = frozenset[str]().union(*(kind.options for kind in TYPES.values()))


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the mapping, compiled as far as it can be without columns.

    Attributes:
        form: As it stands in the file.
        path: Where it stands.
        target: The field that it is for.
        kind: Its type.
        convert: One text that is not empty → its value, or one entry of it if there is ``split``; None for nothing.
        split: Takes a text apart that holds several.
        default: The value to take when there is none; None for nothing.
        constant: For `value:`: what every case gets.
    """

    form: ValueForm
    path: NodePath
    target: Target
    kind: ValueType
    convert: Convert
    split: Split | None = None
    default: Any = None
    constant: Any = None

    @property
    def required(self) -> bool:
        """Whether a row without this value is invalid."""
        return self.form.required or self.target.required

    @property
    def is_plain(self) -> bool:
        """Whether it is a text that is taken as it is, but for tidying and its length."""
        one_of_few = self.form.values is not None or self.target.options is not None or not self.target.free
        return self.kind is TYPES["text"] and not one_of_few


def compile_value(form: ValueForm, *, path: NodePath, target: Target, problems: Problems) -> Value | None:
    """The compiled value, or None if it cannot be what the target needs (then a problem says so)."""
    name = form.type or target.type
    kind = TYPES[name]
    if kind.yields not in target.takes:
        fitting = [other for other, kind in TYPES.items() if kind.yields in target.takes]
        problems.add((*path, "type"), f"{target.name} cannot take type: {name}", f"it takes {listed(fitting)}")
        return None
    for key, what, hint in _contradictions(form, name=name, target=target):
        problems.add((*path, key), what, hint, key=True)
    return compiled(form, kind, path=path, target=target, problems=problems)


def compiled(form: ValueForm, kind: ValueType, *, path: NodePath, target: Target, problems: Problems) -> Value:
    """The value of a form that is right in itself. Its texts are converted here, and may have problems."""
    constants = _Constants(kind, form=form, target=target, path=path, problems=problems)
    default = constants.convert("default", form.default)
    return Value(
        form,
        path,
        target,
        kind,
        convert=_with_table(form, plain=constants.plain, table=constants.table(), default=default, fold=constants.fold),
        split=kind.split(form) if kind.split else None,
        default=default,
        constant=constants.convert("value", form.value),
    )


class _Constants:
    """Converts and checks the texts that stand in the mapping itself."""

    def __init__(self, kind: ValueType, *, form: ValueForm, target: Target, path: NodePath, problems: Problems) -> None:
        self.plain = converter(kind, form, target)
        self.fold = folding(form.ignore or ())
        self._split = kind.split(form) if kind.split else None
        self._form = form
        self._target = target
        self._path = path
        self._problems = problems

    def convert(self, key: str, text: str | None) -> Any:
        """The value of the text at ``key``; None for no text, or after a problem."""
        if text is None:
            return None
        convert = in_entries(self.plain, self._split) if self._split else self.plain
        return self._checked(convert, text, path=(*self._path, key))

    def table(self) -> dict[str, Any]:
        """The table of `values:`, with its right sides converted. An empty right side is no value."""
        table: dict[str, Any] = {}
        for word, text in (self._form.values or {}).items():
            path = (*self._path, "values", word)
            key = self.fold(word)
            if key in table:
                self._problems.add(path, f"{word.strip()!r} occurs twice in the table", "keep one of the two", key=True)
            entry = self._checked(self._entry, text, path=path) if text else None
            table[key] = entry[0] if self._split and entry else entry
        return table

    def _entry(self, text: str) -> Any:
        return [self.plain(text)] if self._split else self.plain(text)

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


def in_entries(convert: Convert, split: Split) -> Convert:
    """Converts each part of a text; parts that repeat or come to nothing are left out."""

    def convert_all(text: str) -> list[Any] | None:
        return distinct(convert(part) for part in split(text) if part.strip())

    return convert_all


def distinct(entries: Iterator[Any]) -> list[Any] | None:
    """The entries that are something, each once, in order; None if there are none."""
    return list(dict.fromkeys(entry for entry in entries if entry is not None)) or None


def _with_table(form: ValueForm, *, plain: Convert, table: dict[str, Any], default: Any, fold: Fold) -> Convert:
    if form.values is None:
        return plain
    unknown: Callable[[str], Any] = {
        "reject": _rejecting(form.values),
        "default": lambda _: default,
        "keep": plain,
        "empty": lambda _: None,
    }[form.unknown]

    def convert(text: str) -> Any:
        word = fold(text)
        return table[word] if word in table else unknown(text)

    return convert


def _rejecting(table: Iterable[str]) -> Callable[[str], Any]:
    rule = f"is not in the values table ({listed(map(str.strip, table))})"

    def reject(text: str) -> None:
        hint = f"add the line `{shown(text.strip())!r}: …` to the table, or set `unknown:`"
        raise CellError("unknown_value", rule, hint)

    return reject


def _contradictions(form: ValueForm, *, name: str, target: Target) -> Iterator[tuple[str, str, str]]:
    """Keys that mean nothing beside the others: the key, what is wrong, and the hint."""
    given = form.model_fields_set
    if form.origin == "record":
        yield "record", f"{target.name} cannot be taken from another row", "only `parent_id` takes `record`"
        return
    for key in ("of", "missing", "cycle", "deep"):
        if key in given:
            yield key, f"`{key}` needs `record` beside it", f"remove `{key}`"
    for key in sorted(given & _TYPE_OPTIONS - TYPES[name].options):
        owners = [other for other, kind in TYPES.items() if key in kind.options]
        yield key, f"`{key}` means nothing for type: {name}", f"it goes with type: {listed(owners)}"
    for key, needed in (("unknown", "values"), ("ignore", "values"), ("occurrence", "column"), ("join", "column")):
        if key in given and needed not in given:
            yield key, f"`{key}` needs `{needed}` beside it", f"add `{needed}`, or remove `{key}`"
    for key in sorted(given & _never_with_constant(form)):
        yield key, f"`{key}` never comes into play beside `value`", f"remove `{key}`"
    if "occurrence" in given and "join" in given:
        yield "join", "`occurrence` takes one column and `join` takes all", "keep one of the two"
    if form.unknown == "default" and form.default is None:
        yield "unknown", "`unknown: default` needs `default` beside it", "add `default`"
    if form.unknown == "default" and TYPES[name].many:
        yield "unknown", "`unknown: default` does not go with a list", "use `keep`, `empty` or `reject`"
    if form.required and form.default is not None:
        yield "required", "`required` never comes into play beside `default`", "keep one of the two"
    yield from _lookup_contradictions(form)
    yield from _length_contradictions(form, given=given, limit=target.limit)


def _lookup_contradictions(form: ValueForm) -> Iterator[tuple[str, str, str]]:
    lookup = form.lookup
    if lookup and lookup.by and len(lookup.by) != len(lookup.key):
        what = f"`key` names {len(lookup.key)} columns of the file, and `by` {len(lookup.by)} of the export"
        yield "lookup", what, "name as many of the one as of the other"
    if lookup and lookup.none == "default" and form.default is None:
        yield "lookup", "`none: default` needs `default` beside `lookup`", "add `default`"


def _never_with_constant(form: ValueForm) -> set[str]:
    if form.origin != "value":
        return set()
    return {"values", "html"} if form.when else {"values", "html", "default", "required"}


def _length_contradictions(form: ValueForm, *, given: set[str], limit: int | None) -> Iterator[tuple[str, str, str]]:
    if form.max and limit and form.max > limit:
        yield "max", f"the field takes at most {limit} characters", f"write {limit} or less, or leave `max` out"
    if "overflow" in given and form.max is None and limit is None:
        yield "overflow", "`overflow` needs `max` beside it", "the field has no limit of its own: add `max`"
