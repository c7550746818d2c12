"""Whether a table beside the export holds its comments: which column names the ticket, and which is the text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from importer.errors import SourceError
from importer.reader import Reader
from importer.suggest.facts import Facts, count
from importer.suggest.looks import Kind, Look, look_at
from importer.suggest.nearby import Nearby
from importer.suggest.roles import assign
from importer.suggest.unique import Named
from importer.suggest.vocabulary import Vocabulary, squeezed

LEAST_SHARE = 0.5  #: Of the cells that name a ticket, those that name one of this export.
ROWS_MAX = 20_000
_TEXTS = (Kind.LONG, Kind.TEXT)


class Match(NamedTuple):
    """A column whose cells are names of rows of the export.

    Attributes:
        facts: The column.
        named: What the rows of the export are called by.
        matching: How many of its cells are such a name.
        looked_at: Of how many.
    """

    facts: Facts
    named: Named
    matching: int
    looked_at: int

    @property
    def share(self) -> float:
        """How many of them, as a share."""
        return self.matching / self.looked_at if self.looked_at else 0.0


@dataclass(frozen=True)
class Companion:
    """A table that holds comments, or seems to.

    Attributes:
        nearby: Where it is.
        trouble: Why it cannot be used, as a sentence; empty if it can.
        match: The column that says which ticket a row belongs to.
        body: The column with the text.
        author: The column with the name of who wrote it.
        created: The column with the time, if all of its cells can be read.
        shown: The column that seems to say whether the requester saw it.
    """

    nearby: Nearby
    trouble: str = ""
    match: Match | None = None
    body: Look | None = None
    author: Look | None = None
    created: Look | None = None
    shown: Look | None = None

    @property
    def is_of_use(self) -> bool:
        """Whether notes can be made of it."""
        return not self.trouble and self.match is not None and self.body is not None


def companions(
    tables: Iterable[Nearby], columns: Sequence[str], names: Sequence[Named], vocabulary: Vocabulary
) -> Iterator[Companion]:
    """Those of ``tables`` that hold comments of the export, and those that seem to but cannot be used.

    Args:
        tables: What lies beside the export.
        columns: The header of the export: a table with the same one is another export.
        names: What its rows are called by.
        vocabulary: The words.
    """
    for nearby in tables:
        try:
            source = nearby.open()
            found = None if source.columns == tuple(columns) else _companion(nearby, source, names, vocabulary)
        except SourceError as error:
            found = _unreadable(nearby, error)
        if found is not None:
            yield found


def _unreadable(nearby: Nearby, error: SourceError) -> Companion | None:
    """Said of files that are called like comments; but most texts of such a name are no tables, nor are most sheets."""
    if nearby.sheet or nearby.file.lower().endswith(".txt"):
        return None
    return Companion(nearby, trouble=f"cannot be read: {error.what}; {error.hint}")


def _companion(nearby: Nearby, source: Reader, names: Sequence[Named], vocabulary: Vocabulary) -> Companion | None:
    table = count(source, blanks=(), rows_max=ROWS_MAX)
    looks = look_at(table, vocabulary)
    matches = [match for look in looks for match in _matches(look, names)]
    best = max(matches, key=lambda match: _weight(match, vocabulary), default=None)
    if best is None or best.share < LEAST_SHARE:
        return _stranger(nearby, matches, vocabulary)
    others = [look for look in looks if look.facts is not best.facts and look.kind is not Kind.EMPTY]
    roles = assign(table, others, vocabulary, None)
    said = [roles.one["description"].look] if "description" in roles.one else list(roles.notes)
    called = [look for look in others if vocabulary.rank(look.names, "note") is not None and look.kind in _TEXTS]
    if nearby.sheet and not (said or called):
        return None
    body = next(iter([*said, *called]), None) or _longest(others)
    if body is None:
        return None
    created = roles.one["created"].look if "created" in roles.one else None
    if created and (created.form is None or created.form.fitting < created.form.looked_at or created.facts.repeats > 1):
        created = None
    chosen = [roles.one[role].look for role in ("requester_name", "requester_email") if role in roles.one]
    author = next(iter([*chosen, *filter(None, [roles.owner]), *_authors(others, vocabulary)]), None)
    author = None if author is body else author
    shown = next((look for look in others if look.kind is Kind.BOOLEAN and _is_shown(look, vocabulary)), None)
    return Companion(nearby, match=best, body=body, author=author, created=created, shown=shown)


def _is_shown(look: Look, vocabulary: Vocabulary) -> bool:
    return squeezed(look.names[0]) in vocabulary.shown


def _matches(look: Look, names: Sequence[Named]) -> Iterator[Match]:
    if look.kind in (Kind.TEXT, Kind.NUMBER) and look.facts.values:
        cells: Mapping[str, int] = look.facts.values
        for named in names:
            matching = sum(times for text, times in cells.items() if text in named.texts)
            yield Match(look.facts, named, matching, sum(cells.values()))


def _weight(match: Match, vocabulary: Vocabulary) -> tuple[float, bool]:
    """Numbers of comments may be numbers of tickets by chance: a column that is called so, and repeats, tells more."""
    facts = match.facts
    told = 0.5 * _speaks_of_tickets(facts, match.named, vocabulary) + 0.25 * (facts.distinct < facts.filled)
    return match.share + told * (match.share > 0), match.named.is_key


def _speaks_of_tickets(facts: Facts, named: Named, vocabulary: Vocabulary) -> bool:
    words = vocabulary.names_of(facts.name)[0].split()
    same = squeezed(vocabulary.names_of(named.facts.name)[0]) == squeezed(" ".join(words))
    return (same and len(words) > 1) or "parent" in words or bool({*vocabulary.prefixes}.intersection(words))


def _stranger(nearby: Nearby, matches: Sequence[Match], vocabulary: Vocabulary) -> Companion | None:
    """Comments of other tickets: they are told, because somebody may have taken the wrong file."""
    told = [match for match in matches if _speaks_of_tickets(match.facts, match.named, vocabulary)]
    if nearby.sheet or not told:
        return None
    best = max(told, key=lambda match: match.share)
    what = f"only {best.matching:,} of {best.looked_at:,} cells of `{best.facts.name}` name a ticket of this export"
    return Companion(nearby, trouble=what)


def _longest(looks: Sequence[Look]) -> Look | None:
    texts = [look for look in looks if look.kind in _TEXTS and look.facts.share(look.facts.spoken) >= 0.5]
    return max(texts, key=lambda look: look.facts.mean, default=None)


def _authors(looks: Sequence[Look], vocabulary: Vocabulary) -> Iterator[Look]:
    for look in looks:
        short = look.kind in (Kind.TEXT, Kind.EMAIL) and look.facts.mean <= 60
        if short and not vocabulary.authors.isdisjoint(look.names[0].split()):
            yield look
