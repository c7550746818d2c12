"""A value of the mapping, bound to the columns of an export as a field.

Tables, defaults and constants are converted and checked when the field is made, which is tried when the mapping is
loaded: so a misspelt priority is an error of the mapping, with its line, and not of ten thousand rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any

from importer.files.yaml import NodePath
from importer.mapping.conditions import BoundCondition
from importer.mapping.converters import (
    TYPES,
    Convert,
    Target,
    converter,
    custom_target,
    field_target,
    folding,
    gapless,
    tidying,
)
from importer.mapping.custom_fields import COMPARED_MAX, Options, check_usable, definition_of
from importer.mapping.field_errors import CellError
from importer.mapping.header import Cells
from importer.mapping.inputs import Binding, make_input
from importer.mapping.language.case_forms import AfterCreateForm, CaseForm
from importer.mapping.language.value_forms import ValueForm
from importer.models import FieldError
from importer.talkdesk.payloads import CUSTOM_FIELD_TYPES, Check, case_check, other_spelling
from importer.text.safe import shown
from importer.text.wording import closest, listed, nearest

#: How many different cells of a field are remembered with their values: more than most helpdesks have customers.
REMEMBERED = 8192
_TYPE_OPTIONS = frozenset[str]().union(*(kind.options for kind in TYPES.values()))


class Field:
    """A value of the case, bound to the columns of an export. The one way to make it of a row is :meth:`read`.

    What is wrong with the texts of the mapping goes to the problems of the binding.
    """

    def __init__(self, form: ValueForm, binding: Binding, *, path: NodePath, target: Target) -> None:
        self.form = form  #: What the mapping says of it at ``path``: its table, its formats, and so on.
        self.path = path
        self.target = target  #: The field of the case that it is for.
        self.fold = folding(form.ignore or ())  #: Words for which this is the same are one word to the table.
        kind = TYPES[form.type or target.type]
        self._entry, self._split = converter(kind, form, target), kind.split(form) if kind.split else None
        self._problems = binding.header.problems
        self._default = self._checked(form.default, "default")
        self._constant = self._checked(form.value, "value")
        self._table = self._checked_table(binding.empty)
        #: Its `values:`, text without spaces around it → what it becomes; None if it has none.
        self.table = None if form.values is None else {word.strip(): text for word, text in form.values.items()}
        self.limit = form.max or target.limit  #: Most characters that are taken; None if that is not known.
        self._input = make_input(form, binding, path=path, in_list=self._split is not None)
        self.columns = tuple(dict.fromkeys(self._input.names))  #: The columns that it reads.
        #: Whether it reads a text of the export that can be looked at, and not a constant or another file.
        self.is_text = self._input.is_text
        self._condition = BoundCondition(form.when, binding, path=(*path, "when"))
        positions = self._input.positions + self._condition.positions
        self._key: Callable[[Cells], Any] = itemgetter(*positions) if positions else lambda _: ()
        self._remembers = target.one_line
        self._values: dict[Any, Any] = {}
        self._compared = 0

    def read(self, cells: Cells, errors: list[FieldError]) -> Any:
        """The value of a row, None for none; what is wrong goes to ``errors``."""
        (value,) = self.read_all([cells])
        if isinstance(value, CellError):
            errors.append(self.located(value, cells))
            return None
        return value

    def read_all(self, rows: Sequence[Cells]) -> list[Any]:
        """The value of each row, None for none, or what is wrong instead of it: see :meth:`located`.

        Equal cells have equal values: these are made once, and remembered unless they could be very large.
        """
        if not self._remembers:
            return [self._made(cells) for cells in rows]
        keys, values = list(map(self._key, rows)), self._values
        if len(values) >= REMEMBERED:
            values.clear()
        for key, cells in zip(keys, rows, strict=True):
            if key not in values:
                values[key] = self._made(cells)
        return [values[key] for key in keys]

    def located(self, error: CellError, cells: Cells) -> FieldError:
        """An error of the value of a row as one of the cell that it was made of, or that keeps it from being made."""
        try:
            is_wanted = self._condition.met(cells)
        except CellError:  # it knows its cell itself
            is_wanted = False
        column, text = self._input.blame(cells) if is_wanted else (self._condition.columns[0], "")
        found = error.at(column, text, target=self.target.name)
        return found if self._is_one_cell else replace(found, suggestion="")

    def _made(self, cells: Cells) -> Any:
        """The value of a row, or what is wrong with it.

        In this order: its condition (if it is not met, the default), the text of its input, the table or the type,
        the default for no value, and what the target takes.
        """
        try:
            value = self._default
            if self._condition.met(cells):
                text = self._input.read(cells)
                if text is None:
                    value = None
                elif text:
                    value = self._constant if self.form.value is not None else self._made_of(text, self._translated)
            if value is not None:
                self.target.check(value)
            elif self.form.required or self.target.required:
                raise CellError("missing")
        except CellError as error:
            return error.with_traceback(None)  # which would keep this very frame
        return value

    def _made_of(self, found: str | tuple[str, ...], convert: Convert) -> Any:
        """What a text becomes, or the texts of several cells: these are split only if the mapping says how."""
        if self._split is None:
            return convert(str(found))
        if isinstance(found, str):
            parts: Iterable[str] = self._split(found)
        elif self.form.separator is None and (self.form.type or "list") == "list":
            parts = found
        else:
            parts = (part for text in found for part in (self._split(text) if text else [""]))
        if self.target.is_path:
            return gapless([convert(part) if part.strip() else None for part in parts]) or None
        entries = (convert(part) for part in parts if part.strip())
        return list(dict.fromkeys(entry for entry in entries if entry is not None)) or None

    def _translated(self, text: str) -> Any:
        """What the table says of a text, or of one entry of a list."""
        if self._table is None:
            return self._entry(text)
        word, unknown = self.fold(text), self.form.unknown
        if word in self._table:
            return self._table[word]
        if unknown == "reject":
            text, words = text.strip(), self.table or ()
            self._compared += len(words)
            near = closest(text, words) if self._compared <= COMPARED_MAX else ""
            raise CellError("unknown_value", suggestion=near, words=listed(words), word=shown(text))
        if unknown == "keep":
            return self._entry(text)
        return self._default if unknown == "default" else None

    def _checked(self, text: str | None, *key: str) -> Any:
        """The value of a text of the mapping; None for no text, or after a problem."""
        if text is None:
            return None
        try:
            # a text of a table is one entry of a list, and not split
            is_entry = self._split is not None and key[0] == "values"
            value = [self._entry(text)] if is_entry else self._made_of(text, self._entry)
            if value is not None:
                self.target.check(value)
        except CellError as error:
            self._problems.add((*self.path, *key), f"{shown(text)!r} {error.rule}", error.hint)
            return None
        return value[0] if is_entry else value

    def _checked_table(self, empty: frozenset[str]) -> dict[str, Any] | None:
        if self.form.values is None:
            return None
        table: dict[str, Any] = {}
        for word, text in self.form.values.items():
            if self.fold(word) in table:
                what = f"{word.strip()!r} is listed twice in `values:`"
                self._problems.add((*self.path, "values", word), what, "remove one of them", key=True)
            elif word.strip() in empty and not (word.strip() and (self._split or self.form.template)):
                what = f"{word.strip()!r} in `values:` is never looked up, because it counts as empty"
                hint = "use `default:` for empty cells"
                if word.strip():
                    hint += ", or remove the word from `source.empty`"
                self._problems.add((*self.path, "values", word), what, hint, key=True)
            table[self.fold(word)] = self._checked(text or None, "values", word)  # an empty right side is no value
        return table

    # -- for statistics, such as those of `check` --

    @property
    def _is_one_cell(self) -> bool:
        """Whether the text of one cell becomes the value, as it is: then another text of that cell can be suggested."""
        form = self.form
        is_column = form.origin in ("column", "first") and form.join is None
        return is_column and form.html is None and self._split is None

    @property
    def allowed(self) -> tuple[str, ...]:
        """The only words that a *cell* of its column may have; empty if it may have any other text as well."""
        if self.form.origin != "column" or not self._is_one_cell:
            return ()
        if self.form.values is not None:
            return tuple(self.table or ()) if self.form.unknown == "reject" else ()
        return self.target.options.labels if self.target.options else self.target.choices

    @property
    def choices(self) -> tuple[str, ...]:
        """What the *target* takes, if these are a few words; a table can lead to no others.

        Without a table a boolean takes the words of many languages, so that is no such list.
        """
        if self.form.type == "boolean" or self.target.type == "boolean":
            return ("true", "false") if self.form.values is not None else ()
        return self.target.choices

    def text(self, cells: Cells) -> str:
        """The text that the value is made of; empty for none, or if it cannot be read."""
        try:
            return self._input.read(cells) or ""
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


def make_field(form: ValueForm, binding: Binding, *, path: NodePath, target: Target) -> Field | None:
    """The field of a value of the mapping; None if it cannot be what the target needs, then a problem says so.

    None for a `record` too, which is no text: a ``parent_id`` with one is :class:`importer.mapping.mapper.ParentLink`.
    """
    problems, name = binding.header.problems, form.type or target.type
    if TYPES[name].makes not in target.accepts:
        fitting = [other for other, kind in TYPES.items() if kind.makes in target.accepts]
        what = f"{target.name} does not accept `type: {name}`"
        problems.add((*path, "type"), what, f"it accepts {listed(fitting)}")
        return None
    if form.overflow == "note" and (path[0] != "case" or path[1] == "notes"):
        what = f"`overflow: note` cannot be used in {'a note' if 'notes' in path else '`after_create`'}"
        problems.add((*path, "overflow"), what, "use `overflow: truncate`", key=True)
    for key, what, hint in _contradictions(form, name=name, target=target):
        problems.add((*path, key), what, hint, key=True)
    return None if form.origin == "record" else Field(form, binding, path=path, target=target)


def make_fields(form: CaseForm | AfterCreateForm, model: Any, binding: Binding, *, part: str) -> dict[str, Field]:
    """The fields of a ``part`` of the mapping that have a value, but custom fields; in the order of the ``model``."""
    return {
        name: field
        for name in model.__annotations__
        if isinstance(value := getattr(form, name), ValueForm)
        and (field := make_field(value, binding, path=(part, name), target=field_target(model, name)))
    }


class CustomFields:
    """The custom ``fields`` of a ``part`` of the mapping; what the account does not have goes to the problems."""

    def __init__(self, values: Mapping[str, ValueForm], binding: Binding, *, part: str) -> None:
        self.fields: dict[str, Field] = {}
        self._definitions = binding.definitions
        problems = binding.header.problems
        for key, value in values.items():
            path = (part, "custom_fields", key)
            if (other := other_spelling(key)) in self.fields:
                problems.add(path, f"{key!r} and {other!r} are the same field", "remove one of them", key=True)
                continue
            if not check_usable(key, binding.definitions, path=path, problems=problems):
                continue
            definition = definition_of(key, binding.definitions)
            target = custom_target(key, definition, Options(definition) if definition else None)
            if target:
                if field := make_field(value, binding, path=path, target=target):
                    self.fields[key] = field
            elif definition:
                what = f"the definition of {shown(key)!r} has an unknown type {definition.type!r}"
                hint = f"set its `type:` in the fields file to one of {listed(CUSTOM_FIELD_TYPES)}"
                problems.add(path, what, hint, key=True)
            else:
                kinds = f"a key is one of {listed(CUSTOM_FIELD_TYPES)} followed by a number, such as text1"
                hint = nearest(key.rstrip("0123456789"), CUSTOM_FIELD_TYPES, otherwise=kinds)
                problems.add(path, f"{shown(key)!r} is not a custom field key", hint, key=True)

    def read(self, cells: Cells, errors: list[FieldError]) -> dict[str, Any]:
        """The values of a row by key, without those that it does not have."""
        values = {key: field.read(cells, errors) for key, field in self.fields.items()}
        return {key: value for key, value in values.items() if value is not None}

    def check_of(self, model: Any, *others: str | None) -> Check:
        """The check of a whole body with these custom fields, and with ``others``."""
        keys = [*self.fields, *filter(None, others)]
        known = {key: definition_of(key, self._definitions) for key in keys}
        kinds = {key: definition.kind for key, definition in known.items() if definition and definition.kind}
        return case_check(keys, kinds, model=model)


# -- keys that do not suit the target --------------------------------------------------------------


def _contradictions(form: ValueForm, *, name: str, target: Target) -> Iterator[tuple[str, str, str]]:
    """The key, what is wrong, and the hint; what a form shows by itself is refused by the form."""
    given = form.model_fields_set
    if form.origin == "record":
        if target.name != "parent_id":
            yield "record", f"{target.name} does not accept `record`", "only `parent_id` accepts `record`"
        return
    for key in sorted(given & _TYPE_OPTIONS - TYPES[name].options):
        owners = [other for other, kind in TYPES.items() if key in kind.options]
        yield key, f"`{key}` has no effect with `type: {name}`", f"use it with `type:` {listed(owners)}"
    if form.unknown == "default" and TYPES[name].split is not None:
        yield "unknown", "`unknown: default` cannot be used with a list", "use `keep`, `empty` or `reject`"
    if form.max and target.limit and form.max > target.limit:
        what = f"the field accepts at most {target.limit:,} characters"
        yield "max", what, f"set `max` to {target.limit} or less, or remove it"
    if "overflow" in given and form.max is None and target.limit is None:
        yield "overflow", "`overflow` requires `max`", "add `max`: the field itself has no limit"
