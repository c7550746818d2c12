"""What the text of a cell can mean, and what each field of a case takes.

A new type is a new entry in :data:`TYPES`. Limits are those of the model of the case.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import ValidationError

from importer.mapping.dates import ISO, WORDS, day, instant, parser, time_zone
from importer.mapping.email_addresses import Address, first_address, is_email
from importer.mapping.field_errors import ELLIPSIS, CellError, from_pydantic, too_long
from importer.mapping.language.types import Ignored, Kind
from importer.talkdesk.payloads import (
    CUSTOM_FIELD_TYPES,
    INTEGER_MAX,
    Check,
    choices,
    custom_field_prefix,
    field_types,
    longest,
    value_check,
)
from importer.text.wording import listed

if TYPE_CHECKING:
    from importer.mapping.custom_fields import Options
    from importer.mapping.language.value_forms import ValueForm
    from importer.talkdesk.fields import FieldDefinition

#: The text of a cell that is not empty → its value. Raises :class:`CellError`.
Convert: TypeAlias = "Callable[[str], Any]"
#: A cell that holds several texts → these.
Split: TypeAlias = "Callable[[str], list[str]]"


@dataclass(frozen=True, slots=True)
class Target:
    """One field of a case."""

    name: str  #: As it is called in messages, such as ``custom_fields.date1``.
    validate: Check  #: What the model of the case says about a value.
    type: str = "text"  #: The type that a value has if the mapping names none.
    accepts: frozenset[Kind] = frozenset({"text", "instant"})  #: The kinds of values that it accepts.
    one_line: bool = True  #: Whether a text is one line, which has its spaces and line breaks put in order by default.
    limit: int | None = None  #: How many characters a text may have, if that is known.
    required: bool = False  #: Whether a case without it is invalid.
    choices: tuple[str, ...] = ()  #: What it takes, if that is one of a few words.
    is_path: bool = False  #: Whether a list is a path through options: nothing may be missing in it.
    options: Options | None = None  #: What can be chosen, if its definition is known: a text is the label of an option.

    def check(self, value: Any) -> None:
        """Lets the model of the case check a value. Raises :class:`CellError`."""
        try:
            self.validate(value)
        except ValidationError as error:
            raise from_pydantic(error.errors(include_url=False)[0]) from None


@dataclass(frozen=True, slots=True)
class ValueType:
    """A type of the mapping language."""

    makes: Kind  #: What comes out.
    build: Callable[[ValueForm, Target], Convert]  #: Makes the function that converts one text.
    options: frozenset[str] = frozenset()  #: Keys of a value that have a meaning for this type only.
    #: If a cell holds several texts: makes the function that takes them apart; ``build`` then converts one.
    split: Callable[[ValueForm], Split] | None = None


#: Language → words for yes and for no. Upper and lower case are the same.
BOOLEAN_WORDS: Mapping[str, tuple[list[str], list[str]]] = {
    language: (yes.split(), no.split()) for language, (yes, no) in WORDS["yes_and_no"].items()
}
_YES, _NO = (frozenset(word for words in BOOLEAN_WORDS.values() for word in words[side]) for side in (0, 1))
_INTEGER = re.compile(r"[+-]?[0-9]{1,30}")
_DECIMAL = re.compile(r"[+-]?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})")
_DIGITS_KEPT = 15  # so many decimal digits survive in any double
_WHITE_SPACE = re.compile(r"\s+")
_BREAKS = re.compile("[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+")


def folding(ignored: Collection[Ignored]) -> Callable[[str], str]:
    """The function that gives one text for all that count as the same. Spaces around a text never count."""

    def fold(text: str) -> str:
        text = "".join(text.split()) if "blanks" in ignored else text.strip()
        return text.casefold() if "case" in ignored else text

    return fold if ignored else str.strip


# -- texts -----------------------------------------------------------------------------------------


def tidying(form: ValueForm, target: Target) -> Callable[[str], str]:
    """Puts spaces and line breaks of a text in order, as the value says; never makes nothing of something."""
    strip = target.one_line if form.strip is None else form.strip
    if form.collapse is None and target.one_line:
        return (lambda text: in_one_line(text.strip())) if strip else in_one_line
    if form.collapse:
        return lambda text: _WHITE_SPACE.sub(" ", text.strip() if strip else text)
    return str.strip if strip else str


def in_one_line(text: str) -> str:
    """Line breaks and tabs, with the spaces around them, become one space; all else stays."""
    if text.isprintable():
        return text
    first, *others = _BREAKS.split(text)
    if not others:
        return text
    *middle, last = others
    return " ".join([first.rstrip(), *filter(None, map(str.strip, middle)), last.lstrip()])


def _text(form: ValueForm, target: Target) -> Convert:
    """A text in order. The limit of the field itself is checked with the field, unless the text is to be cut."""
    tidy, cuts = tidying(form, target), form.overflow != "reject"
    most = form.max or (target.limit if cuts else None)

    def convert(text: str) -> str:
        text = tidy(text)
        if most is None or len(text) <= most:
            return text
        if not cuts:
            raise too_long(text, most)
        return text[: most - 1].rstrip() + ELLIPSIS

    return convert


# -- other types -----------------------------------------------------------------------------------


def _email(text: str) -> str:
    text = text.strip()
    if not is_email(text):
        hint = "for cells such as 'Ana <ana@example.com>', or with several addresses, set `type: address`"
        raise CellError("not_an_email", hint=hint if first_address(text) else "")
    return text


def _address(text: str) -> Address:
    found = first_address(text)
    if found is None:
        raise CellError("no_email_first")
    return found


def _integer(text: str) -> int:
    text = text.strip()
    if _INTEGER.fullmatch(text) is None:
        raise CellError("not_an_integer")
    number = int(text)
    if abs(number) > INTEGER_MAX:
        raise CellError("too_large", most=INTEGER_MAX)
    return number


def _decimal(text: str) -> float:
    text = text.strip()
    if _DECIMAL.fullmatch(text) is None:
        raise CellError("not_a_decimal")
    number = float(text)
    if len(text) > _DIGITS_KEPT and Decimal(repr(number)) != Decimal(text):
        raise CellError("too_precise")
    return number


def _boolean(text: str) -> bool:
    word = text.strip().casefold()
    if word not in _YES | _NO:
        raise CellError("not_a_boolean")
    return word in _YES


def _moment(render: Callable[[datetime, tzinfo], str]) -> Callable[[ValueForm, Target], Convert]:
    def build(form: ValueForm, _: Target) -> Convert:
        formats = form.format or (ISO,)
        zone = time_zone(form.timezone) if form.timezone else UTC
        parsers = [parser(pattern, zone) for pattern in formats]
        shown = listed("ISO 8601" if pattern == ISO else pattern for pattern in formats)

        def convert(text: str) -> str:
            text = text.strip()
            for parse in parsers:
                if (moment := parse(text)) is not None:
                    return render(moment, zone)
            raise CellError("not_a_date", formats=shown)

        return convert

    return build


# -- several texts in one cell ---------------------------------------------------------------------


def _separated(form: ValueForm) -> Split:
    return lambda text: text.split(form.separator or ",")


def _path(form: ValueForm, target: Target) -> Convert:
    split, keys_of = _separated(form), target.options.path_of if target.options else list[str]
    return lambda text: keys_of(gapless([part.strip() for part in split(text)])) or None


def gapless(parts: Sequence[Any]) -> list[Any]:
    """The parts of a path without empty ones at its ends. Raises :class:`CellError` if one between others is empty."""
    filled = [at for at, part in enumerate(parts) if part]
    if filled and len(filled) <= filled[-1] - filled[0]:
        raise CellError("empty_part")
    return [parts[at] for at in filled]


def _json_texts(text: str) -> list[str]:
    """The texts of a JSON list, or the one text of a JSON scalar. Numbers stay as they are written; null is none."""
    try:
        content = json.loads(text, parse_int=str, parse_float=str, parse_constant=lambda _: object())
    except (ValueError, RecursionError):
        content = object()
    entries = [entry for entry in (content if isinstance(content, list) else [content]) if entry is not None]
    if not all(isinstance(entry, str | bool) for entry in entries):
        raise CellError("not_json")
    return [entry if isinstance(entry, str) else str(entry).lower() for entry in entries]


def converter(kind: ValueType, form: ValueForm, target: Target) -> Convert:
    """Converts one text to a value of a type; where the target has options, to the key of one, or to its number."""
    convert, options = kind.build(form, target), target.options
    if options is None or kind.makes == "path":
        return convert
    return options.number_of if kind.makes == "integer" else lambda text: options.key_of(convert(text))


_DATE_OPTIONS = frozenset({"format", "timezone"})

TYPES: Mapping[str, ValueType] = {
    "text": ValueType("text", _text, frozenset({"strip", "collapse", "max", "overflow", "html"})),
    "integer": ValueType("integer", lambda *_: _integer),
    "decimal": ValueType("decimal", lambda *_: _decimal),
    "boolean": ValueType("boolean", lambda *_: _boolean),
    "date": ValueType("instant", _moment(day), _DATE_OPTIONS),
    "datetime": ValueType("instant", _moment(instant), _DATE_OPTIONS),
    "email": ValueType("text", lambda *_: _email),
    "address": ValueType("text", lambda *_: lambda text: _address(text).address),
    "address_name": ValueType("text", lambda *_: lambda text: _address(text).name or None),
    "list": ValueType("list", lambda *_: str.strip, frozenset({"separator"}), split=_separated),
    "path": ValueType("path", _path, frozenset({"separator"})),
    "json": ValueType("list", lambda *_: str.strip, split=lambda _: _json_texts),
}

# -- what the fields of a case take ----------------------------------------------------------------

_BOOLEAN = {"type": "boolean", "accepts": frozenset({"boolean"})}
_OPTION = {"accepts": frozenset({"text", "instant", "integer"})}
#: Field, or kind of a custom field → what differs from a text of one line.
_WHAT: Mapping[str, dict[str, Any]] = {
    "description": {"one_line": False},
    "requester_email": {"type": "email"},
    "note_body": {"one_line": False},
    "resolution": {"one_line": False},
    "public": _BOOLEAN,
    "checkbox": _BOOLEAN,
    "date": {"type": "datetime", "accepts": frozenset({"instant"})},
    "decimal": {"type": "decimal", "accepts": frozenset({"integer", "decimal"})},
    "dependent_field": {"type": "list", "accepts": frozenset({"list", "path"}), "is_path": True},
    "drop_down": _OPTION,
    "dropdown": _OPTION,
    "multi_line_text": {"one_line": False},
    "multi_select": {"type": "list", "accepts": frozenset({"list"})},
    "numeric": {"type": "integer", "accepts": frozenset({"integer"})},
}
#: What a value is for by which notes are sorted.
ORDER = Target("notes.order", validate=lambda _: None, accepts=frozenset({"text", "instant", "integer", "decimal"}))


def field_target(model: Any, name: str, *, within: str = "") -> Target:
    """The target of a plain field of a case, an update or a note (the ``model``), such as ``title``."""
    annotation, required = field_types(model)[name]
    is_needed = required and name != "note_body"  # without a body there is no note, which is not an error
    return _target(within + name, name, annotation, required=is_needed)


def custom_target(key: str, definition: FieldDefinition | None, options: Options | None) -> Target | None:
    """The target of a custom field; None if neither its key nor its definition says of what kind it is."""
    kind = definition.kind if definition else custom_field_prefix(key)
    if kind is None:
        return None
    target = _target(f"custom_fields.{key}", kind, CUSTOM_FIELD_TYPES[kind])
    if options is not None and kind == "dependent_field":  # which options there are depends on those before
        return replace(target, options=options, type="path", accepts=frozenset({"path"}))
    return replace(target, options=options) if kind in ("drop_down", "dropdown", "multi_select") else target


def _target(name: str, kind: str, annotation: Any, *, required: bool = False) -> Target:
    return Target(
        name,
        value_check(annotation),
        limit=longest(annotation),
        required=required,
        choices=choices(annotation),
        **_WHAT.get(kind, {}),
    )
