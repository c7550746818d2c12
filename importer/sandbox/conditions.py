"""A search as SQL: conditions, their parameters, and the index that must serve them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from importer.sandbox.cases import Place
from importer.sandbox.filters import Search, Span

Value = str | int | float | None

_COLUMNS_WITHOUT_CASE = frozenset({"requester_email"})
_COLUMNS = {"create_at": "created_ms", "update_at": "updated_ms"}


class ListMode(NamedTuple):
    """How truthfully the list answers.

    Attributes:
        lag_ms: Cases younger than this are not shown yet.
        fuzzy: Texts match if they contain what is asked for, ignoring case.
        ignored: All filters are ignored; only paging and order count.
    """

    lag_ms: int = 0
    fuzzy: bool = False
    ignored: bool = False


class Conditions:
    """Conditions joined by AND, with their parameters in order.

    Attributes:
        texts: The conditions.
        parameters: What their question marks stand for.
        looked_up: Key of a custom field that the search looks up exactly, and that therefore wants an index.
    """

    def __init__(self, mode: ListMode) -> None:
        self._mode = mode
        self.texts: list[str] = []
        self.parameters: list[Value] = []
        self.looked_up: str | None = None

    @property
    def where(self) -> str:
        """The WHERE clause."""
        return " AND ".join(self.texts)

    def add(self, text: str, *parameters: Value) -> None:
        """One more condition that must hold."""
        self.texts.append(text)
        self.parameters.extend(parameters)

    def add_choice(self, column: str, values: Sequence[Value]) -> None:
        """The column must hold one of the values; none of them matches nothing."""
        marks = ", ".join("?" * len(values))
        self.add(f"{column} IN ({marks})", *values)

    def add_span(self, column: str, span: Span | None) -> None:
        """The column must lie in the span, ends included."""
        if span is not None:
            self.add(f"{column} BETWEEN ? AND ?", span.first_ms, span.last_ms)

    def add_text(self, column: str, text: str) -> None:
        """The column must hold the text; e-mails are compared without regard to case."""
        if self._mode.fuzzy:
            self.add(f"instr(lower({column}), lower(?))", text)
        else:
            collation = " COLLATE NOCASE" if column in _COLUMNS_WITHOUT_CASE else ""
            self.add(f"{column} = ?{collation}", text)

    def add_custom(self, key: str, value: Value) -> None:
        """The custom field must hold the value, or none at all if the value is null."""
        if value is None:
            self.add(f"{value_of(key)} IS NULL")
        elif self._mode.fuzzy and isinstance(value, str):
            self.add(f"instr(lower({value_of(key)}), lower(?))", value)
        else:
            self.add(f"{value_of(key)} = ?", value)
            self.looked_up = self.looked_up or key


def value_of(key: str) -> str:
    """SQL for the value of a custom field; keys of definitions are plain words, so they may stand in SQL."""
    return f"json_extract(custom_fields, '$.{key}.value')"


def conditions_of(search: Search, *, mode: ListMode, now_ms: int) -> Conditions:
    """What a listed case must fulfil."""
    conditions = Conditions(mode)
    # The unary plus keeps SQLite from choosing an index for a column with three values.
    conditions.add("+place = ?", Place.LIVE)
    if mode.lag_ms:
        conditions.add("created_ms <= ?", now_ms - mode.lag_ms)
    if not mode.ignored:
        _add_filters(conditions, search)
    return conditions


def _add_filters(conditions: Conditions, search: Search) -> None:
    if search.hopeless:
        conditions.add("0")
    if search.ids is not None:
        conditions.add_choice("id", search.ids)
    for column, words in search.words.items():
        conditions.add_choice(column, words)
    if search.owners is not None:
        conditions.add_choice("owner_id", sorted(search.owners))
    conditions.add_span("created_ms", search.created)
    conditions.add_span("updated_ms", search.updated)
    for column, text in search.texts.items():
        conditions.add_text(column, text)
    for key, value in search.custom.items():
        conditions.add_custom(key, value)


def order_of(search: Search) -> str:
    """The ORDER BY clause; cases of one moment keep the order of their ids."""
    direction = "ASC" if search.ascending else "DESC"
    return f"{_COLUMNS[search.order_by]} {direction}, id {direction}"
