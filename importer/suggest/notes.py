"""Writes the notes of a mapping: what was said, one by one, and in the last one what no field takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from importer.suggest.columns import heading, in_template, label, named, reference
from importer.suggest.companion_note import write_companion
from importer.suggest.companions import Companion
from importer.suggest.days import is_date
from importer.suggest.facts import Facts, Table
from importer.suggest.looks import Look
from importer.suggest.page import Page, counted, quoted, scalar, shown, value
from importer.suggest.roles import SPLIT_SHARE, Roles

CHECK, GUESS = "CHECK", "GUESS"
REST_MAX = 60  #: Columns that the note with the rest takes.
HTML_SHARE = 0.1  #: Of the texts of a column that have tags before all of them count as HTML.


def write_notes(page: Page, roles: Roles, table: Table, beside: Sequence[Companion]) -> None:
    """Writes the notes, and which columns are left out of all."""
    _Writer(page, roles, table, beside).write()


class _Writer:
    def __init__(self, page: Page, roles: Roles, table: Table, beside: Sequence[Companion]) -> None:
        self._page = page
        self._roles = roles
        self._table = table
        self._beside = [companion for companion in beside if companion.is_of_use]
        self._of_no_use = [companion for companion in beside if not companion.is_of_use]

    def write(self) -> None:
        roles, page = self._roles, self._page
        rest = [look for look in roles.rest if not look.facts.broken][:REST_MAX]
        self._say_left_out([look for look in roles.rest if look not in rest])
        for companion in self._of_no_use:
            page.blank()
            what = f"`{shown(companion.nearby.file)}` beside the export looks like comments, but {companion.trouble}."
            page.comment(what, 2, CHECK)
        if not (roles.notes or rest or self._beside):
            return
        page.blank()
        page.comment("Notes are written in this order. public: false → only agents see them.", 2)
        page.line("notes:", 2)
        for look in roles.notes:
            self._note_of(look)
        for companion in self._beside:
            write_companion(page, companion)
        self._note_of_rest([look.facts for look in rest])

    def _note_of(self, look: Look) -> None:
        columns = [facts for facts in self._table.columns if facts.name == look.name]
        if _is_split(columns):
            self._split_notes(columns)
        elif len(columns) > 1:
            self._notes_of_cells(columns)
        else:
            self._page.comment(f"{named([look.facts])} looks like something that was said.", 4, GUESS)
            body = reference(look.facts) | _html(columns)
            self._page.line(f"- {{{_titled(look.name)}, body: {value(body)}, public: false}}", 4)

    def _notes_of_cells(self, columns: Sequence[Facts]) -> None:
        name = columns[0].name
        self._page.comment(f"{named(columns)} is there {len(columns)} times: one note for each cell.", 4, GUESS)
        html = _html(columns)
        body = f", body: {value({'column': name} | html)}" if html else ""
        self._page.line(f"- {{each: {scalar(name)}, {_titled(name)}{body}, public: false}}", 4)

    def _split_notes(self, columns: Sequence[Facts]) -> None:
        """Cells of date, author and text become notes whose titles are date and author."""
        page, name = self._page, columns[0].name
        headed, filled = (sum(getattr(facts, what) for facts in columns) for what in ("headed", "filled"))
        times = f" is there {len(columns)} times, and" if len(columns) > 1 else ""
        example = next(iter(columns[0].heads or columns[-1].heads), "")
        page.comment(
            f"{named(columns)}{times} holds date;author;text ({shown(example, 40)!r} is a date) in {headed:,} of "
            f"{counted(filled, 'cell')}: one note for each, with its own date and author.",
            4,
            GUESS,
        )
        created, author, text = (self._free_name(part) for part in ("created", "author", "text"))
        each: dict[str, str | list[str]] = {"column": name, "separator": ";", "into": [created, author, text]}
        page.line(f"- each: {value(each | {'short': 'keep'})}", 4)
        page.line(f'title: {{template: "{{{author}}}, {{{created}}}", overflow: truncate}}', 6)
        page.line(f"body: {value({'column': text} | _html(columns))}", 6)
        page.line("public: false", 6)

    def _free_name(self, part: str) -> str:
        """A name for a part of a cell that no column has."""
        return f"note {part}" if any(facts.name == part for facts in self._table.columns) else part

    def _note_of_rest(self, rest: Sequence[Facts]) -> None:
        page = self._page
        if lines := [facts for facts in rest if in_template(facts)]:
            page.comment("What a new case cannot carry in fields of its own. Delete what nobody needs.", 4)
            page.line("- title: {value: As it was before}", 4)
            page.line("body:", 6)
            page.line('template: "\\', 8)
            *texts, last = [quoted(f"{label(facts.name)}: {{{facts.name}}}")[1:-1] for facts in lines]
            for text in texts:
                page.line(f"{text}\\n\\", 10)
            page.line(f'{last}"', 10)
            page.line("public: false", 6)
        for name, facts in {facts.name: facts for facts in rest if not in_template(facts)}.items():
            body = reference(facts) if facts.repeats == 1 else {"column": name, "join": ", "}
            title = f"title: {{value: {scalar(heading(name))}}}"
            page.line(f"- {{{title}, body: {value(body)}, public: false}}", 4)

    def _say_left_out(self, looks: Sequence[Look]) -> None:
        page, roles = self._page, self._roles
        broken = [look.facts for look in looks if look.facts.broken]
        others = [look.facts for look in looks if not look.facts.broken]
        if broken or others or roles.empty:
            page.blank()
        if broken:
            page.comment(
                f"not used, because some cells are errors or formulas without a value: {named(broken)}.", 2, CHECK
            )
        if others:
            page.comment(f"not used, because there are so many columns: {named(others)}.", 2, CHECK)
        if roles.empty and self._table.rows:
            page.comment(
                f"Empty in every row that was read, and not used: {named(look.facts for look in roles.empty)}.", 2
            )


def _titled(name: str) -> str:
    return f"title: {{value: {scalar(heading(name))}}}"


def _html(columns: Sequence[Facts]) -> dict[str, str]:
    """What makes readable text of HTML, if enough of the cells have any."""
    tags, filled = sum(facts.html for facts in columns), sum(facts.filled for facts in columns)
    return {"html": "text"} if tags and tags >= HTML_SHARE * filled else {}


def _is_split(columns: Sequence[Facts]) -> bool:
    """Whether the cells are a date, a name and a text, with semicolons between."""
    headed, filled = sum(facts.headed for facts in columns), sum(facts.filled for facts in columns)
    heads: Mapping[str, int] = {head: times for facts in columns for head, times in facts.heads.items()}
    dates = sum(is_date(head) for head in heads)
    return bool(heads) and headed >= SPLIT_SHARE * filled and dates >= SPLIT_SHARE * len(heads)
