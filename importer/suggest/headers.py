"""How columns, systems and priorities are named: the words are in ``words/``, the systems in ``signatures.toml``."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_ASIAN = "[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
_SCRIPTS = re.compile(f"(?<={_ASIAN})(?=[A-Za-z])|(?<=[A-Za-z])(?={_ASIAN})")  # 工单ID has two words
_NOT_A_WORD = re.compile(r"[\W_]+")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]")
_COMPOUND = re.compile(r"[\uac00-\ud7a3]")  # Korean puts spaces into sentences, but hardly into names
_EXACT_MOST, _PHRASE_MOST = 40, 14  #: A phrase inside of a name counts less than any exact name.
_SCALE = {"1": "URGENT", "2": "HIGH", "3": "NORMAL", "4": "LOW", "5": "LOW"}
_NUMBER = re.compile(r"[PSps]?([1-5])(?:\.0)?")
_COMPOUND_LEAST = 6  #: Letters of a word that may end another one, as in ``Auftragsstatus``.
_LEADING = re.compile(r"\d{1,2}(?=\D)")
_TEXTS = frozenset({"title", "description", "note"})  #: Roles of texts: the id of one is none, whatever it is of.
_ACCENT = re.compile("[\u0300-\u036f]")
USUAL_PRIORITY = "NORMAL"
_LEVELS = ("URGENT", "HIGH", "NORMAL", "LOW")
_UNCLEAR = "unclear; choose a priority"


def folded(text: str) -> str:
    """``text`` in lower case and without accents: ``Prioridade Média`` and ``prioridade media`` are the same then."""
    return unicodedata.normalize("NFC", _ACCENT.sub("", unicodedata.normalize("NFD", text.casefold())))


def plain_name(name: str) -> str:
    """``name`` for comparing: folded, no punctuation, CamelCase and scripts taken apart; ``#`` stays what it is."""
    apart = _SCRIPTS.sub(" ", _CAMEL.sub(" ", unicodedata.normalize("NFC", name)))
    words = folded(_NOT_A_WORD.sub(" ", apart)).strip()
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


