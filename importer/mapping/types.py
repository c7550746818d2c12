"""What the text of a cell can mean. A new type is a new entry in :data:`TYPES`, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from importer.mapping.cell_errors import CellError, too_large
from importer.mapping.dates import ISO, day, instant, parser, time_zone
from importer.mapping.json_texts import json_texts
from importer.mapping.problems import listed
from importer.mapping.text import text_steps
from importer.talkdesk.case import INTEGER_MAX

if TYPE_CHECKING:
    from importer.mapping.spec import ValueForm
    from importer.mapping.targets import Target

#: The text of a cell that is not empty → its value. Raises :class:`CellError`.
Convert: TypeAlias = "Callable[[str], Any]"
Split: TypeAlias = "Callable[[str], list[str]]"
_Build: TypeAlias = "Callable[[ValueForm, Target], Convert]"


class ValueType(NamedTuple):
    """A type of the mapping language.

    Attributes:
        yields: What comes out, for :attr:`Target.takes` to accept or not.
        build: Makes the function that converts one text.
        options: Keys of a value that mean something for this type only.
        split: If a cell holds several texts: makes the function that takes them apart; ``build`` then converts one.
    """

    yields: str
    build: _Build
    options: frozenset[str] = frozenset()
    split: Callable[[ValueForm], Split] | None = None

    @property
    def many(self) -> bool:
        """Whether a cell holds several texts."""
        return self.split is not None


#: Words for yes and no. Upper and lower case are the same.
BOOLEAN_WORDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = MappingProxyType(
    {
        "any": (("1", "x", "✓", "✔", "☑"), ("0", "☐")),
        "English": (("true", "yes", "y", "t", "on"), ("false", "no", "n", "f", "off")),
        "Portuguese": (("verdadeiro", "sim", "s"), ("falso", "não", "nao")),
        "Spanish": (("verdadero", "sí", "si"), ("falso", "no")),
        "French": (("vrai", "oui"), ("faux", "non")),
        "German": (("wahr", "ja"), ("falsch", "nein")),
        "Italian": (("vero", "sì", "si"), ("falso", "no")),
        "Dutch": (("waar", "ja"), ("onwaar", "nee")),
        "Polish": (("prawda", "tak"), ("fałsz", "nie")),
        "Russian": (("истина", "да"), ("ложь", "нет")),
        "Japanese": (("はい",), ("いいえ",)),
        "Chinese": (("是",), ("否",)),
    }
)

_INTEGER = re.compile(r"[+-]?[0-9]{1,30}")
_DECIMAL = re.compile(r"[+-]?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})")
_DIGITS_KEPT = 15  # so many decimal digits survive in any double
_EMAIL_MAX = 254
_DOMAINS = 1024  # remembered
_ATOM = r"[^\s\x00-\x20\x7f@.,;:<>()\[\]\\\"]+"
_LOCAL_PART = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_DOMAIN = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W_](?:[\w-]{0,61}[^\W_])?")


def _text(form: ValueForm, target: Target) -> Convert:
    steps = text_steps(form, target)
    if not steps:
        return str
    first, *rest = steps
    return _after(first, rest)


def _after(first: Convert, rest: list[Convert]) -> Convert:
    if not rest:
        return first
    then = _after(rest[0], rest[1:])
    return lambda text: then(first(text))


def _email(_: ValueForm, __: Target) -> Convert:
    is_domain = lru_cache(_DOMAINS)(lambda domain: _DOMAIN.fullmatch(domain) is not None)  # there are few of them

    def convert(text: str) -> str:
        text = text.strip()
        local, at, domain = text.rpartition("@")
        if len(text) > _EMAIL_MAX or not at or _LOCAL_PART.fullmatch(local) is None or not is_domain(domain):
            raise CellError("not_an_email", "is not one e-mail address, such as ana@example.com", "correct the cell")
        return text

    return convert


def _integer(_: ValueForm, __: Target) -> Convert:
    def convert(text: str) -> int:
        text = text.strip()
        if _INTEGER.fullmatch(text) is None:
            raise CellError("not_an_integer", "is not a whole number in digits, such as 42", "correct the cell")
        number = int(text)
        if abs(number) > INTEGER_MAX:
            raise too_large()
        return number

    return convert


def _decimal(_: ValueForm, __: Target) -> Convert:
    def convert(text: str) -> float:
        text = text.strip()
        if _DECIMAL.fullmatch(text) is None:
            rule = "is not a number with a point before the decimals, such as 1234.5"
            raise CellError("not_a_decimal", rule, "correct the cell")
        number = float(text)
        if len(text) > _DIGITS_KEPT and Decimal(repr(number)) != Decimal(text):
            rule = "has more digits than readers of JSON keep"
            raise CellError("too_precise", rule, "keep it in a text field instead")
        return number

    return convert


def _boolean(_: ValueForm, __: Target) -> Convert:
    words: dict[str, bool] = {}
    for yes, no in BOOLEAN_WORDS.values():
        words |= dict.fromkeys(yes, True) | dict.fromkeys(no, False)

    def convert(text: str) -> bool:
        try:
            return words[text.strip().casefold()]
        except KeyError:
            hint = "correct the cell, or translate its words with `values:`"
            raise CellError("not_a_boolean", "is not a word for yes or no, such as true or false", hint) from None

    return convert


def _moment(render: Callable[[datetime, tzinfo], str]) -> _Build:
    def build(form: ValueForm, _: Target) -> Convert:
        formats = form.format or (ISO,)
        parsers = [parser(pattern) for pattern in formats]
        zone = time_zone(form.timezone) if form.timezone else UTC

        def convert(text: str) -> str:
            text = text.strip()
            for parse in parsers:
                if (moment := parse(text)) is not None:
                    return render(moment, zone)
            raise CellError(
                "not_a_date",
                f"is not a date in the form {listed(formats)}",
                "correct it, or name its form in `format:`",
            )

        return convert

    return build


def _entry(_: ValueForm, __: Target) -> Convert:
    return str.strip


def _separated(form: ValueForm) -> Split:
    separator = form.separator or DEFAULT_SEPARATOR
    return lambda text: text.split(separator)


def _json(_: ValueForm) -> Split:
    return json_texts


DEFAULT_SEPARATOR = ","


def _path(form: ValueForm, target: Target) -> Convert:
    split = _separated(form)
    keys_of = target.options.path_of if target.options else list[str]

    def convert(text: str) -> list[str] | None:
        return keys_of([part.strip() for part in split(text) if part.strip()]) or None

    return convert


def converter(kind: ValueType, form: ValueForm, target: Target) -> Convert:
    """Converts one text to a value of a type; where the target has options, to the key of one, or to its number."""
    convert = kind.build(form, target)
    if target.options is None or kind.yields == "path":
        return convert
    if kind.yields == "integer":
        return target.options.number_of
    key_of = target.options.key_of
    return lambda text: key_of(convert(text))


_DATE_OPTIONS = frozenset({"format", "timezone"})

TYPES: Mapping[str, ValueType] = MappingProxyType(
    {
        "text": ValueType("text", _text, frozenset({"strip", "collapse", "max", "overflow", "html"})),
        "integer": ValueType("integer", _integer),
        "decimal": ValueType("decimal", _decimal),
        "boolean": ValueType("boolean", _boolean),
        "date": ValueType("instant", _moment(day), _DATE_OPTIONS),
        "datetime": ValueType("instant", _moment(instant), _DATE_OPTIONS),
        "email": ValueType("text", _email),
        "list": ValueType("list", _entry, frozenset({"separator"}), split=_separated),
        "path": ValueType("path", _path, frozenset({"separator"})),
        "json": ValueType("list", _entry, split=_json),
    }
)
