"""How columns, systems and priorities are named: the words and what they mean are in TOML files."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NOT_A_WORD = re.compile(r"[\W_]+")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]")
_EXACT_MOST, _PHRASE_MOST = 40, 14  #: A phrase inside of a name counts less than any exact name.
_SCALE = {"1": "URGENT", "2": "HIGH", "3": "NORMAL", "4": "LOW", "5": "LOW"}
_NUMBER = re.compile(r"[PSps]?([1-5])")
USUAL_PRIORITY = "NORMAL"


def plain_name(name: str) -> str:
    """``name`` for comparing: lower case, no punctuation, CamelCase taken apart; ``#`` stays what it is."""
    words = _NOT_A_WORD.sub(" ", _CAMEL.sub(" ", name)).casefold().strip()
    return words or name.strip()


def squeezed(name: str) -> str:
    """A plain name without spaces: ``CASENUMBER`` and ``Case Number`` are the same then, as are e-mail and email."""
    return plain_name(name).replace(" ", "")


def is_unspaced(text: str) -> bool:
    """Whether ``text`` has letters of a script that puts no spaces between words."""
    return _UNSPACED.search(text) is not None


@dataclass(frozen=True)
class System:
    """A helpdesk whose exports are known, as ``signatures.toml`` describes it; columns are squeezed."""

    name: str
    telling: frozenset[str]
    least: float
    clock: str
    roles: Mapping[str, Sequence[str]]
    mapping: str = ""  #: Name of the built-in mapping, if there is one.

    @property
    def short_name(self) -> str:
        """Its name without what is in brackets."""
        return self.name.partition(" (")[0]

    def has(self, names: Sequence[str], role: str) -> bool:
        """Whether a column that may be named ``names`` has this role here."""
        return squeezed(names[0]) in self.roles.get(role, ())


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The words, as ``words.toml`` describes them: names of columns squeezed, phrases plain, the better ones first."""

    roles: Mapping[str, Sequence[str]]
    phrases: Mapping[str, Sequence[str]]
    strangers: frozenset[str]
    times: Sequence[str]
    prefixes: Sequence[str]
    agents: frozenset[str]
    priority: Mapping[str, str]  #: Word → priority of Talkdesk, longer words first.
    negations: frozenset[str]
    blank_signs: frozenset[str]
    blank_words: frozenset[str]
    comment_files: Sequence[str]
    authors: frozenset[str]
    public: frozenset[str]
    systems: Sequence[System]

    def names_of(self, column: str) -> tuple[str, ...]:
        """What ``column`` may be in the lists: its plain name, and this without the words that say "ticket"."""
        names = [plain_name(column)]
        while prefix := next((it for it in self.prefixes if names[-1].startswith(f"{it} ")), ""):
            names.append(names[-1].removeprefix(f"{prefix} "))
        return tuple(names)

    def exact_rank(self, names: Sequence[str], role: str) -> int | None:
        """The place of a name in the list of a role; None if it has none of these."""
        listed = self.roles[role]
        return min((listed.index(name) for name in map(squeezed, names) if name in listed), default=None)

    def rank(self, names: Sequence[str], role: str) -> int | None:
        """How well a column that may be named ``names`` fits a role by its name, 0 being best; None if not at all."""
        exact = self.exact_rank(names, role)
        if exact is not None:
            return min(exact, _EXACT_MOST)
        words = names[0].split()
        if self.strangers.intersection(words):
            return None
        phrases = self.phrases.get(role, ())
        found = next((place for place, phrase in enumerate(phrases) if _says(words, phrase)), None)
        return None if found is None else _EXACT_MOST + 1 + min(found, _PHRASE_MOST)


def _says(words: Sequence[str], phrase: str) -> bool:
    """Whether the words of ``phrase`` are in ``words``; scripts without spaces are searched letter by letter."""
    if is_unspaced(phrase):
        return phrase in "".join(words)
    return f" {phrase} " in f" {' '.join(words)} "


@cache
def load_vocabulary() -> Vocabulary:
    """The words that come with the program."""
    words, signatures = _read("words.toml"), _read("signatures.toml")
    table = {word: level for level, known in words["priority"].items() for word in known}
    return Vocabulary(
        roles=_squeezed(words["roles"]),
        phrases={role: list(map(plain_name, names)) for role, names in words["phrases"].items()},
        strangers=frozenset(words["strangers"]["words"]),
        times=words["times"]["parts"],
        prefixes=words["prefixes"],
        agents=frozenset(words["agents"]["words"]),
        priority=dict(sorted(table.items(), key=lambda entry: -len(entry[0]))),
        negations=frozenset(words["negation"]["words"]),
        blank_signs=frozenset(words["empty"]["sure"]),
        blank_words=frozenset(words["empty"]["words"]),
        comment_files=words["comments"]["files"],
        authors=frozenset(words["comments"]["authors"]),
        public=frozenset(map(squeezed, words["comments"]["public"])),
        systems=[
            System(**it | {"telling": frozenset(map(squeezed, it["telling"])), "roles": _squeezed(it["roles"])})
            for it in signatures["system"]
        ],
    )


def _squeezed(roles: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    return {role: list(dict.fromkeys(map(squeezed, names))) for role, names in roles.items()}


def _read(file: str) -> dict[str, Any]:
    return tomllib.loads(files("importer.suggest").joinpath(file).read_text("utf-8"))


def recognise(columns: Iterable[str], systems: Sequence[System]) -> System | None:
    """The system whose telling columns the export has, or None. The best share counts, then the most columns."""
    names = set(map(squeezed, columns))
    found = {system.name: len(system.telling & names) for system in systems}
    fitting = [system for system in systems if found[system.name] >= system.least * len(system.telling)]
    return max(fitting, key=lambda system: (found[system.name] / len(system.telling), found[system.name]), default=None)


@dataclass(frozen=True)
class Level:
    """The priority of Talkdesk that a word of the export becomes, why, and whether that can be told from the word."""

    priority: str
    reason: str
    sure: bool


def level_of(word: str, vocabulary: Vocabulary) -> Level:
    """The priority that a word of the export means."""
    if negations := vocabulary.negations.intersection(word.casefold().replace("-", " ").split()):
        return Level(USUAL_PRIORITY, f"{min(negations)!r} reverses the meaning", sure=False)
    if known := _word_of_priority(word, vocabulary):
        return Level(vocabulary.priority[known], f"contains {known!r}", sure=True)
    if number := _NUMBER.fullmatch(word):
        return Level(_SCALE[number[1]], "number: 1 is assumed to be highest; reverse the list if not", sure=False)
    return Level(USUAL_PRIORITY, "unclear; choose a priority", sure=False)


def are_priorities(words: Collection[str], vocabulary: Vocabulary) -> bool:
    """Whether at least two different words are there and every one is a word of a priority."""
    return len(words) >= 2 and all(_word_of_priority(word, vocabulary) for word in words)


def _word_of_priority(word: str, vocabulary: Vocabulary) -> str:
    """The longest word of the lists that is in ``word``; letters of other scripts need no spaces around."""
    text = word.casefold()
    for known in vocabulary.priority:
        if known in text and (not known.isascii() or re.search(rf"(?<![^\W_]){re.escape(known)}(?![^\W_])", text)):
            return known
    return ""
