"""What each column became and why, as values: for the table on the terminal, and for `suggest --explain`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from importer.quality.profile import ColumnProfile
from importer.suggest.columns import Column, Kind
from importer.suggest.roles import SINGLE, Chooser, Roles
from importer.suggest.yaml_text import CHECK, Use


@dataclass(frozen=True)
class Choice:
    """What one column became."""

    column: str  #: Its header.
    field: str  #: A field as it is written in answers, such as ``title`` or ``other``; ``empty`` if it has no texts.
    mark: str  #: ``GUESS``, ``CHECK``, or nothing if it is sure.
    sample: str  #: One of its cells; empty if there is none.
    kind: str  #: What its cells are.
    filled: int  #: Cells that are not blank.
    different: int  #: How many different texts it has; a lower bound if they are very many.
    longest: int  #: Characters of its longest text.
    words: tuple[str, ...] = ()  #: All of its texts, if these are few and short.
    lookup: str = ""  #: The file in which the field is looked up by it.


@dataclass(frozen=True)
class Judgement:
    """What there was for and against one column in one role."""

    column: str  #: Its header.
    role: str  #: The role.
    points: float  #: How well it fits; 0 if it cannot have the role.
    speaks_for: tuple[str, ...]
    against: tuple[str, ...]


_WORDS_MAX = 30


def choices_of(
    columns: Sequence[Column], roles: Roles, uses: Mapping[ColumnProfile, Use], doubted: Collection[str]
) -> tuple[Choice, ...]:
    """What each column became, in file order; of columns with the same name all became what the first did.

    Of those that are ``doubted`` some cells cannot be used.
    """
    named = {profile.name: use for profile, use in reversed(list(uses.items()))}
    named |= {name: replace(use, mark=CHECK) for name, use in named.items() if name in doubted}
    unused = {column.name for column in roles.unused}
    return tuple(_choice(column, named.get(column.name) or _otherwise(column, unused)) for column in columns)


def _otherwise(column: Column, unused: set[str]) -> Use:
    if column.kind is Kind.EMPTY:
        return Use("empty")
    return Use("unused" if column.name in unused else "other", CHECK if column.profile.broken else "")


def _choice(column: Column, use: Use) -> Choice:
    profile = column.profile
    sample = max(profile.values.counts.items(), key=lambda entry: entry[1], default=("", 0))[0]
    few = profile.complete and profile.distinct <= _WORDS_MAX and column.kind in (Kind.TEXT, Kind.BOOLEAN)
    words = tuple(sorted(profile.values.counts)) if few else ()
    counts = (profile.filled, profile.distinct, profile.longest)
    return Choice(column.name, use.field, use.mark, sample, str(column.kind), *counts, words, use.lookup)


def judgements(chooser: Chooser, name: str) -> tuple[Judgement, ...]:
    """What there is for and against a column (the first with this name) in each role."""
    column = next(column for column in chooser.free if column.name == name)
    return tuple(_judgement(chooser, column, role) for role in SINGLE)


def _judgement(chooser: Chooser, column: Column, role: str) -> Judgement:
    evidence, other = chooser.weigh(column, role), chooser.spoken_for(column, role)
    against = [f"its name is one for `{other}`"] if other else []
    against += evidence.against + evidence.doubts
    points = 0.0 if other else evidence.points
    return Judgement(column.name, role, points, tuple(evidence.speaks_for), tuple(dict.fromkeys(against)))
