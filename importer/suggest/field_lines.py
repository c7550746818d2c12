"""Proposes custom fields: dates, what Talkdesk does not accept for new cases, labels, yes and no."""

from __future__ import annotations

from collections.abc import Iterator

from importer.mapping.dates import EPOCHS
from importer.suggest.columns import Column
from importer.suggest.date_formats import DateForm
from importer.suggest.roles import Roles
from importer.suggest.yaml_text import CHECK, GUESS, Entry, Page, named, reference, value

LABELS_MAX = 5
_TEXT_ROLES = {
    "status": "new cases always start as New, so this keeps the old status",
    "type": "the kind of ticket",
    "parent": "the parent ticket, by its old number",
}


def write_custom_fields(page: Page, roles: Roles) -> None:
    """Writes the custom fields; nothing if there is none to propose."""
    fields = Page()
    _dates(fields, roles)
    _texts(fields, roles)
    for number, column in enumerate(roles.flags, start=1):
        fields.comment(f"{named([column.profile])} has only yes/no values.", 4, GUESS)
        fields.line(f"checkbox{number}: {value(reference(column.profile) | {'type': 'boolean'})}", 4)
    if fields.lines or roles.undated:
        page.blank()
    if roles.undated:
        names = named(column.profile for column in roles.undated)
        page.comment(f"{names} is named like a date, but its format is not recognised.", 2, CHECK)
    if fields.lines:
        page.comment("Custom fields of your account. Delete the lines for fields you do not have.", 2)
        page.comment("replace the numbers in text2, date1, checkbox1 with those of your account.", 2, CHECK)
        page.line("custom_fields:", 2)
        page.lines += fields.lines


def _dates(fields: Page, roles: Roles) -> None:
    dated = [(role, roles.one[role]) for role in ("created", "closed") if role in roles.one]
    for number, (role, pick) in enumerate(dated, start=1):
        what = f"{named([pick.column.profile])}, {pick.reason}: when the ticket was {role}."
        fields.comment(what, 4, "" if pick.known else GUESS)
        if pick.column.dates is not None:
            for mark, text in _evidence(pick.column.dates):
                fields.comment(text, 4, mark)
            if not pick.column.dates.has_offset:
                fields.comment(*_clock(pick.column, roles))
        fields.line(f"date{number}: {value(date_value(pick.column))}", 4)


def _evidence(form: DateForm) -> Iterator[tuple[str, str]]:
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


def _clock(column: Column, roles: Roles) -> tuple[str, int, str]:
    """What is known about the time zone, as a comment."""
    if {"utc", "gmt"}.intersection(column.names[0].split()):
        return "times in UTC, by the name of the column.", 4, GUESS
    clock = roles.system.clock if roles.system else ""
    if clock.startswith("UTC"):
        return f"no time zone in the cells; they should be {clock}.", 4, GUESS
    whose = f"usually {clock}" if clock else "unknown"
    return f"no time zone in the cells ({whose}): replace UTC with yours, such as Europe/Lisbon.", 4, CHECK


def _texts(fields: Page, roles: Roles) -> None:
    texts: list[tuple[str, str, dict[str, str]]] = []
    for role, why in _TEXT_ROLES.items():
        if pick := roles.one.get(role):
            comment = f"{named([pick.column.profile])}, {pick.reason}: {why}."
            texts.append((comment, "" if pick.known else GUESS, reference(pick.column.profile)))
    for column in roles.labels[:LABELS_MAX]:
        name, repeats = named([column.profile]), column.profile.repeats
        if repeats == 1:
            texts.append((f"{name}, matched by name.", GUESS, reference(column.profile)))
        else:
            comment = f"{name} appears {repeats} times; values are joined with commas."
            texts.append((comment, GUESS, {"column": column.name, "join": ", "}))
    for number, (comment, mark, parts) in enumerate(texts, start=2):  # text1 is the external id field
        fields.comment(comment, 4, mark)
        fields.line(f"text{number}: {value(parts)}", 4)


def date_value(column: Column) -> dict[str, Entry]:
    """The keys of a value that reads the dates of this column."""
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
