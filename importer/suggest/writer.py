"""Writes the body of a mapping: each line with its reason, each guess with its mark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from importer.quality.file_checks import FileIssue
from importer.quality.profile import ColumnProfile
from importer.suggest.columns import Blanks, Kind
from importer.suggest.comment_tables import CommentTable, Unusable
from importer.suggest.field_lines import write_custom_fields
from importer.suggest.first_rows import FirstRows, KeyParts
from importer.suggest.headers import Vocabulary
from importer.suggest.note_lines import HTML_SHARE, write_notes
from importer.suggest.priorities import USUAL, levels
from importer.suggest.roles import Pick, Roles
from importer.suggest.row_names import Parents
from importer.suggest.yaml_text import (
    CHECK,
    GUESS,
    Entry,
    Page,
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

FEW_ROWS = 10  #: Fewer rows prove nothing about a key.
NO_TITLE = "(no title)"
NO_TEXT = "(no description)"


@dataclass(frozen=True, kw_only=True)
class Found:
    """All that was found out about an export.

    Attributes:
        table: Its first rows.
        roles: Which column is what.
        blanks: Texts that may stand for an empty cell.
        parts: The columns that are its key together; None if one column is.
        parents: The column that names the parent row.
        comments: Tables with its comments, and those that seem to have some.
        vocabulary: The words.
    """

    table: FirstRows
    roles: Roles
    blanks: Blanks
    parts: KeyParts | None
    parents: Parents | None
    comments: Sequence[CommentTable | Unusable]
    vocabulary: Vocabulary


def write_body(found: Found) -> str:
    """A mapping, without the remarks at its top."""
    return _Writer(found).write()


class _Writer:
    """A mapping while it is being written."""

    def __init__(self, found: Found) -> None:
        self.page = Page()
        self._found = found
        self._table = found.table
        self._roles = found.roles
        self._parts = found.parts
        self._key = self._find_key()

    def write(self) -> str:
        """The whole body."""
        self._source()
        self.page.line("case:")
        self._title()
        self._description()
        if self._found.parents is not None:
            self._parent(self._found.parents)
        self._priority()
        self._requester()
        write_custom_fields(self.page, self._roles)
        write_notes(self.page, self._roles, self._table, self._found.comments)
        return self.page.text

    def _find_key(self) -> ColumnProfile:
        if self._parts:
            return self._parts.parts[0]
        if pick := self._roles.one.get("key"):
            return pick.column.profile
        return max(self._table.columns, key=lambda column: (column.filled and column.distinct, column.filled))

    def _source(self) -> None:
        page = self.page
        page.line("version: 1")
        page.blank()
        page.line("source:")
        page.comment("What identifies a ticket, so that it never becomes two cases.", 2)
        if self._parts:
            self._key_of_parts(self._parts)
        else:
            self._reason_of_key()
            page.line(f"key: {value(reference(self._key))}", 2)
        self._empty()
        self._say_totals()
        page.blank()
        page.comment(
            "The text field of your Talkdesk account that receives the key, so that people can search for it, and the "
            "importer can find the case again if the network fails."
        )
        page.comment("text1 must exist and be free: ask an administrator.", mark=CHECK)
        page.line("external_id_field: text1")
        page.blank()

    def _key_of_parts(self, found: KeyParts) -> None:
        names = named(found.parts)
        self._say_key(f"no column alone, but {names} together are different in each of the rows", CHECK)
        self.page.line(f"key: [{', '.join(value(reference(part)) for part in found.parts)}]", 2)
        if found.join != "/":
            self.page.line(f"join: {quoted(found.join)}", 2)

    def _reason_of_key(self) -> None:
        column, rows, pick = self._key, self._table.rows, self._roles.one.get("key")
        missing, twice = rows - column.filled, column.filled - column.distinct
        name = named([column])
        if not rows:
            self._say_key(f"{name}; there is no row to tell by", CHECK)
        elif pick is None:
            nearest = f"no column is filled and different in every row; {name} comes nearest: {_lacks(missing, twice)}"
            self._say_key(f"{nearest}. Several columns together can be a key too: [First, Second]", CHECK)
        elif missing or twice:
            self._say_key(f"{name}, {pick.reason}, but {_lacks(missing, twice)}; those are invalid or skipped", CHECK)
        else:
            text = f"{name}, {pick.reason}; filled and different in each of {counted(rows, 'row')}"
            self._say_key(text, "" if pick.known else GUESS if rows >= FEW_ROWS else CHECK)
        if column.repeats > 1:
            self._say_key(f"{column.repeats} columns are called so; this is number {column.occurrence}", CHECK)

    def _say_key(self, text: str, mark: str) -> None:
        self.page.comment(f"{text}.", 2, mark)

    def _say_totals(self) -> None:
        if (totals := self._table.total_lines) is None:
            return
        lines = f"{counted(totals.times, 'line')} at the end: {shown(totals.example)!r} (row {totals.rows[0]:,})"
        if condition := self._no_ticket(totals):
            self.page.comment(f"no ticket, it seems: {lines}. Rows with as little as that are left out.", 2, GUESS)
            self.page.line(f"skip: {quoted(condition)}", 2)
        else:
            self.page.comment(f"no ticket, it seems: {lines}. Delete it from the export, or say `skip`.", 2, CHECK)

    def _no_ticket(self, totals: FileIssue) -> str:
        """A condition that the lines at the end meet and no other row; empty if there is none that is plain."""
        texts = [pick.column.profile for role in ("title", "description") if (pick := self._roles.one.get(role))]
        lacking = min((self._table.rows - column.filled for column in texts), default=0)
        is_text = any(totals.example.partition(" | ")[0] in column.values.counts for column in texts)
        if is_text or not 0 < lacking <= totals.times or not all(map(in_template, texts)):
            return ""
        return " and ".join(f"empty({{{column.name}}})" for column in texts)

    def _empty(self) -> None:
        taken, kept = self._found.blanks.taken, self._found.blanks.kept
        if taken:
            seen = ", ".join(f"{quoted(text)} {_times(*times)}" for text, times in taken.items())
            self.page.comment(f"found again and again where a value should be: {seen}.", 2, GUESS)
            self.page.line(f"empty: [{', '.join(quoted(text) for text in ('', *taken))}]", 2)
        if kept:
            seen = ", ".join(f"{quoted(text)} {_times(*times)}" for text, times in list(kept.items())[:8])
            self.page.comment(f"kept as texts, because they are too few to tell: {seen}.", 2, CHECK)

    def _title(self) -> None:
        pick, page = self._roles.one.get("title"), self.page
        if pick is None:
            self._title_of_something_else()
            return
        column = pick.column.profile
        self._because(pick, f"the longest has {column.longest} characters, a title at most {TITLE_MAX}")
        parts = reference(column)
        parts |= self._html(column) | self._overflow(column.longest, TITLE_MAX)
        if self._table.total_lines is None or self._table.total_lines.times < self._table.rows - column.filled:
            self._default(column, parts, NO_TITLE)
        page.line(f"title: {value(parts)}", 2)

    def _title_of_something_else(self) -> None:
        described = self._roles.one.get("description")
        column = described.column.profile if described else self._key
        if column.filled < self._table.rows or described is None:
            self.page.comment("no column looks like a subject, so the key stands here. Name a better one.", 2, CHECK)
            parts = self._made_of_key("Ticket {}") | {"overflow": "truncate"}
        else:
            self.page.comment("no column looks like a subject, so the description begins here too.", 2, CHECK)
            parts = reference(column) | {"collapse": "true", "overflow": "truncate", "max": "100"}
        self.page.line(f"title: {value(parts)}", 2)

    def _description(self) -> None:
        pick, page = self._roles.one.get("description"), self.page
        page.blank()
        if pick is None:
            page.comment(
                "no column looks like a description. What the columns say is in the note at the end.", 2, CHECK
            )
            page.line(f"description: {value(self._made_of_key('Imported from ticket {}.'))}", 2)
            return
        column = pick.column.profile
        self._because(pick, f"the longest has {column.longest} characters, a description at most {DESCRIPTION_MAX:,}")
        parts = self._described(column)
        parts |= self._html(column) | self._overflow(column.longest + self._key.longest + 60, DESCRIPTION_MAX)
        page.line(f"description: {value(parts)}", 2)

    def _html(self, column: ColumnProfile) -> dict[str, str]:
        """What makes readable text of HTML, if there is any."""
        html = column.count("html")
        if not html:
            return {}
        seen = f"{html:,} of {column.filled:,} texts have tags of HTML"
        if column.share(html) < HTML_SHARE:
            self.page.comment(f"{seen}, which stay; `html: text` makes readable text of them.", 2, CHECK)
            return {}
        self.page.comment(f"{seen}: the text that a reader of it would see is sent.", 2, GUESS)
        return {"html": "text"}

    def _overflow(self, longest: int, most: int) -> dict[str, str]:
        """What keeps longer texts whole, if there are any, or if rows that were not read may have some."""
        if longest <= most and self._table.whole:
            return {}
        self.page.comment("longer ones are cut, and a note has the whole text.", 2, GUESS)
        return {"overflow": "note"}

    def _described(self, column: ColumnProfile) -> dict[str, str]:
        """The description with a line about where it comes from, or without if no template can say it."""
        if not (in_template(column) and self._key_text()):
            parts = reference(column)
            self._default(column, parts, NO_TEXT)
            return parts
        origin = f" {self._roles.system.short_name}" if self._roles.system else ""
        lacking = self._table.rows - column.filled
        blank = {"strip": "true"} if lacking else {}
        return {"template": f"{{{column.name}}}\n\nImported from{origin} ticket {self._key_text()}."} | blank

    def _made_of_key(self, text: str) -> dict[str, str]:
        if key := self._key_text():
            return {"template": text.format(key)}
        return reference(self._key)

    def _key_text(self) -> str:
        """The key for a template; empty if a template cannot name it."""
        parts, join = (self._parts.parts, self._parts.join) if self._parts else ((self._key,), "")
        return join.join(f"{{{column.name}}}" for column in parts) if all(map(in_template, parts)) else ""

    def _default(self, column: ColumnProfile, parts: dict[str, str], text: str) -> None:
        if lacking := self._table.rows - column.filled:
            self.page.comment(
                f"{counted(lacking, 'row')} without one; without `default` they would be invalid.", 2, GUESS
            )
            parts["default"] = text

    def _parent(self, parents: Parents) -> None:
        """The link to the parent row, with what was seen and what is done with links that cannot be made."""
        page, column, name = self.page, parents.column, parents.named
        page.blank()
        seen = (
            f"{parents.found:,} of {counted(parents.found + parents.missing, 'cell')} stand in {named([name.column])}"
        )
        page.comment(f"{named([column])} names the row above: {seen}.", 2, GUESS)
        parts: dict[str, Entry] = {"record": column.name if column.repeats == 1 else reference(column)}
        if not name.is_key:
            parts["of"] = name.column.name if name.column.repeats == 1 else reference(name.column)
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

    def _priority(self) -> None:
        pick, page = self._roles.one.get("priority"), self.page
        page.blank()
        if pick is None:
            page.comment(
                "No column looks like a priority. If there is one: priority: {column: …, values: {…: HIGH}}", 2
            )
            return
        column = pick.column.profile
        self._because(
            pick,
            f"{counted(len(column.values.counts), 'different text')}; a text that is not listed makes the row invalid",
        )
        page.line("priority:", 2)
        for key, text in reference(column).items():
            page.line(f"{key}: {scalar(text)}", 4)
        self._levels(column)
        page.line("unknown: reject", 4)
        page.line(f"default: {USUAL}{_default_note(self._table.rows - column.filled)}", 4)

    def _levels(self, column: ColumnProfile) -> None:
        known = levels(column.values.counts, self._found.vocabulary)
        self.page.line("values:" if known else "values: {}", 4)
        for level in known:
            mark = GUESS if level.sure else CHECK
            note = f"# {counted(level.count, 'row')}; {mark}: {shown(level.reason, 90)}"
            self.page.line(f"{scalar(level.word)}: {level.becomes}  {note}", 6)

    def _requester(self) -> None:
        page, email, name = self.page, self._roles.one.get("requester_email"), self._roles.one.get("requester_name")
        page.blank()
        page.comment("Talkdesk finds or makes the contact from address and name.", 2)
        if email is None:
            page.comment(
                "no column has e-mail addresses, so cases will have no requester that can be reached.", 2, CHECK
            )
        else:
            column = email.column.profile
            emails = column.count("email")
            self._because(email, f"{emails:,} of {column.filled:,} are addresses")
            if emails < column.filled:
                page.comment("the others make their rows invalid; correct them in the export.", 2, CHECK)
            page.line(f"requester_email: {value(reference(column))}", 2)
        if name is not None:
            self._because(name, f"{name.column.profile.distinct:,} different ones")
            page.line(f"requester_name: {value(reference(name.column.profile))}", 2)
        self._owner()

    def _owner(self) -> None:
        """How the agents could be found, as a comment: it takes a file that only the account can give."""
        if (owner := self._roles.owner) is None or owner.profile.repeats > 1:
            return
        key = "email" if owner.kind is Kind.EMAIL else "name"
        self.page.blank()
        self.page.comment(
            f"Who worked on it stands in {named([owner.profile])}. To keep that, save the users of your account with "
            "`case-importer users --save owners.csv`, and remove the # of the next line:",
            2,
        )
        lookup = f"file: owners.csv, key: {key}, by: {scalar(owner.name)}, value: id, ignore: case, none: empty"
        self.page.line(f"# owner_id: {{lookup: {{{lookup}}}}}", 2)

    def _because(self, pick: Pick, more: str) -> None:
        mark = "" if pick.known else GUESS
        if not self._table.rows:
            mark, more = CHECK, "there is no row to tell by"
        self.page.comment(f"{named([pick.column.profile])}, {pick.reason}; {more}.", 2, mark)


def _lacks(missing: int, twice: int) -> str:
    return f"{counted(missing, 'row')} without one, and {counted(twice, 'row')} with one that was there before"


def _times(cells: int, columns: int) -> str:
    return f"({counted(cells, 'cell')} in {counted(columns, 'column')})"


def _default_note(lacking: int) -> str:
    return f"  # for the {counted(lacking, 'row')} without one" if lacking > 0 else "  # for rows without one"
