"""An export nobody has a mapping for → a mapping to begin with, in which every guess says that it is one.

The trip of a suggestion: ``facts`` counts what stands in the columns, ``blanks`` finds what stands for nothing,
``looks`` tells dates from names, ``roles`` and ``keys`` decide which column is what, ``draft`` writes it down,
``trial`` tries it. Nothing here knows the network, and nothing of the export is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from importer.errors import MappingError, SourceError
from importer.mapping import load_mapping
from importer.reader import Reader
from importer.suggest.blanks import find_blanks
from importer.suggest.columns import named
from importer.suggest.companions import companions
from importer.suggest.days import is_date
from importer.suggest.draft import CHECK, GUESS, Draft
from importer.suggest.facts import Table, count, rows_to_read
from importer.suggest.keys import find_parts
from importer.suggest.looks import look_at
from importer.suggest.nearby import nearby
from importer.suggest.page import Page, counted, shown
from importer.suggest.parents import find_parents
from importer.suggest.roles import assign
from importer.suggest.shapes import is_email, is_number
from importer.suggest.totals import find_total_lines
from importer.suggest.trial import Trial, attempt, bound
from importer.suggest.unique import find_names
from importer.suggest.vocabulary import Recognised, load_vocabulary, recognise

__all__ = ["Suggestion", "Trial", "suggest"]


@dataclass(frozen=True)
class Suggestion:
    """A mapping for an export.

    Attributes:
        text: The mapping file.
        system: The helpdesk that the export seems to come from; empty if none was recognised.
        ready: Name of the ready mapping for it; empty if there is none, or if it does not fit the columns.
        guesses: How many lines are marked GUESS.
        checks: How many lines are marked CHECK.
        trial: What became of the rows that were read.
    """

    text: str
    system: str
    ready: str
    guesses: int
    checks: int
    trial: Trial


def suggest(
    source: Reader, *, rows_max: int | None = None, path: Path | None = None, encoding: str | None = None
) -> Suggestion:
    """Suggests a mapping.

    Args:
        source: The export.
        path: Where it lies: files of comments may lie beside it, or in other sheets of it.
        encoding: How it is read, if that had to be said.
        rows_max: How many rows to read at most; by default 20,000, fewer if the export is very wide.

    Raises:
        SourceError: The export cannot be read, or the name of a column cannot be written.
        MappingError: No mapping can be made for its columns.
    """
    _refuse_header(source)
    most = rows_max or rows_to_read(len(source.columns))
    vocabulary = load_vocabulary()
    counted = count(source, blanks=vocabulary.blank_signs | vocabulary.blank_words, rows_max=most)
    blanks = find_blanks(counted, vocabulary)
    table = counted.without(blanks.taken)
    system = recognise(source.columns, vocabulary.systems)
    looks = look_at(table, vocabulary)
    roles = assign(table, looks, vocabulary, system)
    parts = find_parts(source, table, looks) if "key" not in roles.one and table.rows else None
    totals = find_total_lines(source) if table.whole else None
    key = roles.one["key"].look.facts if "key" in roles.one else None
    names = find_names(source, table, looks, key)
    tables = nearby(path, source, vocabulary, encoding=encoding) if path is not None else ()
    beside = tuple(companions(tables, source.columns, names, vocabulary))
    above = find_parents(source, table, looks, names, vocabulary=vocabulary, system=system)
    draft = Draft(table, roles, blanks, vocabulary, parts=parts, totals=totals, beside=beside, parents=above)
    body = draft.write()
    trial = attempt(bound(body, source.columns), source, rows_max=most)
    ready = _ready(system, source)
    text = _head(table, system, ready, trial, source.notes) + body
    return Suggestion(
        text, system.system.name if system else "", ready, text.count(f"{GUESS}: "), text.count(f"{CHECK}: "), trial
    )


def _refuse_header(source: Reader) -> None:
    for name in source.columns:
        if any("\ud800" <= character <= "\udfff" for character in name):
            what = f"the name of the column {name!a} holds half of a character"
            raise SourceError(what, where=source.name, hint="correct the header")


def _ready(system: Recognised | None, source: Reader) -> str:
    """The ready mapping, if it fits the columns as they are."""
    if system is None or not system.system.mapping:
        return ""
    try:
        load_mapping(system.system.mapping).bind(source.columns)
    except MappingError:
        return ""
    return system.system.mapping


def _head(table: Table, system: Recognised | None, ready: str, trial: Trial, notes: tuple[str, ...]) -> str:
    page = Page()
    page.comment(f"Suggested for {shown(table.name)} → Talkdesk cases. Read it before you use it.")
    page.comment("")
    page.comment(f"{GUESS} is taken from names or numbers, with the reason; {CHECK} has to be looked at by a person.")
    page.comment("Everything that can stand here is explained in docs/mapping.md.")
    page.comment("")
    page.comment(_counted(table))
    for note in notes:
        page.comment(f"How it was read: {shown(note, 200)}.")
    _say_header(page, table)
    _say_system(page, system, ready)
    _say_trial(page, trial)
    page.blank()
    return page.text


def _counted(table: Table) -> str:
    what = "all of it" if table.whole else "the rest was not looked at, and can hold more values and longer texts"
    bad = f"; {counted(table.bad, 'row')} left out, no good as rows" if table.bad else ""
    return f"Made from {counted(table.rows, 'row')} and {counted(len(table.columns), 'column')}: {what}{bad}."


def _say_header(page: Page, table: Table) -> None:
    names = [facts.name for facts in table.columns]
    values = [name for name in names if is_number(name) or is_date(name) or is_email(name)]
    if 2 * len(values) > len(names) or (values and len(values) == len(names)):
        text = (
            f"the header looks like a row: {named(table.columns)}. If it is one, put the names of the columns above it."
        )
        page.comment(text, mark=CHECK)


def _say_system(page: Page, system: Recognised | None, ready: str) -> None:
    if system is None:
        page.comment("The helpdesk was not recognised; columns are judged by their names and by what stands in them.")
        return
    telling = f"{system.found} of the {len(system.system.telling)} columns that tell it"
    page.comment(f"it looks like an export of {system.system.name}: it has {telling}.", mark=GUESS)
    if ready:
        page.comment(f"There is a ready mapping that fits these columns too: --mapping {ready}")
    elif system.system.mapping:
        page.comment(
            f"There is a ready mapping, {system.system.mapping}, but it names columns that this export does not have."
        )


def _say_trial(page: Page, trial: Trial) -> None:
    if not trial.rows:
        return
    page.comment(f"Tried on {counted(trial.rows, 'row')}: {trial.fared}.")
    for code, column, times in trial.errors[:10]:
        where = f" in `{shown(column, 40)}`" if column else ""
        page.comment(f"{code}{where}: {counted(times, 'row')}.", mark=CHECK)
