"""Proposes custom fields: dates, what Talkdesk cannot take when a case is created, labels, yes and no."""

from __future__ import annotations

from collections.abc import Iterator

from importer.mapping.dates import EPOCHS
from importer.suggest.columns import named, reference
from importer.suggest.facts import Facts
from importer.suggest.looks import Look
from importer.suggest.page import Entry, Page, value
from importer.suggest.roles import Roles

CHECK, GUESS = "CHECK", "GUESS"
_TEXT_ROLES = {
    "status": "a new case is always New, so the old state is kept",
    "type": "the kind of ticket",
    "parent": "the ticket above this one, by its old number",
}


def custom_fields(page: Page, roles: Roles) -> None:
    """Writes the custom fields; nothing if there is none to propose."""
    writer = _Writer(page, roles)
    entries = [*writer.dates(), *writer.texts(), *writer.labels(), *writer.flags()]
    if entries or roles.undated:
        page.blank()
    if roles.undated:
        names = named(look.facts for look in roles.undated)
        page.comment(f"{names} is called like a date, but its cells are none that can be read here.", 2, CHECK)
    if not entries:
        return
    page.comment("The fields of your own account. Delete the lines that you have no field for.", 2)
    page.comment("the numbers behind text, date and checkbox are proposals: write those of your account.", 2, CHECK)
    page.line("custom_fields:", 2)
    for comments, line in entries:
        for mark, text in comments:
            page.comment(text, 4, mark)
        page.line(line, 4)


def date_value(look: Look) -> dict[str, Entry]:
    """The keys of a value that reads the dates of this column."""
    parts: dict[str, Entry] = dict(reference(look.facts))
    if look.form is None:
        return parts
    formats = list(look.form.formats)
    parts["type"] = "datetime" if look.form.has_time else "date"
    parts["format"] = formats[0] if len(formats) == 1 else formats
    if not look.form.has_offset or any(each.endswith((" UTC", " GMT")) for each in formats):
        parts["timezone"] = "UTC"
    if formats[0] in EPOCHS and "0" in look.facts.values:
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
                comments = [(mark, f"{named([pick.look.facts])}, {pick.reason}: when the ticket was {role}.")]
                yield [*comments, *self._evidence(pick.look)], f"date{number}: {value(date_value(pick.look))}"

    def _evidence(self, look: Look) -> Iterator[tuple[str, str]]:
        form = look.form
        if form is None:
            return
        if form.fitting < form.looked_at:
            lost = form.looked_at - form.fitting
            yield CHECK, f"{lost:,} of {form.looked_at:,} cells looked at are no such date; their rows are invalid."
        if form.order and form.proof:
            yield GUESS, f"the {form.order} comes first, because {form.proof!r} can be read in no other way."
        if form.counted:
            yield GUESS, f"{form.counted}."
        if form.in_doubt:
            ways = " or ".join(form.open)
            yield CHECK, f"nothing in the column proves whether {ways} comes first; the {form.order} is taken."
        if form.against:
            yield CHECK, f"{form.against!r} proves the opposite: the column is written in both ways."
        if not form.has_offset:
            yield self._clock(look)

    def _clock(self, look: Look) -> tuple[str, str]:
        if {"utc", "gmt"}.intersection(look.names[0].split()):
            return GUESS, "the times are in UTC, as the name of the column says."
        clock = self._roles.system.system.clock if self._roles.system else ""
        if clock.startswith("UTC"):
            return GUESS, f"no time zone stands in the cells; they should be {clock}."
        whose = f"{clock}, as a rule" if clock else "nobody knows which"
        return (
            CHECK,
            f"no time zone stands in the cells ({whose}): put its name in place of UTC, such as Europe/Lisbon.",
        )

    def texts(self) -> Iterator[_Entry]:
        for role, why in _TEXT_ROLES.items():
            if pick := self._roles.one.get(role):
                comment = f"{named([pick.look.facts])}, {pick.reason}: {why}."
                yield [("" if pick.known else GUESS, comment)], self._as_text(pick.look.facts)

    def labels(self) -> Iterator[_Entry]:
        for look in self._roles.labels[:5]:
            facts = look.facts
            if facts.repeats == 1:
                yield [(GUESS, f"{named([facts])}, by its name.")], self._as_text(facts)
            else:
                comment = f"{named([facts])} is there {facts.repeats} times: all of them, with commas."
                yield [(GUESS, comment)], self._line({"column": facts.name, "join": ", "})

    def flags(self) -> Iterator[_Entry]:
        for number, look in enumerate(self._roles.flags, start=1):
            comment = f"{named([look.facts])} has nothing but words for yes and no."
            parts = reference(look.facts) | {"type": "boolean"}
            yield [(GUESS, comment)], f"checkbox{number}: {value(parts)}"

    def _as_text(self, facts: Facts) -> str:
        return self._line(reference(facts))

    def _line(self, parts: dict[str, str]) -> str:
        self._text += 1
        return f"text{self._text}: {value(parts)}"
