"""Writes the body of a mapping: each line with its reason, each guess with its mark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from importer.models import ReadingOptions
from importer.quality.file_checks import FileIssue
from importer.quality.profile import ColumnProfile
from importer.suggest import fields_and_notes
from importer.suggest.columns import Blanks
from importer.suggest.comment_tables import CommentTable, Unusable
from importer.suggest.evidence import FEW_ROWS
from importer.suggest.fields_and_notes import HTML_SHARE, mark_of
from importer.suggest.first_rows import FirstRows
from importer.suggest.headers import USUAL_PRIORITY, Vocabulary, level_of
from importer.suggest.people_tables import PeopleTable, write_lookups, write_owner
from importer.suggest.roles import Pick, Roles
from importer.suggest.row_names import History, KeyParts, Parents
from importer.suggest.yaml_text import (
    CHECK,
    GUESS,
    Entry,
    Page,
    Use,
    counted,
    in_template,
    named,
    quoted,
    reference,
    scalar,
    shown,
    value,
)
from importer.talkdesk.payloads import DESCRIPTION_MAX, TITLE_MAX

NO_TITLE = "(no title)"
NO_TEXT = "(no description)"
_KEPT_SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class Draft:
    """The body of a mapping, written by all that was found out about an export."""

    table: FirstRows
    roles: Roles
    blanks: Blanks  #: Texts that may stand for an empty cell.
    parts: KeyParts | None  #: The columns that are its key together; None if one column is.
    near: ColumnProfile | None  #: The column that is named as its key, but is not different in every row.
    history: History | None  #: The number of the ticket, if each row is a state of one.
    events_of: ColumnProfile | None  #: The number of the ticket, if the key seems to name what happened to it.
    parents: Parents | None  #: The column that names the parent row.
    reading: ReadingOptions  #: How the export was read, where that is not the default.
    comments: Sequence[CommentTable | Unusable]  #: Tables with its comments, and those that seem to have some.
    other_sheets: tuple[str, ...]  #: Sheets with the same columns, which are not read.
    vocabulary: Vocabulary
    #: A table that knows the requesters, where the export has their ids only; or one that cannot be read.
    people: PeopleTable | Unusable | None = None
    page: Page = field(default_factory=Page)

    def write(self) -> str:
        """The mapping, without the remarks at its top."""
        self._source()
        self.page.line("case:")
        self._title()
        self._description()
        if self.parents is not None:
            self._parent(self.parents)
        self._priority()
        self._requester()
        write_owner(self.page, self.roles.owner)
        fields_and_notes.write_custom_fields(self.page, self.roles)
        fields_and_notes.write_notes(self.page, self.roles, self.table, self.comments)
        fields_and_notes.write_after_create(self.page, self.roles)
        if self.parts and self.parts.join:
            for part in self.parts.parts:
                self.page.uses.setdefault(part, Use("key", "" if self.parts.said else CHECK))
        return self.page.text

    @cached_property
    def _key_columns(self) -> tuple[ColumnProfile, ...]:
        if self.parts:
            return self.parts.parts
        if self.history:
            return (self.history.number.profile,)
        if pick := self.roles.one.get("key"):
            return (pick.column.profile,)
        if self.near:
            return (self.near,)
        return (max(self.table.columns, key=lambda column: (column.filled and column.distinct, column.filled)),)

    def _source(self) -> None:
        page = self.page
        page.line("version: 1")
        page.blank()
        page.line("source:")
        for name, setting in self.reading.items():
            page.line(f"{name}: {setting if isinstance(setting, int) else quoted(str(setting))}", 2)
        page.comment("Unique id of a ticket; keeps it from being imported twice.", 2)
        if self.parts:
            self._say_parts(self.parts)
        elif self.history:
            self._say_history(self.history)
        else:
            self._reason_of_key(self._key_columns[0])
        if not self.parts:
            column = self._key_columns[0]
            page.line(f"key: {value(reference(column))}", 2, of=column, field="key")
        self._empty()
        if self.table.total_lines is not None:
            self._say_totals(self.table.total_lines)
        page.blank()
        what = "Custom text field for the external id: agents can search for it, the importer looks up cases by it."
        page.comment(what)
        page.comment("make sure that text1 exists and is unused in your account.", mark=CHECK)
        page.line("external_id_field: text1")
        page.blank()

    def _say_parts(self, parts: KeyParts) -> None:
        """A key of several columns, or a hash of them where nothing identifies a ticket."""
        page, columns = self.page, f"[{', '.join(value(reference(part)) for part in parts.parts)}]"
        if parts.said and not parts.alike and parts.join:
            page.comment(f"{named(parts.parts)}, as you answered; together unique in every row.", 2)
        elif parts.join:
            page.comment(f"no single column is unique, but {named(parts.parts)} together are.", 2, CHECK)
        else:
            alike = f" {counted(parts.alike, 'row')} are like an earlier one (skipped)." if parts.alike else ""
            text = f"no id column: the key is a hash of {named(parts.parts)}.{alike}"
            page.comment(f"{text} If a column identifies a ticket after all, use that column.", 2, CHECK)
        page.line(f"key: {columns}", 2)
        if not parts.join:
            page.line("hash: true", 2)
        elif parts.join != "/":
            page.line(f"join: {quoted(parts.join)}", 2)

    def _reason_of_key(self, column: ColumnProfile) -> None:
        rows, pick, name = self.table.rows, self.roles.one.get("key"), named([column])
        missing, repeated = rows - column.filled, column.filled - column.distinct
        gaps = f"{counted(missing, 'row')} without one (invalid)"
        gaps += f", {counted(repeated, 'row')} with an earlier one (skipped)"
        mark = CHECK
        if not rows:
            text = f"{name}; the export has no rows to check"
        elif pick is None:
            text = f"no column is filled and unique in every row; {name} is closest: {gaps}"
        elif missing or repeated:
            text = f"{name}, {pick.reason}, but {gaps}"
        else:
            text = f"{name}, {pick.reason}; filled and unique in {counted(rows, 'row')}"
            text += f"; {pick.doubt}" if pick.doubt else ""
            mark = "" if pick.known else GUESS if rows >= FEW_ROWS and not pick.doubt else CHECK
        self.page.comment(f"{text}.", 2, mark)
        if (ticket := self.events_of) is not None:
            seen = f"{named([ticket])} repeats: {counted(ticket.distinct, 'ticket')} in {counted(rows, 'row')}"
            text = f"{seen}. If each row is an event of a ticket, use it as the key, with `keep: last`."
            self.page.comment(text, 2, CHECK)
        if column.repeats > 1:
            text = f"{column.repeats} columns have this name; this is number {column.occurrence}."
            self.page.comment(text, 2, CHECK)

    def _say_history(self, history: History) -> None:
        """Each row is a state of its ticket; of these one is the case."""
        page, number = self.page, history.number.profile
        text = f"a history: {counted(number.distinct, 'ticket')} in {counted(number.filled, 'row')}, since"
        first = "first" if history.newest_first else "last"
        page.comment(
            f"{text} {named([number])} repeats. The {first} row of each ticket counts, in the order of the file.",
            2,
            CHECK,
        )
        if history.time is not None and history.newest_first:
            page.comment(f"{named([history.time.profile])} shows that the newest state comes first.", 2, CHECK)
        elif history.time is not None and history.is_mixed:
            text = f"the rows of a ticket are in no order of {named([history.time.profile])}: sort the file by it, or"
            page.comment(f"{text} an old state may count.", 2, CHECK)
        page.comment("the other rows are skipped; if they are comments, import them as notes.", 2)
        page.line(f"keep: {first}", 2)
        page.uses[number] = Use("key", CHECK)

    def _empty(self) -> None:
        taken, kept = ([*blanks.items()] for blanks in (self.blanks.taken, self.blanks.kept))
        if taken:
            self.page.comment(f"treated as empty: {_blanks(taken)}.", 2, GUESS)
            self.page.line(f"empty: [{', '.join(quoted(text) for text in ('', *dict(taken)))}]", 2)
        if kept:
            self.page.comment(f"kept as text, too rare to decide: {_blanks(kept[:_KEPT_SHOWN])}.", 2, CHECK)

    def _say_totals(self, totals: FileIssue) -> None:
        lines = f"{counted(totals.times, 'line')} at the end: {shown(totals.example)!r} (row {totals.rows[0]:,})"
        if condition := self._is_total(totals):
            self.page.comment(f"probably not tickets: {lines}. Rows like these are filtered.", 2, GUESS)
            self.page.line(f"skip: {quoted(condition)}", 2)
        else:
            text = f"probably not tickets: {lines}. Delete them from the export, or add `skip:`."
            self.page.comment(text, 2, CHECK)

    def _is_total(self, totals: FileIssue) -> str:
        """A condition that the lines at the end meet and no other row; empty if there is none that is plain."""
        texts = [pick.column.profile for role in ("title", "description") if (pick := self.roles.one.get(role))]
        lacking = min((self.table.rows - column.filled for column in texts), default=0)
        is_text = any(totals.example.partition(" | ")[0] in column.values.counts for column in texts)
        if is_text or not 0 < lacking <= totals.times or not all(map(in_template, texts)):
            return ""
        return " and ".join(f"empty({{{column.name}}})" for column in texts)

    def _title(self) -> None:
        if (pick := self.roles.one.get("title")) is None:
            self._title_of_something_else()
            return
        column, totals = pick.column.profile, self.table.total_lines
        self._because(pick, f"longest: {counted(column.longest, 'character')} (maximum {TITLE_MAX})")
        parts = reference(column) | self._html(column) | self._overflow(column.longest, TITLE_MAX)
        if totals is None or totals.times < self.table.rows - column.filled:
            parts |= self._default(column, NO_TITLE)
        self.page.line(f"title: {value(parts)}", 2, of=column, field="title")

    def _title_of_something_else(self) -> None:
        """The start of the description, else the type with the key, else the key alone."""
        described, kind = self.roles.one.get("description"), self.roles.one.get("type")
        if described is not None and 2 * described.column.profile.filled >= self.table.rows:
            column = described.column.profile
            made = "the start of the description"
            parts = reference(column) | {"collapse": "true", "overflow": "truncate", "max": "100"}
            parts |= {"default": NO_TITLE} if column.filled < self.table.rows else {}
        elif kind is not None and in_template(kind.column.profile) and kind.column.profile.filled:
            made = f"{named([kind.column.profile])} with the key"
            key = self._key_text()
            template = f"{{{kind.column.name}}} {key}".strip() if key else f"{{{kind.column.name}}}"
            parts = {"template": template, "strip": "true", "overflow": "truncate"}
            parts |= {} if key else {"default": NO_TITLE}
        elif self.parts and not self.parts.join and all(map(in_template, self.parts.parts)):
            made = "the columns of the key"
            template = ", ".join(f"{{{column.name}}}" for column in self.parts.parts[:3])
            parts = {"template": template, "collapse": "true", "overflow": "truncate"}
        else:
            made = "the key"
            parts = self._made_of_key("Ticket {}", NO_TITLE) | {"overflow": "truncate"}
        self.page.title_of = made
        self.page.comment(f"no subject column found; using {made}. Choose a better column.", 2, CHECK)
        self.page.line(f"title: {value(parts)}", 2)

    def _description(self) -> None:
        pick, page = self.roles.one.get("description"), self.page
        page.blank()
        if pick is None:
            page.comment("no description column found; the note at the end has all columns.", 2, CHECK)
            page.line(f"description: {value(self._made_of_key('Imported from ticket {}.', NO_TEXT))}", 2)
            return
        column = pick.column.profile
        self._because(pick, f"longest: {counted(column.longest, 'character')} (maximum {DESCRIPTION_MAX:,})")
        parts = reference(column)
        if in_template(column) and (key := self._key_text()):
            system = self.roles.system
            origin = f" {system.short_name}" if system else ""
            parts = {"template": f"{{{column.name}}}\n\nImported from{origin} ticket {key}."}
            parts |= {"strip": "true"} if column.filled < self.table.rows else {}
        else:
            parts |= self._default(column, NO_TEXT)
        longest = column.longest + self._key_columns[0].longest + 60
        text = value(parts | self._html(column) | self._overflow(longest, DESCRIPTION_MAX))
        page.line(f"description: {text}", 2, of=column, field="description")

    def _html(self, column: ColumnProfile) -> dict[str, str]:
        """What makes readable text of HTML, if there is any."""
        if not (html := column.count("html")):
            return {}
        seen = f"{html:,} of {counted(column.filled, 'text')} with HTML tags"
        if column.share(html) < HTML_SHARE:
            self.page.comment(f"{seen}, kept as is; `html: text` converts HTML to text.", 2, CHECK)
            return {}
        self.page.comment(f"{seen}; converted to text.", 2, GUESS)
        return {"html": "text"}

    def _overflow(self, longest: int, most: int) -> dict[str, str]:
        """What keeps longer texts whole, if there are any, or if rows that were not read may have some."""
        if longest <= most and self.table.whole:
            return {}
        self.page.comment("longer values are truncated; a note keeps the full text.", 2, GUESS)
        return {"overflow": "note"}

    def _default(self, column: ColumnProfile, text: str) -> dict[str, str]:
        if not (lacking := self.table.rows - column.filled):
            return {}
        self.page.comment(f"empty in {counted(lacking, 'row')}; `default` keeps them valid.", 2, GUESS)
        return {"default": text}

    def _made_of_key(self, text: str, otherwise: str) -> dict[str, str]:
        if self.parts and not self.parts.join:
            return {"value": otherwise}
        key = self._key_text()
        return {"template": text.format(key)} if key else reference(self._key_columns[0])

    def _key_text(self) -> str:
        """The key for a template; empty if a template cannot name it, or if it is a hash."""
        if not all(map(in_template, self._key_columns)) or (self.parts and not self.parts.join):
            return ""
        join = self.parts.join if self.parts else ""
        return join.join(f"{{{column.name}}}" for column in self._key_columns)

    def _parent(self, parents: Parents) -> None:
        """The link to the parent row, with what was seen and what is done with links that cannot be made."""
        page, column, name = self.page, parents.column, parents.named
        page.blank()
        seen = f"{parents.found:,} of {counted(parents.found + parents.missing, 'cell')} match {named([name.column])}"
        page.comment(f"{named([column])} is the parent: {seen}.", 2, GUESS)
        parts: dict[str, Entry] = {"record": column.name if column.repeats == 1 else reference(column)}
        if not name.is_key:
            parts["of"] = name.column.name  # which is unique
        parts["deep"] = "root"
        deep = counted(parents.deep, "row")
        page.comment(f"Talkdesk allows two levels: deeper rows are attached to their top-level row ({deep}).", 2)
        if parents.missing:
            what = f"no row read for {counted(parents.missing, 'cell')}, such as {shown(parents.example, 40)!r}"
            page.comment(f"{what}; without its row there is no parent.", 2, CHECK)
            parts["missing"] = "drop"
        if parents.itself:
            page.comment(f"no parent for {counted(parents.itself, 'row')} that would be its own.", 2, CHECK)
            parts["cycle"] = "drop"
        page.line(f"parent_id: {value(parts)}", 2, of=column, field="parent_id")

    def _priority(self) -> None:
        pick, page = self.roles.one.get("priority"), self.page
        page.blank()
        if pick is None:
            page.comment("No priority column found. To add one: priority: {column: …, values: {…: HIGH}}", 2)
            return
        column = pick.column.profile
        different = counted(len(column.values.counts), "different value")
        self._because(pick, f"{different}; a value that is not listed makes the row invalid")
        page.line("priority:", 2, of=column, field="priority")
        for key, text in reference(column).items():
            page.line(f"{key}: {scalar(text)}", 4)
        words = column.values.most_common()
        page.line("values:" if words else "values: {}", 4)
        for word, count in words:
            level = level_of(word, self.vocabulary)
            if not level.sure:
                page.uses[column] = Use("priority", CHECK)
            note = f"# {counted(count, 'row')}; {GUESS if level.sure else CHECK}: {shown(level.reason, 90)}"
            page.line(f"{scalar(word)}: {level.priority}  {note}", 6)
        page.line("unknown: reject", 4)
        lacking = self.table.rows - column.filled
        rows = f"the {counted(lacking, 'row')}" if lacking else "rows"
        page.line(f"default: {USUAL_PRIORITY}  # for {rows} without one", 4)

    def _requester(self) -> None:
        page, email, name = self.page, self.roles.one.get("requester_email"), self.roles.one.get("requester_name")
        page.blank()
        page.comment("Talkdesk finds or creates the contact from the e-mail address and name.", 2)
        if isinstance(self.people, Unusable):
            what = f"`{shown(self.people.place.path.name)}` next to the export may have the requesters"
            page.comment(f"{what}, but {self.people.reason}. Save it as UTF-8, and draft again.", 2, CHECK, alone=True)
        if isinstance(self.people, PeopleTable):
            write_lookups(page, self.people, with_name=name is None)
        elif email is None:
            page.comment("no e-mail column found, so requesters will have no address.", 2, CHECK, alone=True)
        else:
            column = email.column.profile
            mixed = column.count("address_cell")
            emails = column.count("email") + mixed
            self._because(email, f"{emails:,} of {column.filled:,} are valid addresses")
            if emails < column.filled:
                page.comment("the others make their rows invalid; fix them in the export.", 2, CHECK)
            if several := column.count("addresses"):
                text = f"{counted(several, 'cell')} with several addresses"
                page.comment(f"{text}: the first is the requester, a note keeps all.", 2, CHECK)
            text = f"requester_email: {value(reference(column) | ({'type': 'address'} if mixed else {}))}"
            page.line(text, 2, of=column, field="requester_email")
            if name is None and column.count("named"):
                page.comment(f"names of the same column, in {counted(column.count('named'), 'cell')}.", 2, GUESS)
                page.line(f"requester_name: {value(reference(column) | {'type': 'address_name'})}", 2)
        if name is not None:
            self._because(name, counted(name.column.profile.distinct, "different name"))
            text = f"requester_name: {value(reference(name.column.profile))}"
            page.line(text, 2, of=name.column.profile, field="requester_name")

    def _because(self, pick: Pick, more: str) -> None:
        mark = mark_of(pick)
        if not self.table.rows:
            mark, more = CHECK, "the export has no rows to check"
        elif pick.doubt:
            more += f"; {pick.doubt}"
        self.page.comment(f"{named([pick.column.profile])}, {pick.reason}; {more}.", 2, mark)


def _blanks(found: Sequence[tuple[str, tuple[int, int]]]) -> str:
    times = ((quoted(text), counted(cells, "cell"), counted(columns, "column")) for text, (cells, columns) in found)
    return ", ".join(f"{text} ({cells} in {columns})" for text, cells, columns in times)
