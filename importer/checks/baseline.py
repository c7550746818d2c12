"""An export against an earlier one, the baseline: changes that must stop a nightly load."""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from pydantic import BaseModel, NonNegativeInt

from importer.checks.findings import Findings
from importer.errors import ChangedShapeError, ConfigError, MappingError
from importer.files.small import head_of
from importer.mapping import Mapping
from importer.text.safe import shown
from importer.text.wording import closest_column, listed

#: By what factor the number of rows may grow or shrink.
VOLUME_FACTOR = 2.0
_MOST_BYTES = 64 << 20
_NAMED = 8


@dataclass(frozen=True)
class Baseline:
    """What is remembered of an earlier export."""

    rows: int  #: How many rows it had.
    columns: tuple[str, ...]  #: Its header.
    #: Columns that one value is made of, joined by commas → all words that came in them, if these are known.
    words: dict[str, frozenset[str]]
    kinds: dict[str, str] = field(default_factory=dict)  #: Column → what its cells were, if that is known.
    answers: dict[str, str] = field(default_factory=dict)  #: Column → field, as a person said to ``suggest``.


@dataclass(frozen=True, slots=True)
class Change:
    """One way in which an export differs."""

    kind: str  #: ``empty``, ``volume``, ``new_column``, ``lost_column``, ``changed_kind`` or ``new_value``.
    what: str  #: For a person.
    names: tuple[str, ...] = ()  #: The columns or values that it is about.


class _Column(BaseModel):
    column: str
    words: frozenset[str] = frozenset()
    kind: str = ""


class _Totals(BaseModel):
    read: NonNegativeInt


class _Table(BaseModel):
    columns: tuple[str, ...]
    words: dict[str, int]
    capped: bool


class _Check(BaseModel):
    """What is used of the output of ``check --json``."""

    totals: _Totals
    columns: tuple[_Column, ...]
    tables: tuple[_Table, ...]

    def baseline(self) -> Baseline:
        words = {", ".join(table.columns): frozenset(table.words) for table in self.tables if not table.capped}
        return Baseline(rows=self.totals.read, columns=tuple(it.column for it in self.columns), words=words)


class _Profile(BaseModel):
    """What is used of the profile next to a mapping."""

    rows: NonNegativeInt
    columns: tuple[_Column, ...]
    answers: dict[str, str] = {}

    def baseline(self) -> Baseline:
        return Baseline(
            rows=self.rows,
            columns=tuple(it.column for it in self.columns),
            words={it.column: it.words for it in self.columns if it.words},
            kinds={it.column: it.kind for it in self.columns},
            answers=self.answers,
        )


def load_baseline(path: Path) -> Baseline:
    """What ``check --json`` printed of an earlier export, or the profile that ``suggest`` keeps next to a mapping.

    Raises:
        ConfigError: it cannot be read, or is something else.
    """
    hint = "create it with: case-importer check … --json > FILE"
    try:
        text = head_of(path, _MOST_BYTES).removeprefix(codecs.BOM_UTF8)
        content = orjson.loads(text)
        form = _Profile if isinstance(content, dict) and "profile" in content else _Check
        return form.model_validate_json(text, strict=True).baseline()
    except OSError as error:
        raise ConfigError(f"the baseline cannot be read: {error.strerror}", where=str(path), hint=hint) from None
    except ValueError:  # no JSON, or of another form
        raise ConfigError("the file is not the output of check --json", where=str(path), hint=hint) from None


def changes(baseline: Baseline, found: Findings, *, factor: float = VOLUME_FACTOR) -> Iterator[Change]:
    """What is new or missing, compared with ``baseline``.

    Args:
        baseline: The earlier export.
        found: What was found in this one.
        factor: The number of rows may be up to so many times larger or smaller.
    """
    if found.rows == 0:
        yield Change("empty", "the file has no rows")
    elif baseline.rows and not baseline.rows / factor <= found.rows <= baseline.rows * factor:
        grown = f"{found.rows:,} rows, baseline {baseline.rows:,}: {found.rows / baseline.rows:.2g} times as many"
        yield Change("volume", f"{grown} (allowed: {1 / factor:.2g} to {factor:g})")
    now, then = Counter(use.column for use in found.columns), Counter(baseline.columns)
    for kind, told, names in (("new_column", "new", now - then), ("lost_column", "missing", then - now)):
        if names:
            yield Change(kind, f"{told} columns: {_listed(tuple(names))}", tuple(names))
    for column in found.columns:
        before = baseline.kinds.get(column.column, "")
        if column.kind and before and column.kind != before:
            what = f"{shown(column.column)} had {before}, now {column.kind}"
            yield Change("changed_kind", what, (column.column,))
    for use in found.tables:
        columns = ", ".join(use.columns)
        # a word that the table lists is no surprise, even if it came for the first time
        fresh = tuple(word for word in use.unknown if word not in baseline.words.get(columns, use.unknown))
        if fresh:
            yield Change("new_value", f"new values in {columns} → {use.target}: {_listed(fresh)}", fresh)


def lost_columns(
    baseline: Baseline, columns: Sequence[str], mapping: Mapping, *, where: str
) -> ChangedShapeError | None:
    """The error about columns of the baseline that ``mapping`` needs and ``columns`` lack; None if there are none."""
    try:
        needed = mapping.bind(baseline.columns).columns_used
    except MappingError:
        return None
    gone = [column for column in Counter(baseline.columns) - Counter(columns) if column in needed]
    if not gone:
        return None
    fresh = tuple(Counter(columns) - Counter(baseline.columns))
    nearest = [
        f"{column!r} (renamed to {near!r}?)" if (near := closest_column(column, fresh)) else repr(column)
        for column in gone
    ]
    new = f"new columns: {_listed(fresh)}; " if fresh else ""
    hint = f"{new}check the export job, or update the mapping"
    return ChangedShapeError(
        f"columns required by the mapping are missing: {', '.join(nearest)}", where=where, hint=hint
    )


def _listed(names: tuple[str, ...]) -> str:
    return listed((repr(shown(name)) for name in names), most=_NAMED)
