"""Why rows are not cases: one cause for each state, code, column and field, the same on every page and report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from importer.ledger import parents
from importer.ledger.json_columns import errors_from_json
from importer.ledger.view import LedgerView
from importer.models import FieldError, State
from importer.text.meaning import FAILED, SKIPPED
from importer.text.safe import shown

#: How many rows of a cause are named.
ROWS_NAMED = 5


@dataclass(frozen=True, slots=True)
class Cause:
    """Rows that are in one state for one reason. A row with several field errors counts for each of them."""

    state: State
    code: str | None  #: stable word for programs; None for rows that only wait for their turn
    column: str | None  #: of the export; None if the whole row is meant
    target: str | None  #: field of the case; None if no single one is meant
    rows: int
    first_rows: tuple[int, ...]
    example: str  #: the text of one cell, shortened; empty if no cell is meant
    rule: str  #: what is wrong
    hint: str  #: what to do; empty if the cause says nothing of its own
    first_keys: tuple[str, ...] = ()  #: the keys of ``first_rows``, which a spreadsheet can search for; empty ones too

    @property
    def is_failure(self) -> bool:
        """Whether these rows are not cases for a reason that a person may want to know."""
        return self.state in FAILED and self.code is not None


class FieldErrorCounts:
    """Counts the rows of each field error; in memory is one entry for each code, column and field."""

    def __init__(self) -> None:
        self._rows = Counter[tuple[str, str | None, str | None]]()
        self._first: dict[tuple[str, str | None, str | None], tuple[FieldError, list[tuple[int, str]]]] = {}

    def add(self, row: int, key: str, errors: Iterable[FieldError]) -> None:
        """Count the errors of one row, each kind once."""
        for place, error in {(error.code, error.column, error.target): error for error in errors}.items():
            self._rows[place] += 1
            _, first = self._first.setdefault(place, (error, []))
            if len(first) < ROWS_NAMED:
                first.append((row, key))

    def causes(self) -> list[Cause]:
        """All of them, most frequent first."""
        found = []
        for place, rows in self._rows.most_common():
            error, first = self._first[place]
            numbers, keys = zip(*first, strict=True)
            known = (shown(error.value), error.rule, error.hint)
            found.append(Cause(State.INVALID, *place, rows, numbers, *known, first_keys=keys))
        return found


def causes(view: LedgerView, *, rows_named: int = 1) -> tuple[Cause, ...]:
    """Why the records in view are not cases, most frequent first.

    ``rows_named`` is for causes that are not field errors; more than one row costs a search for each.
    """
    counts = FieldErrorCounts()  # of invalid rows, by code and message if their contents are deleted
    query = (
        "SELECT row, key, code, message, errors FROM record LEFT JOIN content ON content.record = record.id {where}"
        " ORDER BY record.id"
    )
    for row, key, code, message, errors in view.read(
        lambda *found: (*found[:-1], errors_from_json(found[-1])), query, "state = 'invalid'"
    ):
        counts.add(row, key, errors or (FieldError(code or "", None, "", message or "", ""),))

    def cause(state: str, code: str | None, count: int, message: str | None, row: int, key: str) -> Cause:
        named = [(row, key)]
        if rows_named > 1:
            which = f"state = :state AND {parents.CODE} IS :code"
            rows = f"SELECT row, key FROM record {{where}} ORDER BY id LIMIT {rows_named:d}"
            named = [(row, key) for row, key in view.select(rows, which, state=state, code=code)]
        hint = SKIPPED[code].to_do if code in SKIPPED else ""
        numbers, keys = zip(*named, strict=True)
        return Cause(State(state), code, None, None, count, numbers, "", message or "", hint, first_keys=keys)

    query = (
        f"SELECT state, {parents.CODE} AS cause, count(*), {parents.MESSAGE}, min(row), key FROM record {{where}}"
        " GROUP BY state, cause ORDER BY count(*) DESC"
    )
    others = view.read(cause, query, "state NOT IN ('created', 'invalid')")
    return tuple(sorted((*counts.causes(), *others), key=lambda cause: -cause.rows))


def skipped_because(found: Iterable[Cause]) -> Counter[str]:
    """Why rows are skipped, in words, and how many of them."""
    skipped: Counter[str] = Counter()
    for cause in found:
        if cause.state is State.SKIPPED:
            skipped[SKIPPED[cause.code].text if cause.code in SKIPPED else cause.rule] += cause.rows
    return skipped
