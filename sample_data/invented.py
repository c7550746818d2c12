"""People who do not exist, what they write, and the tables that their tickets fill."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

VOCABULARY = Path(__file__).resolve().with_name("vocabulary.toml")


class Formula(NamedTuple):
    """An Excel formula, and the value that Excel saved beside it; empty if it was never computed."""

    text: str
    saved: str


Cell: TypeAlias = str | int | bool | datetime | Formula
Cells: TypeAlias = dict[str, "Cell | list[str]"]


@dataclass
class Record:
    """One row of an export.

    Attributes:
        cells: By column. A list stands for a column that is there as often as the list is long.
        parent: Other rows point to this one, so it has to stay as it is.
        raw: Text of the record where no CSV writer would write it that way.
        what: What is special about it, for a person; empty if nothing is.
        state: How it must end.
        code: Code of its first field error; empty if there is none.
    """

    cells: Cells
    parent: bool = False
    raw: str | None = None
    what: str = ""
    state: str = "created"
    code: str = ""

    def flat(self) -> Iterator[tuple[str, Cell]]:
        """Column and cell, repeated columns one by one."""
        for column, cell in self.cells.items():
            yield from ((column, each) for each in (cell if isinstance(cell, list) else [cell]))


@dataclass(frozen=True)
class Table:
    """An export before it is written.

    Attributes:
        name: Name of the mapping that fits it.
        file: Name of the file.
        key: Column that identifies a ticket.
        records: Its rows, in the order of the file.
    """

    name: str
    file: str
    key: str
    records: list[Record]


class Person(NamedTuple):
    """Somebody who writes tickets."""

    name: str
    email: str
    phone: str
    number: str
    long_id: str
    language: dict[str, Any]

    @property
    def user(self) -> str:
        """The name this person signs in with."""
        return self.email.partition("@")[0]


class Voice:
    """Draws people and their words: always the same ones, in the same order, for the same export."""

    def __init__(self, export: str) -> None:
        words = tomllib.loads(VOCABULARY.read_text(encoding="utf-8"))
        self.random = random.Random(export)
        self._things: list[str] = words["things"][export]
        self._people = list(people(words["language"]))
        self._weights = [who.language["weight"] / len(who.language["people"]) for who in self._people]

    def person(self) -> Person:
        """Somebody; the languages come as often as their weights say."""
        return self.random.choices(self._people, self._weights)[0]

    def subject(self, who: Person) -> str:
        """One line about one thing."""
        problem: str = self.random.choice(who.language["problems"])
        return problem.replace("<thing>", self.random.choice(self._things))

    def remark(self, who: Person) -> str:
        """A sentence or a short list."""
        remark: str = self.random.choice(who.language["details"])
        return remark

    def description(self, who: Person) -> str:
        """A letter of several lines."""
        details = who.language["details"]
        told = self.random.sample(details, self.random.randint(1, min(4, len(details))))
        return "\n\n".join([who.language["greeting"], *told, f"{who.language['closing']}\n{who.name}"])

    def moment(self, start: datetime, *, hours: int) -> datetime:
        """Some minute between 7:00 and 20:59, about ``hours`` after ``start``: far from any change of clocks."""
        day = start + timedelta(hours=hours)
        return day.replace(hour=self.random.randint(7, 20), minute=self.random.randint(0, 59))

    def any_of(self, *choices: str) -> str:
        """One of them; name one twice to see it more often."""
        return self.random.choice(choices)


def people(languages: list[dict[str, Any]]) -> Iterator[Person]:
    """Everybody in the vocabulary, with numbers that Excel and floats love to ruin."""
    everybody = [(name, user, language) for language in languages for name, user in language["people"].items()]
    for nth, (name, user, language) in enumerate(everybody):
        yield Person(
            name=name,
            email=f"{user}@example.{('com', 'org', 'net')[nth % 3]}",
            phone=f"+1-555-01{nth:02d}",
            number=f"{nth * 37 + 11:06d}",
            long_id=str(90_071_992_547_409_931 + nth * 1_000_003),
            language=language,
        )
