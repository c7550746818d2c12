"""The values of a mapping as they read a certain export: for whoever wants to look at the data through them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, get_args

from importer.mapping.binding import Binding
from importer.mapping.cell_errors import CellError
from importer.mapping.document import Document, Problems
from importer.mapping.folding import folding
from importer.mapping.header import Header
from importer.mapping.origins import asked
from importer.mapping.parts import Cells
from importer.mapping.plan import Plan
from importer.mapping.spec import ValueForm
from importer.mapping.templates import parse_template
from importer.mapping.text import text_steps
from importer.mapping.types import TYPES
from importer.mapping.values import Value
from importer.mapping.yaml_nodes import NodePath
from importer.talkdesk.case import Priority


class Outline(NamedTuple):
    """One value of the mapping.

    Attributes:
        target: The field that it is for, such as ``custom_fields.date1``.
        path: Where it stands in the mapping.
        columns: The columns it reads.
        bare: Whether nothing but its column is said of it.
        table: Its `values:`, text → what it becomes; None if it has none.
        fold: A word → the form in which it is looked up: words with the same form are one to the table.
        unknown: What becomes of a text that the table does not list.
        choices: What the field takes, if these are a few words; empty otherwise.
        limit: Most characters that are taken; None if that is not known.
        cuts: Whether a longer text is cut.
        formats: Forms of a date; empty if it is none or none is named.
        position: The cell that alone is read; None if there are several.
        text: The cells of a row → the text that is looked at; empty for nothing.
        filled: The text of one cell → the same, or empty if it counts as no value.
        split: That text → the words that the table is asked for; none if it cannot be taken apart.
        length: That text → how many characters it has once it is tidied, before it is cut.
    """

    target: str
    path: NodePath
    columns: tuple[str, ...]
    bare: bool
    table: dict[str, str] | None
    fold: Callable[[str], str]
    unknown: str
    choices: tuple[str, ...]
    limit: int | None
    cuts: bool
    formats: tuple[str, ...]
    position: int | None
    text: Callable[[Cells], str]
    filled: Callable[[str], str]
    split: Callable[[str], list[str]]
    length: Callable[[str], int]


def outline(plan: Plan, columns: tuple[str, ...], document: Document) -> tuple[Outline, ...]:
    """The values of ``plan`` that read an export with these columns, which it must fit."""
    binding = Binding(Header(columns, Problems(document)), ("", *(text.strip() for text in plan.source.empty)))
    return tuple(entry for value in _values(plan) if (entry := _entry(value, binding)))


def _values(plan: Plan) -> Iterator[Value]:
    yield from plan.fields.values()
    yield from plan.custom_fields.values()
    for note in plan.notes:
        if note.each is not None:  # its values read the entries, not the rows
            continue
        yield from filter(None, (note.title, note.body, note.public))


def _entry(value: Value, binding: Binding) -> Outline | None:
    reads = asked(value, binding)
    if reads is None:
        return None
    form, target = value.form, value.target
    return Outline(
        target=target.name,
        path=value.path,
        columns=_columns(form),
        bare=form.model_fields_set == {"column"},
        table=None if form.values is None else {word.strip(): text for word, text in form.values.items()},
        fold=folding(form.ignore or ()),
        unknown=form.unknown,
        choices=_choices(value),
        limit=form.max or target.limit,
        cuts=form.overflow != "reject",
        formats=form.format or (),
        position=reads.position,
        text=reads.text,
        filled=binding._replace(html=form.html is not None).filled,
        split=_split(value),
        length=_length(value),
    )


def _split(value: Value) -> Callable[[str], list[str]]:
    take_apart = value.split or (lambda text: [text])

    def split(text: str) -> list[str]:
        try:
            parts = take_apart(text)
        except CellError:  # an error of the row, and said there
            return []
        return [word for part in parts if (word := part.strip())]

    return split


def _choices(value: Value) -> tuple[str, ...]:
    if value.target.name == "priority":
        return get_args(Priority)
    return ("true", "false") if value.kind is TYPES["boolean"] and value.form.values is not None else ()


def _columns(form: ValueForm) -> tuple[str, ...]:
    if form.column is not None:
        return (form.column,)
    if form.first is not None:
        return tuple(column.column for column in form.first)
    return parse_template(form.template or "")[1]


def _length(value: Value) -> Callable[[str], int]:
    """Counts as the mapping does, but without its cut."""
    if value.kind is not TYPES["text"]:
        return len
    steps = text_steps(value.form.model_copy(update={"max": None, "overflow": "reject"}), value.target)

    def length(text: str) -> int:
        for step in steps:
            text = step(text)
        return len(text)

    return length
