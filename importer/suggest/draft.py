"""Writes the body of a mapping: each line with its reason, each guess with its mark."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from importer.checks.file_checks import FileIssue
from importer.mapping.mapper import POSITION_LENGTH
from importer.models import ReadingOptions
from importer.profile.profile import ColumnProfile
from importer.suggest.answers import EXTERNAL_ID_FIELD
from importer.suggest.evidence import Evidence
from importer.suggest.fields_and_notes import html_of, write_after_create, write_custom_fields, write_notes, write_steps
from importer.suggest.first_rows import FirstRows
from importer.suggest.headers import USUAL_PRIORITY, levels_of
from importer.suggest.kinds import Blanks, Kind
from importer.suggest.near_tables import CommentTable, PeopleTable, Unusable
from importer.suggest.roles import Roles
from importer.suggest.row_names import Parents, RowKey
from importer.suggest.yaml_text import (
    CHECK,
    GUESS,
    Entry,
    Page,
    Use,
    in_template,
    named,
    quoted,
    reference,
    scalar,
    shown,
    value,
)
from importer.talkdesk.payloads import DESCRIPTION_MAX, TITLE_MAX
from importer.text.wording import plural

BY_POSITION = "the row number"  #: What the key is made of if no column is one.
NO_TITLE = "(no title)"
NO_TEXT = "(no description)"
NO_ADDRESS = "requesters will have no address"
_KEPT_SHOWN = 8
_LEFT_OUT_MAX = 50  #: Different texts that are no addresses.


@dataclass(frozen=True, kw_only=True)
class Draft:
    """All that was found out about an export; ``page`` is the body of the mapping once it is written."""

    table: FirstRows
    roles: Roles
    blanks: Blanks  #: Texts that may stand for an empty cell.
    key: RowKey
    parents: Parents | None  #: The column that names the parent row.
    reading: ReadingOptions  #: How the export was read, where that is not the default.
    comments: Sequence[CommentTable | Unusable]  #: Tables with its comments, and those that seem to have some.
    #: A table that knows the requesters, where the export has their ids only; or one that cannot be read.
    people: PeopleTable | Unusable | None = None
    file: str = ""  #: The name of the export; empty if it is no file.
    checksum: Callable[[], str] = str  #: Gives the checksum of the export, for which its row numbers count.
    page: Page = field(default_factory=Page)

    def write(self) -> str:
        """The mapping, without the remarks at its top."""
        page = self.page
        self._source()
        page.line("case:")
        self._title()
        self._description()
        if self.parents is not None:
            page.blank()
            page.comments(self.parents.remarks, 2)
            page.value("parent_id", self.parents.value, 2, self.parents.column)
        self._priority()
        self._requester()
        self._owner()
        write_custom_fields(page, self.roles)
        steps = Page()
        if self.key.steps and self.file:
            write_steps(steps, self.file, self.key.columns[0], self.key.steps, self.reading)
        write_notes(page, self.roles, self.table, self.comments, steps)
        write_after_create(page, self.roles)
        if self.key.is_position:
            page.made["key"] = BY_POSITION
        elif self.key.is_hash:
            page.made["key"] = f"a hash of {named(self.key.columns)}"
        else:
            for column in self.key.columns:
                page.uses.setdefault(column, Use("key", self.key.remarks[0][0]))
        return page.text

    def _source(self) -> None:
        page, key = self.page, self.key
        page.line("version: 1")
        page.blank()
        page.line("source:")
        for name, setting in self.reading.items():
            page.line(f"{name}: {setting if isinstance(setting, int) else quoted(str(setting))}", 2)
        page.comment("Unique id of a ticket; keeps it from being imported twice.", 2)
        page.comments(key.remarks, 2)
        if key.is_position:
            page.line(f"position: {quoted(self.checksum()[:POSITION_LENGTH])}", 2)
        elif len(key.columns) == 1 and not key.is_hash:
            page.value("key", reference(key.columns[0]), 2, key.columns[0])
        else:
            page.line(f"key: [{', '.join(value(reference(column)) for column in key.columns)}]", 2)
        if key.is_hash:
            page.line("hash: true", 2)
        if key.join not in ("", "/"):
            page.line(f"join: {quoted(key.join)}", 2)
        if key.keep:
            page.line(f"keep: {key.keep}", 2)
        self._empty()
        if self.table.total_lines is not None:
            self._totals(self.table.total_lines)
        page.blank()
        what = "Custom text field for the external id: agents can search for it, the importer looks up cases by it."
        page.comment(what)
        page.comment(f"make sure that {EXTERNAL_ID_FIELD} exists and is unused in your account.", mark=CHECK)
        page.line(f"external_id_field: {EXTERNAL_ID_FIELD}")
        page.blank()

    def _empty(self) -> None:
        taken, kept = self.blanks.taken, dict([*self.blanks.kept.items()][:_KEPT_SHOWN])
        if taken:
            self.page.comment(f"treated as empty: {_said_of(taken)}.", 2, GUESS)
            self.page.line(f"empty: [{', '.join(map(quoted, ('', *taken)))}]", 2)
        if kept:
            self.page.comment(f"kept as text, too rare to decide: {_said_of(kept)}.", 2, CHECK)

    def _totals(self, totals: FileIssue) -> None:
        """Lines at the end that are no tickets; filtered, if a plain condition is true of them and of no other row."""
        lines = f"{plural(totals.times, 'line')} at the end: {shown(totals.example)!r} (row {totals.rows[0]:,})"
        texts = [pick.column.profile for role in ("title", "description") if (pick := self.roles.one.get(role))]
        lacking = min((self.table.rows - column.filled for column in texts), default=0)
        is_text = any(totals.example.partition(" | ")[0] in column.values.counts for column in texts)
        if is_text or not 0 < lacking <= totals.times or not all(map(in_template, texts)):
            text = f"probably not tickets: {lines}. Delete them from the export, or add `skip:`."
            self.page.comment(text, 2, CHECK)
            return
        self.page.comment(f"probably not tickets: {lines}. Rows like these are filtered.", 2, GUESS)
        self.page.line(f"skip: {quoted(' and '.join(f'empty({{{column.name}}})' for column in texts))}", 2)

    def _title(self) -> None:
        if (pick := self.roles.one.get("title")) is None:
            self._title_of_something_else()
            return
        column, totals = pick.column.profile, self.table.total_lines
        self._because(pick, f"longest: {plural(column.longest, 'character')} (maximum {TITLE_MAX})")
        parts = reference(column) | self._html(column) | self._overflow(column.longest, TITLE_MAX)
        if totals is None or totals.times < self.table.rows - column.filled:
            parts |= self._default(column, NO_TITLE)
        self.page.value("title", parts, 2, column)

    def _title_of_something_else(self) -> None:
        """The start of the description, else the type with the key, else the key alone."""
        described, kind, key = self.roles.one.get("description"), self.roles.one.get("type"), self._key_text()
        if described is not None and 2 * described.column.profile.filled >= self.table.rows:
            column = described.column.profile
            made = "the start of the description"
            parts = reference(column) | {"collapse": "true", "overflow": "truncate", "max": "100"}
            parts |= {"default": NO_TITLE} if column.filled < self.table.rows else {}
        elif kind is not None and in_template(kind.column.profile) and kind.column.profile.filled:
            made = f"{named([kind.column.profile])} with the key"
            parts = {"template": f"{{{kind.column.name}}} {key}".strip(), "strip": "true", "overflow": "truncate"}
            parts |= {} if key else {"default": NO_TITLE}
        elif not key and (telling := self._telling()):
            made = named(telling)
            template = ", ".join(f"{{{column.name}}}" for column in telling)
            parts = {"template": template, "collapse": "true", "overflow": "truncate", "default": NO_TITLE}
        else:
            made = "the key"
            parts = self._made_of_key("Ticket {}", NO_TITLE) | {"overflow": "truncate"}
        self.page.made["title"] = made
        self.page.comment(f"no subject column found; using {made}. Choose a better column.", 2, CHECK)
        self.page.line(f"title: {value(parts)}", 2)

    def _telling(self) -> list[ColumnProfile]:
        """Up to three columns that say the most about a row that has no key as text."""
        picks = [pick.column.profile for role in ("requester_name", "created") if (pick := self.roles.one.get(role))]
        columns = [*self.key.columns, *picks, *(column.profile for column in self.roles.rest)]
        return [column for column in dict.fromkeys(columns) if in_template(column) and not column.broken][:3]

    def _description(self) -> None:
        pick, page = self.roles.one.get("description"), self.page
        page.blank()
        if pick is None:
            page.made["description"] = "a sentence with the key" if self._key_text() else "a fixed sentence"
            page.comment("no description column found; the note at the end has all columns.", 2, CHECK)
            page.line(f"description: {value(self._made_of_key('Imported from ticket {}.', NO_TEXT))}", 2)
            return
        column = pick.column.profile
        self._because(pick, f"longest: {plural(column.longest, 'character')} (maximum {DESCRIPTION_MAX:,})")
        parts = reference(column)
        if in_template(column) and (key := self._key_text()):
            system = self.roles.system
            origin = f" {system.short_name}" if system else ""
            parts = {"template": f"{{{column.name}}}\n\nImported from{origin} ticket {key}."}
            parts |= {"strip": "true"} if column.filled < self.table.rows else {}
        else:
            parts |= self._default(column, NO_TEXT)
        longest = column.longest + sum(part.longest for part in self.key.columns) + 60
        page.value("description", parts | self._html(column) | self._overflow(longest, DESCRIPTION_MAX), 2, column)

    def _html(self, column: ColumnProfile) -> dict[str, str]:
        """What makes readable text of HTML, and a remark if there is any."""
        if html := column.count("html"):
            found = html_of([column])
            done = "; converted to text" if found else ", kept as is; `html: text` converts HTML to text"
            seen = f"{html:,} of {plural(column.filled, 'text')} with HTML tags"
            self.page.comment(f"{seen}{done}.", 2, GUESS if found else CHECK)
        return html_of([column])

    def _overflow(self, longest: int, most: int) -> dict[str, str]:
        """What keeps longer texts whole, if there are any, or if rows that were not read may have some."""
        if longest <= most and self.table.whole:
            return {}
        self.page.comment("longer values are truncated; a note keeps the full text.", 2, GUESS)
        return {"overflow": "note"}

    def _default(self, column: ColumnProfile, text: str) -> dict[str, str]:
        if not (lacking := self.table.rows - column.filled):
            return {}
        self.page.comment(f"empty in {plural(lacking, 'row')}; `default` keeps them valid.", 2, GUESS)
        return {"default": text}

    def _made_of_key(self, text: str, otherwise: str) -> dict[str, str]:
        if self.key.is_hash or self.key.is_position:
            return {"value": otherwise}
        key = self._key_text()
        return {"template": text.format(key)} if key else reference(self.key.columns[0])

    def _key_text(self) -> str:
        """The key for a template; empty if a template cannot name it, or if it is a hash."""
        if self.key.is_hash or not all(map(in_template, self.key.columns)):
            return ""
        return self.key.join.join(f"{{{column.name}}}" for column in self.key.columns)

    def _priority(self) -> None:
        pick, page = self.roles.one.get("priority"), self.page
        page.blank()
        if pick is None:
            page.comment("No priority column found. To add one: priority: {column: …, values: {…: HIGH}}", 2)
            return
        column = pick.column.profile
        different = plural(len(column.values.counts), "different value")
        self._because(pick, f"{different}; a value that is not listed makes the row invalid")
        page.line("priority:", 2, of=column, field="priority")
        for key, text in reference(column).items():
            page.line(f"{key}: {scalar(text)}", 4)
        words = column.values.most_common()
        page.line("values:" if words else "values: {}", 4)
        levels = levels_of(column.values.counts)
        for word, count in words:
            level = levels[word]
            if not level.sure:
                page.uses[column] = Use("priority", CHECK)
            note = f"# {plural(count, 'row')}; {GUESS if level.sure else CHECK}: {shown(level.reason, 90)}"
            page.line(f"{scalar(word)}: {level.priority}  {note}", 6)
        page.line("unknown: reject", 4)
        lacking = self.table.rows - column.filled
        rows = f"the {plural(lacking, 'row')}" if lacking else "rows"
        page.line(f"default: {USUAL_PRIORITY}  # for {rows} without one", 4)

    def _requester(self) -> None:
        page, people = self.page, self.people
        email, name = self.roles.one.get("requester_email"), self.roles.one.get("requester_name")
        page.blank()
        page.comment("Talkdesk finds or creates the contact from the e-mail address and name.", 2)
        if isinstance(people, Unusable):
            what = f"`{shown(people.place.path.name)}` next to the export may have the requesters"
            page.comment(f"{what}, but {people.reason}. Save it as UTF-8, and draft again.", 2, CHECK, alone=True)
        if isinstance(people, PeopleTable):
            self._lookups(people, with_name=name is None)
        elif email is None:
            page.made["requester_email"] = NO_ADDRESS
            page.comment("no e-mail column found, so requesters will have no address.", 2, CHECK, alone=True)
        else:
            self._email(email, with_name=name is None)
        if name is not None:
            self._because(name, plural(name.column.profile.distinct, "different name"))
            page.value("requester_name", reference(name.column.profile), 2, name.column.profile)

    def _email(self, pick: Evidence, *, with_name: bool) -> None:
        page, column = self.page, pick.column.profile
        mixed, several, names = (column.count(shape) for shape in ("address_cell", "addresses", "named"))
        emails = column.count("email") + mixed
        self._because(pick, f"{emails:,} of {column.filled:,} are valid addresses")
        if emails < column.filled:
            page.comment("the others make their rows invalid; fix them in the export.", 2, CHECK)
        if several:
            text = f"{plural(several, 'cell')} with several addresses: the first is the requester, a note keeps all."
            page.comment(text, 2, CHECK)
        page.value("requester_email", reference(column) | ({"type": "address"} if mixed else {}), 2, column)
        if with_name and names:
            page.comment(f"names of the same column, in {plural(names, 'cell')}.", 2, GUESS)
            page.line(f"requester_name: {value(reference(column) | {'type': 'address_name'})}", 2)

    def _lookups(self, people: PeopleTable, *, with_name: bool) -> None:
        """The address and the name of a requester of whom the export only has an id."""
        by = people.by.profile
        found = f"{people.found:,} of {plural(people.cells, 'cell')} in {named([by])}"
        where = f"`{shown(people.place.path.name)}` next to the export has these people"
        mark = GUESS if people.found == people.cells else CHECK
        self.page.comment(f"{where}: {found} match {named([people.key.profile])} there.", 2, mark)
        if people.email is None:
            self.page.made["requester_email"] = NO_ADDRESS
        for name, column in (("requester_email", people.email), ("requester_name", people.name if with_name else None)):
            if column is not None:
                parts: dict[str, Entry] = {"lookup": people.lookup(column)}
                if column is people.email and 0 < (count := len(people.invalid)) <= _LEFT_OUT_MAX:
                    seen = f"{count} of the addresses are not valid, such as {shown(people.invalid[0])!r}"
                    self.page.comment(f"{seen}; these requesters get none.", 2, CHECK)
                    parts |= {"values": dict.fromkeys(people.invalid, ""), "unknown": "keep"}
                text = f"{name}: {value(parts)}"
                self.page.line(text, 2, of=by, field=name)

    def _owner(self) -> None:
        """How the agents could be found, as a comment: it needs a file that only the account can give."""
        if (owner := self.roles.owner) is None or owner.profile.repeats > 1:
            return
        self.page.blank()
        text = f"{named([owner.profile])} has the ticket's agent. To keep it as owner, run "
        self.page.comment(f"{text}`case-importer users --save owners.csv` and uncomment the next line:", 2)
        key = "email" if owner.kind is Kind.EMAIL else "name"
        lookup = f"file: owners.csv, key: {key}, by: {scalar(owner.name)}, value: id, ignore: case, none: empty"
        self.page.line(f"# owner_id: {{lookup: {{{lookup}}}}}", 2)

    def _because(self, pick: Evidence, more: str) -> None:
        mark = pick.mark
        if not self.table.rows:
            mark, more = CHECK, "the export has no rows to check"
        elif pick.doubt:
            more += f"; {pick.doubt}"
        self.page.comment(f"{named([pick.column.profile])}, {pick.reason}; {more}.", 2, mark)


def _said_of(blanks: Mapping[str, tuple[int, int]]) -> str:
    return ", ".join(
        f"{quoted(text)} ({plural(cells, 'cell')} in {plural(columns, 'column')})"
        for text, (cells, columns) in blanks.items()
    )
