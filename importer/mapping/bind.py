"""A plan and the columns of an export → the function that maps rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import partial
from typing import Any

import orjson
from pydantic import ValidationError

from importer.mapping.binding import Binding
from importer.mapping.cell_errors import CellError
from importer.mapping.choice import Choice, bind_choice
from importer.mapping.companion import Companion
from importer.mapping.compiled import compiled
from importer.mapping.document import Document, Problems
from importer.mapping.header import Header
from importer.mapping.key import Key, bind_key
from importer.mapping.notes import batched, bind_notes
from importer.mapping.origins import bind_value
from importer.mapping.parent import Parent, bind_parent
from importer.mapping.parts import Cells, Part, table
from importer.mapping.plan import Plan
from importer.models import FieldError, Link, Mapped, Row
from importer.talkdesk.payloads import CASE_FIELDS, Check, case_check

#: How JSON has a NUL. A text may hold these very characters too: such a row is looked at once more.
_ESCAPED_NUL = b"\\u0000"

#: ``Mapped`` from all its values, without the Python function that a named tuple has for it.
_mapped_from = partial(tuple.__new__, Mapped)


def _holds_nul(body: bytes) -> bool:
    """One byte is found many times faster than several, and most bodies escape nothing."""
    return b"\\" in body and _ESCAPED_NUL in body


class RowMapper:
    """Maps the rows of one export. Pure: the same row gives the same bytes, whatever came before.

    Attributes:
        columns_used: The columns that the mapping reads.
    """

    def __init__(
        self,
        case: Part,
        *,
        key: Key,
        choice: Choice | None,
        header: Header,
        check: Check,
        notes_per_call: int,
        parent: Parent | None,
    ) -> None:
        self.columns_used = frozenset(header.used)
        self._width = header.width
        self._read_key = key.read
        self._read_case = compiled(case, key_at=header.width)
        self._check = check
        self._is_sound = case.sound
        self._notes_per_call = notes_per_call
        self._case = case
        self._key = key
        self._left_out_for = choice.left_out if choice else None
        self._choice = choice
        self._parent = parent
        self._read_link = parent.read if parent else None

    def apply(self, row: Row) -> Mapped:
        """A body to send, all that is wrong with the row, or why it is left out on purpose.

        Never raises: what the reader found wrong, or what cannot be sent, comes back as field errors.
        """
        _, cells, problems = row
        if problems or len(cells) != self._width:
            return self._apply_spoiled(row)
        try:
            if self._left_out_for is not None and (reason := self._left_out_for(cells)):
                return Mapped(self._key_or_nothing(cells), None, left_out=reason)
            return self._mapped(cells, self._read_key(cells)) or self._explained(cells)
        except (CellError, ValidationError, orjson.JSONEncodeError):
            return self._explained(cells)

    def _mapped(self, cells: Cells, key: str) -> Mapped | None:
        """What is sent; None if there is NUL in it."""
        payload: Any = self._read_case(cells, key)
        if not self._is_sound:
            self._check(payload)
        link = self._read_link(cells) if self._read_link else None
        if (notes := payload.get("notes")) and len(notes) > self._notes_per_call:
            return self._divided(payload, key, link)
        body = orjson.dumps(payload)
        return None if _holds_nul(body) else _mapped_from((key, body, (), None, (), link))

    def _divided(self, payload: Any, key: str, link: Link | None) -> Mapped | None:
        """A case with more notes than one call carries."""
        first, *others = batched(payload["notes"], self._notes_per_call)
        body = orjson.dumps(payload | {"notes": first})
        additions = tuple(orjson.dumps({"notes": notes}) for notes in others)
        if any(map(_holds_nul, (body, *additions))):
            return None
        return Mapped(key, body, case_updates=additions, link=link)

    def _left_out(self, cells: Cells, spoiled: frozenset[str | None] = frozenset()) -> Mapped | None:
        """What becomes of a row that is not meant; None if it is, or if its cells do not tell."""
        if self._choice is None or spoiled & self._choice.columns:
            return None
        try:
            reason = self._choice.left_out(cells)
        except CellError:
            return None
        key = "" if spoiled & self._key.columns else self._key_or_nothing(cells)
        return Mapped(key, None, left_out=reason) if reason else None

    def _explained(self, cells: Cells) -> Mapped:
        """The slow path: every part is asked what is wrong with it."""
        if left_out := self._left_out(cells):
            return left_out
        key = self._key_or_nothing(cells)
        errors = tuple(dict.fromkeys(self._problems(cells)))  # a text that overflows is looked at twice
        link = self._link_or_nothing(cells)
        if errors:
            return Mapped(key, None, errors, link=link)
        # The key travels as one more cell behind the last column: there the stamp finds it.
        payload: Any = self._case.read((*cells, key))
        self._check(payload)
        if len(payload.get("notes", ())) <= self._notes_per_call:
            return Mapped(key, orjson.dumps(payload), link=link)
        first, *others = batched(payload["notes"], self._notes_per_call)
        additions = tuple(orjson.dumps({"notes": notes}) for notes in others)
        return Mapped(key, orjson.dumps(payload | {"notes": first}), case_updates=additions, link=link)

    def _problems(self, cells: Cells) -> Iterator[FieldError]:
        if self._choice is not None:
            yield from self._choice.problems(cells)
        yield from self._key.problems(cells)
        yield from self._case.problems(cells)
        if self._parent:
            yield from self._parent.problems(cells)

    def link(self, row: Row) -> Link | None:
        """What a row says about the row above it, whatever else is wrong with it."""
        return self._link_or_nothing(row.cells) if len(row.cells) == self._width else None

    def key(self, row: Row) -> str:
        """The key of a row, whatever else is wrong with it; empty if it has none."""
        return self._key_or_nothing(row.cells) if len(row.cells) == self._width else ""

    def _link_or_nothing(self, cells: Cells) -> Link | None:
        try:
            return self._read_link(cells) if self._read_link else None
        except CellError:
            return None

    def _key_or_nothing(self, cells: Cells) -> str:
        try:
            return self._read_key(cells)
        except CellError:
            return ""

    def _apply_spoiled(self, row: Row) -> Mapped:
        """A row that the reader, or its number of cells, says something against."""
        about_cells = [error for error in row.problems if error.column in self.columns_used]
        about_row = [error for error in row.problems if error.column is None]
        if len(row.cells) != self._width and not about_row:
            about_row = [_wrong_width(row.cells, self._width)]
        if len(row.cells) != self._width:  # nobody knows which cell belongs to which column, the key included
            return Mapped("", None, (*about_row, *about_cells))
        if about_row:
            return self._rejected(row.cells, [*about_row, *about_cells], self._key.problems(row.cells))
        if about_cells:
            left_out = self._left_out(row.cells, frozenset(error.column for error in about_cells))
            return left_out or self._rejected(row.cells, about_cells, self._problems(row.cells))
        return self.apply(Row(row.number, row.cells))

    def _rejected(self, cells: Cells, found: list[FieldError], more: Iterable[FieldError]) -> Mapped:
        """What the reader found goes first; of a cell that it speaks of, nothing more is said."""
        spoiled = {error.column for error in found}
        others = [error for error in more if error.column not in spoiled]
        key = "" if spoiled & self._key.columns else self._key_or_nothing(cells)
        link = None if self._parent and spoiled & self._parent.columns else self._link_or_nothing(cells)
        return Mapped(key, None, (*found, *others), link=link)


def bind(
    plan: Plan, columns: tuple[str, ...], document: Document, companions: Collection[Companion] | None = None
) -> RowMapper:
    """The mapper of an export with these columns, and with these companion files; None leaves their notes out.

    Raises:
        MappingProblems: The mapping names columns that the export does not have, or has more than once.
    """
    problems = Problems(document)
    binding = Binding(Header(columns, problems), _empty(plan), plan.tables, companions)
    key = bind_key(plan.source, binding)
    choice = bind_choice(plan.source, binding)
    case = table(_parts(plan, binding))
    parent = bind_parent(plan.parent, plan.source, binding) if plan.parent else None
    problems.raise_if_any()
    check = case_check(_custom_field_keys(plan), plan.kinds)
    return RowMapper(
        case,
        key=key,
        choice=choice,
        header=binding.header,
        check=check,
        notes_per_call=plan.notes_per_call,
        parent=parent,
    )


def _empty(plan: Plan) -> tuple[str, ...]:
    return tuple(dict.fromkeys(("", *(text.strip() for text in plan.source.empty))))


def _custom_field_keys(plan: Plan) -> list[str]:
    return [*plan.custom_fields, *filter(None, [plan.stamp])]


def _parts(plan: Plan, binding: Binding) -> dict[str, Part]:
    """The parts of a case in the order in which its model has them."""
    parts = {name: bind_value(value, binding) for name, value in plan.fields.items()}
    custom = {name: bind_value(value, binding) for name, value in plan.custom_fields.items()}
    if plan.stamp:
        custom[plan.stamp] = Part(binding.header.width, str, lambda _: iter(()), sound=True)
    if custom:
        parts["custom_fields"] = table(custom)
    if plan.notes or plan.overflows:
        parts["notes"] = bind_notes(plan.notes, plan.overflows, binding)
    return {name: parts[name] for name in CASE_FIELDS if name in parts}


def _wrong_width(cells: Cells, width: int) -> FieldError:
    rule = f"has {len(cells)} cells, the header has {width}"
    return FieldError("field_count", None, "", rule, "check the quotes and delimiters of this row")
