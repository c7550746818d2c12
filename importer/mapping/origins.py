"""Where the text of a value comes from: a column, the first of several, a template, or a look-up.

A new origin of plain text is a new entry in :data:`_TEXTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from importer.mapping.binding import Binding
from importer.mapping.cell_errors import missing
from importer.mapping.header import Header
from importer.mapping.html_text import readable
from importer.mapping.lookup import bind_lookup
from importer.mapping.parts import WHOLE_ROW, Blame, Cells, Part, PlainText, leaf, remembering
from importer.mapping.spec import ColumnForm
from importer.mapping.templates import parse_template
from importer.mapping.text import fit_steps, tidy_steps
from importer.mapping.values import Value, distinct, in_entries
from importer.mapping.when import bind_test, conditional


class _Source(NamedTuple):
    """The text of a value is ``text(cells[where])``, or the cell there if ``text`` is None; "" is nothing."""

    where: int | slice
    text: Callable[[Any], str] | None
    blame: Callable[[Cells], Blame]


def bind_value(value: Value, binding: Binding) -> Part:
    """The part that reads ``value`` from the rows of an export."""
    part = _bind(value, binding)
    if (when := value.form.when) is None:
        return part
    test = bind_test(when, binding=binding, path=(*value.path, "when"), target=value.target.name)
    return conditional(part, test, default=value.default, required=value.required, target=value.target.name)


def _bind(value: Value, binding: Binding) -> Part:
    if value.form.origin == "value":
        return _bind_constant(value)
    binding = binding._replace(html=value.form.html is not None)
    if value.form.lookup:
        return bind_lookup(value, value.form.lookup, binding)
    if value.split and (repeated := _repeated(value, binding.header)):
        return _bind_repeated(value, repeated, binding)
    source = _TEXTS[value.form.origin](value, binding)
    convert = in_entries(value.convert, value.split) if value.split else value.convert
    return _part(value, source=source, convert=convert, empty=binding.empty)


def _bind_constant(value: Value) -> Part:
    constant, text = value.constant, value.form.value or ""
    return leaf(WHOLE_ROW, lambda _: constant, target=value.target, blame=lambda _: Blame(None, text), sound=True)


def _part(value: Value, *, source: _Source, convert: Callable[[str], Any], empty: tuple[str, ...]) -> Part:
    default, required = value.default, value.required

    def value_of(text: str) -> Any:
        found = default if text.strip() in empty else convert(text)
        if found is None and required:
            raise missing()
        return found

    plain = _plain(value, source, empty) if value.is_plain else None
    read = value_of if plain else remembering(value_of, value.target)
    text = source.text
    read_source = read if text is None else lambda cells: read(text(cells))
    return leaf(source.where, read_source, target=value.target, blame=source.blame, sound=True, plain=plain)


def _plain(value: Value, source: _Source, empty: tuple[str, ...]) -> PlainText:
    form, target = value.form, value.target
    fit = next(iter(fit_steps(form, target)), None)
    return PlainText(
        source.text,
        frozenset(empty),
        value.default,
        value.required,
        tidy=tuple(tidy_steps(form, target)),
        most=form.max or target.limit,
        fit=fit,
    )


def _repeated(value: Value, header: Header) -> tuple[int, ...]:
    """The positions of the columns of a value that takes all columns of one name; () for any other value."""
    form = value.form
    if form.origin != "column" or form.occurrence is not None or form.join is not None:
        return ()
    positions = header.positions(form.column or "", path=(*value.path, "column"))
    return positions if len(positions) > 1 else ()


def _bind_repeated(value: Value, positions: tuple[int, ...], binding: Binding) -> Part:
    """A list with an entry for each cell; where a separator could be given and is not, cells are not split."""
    whole_cells = value.split is None or (value.form.separator is None and "separator" in value.kind.options)
    split = in_entries(value.convert, _whole if whole_cells else value.split or _whole)

    def read(cells: Cells) -> list[Any] | None:
        texts = [text for position in positions if (text := binding.filled(cells[position]))]
        found = distinct(entry for text in texts for entry in split(text) or ()) or value.default
        if found is None and value.required:
            raise missing()
        return found

    def blame(cells: Cells) -> Blame:
        return Blame(value.form.column, " ".join(filter(None, (cells[position] for position in positions))))

    return leaf(WHOLE_ROW, read, target=value.target, blame=blame)


def _whole(text: str) -> list[str]:
    return [text]


def _column(value: Value, binding: Binding) -> _Source:
    form, path = value.form, (*value.path, "column")
    column = form.column or ""
    if form.join is not None:
        return _joined(column, binding.header.positions(column, path=path), join=form.join, binding=binding)
    position = binding.header.position(ColumnForm(column=column, occurrence=form.occurrence), path=path)
    return _Source(position, readable if form.html else None, lambda cells: Blame(column, cells[position]))


def _joined(column: str, positions: tuple[int, ...], *, join: str, binding: Binding) -> _Source:
    def joined(cells: Cells, binding: Binding) -> str:
        return join.join(text for position in positions if (text := binding.filled(cells[position])))

    as_written = binding._replace(html=False)
    return _Source(
        WHOLE_ROW, lambda cells: joined(cells, binding), lambda cells: Blame(column, joined(cells, as_written))
    )


def _first(value: Value, binding: Binding) -> _Source:
    columns = value.form.first or ()
    path = (*value.path, "first")
    positions = [binding.header.position(form, path=(*path, number)) for number, form in enumerate(columns)]

    def text(cells: Cells) -> str:
        return next(filter(None, (binding.filled(cells[position]) for position in positions)), "")

    def blame(cells: Cells) -> Blame:
        texts = [Blame(form.column, cells[position]) for form, position in zip(columns, positions, strict=True)]
        return next((blame for blame in texts if blame.text.strip() not in binding.empty), texts[0])

    return _Source(WHOLE_ROW, text, blame)


def _template(value: Value, binding: Binding) -> _Source:
    frame, columns = parse_template(value.form.template or "")
    path = (*value.path, "template")
    empty = binding.empty
    positions = [binding.header.position(ColumnForm(column=column), path=path) for column in columns]

    def html_text(cells: Cells) -> str:
        texts = tuple([binding.filled(cells[position]) for position in positions])
        return frame % texts if any(texts) else ""

    def text(cells: Cells) -> str:
        texts = tuple([text if (text := cells[position]).strip() not in empty else "" for position in positions])
        return frame % texts if any(texts) else ""

    def blame(cells: Cells) -> Blame:
        """The longest cell: if the text is too long, that is the one to look at."""
        texts = [Blame(column, cells[position]) for column, position in zip(columns, positions, strict=True)]
        return max(texts, key=lambda blame: len(blame.text))

    return _Source(WHOLE_ROW, html_text if binding.html else text, blame)


_Origin: TypeAlias = "Callable[[Value, Binding], _Source]"
_TEXTS: Mapping[str, _Origin] = MappingProxyType({"column": _column, "first": _first, "template": _template})


class Asked(NamedTuple):
    """The texts that a value is made of, before anything is done with them.

    Attributes:
        position: The cell that alone is read; None if there are several.
        text: The cells of a row → their text; empty for nothing.
    """

    position: int | None
    text: Callable[[Cells], str]


def asked(value: Value, binding: Binding) -> Asked | None:
    """What ``value`` reads; None if that is no text of the export that could be looked at.

    A constant reads nothing, a look-up reads another file, and a list may take each cell of a repeated column for
    itself.
    """
    if value.form.origin not in _TEXTS or (value.split and _repeated(value, binding.header)):
        return None
    binding = binding._replace(html=value.form.html is not None)
    source = _TEXTS[value.form.origin](value, binding)
    position = source.where if isinstance(source.where, int) else None

    def text(cells: Cells) -> str:
        return binding.filled(cells[position] if position is not None else source.blame(cells).text)

    return Asked(position, source.text or text)
