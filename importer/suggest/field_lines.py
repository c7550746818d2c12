"""Proposes custom fields: dates, what Talkdesk cannot take when a case is created, labels, yes and no."""

from __future__ import annotations

from collections.abc import Iterator

from importer.mapping.dates import EPOCHS
from importer.quality.profile import ColumnProfile
from importer.suggest.columns import Column
from importer.suggest.roles import Roles
from importer.suggest.yaml_text import CHECK, GUESS, Entry, Page, named, reference, value

_TEXT_ROLES = {
    "status": "new cases always start as New, so this keeps the old status",
    "type": "the kind of ticket",
    "parent": "the parent ticket, by its old number",
}


def write_custom_fields(page: Page, roles: Roles) -> None:
    """Writes the custom fields; nothing if there is none to propose."""
    writer = _Writer(page, roles)
    entries = [*writer.dates(), *writer.texts(), *writer.labels(), *writer.flags()]
    if entries or roles.undated:
        page.blank()
    if roles.undated:
        names = named(column.profile for column in roles.undated)
        page.comment(f"{names} is named like a date, but its format is not recognised.", 2, CHECK)
    if not entries:
        return
    page.comment("Custom fields of your account. Delete the lines for fields you do not have.", 2)
    page.comment("replace the numbers in text2, date1, checkbox1 with those of your account.", 2, CHECK)
    page.line("custom_fields:", 2)
    for comments, line in entries:
        for mark, text in comments:
            page.comment(text, 4, mark)
        page.line(line, 4)


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


_Entry = tuple[list[tuple[str, str]], str]


class _Writer:
    def __init__(self, page: Page, roles: Roles) -> None:
        self._roles = roles
        self._text = 1  # text1 is the external id field

    def dates(self) -> Iterator[_Entry]:
        number = 0
        for role in ("created", "closed"):
            if pick := self._roles.one.get(role):
                number += 1
                mark = "" if pick.known else GUESS
                comments = [(mark, f"{named([pick.column.profile])}, {pick.reason}: when the ticket was {role}.")]
                yield [*comments, *self._evidence(pick.column)], f"date{number}: {value(date_value(pick.column))}"

    def _evidence(self, column: Column) -> Iterator[tuple[str, str]]:
        form = column.dates
        if form is None:
            return
        if form.fitting < form.looked_at:
            lost = form.looked_at - form.fitting
            yield CHECK, f"{lost:,} of {form.looked_at:,} cells have another format; their rows are invalid."
        order = form.order
        if order.proof:
            yield GUESS, f"{order.way} first, as {order.proof!r} shows."
        if order.counted:
            yield GUESS, f"{order.counted}."
        if order.open:
            ways = " or ".join(order.open)
            yield CHECK, f"ambiguous: {ways} could come first; assuming {order.way}."
        if order.against:
            yield CHECK, f"{order.against!r} shows the opposite: the column mixes two formats."
        if not form.has_offset:
            yield self._clock(column)

    def _clock(self, column: Column) -> tuple[str, str]:
        if {"utc", "gmt"}.intersection(column.names[0].split()):
            return GUESS, "times in UTC, by the name of the column."
        clock = self._roles.system.clock if self._roles.system else ""
        if clock.startswith("UTC"):
            return GUESS, f"no time zone in the cells; they should be {clock}."
        whose = f"usually {clock}" if clock else "unknown"
        return (
            CHECK,
            f"no time zone in the cells ({whose}): replace UTC with yours, such as Europe/Lisbon.",
        )

    def texts(self) -> Iterator[_Entry]:
        for role, why in _TEXT_ROLES.items():
            if pick := self._roles.one.get(role):
                comment = f"{named([pick.column.profile])}, {pick.reason}: {why}."
                yield [("" if pick.known else GUESS, comment)], self._as_text(pick.column.profile)

    def labels(self) -> Iterator[_Entry]:
        for column in self._roles.labels[:5]:
            profile = column.profile
            if profile.repeats == 1:
                yield [(GUESS, f"{named([profile])}, by its name.")], self._as_text(profile)
            else:
                comment = f"{named([profile])} appears {profile.repeats} times; values are joined with commas."
                yield [(GUESS, comment)], self._line({"column": profile.name, "join": ", "})

    def flags(self) -> Iterator[_Entry]:
        for number, column in enumerate(self._roles.flags, start=1):
            comment = f"{named([column.profile])} has only yes/no values."
            parts = reference(column.profile) | {"type": "boolean"}
            yield [(GUESS, comment)], f"checkbox{number}: {value(parts)}"

    def _as_text(self, profile: ColumnProfile) -> str:
        return self._line(reference(profile))

    def _line(self, parts: dict[str, str]) -> str:
        self._text += 1
        return f"text{self._text}: {value(parts)}"
