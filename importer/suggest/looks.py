"""What each column of an export looks like, whatever it is called: dates, yes and no, addresses, long texts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from importer.mapping.converters import BOOLEAN_WORDS
from importer.suggest.days import DateForm, date_form, epoch_form
from importer.suggest.facts import Facts, Table
from importer.suggest.vocabulary import Vocabulary

_MOSTLY = 0.95


class Kind(StrEnum):
    """What the cells of a column are."""

    EMPTY = "empty"
    EMAIL = "e-mail addresses"
    DATE = "dates"
    BOOLEAN = "yes or no"
    NUMBER = "numbers"
    ADDRESS = "web addresses"
    LONG = "long texts"
    TEXT = "short texts"


@dataclass(frozen=True)
class Look:
    """One column: what was counted, and what that makes of it.

    Attributes:
        facts: What was counted.
        names: What it may be called in the word lists.
        kind: What its cells are.
        form: How its dates are written, if they are dates.
        of_agents: Whether its name speaks of those who answer.
    """

    facts: Facts
    names: tuple[str, ...]
    kind: Kind
    form: DateForm | None
    of_agents: bool

    @property
    def name(self) -> str:
        """Its header."""
        return self.facts.name


def look_at(table: Table, vocabulary: Vocabulary) -> list[Look]:
    """All columns. What one column of dates proves about day and month counts for the others too."""
    forms = [date_form(facts) for facts in table.columns]
    proven = {form.order for form in forms if form and form.proof and not form.against}
    order = proven.pop() if len(proven) == 1 else ""
    return [
        _look(facts, date_form(facts, order=order) if form and form.in_doubt and order else form, vocabulary)
        for facts, form in zip(table.columns, forms, strict=True)
    ]


def _look(facts: Facts, form: DateForm | None, vocabulary: Vocabulary) -> Look:
    names = vocabulary.names_of(facts.name)
    of_agents = not vocabulary.agents.isdisjoint(names[0].split())
    if form is None and vocabulary.speaks_of_time(names[0]):
        form = epoch_form(facts)
    kind = _kind(facts, form)
    return Look(facts, names, kind, form if kind is Kind.DATE else None, of_agents)


def _kind(facts: Facts, form: DateForm | None) -> Kind:
    if not facts.filled:
        return Kind.EMPTY
    if facts.share(facts.emails) >= 0.5:
        return Kind.EMAIL
    if form is not None:
        return Kind.DATE
    if is_boolean(facts):
        return Kind.BOOLEAN
    if facts.share(facts.numbers) >= _MOSTLY:
        return Kind.NUMBER
    if facts.share(facts.addresses) >= _MOSTLY:
        return Kind.ADDRESS
    return Kind.LONG if facts.share(facts.multi_line) >= 0.1 or facts.mean >= 120 else Kind.TEXT


def is_boolean(facts: Facts) -> bool:
    """Whether the cells are words for yes and no that the mapping knows; a few others may be among them."""
    if not facts.complete or facts.distinct > 8:
        return False
    yes, no = (frozenset(word for pair in BOOLEAN_WORDS.values() for word in pair[side]) for side in (0, 1))
    known = {text: count for text, count in facts.values.items() if text.casefold() in yes | no}
    both = _any_of(known, yes) and _any_of(known, no)
    spoken = any(len(text) > 1 for text in known)
    return (both or spoken) and sum(known.values()) >= _MOSTLY * facts.filled


def _any_of(texts: Iterable[str], words: frozenset[str]) -> bool:
    return any(text.casefold() in words for text in texts)
