"""An export without a mapping → the draft of one, in which every guess is marked and explained.

``first_rows`` reads and counts, ``columns`` tells dates from names, ``roles`` and ``row_names`` decide which column is
what, ``draft`` writes it down, and the draft is tested on the rows. Nothing here uses the network.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from importer.checks.baseline import Baseline
from importer.checks.file_checks import header_issue
from importer.errors import MappingError, SourceError
from importer.files.scratch import scratch_folder
from importer.mapping import RowMapper, load_mapping
from importer.models import Row
from importer.reader import Reader
from importer.reader.dialect import ALL_SHORT
from importer.suggest.answers import Answers, answered, still_true
from importer.suggest.draft import BY_POSITION, Draft
from importer.suggest.first_rows import FirstRows, read_first_rows
from importer.suggest.headers import System, load_vocabulary, recognise, squeezed
from importer.suggest.kinds import Blanks, Column, Kind, describe, find_blanks
from importer.suggest.near_tables import PeopleTable, find_comments, find_people
from importer.suggest.roles import Roles, assign, explain
from importer.suggest.row_names import find_names, find_parents, find_row_key
from importer.suggest.suggestion import Choice, Suggestion, Trial
from importer.suggest.yaml_text import CHECK, GUESS, Page, Use, scalar, shown
from importer.text.wording import plural

__all__ = ["BY_POSITION", "NO_KEY", "Choice", "Suggestion", "Trial", "kinds_of", "suggest"]

#: What is said first of all where it is true.
NO_KEY = "no column identifies a ticket, so the row number does: keep this file unchanged, and import no other with it"
_ERRORS_SHOWN = 10
_WORDS_MAX = 30


def suggest(
    source: Reader,
    *,
    path: Path | None = None,
    answers: Answers | None = None,
    earlier: Baseline | None = None,
    folder: Path | None = None,
) -> Suggestion:
    """Suggests a mapping.

    Args:
        source: The export.
        path: Where it is: files of comments may be next to it, or in other sheets of it.
        answers: What a person says; these are no guesses.
        folder: Where the mapping will be; the current folder if that is not said.
        earlier: What was kept of an earlier suggestion: its answers count for columns that are what they were.

    Raises:
        WrongAnswersError: Answers are about columns that the export does not have, or are wrong otherwise.
        SourceError: The export cannot be read, or the name of a column cannot be written.
        MappingError: No mapping can be made for its columns.
    """
    _check_names(source)
    table, blanks, columns = _described(source)
    kept = still_true(earlier, {it.name: str(it.kind) for it in columns}) if earlier else {}
    said = answered(columns, answers or Answers(), kept=kept)
    roles, people = assign(table.rows, columns, said), None
    if path is not None and "requester_email" not in roles.one:
        people = find_people(path, source, columns, folder=folder or Path.cwd())
    if isinstance(people, PeopleTable) and people.by not in said:
        roles = assign(table.rows, columns, {**said, people.by: "other"})  # it has ids of people, and no names
    names = find_names(table, columns, roles)
    comments, sheets = find_comments(path, source, names) if path is not None else ([], [])
    draft = Draft(
        table=table,
        roles=roles,
        blanks=blanks,
        key=find_row_key(table, columns, roles),
        reading=source.reading,
        parents=find_parents(table, columns, names, roles),
        comments=comments,
        people=people,
        file=path.name if path is not None else "",
        checksum=source.fingerprint,
    )
    return _tested(draft, source, path, tuple(_doubts(table, source.notes, sheets)), columns)


def _check_names(source: Reader) -> None:
    for name in source.columns:
        if any("\ud800" <= character <= "\udfff" for character in name):
            what = f"the name of the column {name!a} contains an incomplete Unicode character"
            raise SourceError(what, where=source.name, hint="fix the header")


def _tested(
    draft: Draft,
    source: Reader,
    path: Path | None,
    doubts: tuple[str, ...],
    columns: Sequence[Column],
) -> Suggestion:
    """The draft as text, and how the rows fare under it."""
    table, system, body = draft.table, draft.roles.system, draft.write()
    trial = attempt(_mapper(body, draft, path, source.columns), table.all_rows, keep_last=draft.key.keep == "last")
    ready = _ready(system, source)
    notes = tuple(note for note in source.notes if not note.startswith(ALL_SHORT))  # which is a doubt
    text = _head(table, system, ready, trial, notes, doubts) + body
    if draft.key.is_position:
        text = f"# {CHECK}: {NO_KEY}.\n{text}"
    guesses, checks = (text.count(f"{mark}: ") for mark in (GUESS, CHECK))
    doubted = {column for _, column, _ in trial.errors} | {column.name for column in table.columns if column.errors}
    return Suggestion(
        text,
        system.name if system else "",
        ready,
        guesses,
        checks,
        trial,
        table.whole,
        choices=_choices(columns, draft.roles, draft.page, doubted),
        explain=partial(explain, columns, table.rows),
        notes=notes,
        doubts=doubts,
        made=draft.page.made,
    )


def kinds_of(source: Reader) -> dict[str, str]:
    """Column → what its cells are, such as ``dates``; of columns with the same name the first."""
    return {column.name: str(column.kind) for column in reversed(_described(source)[2])}


def _described(source: Reader) -> tuple[FirstRows, Blanks, list[Column]]:
    """The first rows, the texts in them that stand for empty cells, and what the columns are without these."""
    words = load_vocabulary().words
    table = read_first_rows(source, blank_words={*words["blank_signs"], *words["blank_words"]})
    blanks = find_blanks(table)
    table = table.without(blanks.taken)
    return table, blanks, describe(table, recognise(source.columns))


def _mapper(body: str, draft: Draft, path: Path | None, columns: tuple[str, ...]) -> RowMapper:
    """The mapper of a draft; a table next to the export is found wherever the mapping will be."""
    people = draft.people
    if path is None or not isinstance(people, PeopleTable):
        return bound(body, columns)
    there = f"file: {scalar(str(people.place.path.absolute()))}"
    return bound(body.replace(f"file: {scalar(people.file)}", there), columns, allow_files=[path.absolute().parent])


def bound(text: str, columns: tuple[str, ...], *, allow_files: Iterable[Path] = ()) -> RowMapper:
    """The mapper of a mapping that is not in a file yet.

    Raises:
        MappingError: It does not load, or does not match the columns.
    """
    with scratch_folder() as folder:
        path = folder / "mapping.yml"
        path.write_text(text, encoding="utf-8")
        return load_mapping(path, allow_files=allow_files).bind(columns)


def attempt(mapper: RowMapper, rows: Sequence[Row], *, keep_last: bool = False) -> Trial:
    """Maps rows, with ``keep_last`` the last one of each key, and counts the outcomes."""
    last = {mapper.key(row): row.number for row in rows} if keep_last else {}
    counting = [row for row in rows if not (key := mapper.key(row)) or last.get(key, row.number) == row.number]
    outcomes = mapper.apply_all(counting)
    fitting = [mapper.key(row) for row, mapped in zip(counting, outcomes, strict=True) if mapped.body is not None]
    sent = len(set(fitting))
    filtered = sum(mapped.filtered_by is not None for mapped in outcomes)
    errors = Counter[tuple[str, str]]()
    for mapped in outcomes:
        errors.update(list(dict.fromkeys((error.code, error.column or "") for error in mapped.errors)))
    found = tuple((code, column, times) for (code, column), times in errors.most_common())
    return Trial(len(rows), sent, filtered, found, superseded=len(rows) - len(counting), repeated=len(fitting) - sent)


def _ready(system: System | None, source: Reader) -> str:
    """The built-in mapping, if it matches the columns as they are."""
    if system is None or not system.mapping:
        return ""
    try:
        load_mapping(system.mapping).bind(source.columns)
    except MappingError:
        return ""
    return system.mapping


def _choices(columns: Sequence[Column], roles: Roles, page: Page, doubted: Collection[str]) -> tuple[Choice, ...]:
    """What each column became; of columns with the same name all became what the first did.

    Of those that are ``doubted`` some cells cannot be used.
    """
    uses = {profile.name: use for profile, use in reversed(page.uses.items())}
    uses |= {name: replace(use, mark=CHECK) for name, use in uses.items() if name in doubted}
    unused = {column.name for column in roles.unused}
    choices = []
    for column in columns:
        profile = column.profile
        otherwise = "empty" if column.kind is Kind.EMPTY else "unused" if column.name in unused else "other"
        use = uses.get(column.name) or Use(otherwise, CHECK if profile.broken else "")
        sample = max(profile.values.counts, key=profile.values.counts.__getitem__, default="")
        few = profile.complete and profile.distinct <= _WORDS_MAX and column.kind in (Kind.TEXT, Kind.BOOLEAN)
        words = tuple(sorted(profile.values.counts)) if few else ()
        counts = (profile.filled, profile.distinct, profile.longest)
        choices.append(Choice(column.name, use.field, use.name, use.mark, sample, str(column.kind), *counts, words))
    return tuple(choices)


def _doubts(table: FirstRows, notes: Sequence[str], sheets: Sequence[str]) -> Iterator[str]:
    """What is to be checked about the file as a whole: cells left out, more tickets in other sheets …"""
    yield from (f"{note}." for note in notes if note.startswith(ALL_SHORT))
    if sheets:
        names = ", ".join(repr(shown(sheet)) for sheet in sheets)
        yield f"more tickets in {names}? The columns are the same; import each with --sheet."
    if header := header_issue(table.columns):
        yield f"{header.what}; {header.hint}."


def _head(
    table: FirstRows, system: System | None, ready: str, trial: Trial, notes: Sequence[str], doubts: Sequence[str]
) -> str:
    page = Page()
    page.comment(f"Draft mapping for {shown(table.name)} → Talkdesk cases. Review it before you use it.")
    page.comment("")
    page.comment(f"{GUESS} means inferred, with the reason. {CHECK} means that it needs your decision.")
    page.comment("docs/mapping.md explains all settings.")
    page.comment("")
    what = "the whole file" if table.whole else "later rows were not read and may have other values or longer texts"
    malformed = len(table.all_rows) - table.rows
    bad = f"; {plural(malformed, 'malformed row')} not counted" if malformed else ""
    page.comment(f"Based on {plural(table.rows, 'row')} and {plural(len(table.columns), 'column')}: {what}{bad}.")
    for note in notes:
        page.comment(f"info: {shown(note, 200)}.")
    for doubt in doubts:
        page.comment(doubt, mark=CHECK)
    if system is None:
        page.comment("Helpdesk not recognised; columns are matched by name and content.")
    else:
        found = len(system.telling & {squeezed(column.name) for column in table.columns})
        telling = f"{found} of its {len(system.telling)} typical columns are present"
        page.comment(f"looks like an export from {system.name}: {telling}.", mark=GUESS)
    if ready:
        page.comment(f"A built-in mapping also fits these columns: --mapping {ready}")
    elif system and system.mapping:
        page.comment(f"The built-in mapping {system.mapping} needs columns that this export does not have.")
    if trial.rows:
        page.comment(f"Tested on {plural(trial.rows, 'row')}: {trial.fared}.")
    for code, column, times in trial.errors[:_ERRORS_SHOWN]:
        where = f" in `{shown(column, 40)}`" if column else ""
        page.comment(f"{code}{where}: {plural(times, 'row')}.", mark=CHECK)
    page.blank()
    return page.text
