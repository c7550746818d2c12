"""Writes what a new case has no field of its own for: the custom fields of a mapping, and its notes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import count

from importer.mapping.dates import EPOCHS
from importer.models import ReadingOptions
from importer.profile.date_formats import DateForm
from importer.profile.profile import ColumnProfile
from importer.suggest.evidence import SAID
from importer.suggest.first_rows import FirstRows, date_of_entry
from importer.suggest.headers import folded, joins_words, load_vocabulary
from importer.suggest.kinds import Column, Kind
from importer.suggest.near_tables import CommentTable, Unusable
from importer.suggest.roles import SPLIT_SHARE, Roles
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
from importer.text.wording import plural

REST_MAX = 60  #: Columns that the note with the rest takes.
_HTML_SHARE = 0.1  #: Of the texts of a column that have tags before all of them count as HTML.
_FIELD_ROLES = {
    "created": "when the ticket was created",
    "closed": "when the ticket was closed",
    "status": "new cases always start as New, so this keeps the old status",
    "type": "the kind of ticket",
    "parent": "the parent ticket, by its old number",
}


def write_custom_fields(page: Page, roles: Roles) -> None:
    """Writes the custom fields; nothing if there is none to propose."""
    fields = Page()
    # the first text is the external id field
    dates, texts, flags = _free("date", 1, roles), _free("text", 2, roles), _free("checkbox", 1, roles)
    for role, why in _FIELD_ROLES.items():
        if pick := roles.one.get(role):
            is_date, column = role in ("created", "closed"), pick.column
            doubt = f"; {pick.doubt}" if pick.doubt else ""
            fields.comment(f"{named([column.profile])}, {pick.reason}: {why}{doubt}.", 4, pick.mark)
            if is_date and column.dates is not None:
                fields.comments((*_evidence(column.dates), *_clock(column, column.dates, roles)), 4)
            parts = _date_value(column) if is_date else reference(column.profile)
            fields.value(next(dates if is_date else texts), parts, 4, column.profile, role)
    for column in roles.labels:
        repeats, is_said = column.profile.repeats, column in roles.said
        why = f", {SAID if is_said else 'matched by name'}."
        why = f" appears {repeats} times; values are joined with commas." if repeats > 1 else why
        fields.comment(f"{named([column.profile])}{why}", 4, "" if is_said else GUESS)
        fields.value(next(texts), _joined(column.profile), 4, column.profile, "label")
    for column in roles.flags:
        why = f", {SAID}." if column in roles.said else " has only yes/no values."
        fields.comment(f"{named([column.profile])}{why}", 4, "" if column in roles.said else GUESS)
        if column.kind is not Kind.BOOLEAN:
            fields.comment("its cells do not say yes or no: add `values:`, or their rows are invalid.", 4, CHECK)
        fields.value(next(flags), reference(column.profile) | {"type": "boolean"}, 4, column.profile, "checkbox")
    for column, name in roles.custom:
        fields.comment(f"{named([column.profile])}, {SAID}.", 4)
        fields.value(name, _date_value(column), 4, column.profile)
    if fields.lines or roles.undated:
        page.blank()
    if roles.undated:
        names = named(column.profile for column in roles.undated)
        page.comment(f"{names} is named like a date, but its format is not recognised.", 2, CHECK)
    if fields.lines:
        page.comment("Custom fields of your account. Delete the lines for fields you do not have.", 2)
        proposed = re.findall(r"^ {4}(\w+):", fields.text, re.MULTILINE)
        what, whose = ("numbers", "those") if len(proposed) > 1 else ("number", "that")
        page.comment(f"replace the {what} in {', '.join(proposed)} with {whose} of your account.", 2, CHECK)
        page.line("custom_fields:", 2)
        page.add(fields)


def _free(kind: str, first: int, roles: Roles) -> Iterator[str]:
    """Custom fields of a kind that no answer names."""
    taken = {name for _, name in roles.custom}
    return (name for number in count(first) if (name := f"{kind}{number}") not in taken)


def _evidence(form: DateForm) -> Iterator[tuple[str, str]]:
    """What the cells show about how dates are written."""
    order = form.order
    if lost := form.looked_at - form.fitting:
        yield CHECK, f"{lost:,} of {form.looked_at:,} cells have another format; their rows are invalid."
    if order.proof:
        yield GUESS, f"{order.way} first, as {order.proof!r} shows."
    if order.counted:
        yield GUESS, f"{order.counted}."
    if order.open:
        yield CHECK, f"ambiguous: {' or '.join(order.open)} could come first; assuming {order.way}."
    if order.against:
        yield CHECK, f"{order.against!r} shows the opposite: the column mixes two formats."


def _clock(column: Column, form: DateForm, roles: Roles) -> Iterator[tuple[str, str]]:
    """What is known about the time zone."""
    clock = roles.system.clock if roles.system else ""
    if form.has_offset:
        return
    if {"utc", "gmt"}.intersection(column.names[0].split()):
        yield GUESS, "times in UTC, by the name of the column."
    elif clock.startswith("UTC"):
        yield GUESS, f"no time zone in the cells; they should be {clock}."
    else:
        whose = f"usually {clock}" if clock else "unknown"
        yield CHECK, f"no time zone in the cells ({whose}): replace UTC with yours, such as Europe/Lisbon."


def _date_value(column: Column) -> dict[str, Entry]:
    """The keys of a value that reads this column, and its dates if it has some."""
    parts: dict[str, Entry] = dict(reference(column.profile))
    if column.dates is None:
        return parts
    formats = list(column.dates.formats)
    parts["type"] = "datetime" if column.dates.has_time else "date"
    parts["format"] = formats[0] if len(formats) == 1 else formats
    if not column.dates.has_offset or any(each.endswith((" UTC", " GMT")) for each in formats):
        parts["timezone"] = "UTC"
    if formats[0] in EPOCHS and "0" in column.profile.values.counts:
        parts |= {"values": {"0": ""}, "unknown": "keep"}
    return parts


def write_notes(
    page: Page, roles: Roles, table: FirstRows, comments: Sequence[CommentTable | Unusable], steps: Page
) -> None:
    """Writes the notes, those of ``steps`` too, and which columns are not used."""
    rest = [it.profile for it in roles.rest if not it.profile.broken and it.profile not in steps.uses][:REST_MAX]
    _say_unused(page, roles, table, [it.profile for it in roles.rest if it.profile not in (*rest, *steps.uses)])
    for found in comments:
        if isinstance(found, Unusable):
            page.blank()
            what = f"`{shown(found.place.path.name)}` next to the export looks like comments, but {found.reason}."
            page.comment(what, 2, CHECK)
    notes = Page()
    for column in roles.notes:
        _write_note(notes, column, table, mark="" if column in roles.said else GUESS)
    for found in comments:
        if isinstance(found, CommentTable):
            _write_comments(notes, found)
    pick = roles.one.get("requester_email")
    if pick and pick.column.profile.count("addresses") and in_template(pick.column.profile):
        name = pick.column.name  # the requester has one of several addresses, the note has all
        when = quoted(" or ".join(f"contains({{{name}}}, '{sign}')" for sign in ",;"))
        body = f"body: {scalar(name)}, when: {when}, public: false"
        notes.line(f"- {{title: {{value: E-mail addresses}}, {body}}}", 4)
    notes.add(steps)
    _write_rest(notes, rest)
    if notes.lines:
        page.blank()
        page.comment("Notes, in this order. public: false means only agents can see them.", 2)
        page.line("notes:", 2)
        page.add(notes)


def _say_unused(page: Page, roles: Roles, table: FirstRows, unused: Sequence[ColumnProfile]) -> None:
    broken = [column for column in unused if column.broken]
    spoiled = [column for column in table.columns if column.errors and not column.broken]
    others = [column for column in unused if not column.broken]
    if broken or others or spoiled or roles.empty:
        page.blank()
    for column in spoiled:
        what = f"{plural(column.errors, 'cell')} of {named([column])} with an error or without a value"
        page.comment(f"{what}: invalid rows, until the cells are fixed.", 2, CHECK)
    if broken:
        page.comment(f"not used, some cells are errors or formulas without a value: {named(broken)}.", 2, CHECK)
    if others:
        page.comment(f"not used, too many columns for one note: {named(others)}.", 2, CHECK)
    if roles.empty and table.rows:
        names = named(column.profile for column in roles.empty)
        page.comment(f"Not used, empty in every row read: {names}.", 2)


def _write_note(page: Page, column: Column, table: FirstRows, *, mark: str) -> None:
    """One note of a column, or one for each cell if there are several columns of that name."""
    name = column.name
    columns = [profile for profile in table.columns if profile.name == name]
    entries, filled = (sum(it.count("entry") for it in columns), sum(it.filled for it in columns))
    if entries and entries >= SPLIT_SHARE * filled:
        _write_entries(page, columns, table, entries, filled)
    elif len(columns) > 1:
        page.comment(f"{named(columns)} appears {len(columns)} times: one note per cell.", 4, mark)
        html = html_of(columns)
        body = f", body: {value({'column': name} | html)}" if html else ""
        text = f"- {{each: {scalar(name)}, {_title(name)}{body}, public: false}}"
        page.line(text, 4, of=column.profile, field="note")
    else:
        page.comment(f"{named(columns)}{' looks like comments' if mark else f', {SAID}'}.", 4, mark)
        body = value(reference(column.profile) | html_of(columns))
        page.line(f"- {{{_title(name)}, body: {body}, public: false}}", 4, of=column.profile, field="note")


def _write_entries(page: Page, columns: Sequence[ColumnProfile], table: FirstRows, entries: int, filled: int) -> None:
    """Cells of date, author and text become notes whose titles are date and author."""
    name = columns[0].name
    times = f" appears {len(columns)} times and" if len(columns) > 1 else ""
    example = next(date_of_entry(it.shapes["entry"].example.strip()) for it in columns if it.count("entry"))
    text = f"{named(columns)}{times} contains date;author;text ({shown(example, 40)!r} is a date) in {entries:,} of"
    page.comment(f"{text} {plural(filled, 'cell')}: one note for each, with date and author.", 4, GUESS)
    taken = {profile.name for profile in table.columns}
    created, author, text = (f"note {part}" if part in taken else part for part in ("created", "author", "text"))
    each: dict[str, Entry] = {"column": name, "separator": ";", "into": [created, author, text], "short": "keep"}
    page.line(f"- each: {value(each)}", 4, of=columns[0], field="note")
    page.line(f'title: {{template: "{{{author}}}, {{{created}}}", overflow: truncate}}', 6)
    page.line(f"body: {value({'column': text} | html_of(columns))}", 6)
    page.line("public: false", 6)


def _write_comments(page: Page, table: CommentTable) -> None:
    """The note that joins a table of comments to the tickets."""
    match, place, created = table.match, table.place, table.created
    where = f"the sheet `{shown(place.sheet)}`" if place.sheet else f"`{shown(place.path.name)}` next to the export"
    seen = f"{match.matching:,} of {plural(match.cells, 'cell')} in {named([match.column])} match"
    text = f"{where} has comments: {seen} {named([match.named.column])} here. One note per row; `check` lists"
    page.comment(f"{text} those that match no ticket.", 4, GUESS if table.is_named else CHECK)
    if created and created.dates and (created.dates.order.open or created.dates.order.against):
        order = created.dates.order
        ways = " or ".join(order.open) or "day or month"
        text = f"sorted by {named([created.profile])}, but {ways} could come first; assuming {order.way}."
        page.comment(text, 4, CHECK)
    page.line("- each:", 4)
    each = {
        "file": scalar(place.path.name),
        "sheet": place.sheet and scalar(place.sheet),
        "encoding": place.encoding,
        "key": value(reference(match.column)),
        "by": "" if match.named.is_key else value(reference(match.named.column)),
        "order": value(_date_value(created)) if created else "",
    }
    for key, text in each.items():
        if text:
            page.line(f"{key}: {text}", 8)
    if titled := [column for column in (table.author, created) if column and in_template(column.profile)]:
        template = ", ".join(f"{{{column.name}}}" for column in titled)
        page.line(f"title: {value({'template': template, 'overflow': 'truncate'})}", 6)
    body = table.body.profile
    page.line(f"body: {value(reference(body) | html_of([body]))}", 6)
    page.line("public: false", 6)


def write_steps(
    page: Page, file: str, key: ColumnProfile, steps: Sequence[ColumnProfile], reading: ReadingOptions
) -> None:
    """The rows of a ticket as its notes, which the export is read for a second time."""
    columns = [column for column in steps if in_template(column)][:REST_MAX]
    if not columns or "header_row" in reading:  # which a companion file cannot have
        return
    page.comment(
        "One note for each row of the ticket, read from the export itself; for another file use --notes.", 4, GUESS
    )
    page.line("- each:", 4)
    page.line(f"file: {scalar(file)}", 8)
    for name in ("sheet", "encoding", "delimiter"):
        if text := reading.get(name):
            page.line(f"{name}: {quoted(str(text))}", 8)
    page.line(f"key: {value(reference(key))}", 8)
    lines = [f"{_heading(it.name).replace('{', '{{').replace('}', '}}')}: {{{it.name}}}" for it in columns]
    page.line(f"body: {{template: {quoted(chr(10).join(lines))}}}", 6)
    page.uses |= dict.fromkeys(columns, Use("note", GUESS))
    page.line("public: false", 6)


def _write_rest(page: Page, rest: Sequence[ColumnProfile]) -> None:
    """One note with all other columns, and one for each that a template cannot name."""
    if lines := [column.name for column in rest if in_template(column)]:
        page.comment("Everything that has no field in a new case. Delete what you do not need.", 4)
        page.line("- title: {value: Imported data}", 4)
        page.line("body:", 6)
        page.line('template: "\\', 8)
        labels = [_heading(name).replace("{", "{{").replace("}", "}}") for name in lines]
        *texts, last = [quoted(f"{label}: {{{name}}}")[1:-1] for label, name in zip(labels, lines, strict=True)]
        for text in texts:
            page.line(f"{text}\\n\\", 10)
        page.line(f'{last}"', 10)
        page.line("public: false", 6)
    for name, column in {column.name: column for column in rest if not in_template(column)}.items():
        page.line(f"- {{{_title(name)}, body: {value(_joined(column))}, public: false}}", 4)


def _joined(column: ColumnProfile) -> dict[str, str]:
    return reference(column) if column.repeats == 1 else {"column": column.name, "join": ", "}


def _heading(name: str) -> str:
    """The name of a column as a text for people: one line, not too long, never empty."""
    return shown(name, 100).strip() or "Column"


def _title(name: str) -> str:
    return f"title: {{value: {scalar(_heading(name))}}}"


def html_of(columns: Sequence[ColumnProfile]) -> dict[str, str]:
    """What makes readable text of HTML, if enough of the cells have any."""
    tags, filled = sum(column.count("html") for column in columns), sum(column.filled for column in columns)
    return {"html": "text"} if tags and tags >= _HTML_SHARE * filled else {}


#: What all of these words say in Talkdesk; more of them are in the lists.
_STATUSES = {"new": "NEW", "open": "OPEN", "on hold": "ON_HOLD", "on-hold": "ON_HOLD"}
_STATUSES_BY_WORDS = {"waiting": "PENDING", "closed": "CLOSED", "solved": "RESOLVED"}
_DENIED = "未不非没無미"  #: In front of a word in a script without spaces: it is not closed, not solved.


def _status_of(word: str) -> str:
    """What a word of a status means in Talkdesk; empty if it does not say."""
    words, text = load_vocabulary().words, folded(word)
    if text in _STATUSES or not set(words["negations"]).isdisjoint(text.split()):
        return _STATUSES.get(text, "")
    for about, status in _STATUSES_BY_WORDS.items():
        begins = "|".join(map(re.escape, words[about]))
        if re.search(rf"(?<![^\W_])(?:{begins})|(?<![{_DENIED}])(?:{_inside(words[about])})", text):
            return status
    return ""


def _inside(words: Sequence[str]) -> str:
    """Those of scripts that put no spaces between words, for a pattern."""
    return "|".join(re.escape(word) for word in words if joins_words(word))


def write_after_create(page: Page, roles: Roles) -> None:
    """Writes, commented out, how cases can get their old status; nothing if no column has it."""
    if (pick := roles.one.get("status")) is None:
        return
    page.blank()
    page.comment(
        "Every case begins as new. To set its status once it is there, say what each word means, take the # away"
        " (mapping reference, after_create), and see with `case-importer try` what that sets off: mails, for example."
    )
    lines = ["after_create:", "  status:"]
    lines += [f"    {key}: {scalar(text)}" for key, text in reference(pick.column.profile).items()]
    lines.append("    values:")
    for word, _ in pick.column.profile.values.most_common():
        status = _status_of(word)
        lines.append(f"      {scalar(word)}: {status or f'OPEN  # {CHECK}'}")
    lines.append("  resolution: {value: Solved before the migration}")
    for line in lines:
        page.line(f"# {line}")