@dataclass(frozen=True)
class Called:
    """What the name of a column says about a role."""

    rank: int | None  #: Its place in the lists, 0 being best; None if it is in none.
    phrase: bool  #: Whether it only contains a telling word.
    known: bool  #: Whether the recognised system has the column under this name.

    @property
    def points(self) -> float:
        """How much that counts; 0 if the name says nothing."""
        return 200.0 if self.known else 0.0 if self.rank is None else 60.0 - min(self.rank, _EXACT_MOST)

    @property
    def exact(self) -> bool:
        """Whether the name as a whole is one for this role."""
        return self.known or (self.rank is not None and not self.phrase)


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The words of all languages, as ``words/README.md`` describes them; compared without case, accents and signs."""

    columns: Mapping[str, Mapping[str, int]]  #: Role → squeezed name of a column → its place in its list.
    phrases: Mapping[str, Sequence[str]]  #: Role → plain phrases.
    words: Mapping[
        str, Sequence[str]
    ]  #: ``strangers``, ``agents``, ``measures``, … → plain words and phrases, sorted; ``blank_…`` as written.
    prefixes: Sequence[str]
    #: Folded word → priority of Talkdesk, and the word as people write it; longer words first.
    levels: Mapping[str, tuple[str, str]]
    systems: Sequence[System]

    def names_of(self, column: str) -> tuple[str, ...]:
        """What ``column`` may be in the lists: its plain name, and this without the words that say "ticket".

        A name that is there twice (``Requester - Requester``, as GLPI writes them) counts once.
        """
        names = [plain_name(column)]
        words = names[0].split()
        if len(words) > 1 and words[: len(words) // 2] == words[len(words) // 2 :]:
            names.append(" ".join(words[: len(words) // 2]))
        while prefix := next((it for it in self.prefixes if names[-1].startswith(f"{it} ")), ""):
            names.append(names[-1].removeprefix(f"{prefix} "))
        return tuple(names)

    def called(self, names: Sequence[str], role: str, system: System | None = None) -> Called:
        """What the name of a column that may be named ``names`` says about a role."""
        known = system is not None and squeezed(names[0]) in system.roles.get(role, ())
        listed, phrases = self.columns.get(role, {}), self.phrases.get(role, ())
        exact = min((listed[name] for name in map(squeezed, names) if name in listed), default=None)
        if exact is not None:
            return Called(min(exact, _EXACT_MOST), False, known)
        phrase = next((place for place, each in enumerate(phrases) if _says(names[0], each)), None)
        is_id = role in _TEXTS and self.says("ids", names[0])
        if phrase is None or is_id or self.says("strangers", names[0]):
            return Called(None, False, known)
        return Called(_EXACT_MOST + 1 + min(phrase, _PHRASE_MOST), True, known)

    def says(self, about: str, name: str) -> str:
        """The first of the words ``about`` something that a plain name has; empty if it has none."""
        return next((word for word in self.words.get(about, ()) if _says(name, word)), "")


def joins_words(name: str) -> bool:
    """Whether ``name`` is in a script whose names are not taken apart by spaces."""
    return is_unspaced(name) or _COMPOUND.search(name) is not None


def _says(name: str, phrase: str) -> bool:
    """Whether the words of ``phrase`` are in a plain name, or end a longer word of it.

    Scripts that join words are searched letter by letter.
    """
    if joins_words(phrase):
        return phrase in name.replace(" ", "")
    is_end = len(phrase) >= _COMPOUND_LEAST and f"{phrase} " in f"{name} "
    return is_end or f" {phrase} " in f" {name} "


@cache
def load_vocabulary() -> Vocabulary:
    """The words that come with the program."""
    columns: dict[str, dict[str, int]] = {}
    phrases: dict[str, list[str]] = {}
    words: dict[str, set[str]] = {}
    levels: dict[str, tuple[str, str]] = {}
    prefixes: list[str] = []
    for blocks in _languages():
        for role in {role for block in blocks for role in block.get("columns", ())}:
            names = dict.fromkeys(squeezed(name) for block in blocks for name in block.get("columns", {}).get(role, ()))
            ranks = columns.setdefault(role, {})
            for place, name in enumerate(names):
                ranks[name] = min(place, ranks.get(name, place))
        for block in blocks:
            prefixes += block.get("prefixes", ())
            levels |= {
                folded(word): (level, word) for level, known in block.get("levels", {}).items() for word in known
            }
            for role, found in block.get("phrases", {}).items():
                phrases.setdefault(role, []).extend(map(plain_name, found))
            for about, found in block.get("words", {}).items():
                as_is = about.startswith("blank_")
                words.setdefault(about, set()).update(found if as_is else map(plain_name, found))
    return Vocabulary(
        columns=columns,
        phrases=phrases,
        words={about: sorted(found) for about, found in words.items()},
        prefixes=prefixes,
        levels=dict(sorted(levels.items(), key=lambda entry: -len(entry[0]))),
        systems=[
            System(**it | {"telling": frozenset(map(squeezed, it["telling"])), "roles": _squeezed(it["roles"])})
            for it in _read("signatures.toml")["system"]
        ],
    )


def _languages() -> list[list[dict[str, Any]]]:
    """The blocks of each language, English last: where two languages differ about a word, it has the last say."""
    folder = files("importer.suggest").joinpath("words")
    names = sorted(
        (it.name for it in folder.iterdir() if it.name.endswith(".toml")), key=lambda it: (it == "en.toml", it)
    )
    return [_read(f"words/{name}")["seen"] for name in names]


def _squeezed(roles: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    return {role: list(dict.fromkeys(map(squeezed, names))) for role, names in roles.items()}


def _read(file: str) -> dict[str, Any]:
    return tomllib.loads(files("importer.suggest").joinpath(file).read_text("utf-8"))


def recognise(columns: Iterable[str]) -> System | None:
    """The system whose telling columns the export has, or None. The best share counts, then the most columns."""
    names, systems = set(map(squeezed, columns)), load_vocabulary().systems
    found = {system.name: len(system.telling & names) for system in systems}
    fitting = [system for system in systems if found[system.name] >= system.least * len(system.telling)]
    return max(fitting, key=lambda system: (found[system.name] / len(system.telling), found[system.name]), default=None)


@dataclass(frozen=True)
class Level:
    """The priority of Talkdesk that a word of the export becomes, why, and whether that can be told from the word."""

    priority: str
    reason: str
    sure: bool


def level_of(word: str) -> Level:
    """The priority that a word of the export means."""
    vocabulary = load_vocabulary()
    if negations := set(vocabulary.words["negations"]).intersection(folded(word).replace("-", " ").split()):
        return Level(USUAL_PRIORITY, f"{min(negations)!r} reverses the meaning", sure=False)
    if known := _word_of_priority(word):
        priority, written = vocabulary.levels[known]
        return Level(priority, f"contains {written!r}", sure=True)
    if number := _NUMBER.fullmatch(_without_name(word)):
        return Level(_SCALE[number[1]], "number: 1 is assumed to be highest; reverse the list if not", sure=False)
    return Level(USUAL_PRIORITY, _UNCLEAR, sure=False)


def levels_of(words: Collection[str]) -> dict[str, Level]:
    """The priorities that the words of one column mean: where the list leaves it open, the other words decide."""
    vocabulary = load_vocabulary()
    levels = {word: level_of(word) for word in words}
    known = {word: _word_of_priority(word) for word, level in levels.items() if level.sure}
    for word, part in known.items():
        level, others = levels[word].priority, [other for other in known.values() if other != part]
        same = [other for other in others if vocabulary.levels[other][0] == level]
        if part in vocabulary.words["lesser"] and same:
            levels[word] = Level("LOW", f"below {vocabulary.levels[same[0]][1]!r}", sure=True)
        elif level == "URGENT" and any(other.endswith(f" {part}") for other in same) and not _has(levels, "HIGH"):
            levels[word] = Level("HIGH", "a stronger word is there too", sure=True)
    _place_numbered(levels)
    unknown = [word for word, level in levels.items() if level.reason == _UNCLEAR]
    gaps = [level for level in _LEVELS if not _has({word: levels[word] for word in known}, level)]
    if len(unknown) == len(gaps) == 1:
        levels[unknown[0]] = Level(gaps[0], "unclear; the other words leave only this priority", sure=False)
    return levels


def _place_numbered(levels: dict[str, Level]) -> None:
    """Puts words behind numbers (``5 - Planning``) between the nearest numbers of which the words are known."""
    numbers = {word: int(found[0]) for word in levels if (found := _LEADING.match(word))}
    ranks = {numbers[word]: _LEVELS.index(levels[word].priority) for word in numbers if levels[word].sure}
    if len(ranks) < 2 or len(set(numbers.values())) < len(levels):
        return
    for word, number in numbers.items():
        if levels[word].reason == _UNCLEAR:
            before, after = sorted(it for it in ranks if it < number), sorted(it for it in ranks if it > number)
            around = [ranks[it] for it in (*before[-1:], *after[:1])]
            levels[word] = Level(_LEVELS[sum(around) // len(around)], "unclear; placed by its number", sure=False)


def _has(levels: Mapping[str, Level], priority: str) -> bool:
    return any(level.priority == priority for level in levels.values())


def are_priorities(words: Collection[str]) -> bool:
    """Whether at least two different words are there and every one is a word of a priority."""
    return len(words) >= 2 and all(_word_of_priority(word) for word in words)


def _word_of_priority(word: str) -> str:
    """The longest word of the lists that is in ``word``; empty if none is. Scripts without spaces need none around."""
    text = folded(word)
    for known in load_vocabulary().levels:
        if known in text and (is_unspaced(known) or re.search(rf"(?<![^\W_]){re.escape(known)}(?![^\W_])", text)):
            return known
    return ""


def _without_name(word: str) -> str:
    """``Priority 2`` → ``2``: a number is a rank too if what stands next to it is a name for a priority."""
    name, number = re.sub(r"[\d.]+", " ", word), re.findall(r"\d+(?:\.0)?", word)
    return number[0] if len(number) == 1 and squeezed(name) in load_vocabulary().columns["priority"] else word
