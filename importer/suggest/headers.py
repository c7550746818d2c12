"""How columns and values are named, and by which columns an export is recognised. The words are in TOML files."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from importer.suggest.cell_shapes import is_unspaced

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_EXACT_MOST, _PHRASE_MOST = 40, 14  #: A phrase inside of a name counts less than any exact name.
_NOT_A_WORD = re.compile(r"[\W_]+")


def plain_name(name: str) -> str:
    """``name`` for comparing: lower case, no punctuation, CamelCase taken apart; ``#`` stays what it is."""
    words = _NOT_A_WORD.sub(" ", _CAMEL.sub(" ", name)).casefold().strip()
    return words or name.strip()


def squeezed(plain: str) -> str:
    """A plain name without spaces: ``CASENUMBER`` and ``Case Number`` are the same then, as are e-mail and email."""
    return plain.replace(" ", "")


@dataclass(frozen=True)
class System:
    """A helpdesk whose exports are known.

    Attributes:
        name: As people call it.
        mapping: Name of the built-in mapping; empty if there is none.
        telling: Columns that hardly anybody else has, as squeezed plain names.
        least: Share of them that an export must have to be taken for this system.
        clock: Whose clock its dates show.
        roles: Role → its columns as squeezed plain names, the better ones first.
    """

    name: str
    mapping: str
    telling: frozenset[str]
    least: float
    clock: str
    roles: Mapping[str, tuple[str, ...]]

    @property
    def short_name(self) -> str:
        """Its name without what is in brackets."""
        return self.name.partition(" (")[0]

    def has(self, names: Sequence[str], role: str) -> bool:
        """Whether a column that may be named ``names`` has this role here."""
        return squeezed(names[0]) in self.roles.get(role, ())


@dataclass(frozen=True)
class Vocabulary:
    """All words.

    Attributes:
        roles: Role → squeezed plain names of columns, the better ones first.
        phrases: Role → words that mean it anywhere in the name of a column, the better ones first.
        strangers: Words in a column's name that speak of something else than the ticket.
        times: Parts of a column's name that speak of days and times.
        prefixes: Words in front of a column's name that say nothing but "ticket".
        agents: Words in a column's name that speak of those who answer, not of those who ask.
        priority: Word of a priority → the word of Talkdesk, longer words first.
        negations: Words that reverse the meaning of a priority.
        blank_signs: Signs that stand for an empty cell.
        blank_words: Words that may stand for an empty cell.
        comment_files: Parts of the names of files with comments.
        authors: Words in a column's name that speak of who wrote a comment.
        public: Squeezed plain names of columns that say whether the requester saw a comment.
        systems: The helpdesks that can be recognised.
    """

    roles: Mapping[str, tuple[str, ...]]
    phrases: Mapping[str, tuple[str, ...]]
    strangers: frozenset[str]
    times: tuple[str, ...]
    prefixes: tuple[str, ...]
    agents: frozenset[str]
    priority: Mapping[str, str]
    negations: frozenset[str]
    blank_signs: frozenset[str]
    blank_words: frozenset[str]
    comment_files: tuple[str, ...]
    authors: frozenset[str]
    public: frozenset[str]
    systems: tuple[System, ...]

    def names_of(self, column: str) -> tuple[str, ...]:
        """What ``column`` may be in the lists: its plain name, and this without the words that say "ticket"."""
        names = [plain_name(column)]
        while prefix := next((it for it in self.prefixes if names[-1].startswith(f"{it} ")), ""):
            names.append(names[-1].removeprefix(f"{prefix} "))
        return tuple(names)

    def rank(self, names: Sequence[str], role: str) -> int | None:
        """How well a column that may be named ``names`` fits a role by its name, 0 being best; None if not at all."""
        listed = self.roles[role]
        exact = min((listed.index(name) for name in map(squeezed, names) if name in listed), default=None)
        if exact is not None:
            return min(exact, _EXACT_MOST)
        words = names[0].split()
        if self.strangers.intersection(words):
            return None
        phrases = self.phrases.get(role, ())
        found = next((place for place, phrase in enumerate(phrases) if _says(words, phrase)), None)
        return None if found is None else _EXACT_MOST + 1 + min(found, _PHRASE_MOST)

    def is_about_time(self, name: str) -> bool:
        """Whether the name of a column speaks of a day or a time."""
        return any(part in name for part in self.times)


def _says(words: Sequence[str], phrase: str) -> bool:
    """Whether the words of ``phrase`` are in ``words``; scripts without spaces are searched letter by letter."""
    if is_unspaced(phrase):
        return phrase in "".join(words)
    wanted = phrase.split()
    return any(list(words[at : at + len(wanted)]) == wanted for at in range(len(words) - len(wanted) + 1))


@cache
def load_vocabulary() -> Vocabulary:
    """The words that come with the program."""
    words, signatures = _read("words.toml"), _read("signatures.toml")
    table = {word: level for level, known in words["priority"].items() for word in known}
    return Vocabulary(
        roles={role: _squeezed(names) for role, names in words["roles"].items()},
        phrases={role: _plain(names) for role, names in words["phrases"].items()},
        strangers=frozenset(words["strangers"]["words"]),
        times=tuple(words["times"]["parts"]),
        prefixes=tuple(words["prefixes"]),
        agents=frozenset(words["agents"]["words"]),
        priority=dict(sorted(table.items(), key=lambda entry: -len(entry[0]))),
        negations=frozenset(words["negation"]["words"]),
        blank_signs=frozenset(words["empty"]["sure"]),
        blank_words=frozenset(words["empty"]["words"]),
        comment_files=tuple(words["comments"]["files"]),
        authors=frozenset(words["comments"]["authors"]),
        public=frozenset(_squeezed(words["comments"]["public"])),
        systems=tuple(map(_system, signatures["system"])),
    )


def _system(entry: dict[str, Any]) -> System:
    return System(
        entry["name"],
        entry.get("mapping", ""),
        telling=frozenset(_squeezed(entry["telling"])),
        least=entry["least"],
        clock=entry["clock"],
        roles={role: _squeezed(names) for role, names in entry["roles"].items()},
    )


def _plain(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(plain_name, names)))


def _squeezed(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(squeezed, _plain(names))))


def _read(file: str) -> dict[str, Any]:
    return tomllib.loads(files("importer.suggest").joinpath(file).read_text("utf-8"))


def recognise(columns: Iterable[str], systems: Sequence[System]) -> System | None:
    """The system whose telling columns the export has, or None. The best share counts, then the most columns."""
    names = {squeezed(plain_name(column)) for column in columns}
    found = {system.name: len(system.telling & names) for system in systems}
    fitting = [system for system in systems if found[system.name] >= system.least * len(system.telling)]
    return max(fitting, key=lambda system: (found[system.name] / len(system.telling), found[system.name]), default=None)
