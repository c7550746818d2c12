"""Rows that name another row of the same export as the one above them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from importer.reader import Reader
from importer.suggest.columns import named, reference
from importer.suggest.facts import Facts, Table
from importer.suggest.keys import read_cells
from importer.suggest.looks import Kind, Look
from importer.suggest.page import Entry, Page, counted, shown, value
from importer.suggest.unique import Named
from importer.suggest.vocabulary import Recognised, Vocabulary, squeezed

CHECK, GUESS = "CHECK", "GUESS"
LEVELS_MAX = 100  #: Rows above a row that are looked at.
LEAST_SHARE = 0.5  #: Of the cells that name a row, those that name one of this export.


@dataclass(frozen=True)
class Parents:
    """A column that names the row above.

    Attributes:
        facts: The column.
        named: What the rows are called by in it.
        found: How many cells name a row that was read.
        missing: How many name none.
        example: One of those.
        itself: How many rows name themselves, or a row that is below them.
        deep: How many rows are below a row that is below another one.
    """

    facts: Facts
    named: Named
    found: int
    missing: int
    example: str
    itself: int
    deep: int


def find_parents(
    source: Reader,
    table: Table,
    looks: Sequence[Look],
    names: Sequence[Named],
    *,
    vocabulary: Vocabulary,
    system: Recognised | None,
) -> Parents | None:
    """The column that names the row above, if most of its cells are names of rows; None if there is none.

    A column must be called so: rows name each other for other reasons too, as duplicates or as causes.

    Raises:
        SourceError: The export turns out to be unreadable.
    """
    known = system.system.roles.get("parent", ()) if system else ()
    called = [
        look
        for look in looks
        if look.kind in (Kind.TEXT, Kind.NUMBER)
        and (squeezed(look.names[0]) in known or vocabulary.rank(look.names, "parent") is not None)
    ]
    pairs = [(look.facts, name) for look in called for name in names if name.facts is not look.facts]
    best = max(pairs, key=lambda pair: (_share(pair[0], pair[1].texts), pair[1].is_key), default=None)
    if best is None or _share(best[0], best[1].texts) < LEAST_SHARE:
        return None
    facts, name = best
    places = [next(place for place, look in enumerate(looks) if look.facts is each) for each in (name.facts, facts)]
    return _counted(facts, name, islice(read_cells(source, places), table.rows))


def _share(facts: Facts, texts: frozenset[str]) -> float:
    """How many of the cells that are remembered are one of ``texts``."""
    cells = facts.values
    return sum(times for text, times in cells.items() if text in texts) / (sum(cells.values()) or 1)


def _counted(facts: Facts, name: Named, rows: Iterable[tuple[str, ...]]) -> Parents:
    above = {own: parent for own, parent in rows if parent}
    missing = [parent for parent in above.values() if parent not in name.texts]
    around = {own for own in above if own in islice(_line(above, own), LEVELS_MAX)}
    deep = sum(above.get(parent, "") in name.texts for own, parent in above.items() if own not in around)
    return Parents(facts, name, len(above) - len(missing), len(missing), next(iter(missing), ""), len(around), deep)


def _line(above: Mapping[str, str], own: str) -> Iterator[str]:
    """The rows above a row, up to the first that has none, or that was there already."""
    seen: set[str] = set()
    while (own := above.get(own, "")) and own not in seen:
        seen.add(own)
        yield own


def write_parents(page: Page, parents: Parents) -> None:
    """Writes the link, with what was seen and what becomes of links that cannot be made."""
    facts, name = parents.facts, parents.named
    page.blank()
    seen = f"{parents.found:,} of {counted(parents.found + parents.missing, 'cell')} stand in {named([name.facts])}"
    page.comment(f"{named([facts])} names the row above: {seen}.", 2, GUESS)
    parts: dict[str, Entry] = {"record": facts.name if facts.repeats == 1 else reference(facts)}
    if not name.is_key:
        parts["of"] = name.facts.name if name.facts.repeats == 1 else reference(name.facts)
    parts["deep"] = "root"
    deep = counted(parents.deep, "row")
    page.comment(f"Talkdesk has two levels: what is below the second hangs below the topmost ({deep}).", 2)
    if parents.missing:
        what = f"no row that was read is called so in {counted(parents.missing, 'cell')}, such as"
        page.comment(f"{what} {shown(parents.example, 40)!r}; without it there is no parent.", 2, CHECK)
        parts["missing"] = "drop"
    if parents.itself:
        page.comment(f"{counted(parents.itself, 'row')} below themselves; they get no parent.", 2, CHECK)
        parts["cycle"] = "drop"
    page.line(f"parent_id: {value(parts)}", 2)
