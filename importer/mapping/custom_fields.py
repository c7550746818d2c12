"""Custom fields of an account: the file of their definitions, read and written, and the labels of their options."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

import orjson
from pydantic import Field, ValidationError

from importer.errors import MappingError
from importer.files.small import head_of
from importer.files.yaml import NodePath, mark_of
from importer.files.yaml_edits import quoted
from importer.mapping.field_errors import CellError, Document, FormError, MappingProblems, Problem, Problems
from importer.mapping.language.value_forms import Form
from importer.talkdesk.fields import FieldDefinition, Option, read_definitions
from importer.talkdesk.payloads import other_spelling
from importer.talkdesk.search import UnreadableListError
from importer.text.safe import shown
from importer.text.wording import close_words, listed, nearest

#: A larger file is not one of definitions.
SIZE_MAX = 16 * 1024 * 1024
#: Texts of a field are compared with so many options, or words of a table, to find one that was meant: for a long
#: column that was mapped by mistake it would take minutes.
COMPARED_MAX = 50_000
_DIGITS_MAX = 15  # as many as any reader of JSON keeps
_HINT = "create it again with: case-importer fields --save FILE"

Definitions = Mapping[str, FieldDefinition]


class OptionForm(Form):
    """An option, with those below it."""

    key: Annotated[str, Field(min_length=1)]
    label: str
    options: tuple[OptionForm, ...] = ()


class FieldForm(Form):
    """A custom field."""

    name: str
    type: str = ""
    active: bool = True
    required: bool = False
    options: tuple[OptionForm, ...] = ()


class FieldsForm(Form):
    """A file of definitions."""

    version: Annotated[int, Field(ge=1, le=1)]
    fields: dict[str, FieldForm]


def read_fields(content: bytes, file: str) -> Definitions:
    """The definitions in the bytes of a file: as :func:`fields_text` writes them, or the bare answer of the API.

    Raises:
        FormError: It is too large, or JSON of another kind.
        MappingProblems: It is not of the right form; with its line and column, but nothing that is in it, since it
            may be any file.
    """
    if len(content) > SIZE_MAX:
        raise FormError(f"{file} is larger than 16 MiB", "check that this is the right file")
    if content.lstrip()[:1] in (b"[", b"{"):
        try:
            return {definition.key: definition for definition in read_definitions(orjson.loads(content))}
        except (orjson.JSONDecodeError, UnreadableListError) as error:
            raise FormError(f"{file} contains no custom field definitions: {error}", _HINT) from None
    try:
        document = Document.read(content, file)
        fields = FieldsForm.model_validate(document.root).fields
    except MappingProblems as error:
        mark = error.problems[0].mark
    except ValidationError as error:
        mark = min(mark_of(document.root, tuple(found["loc"])) for found in error.errors())
    else:
        return {key: FieldDefinition(key=key, **form.model_dump()) for key, form in fields.items()}
    raise MappingProblems(file, [Problem("the file is not a fields file", mark, _HINT)])


def load_fields(path: Path) -> Definitions:
    """The definitions in a file that no mapping names.

    Raises:
        MappingError: It cannot be read, or is not of the right form.
    """
    try:
        return read_fields(head_of(path, SIZE_MAX + 1), str(path))
    except OSError as error:
        what, hint = f"cannot read the fields file: {error.strerror or error}", "check its path and permissions"
        raise MappingError(what, where=str(path), hint=hint) from None
    except FormError as error:
        raise MappingError(error.what, hint=error.hint) from None


def definition_of(key: str, definitions: Definitions | None) -> FieldDefinition | None:
    """The field that a key means: some pages of the API call a drop-down ``drop_down1``, others ``dropdown1``."""
    known = definitions or {}
    return known.get(key) or known.get(other_spelling(key) or "")


def check_usable(key: str, definitions: Definitions | None, *, path: NodePath, problems: Problems) -> bool:
    """Whether an account that is known has and uses this field; if not, that is a problem of what is at ``path``."""
    if definitions is None:
        return True
    definition = definition_of(key, definitions)
    if definition is not None and definition.active:
        return True
    if definition is not None:
        what = f"the custom field {shown(key)!r} ({definition.name}) is not active"
        hint = "activate it in Talkdesk and run case-importer fields again, or remove it"
    else:
        what = f"the account has no custom field {shown(key)!r}"
        has = listed(f"{known.key} ({known.name})" for known in definitions.values() if known.active)
        hint = nearest(key, definitions, otherwise=f"custom fields: {has}")
        if keys := [known.key for known in definitions.values() if known.name.casefold() == key.strip().casefold()]:
            hint = f"this is the name of {listed(keys)}; use the key"
    problems.add(path, what, hint, key=len(path) > 1)
    return False


def fields_text(definitions: Iterable[FieldDefinition], *, account: str) -> str:
    """The text of a file of the definitions of an ``account``, the name of each field above it."""
    lines = [f"# Custom fields of {account}", "version: 1", "fields:"]
    for field in definitions:
        lines += [
            f"  # {' '.join(field.name.split())}{'' if field.active else ' (not active)'}",
            f"  {quoted(field.key)}:",
            f"    name: {quoted(field.name)}",
            f"    type: {quoted(field.type)}",
            f"    active: {'true' if field.active else 'false'}",
            *(["    required: true"] if field.required else []),
            *_option_lines(field.options, " " * 4),
        ]
    return "\n".join([*lines, ""]) if len(lines) > 3 else "\n".join([*lines[:2], "fields: {}", ""])


def _option_lines(options: tuple[Option, ...], indent: str) -> Iterator[str]:
    if options:
        yield f"{indent}options:"
    for option in options:
        yield f"{indent}  - key: {quoted(option.key)}"
        yield f"{indent}    label: {quoted(option.label)}"
        yield from _option_lines(option.children, indent + " " * 4)


# -- options ---------------------------------------------------------------------------------------


class _Level:
    """Options of which one is chosen, and what is below each of them."""

    def __init__(self, options: tuple[Option, ...]) -> None:
        self.labels = tuple(dict.fromkeys(option.label for option in options))
        self.below = {option.key: _Level(option.children) for option in options}
        self._by_label: dict[str, list[Option]] = {}
        self._by_key: dict[str, list[Option]] = {}
        for option in options:
            self._by_label.setdefault(_folded(option.label), []).append(option)
            self._by_key.setdefault(option.key, []).append(option)

    def matching(self, text: str) -> list[Option]:
        """The options with this label, or else with this key."""
        return self._by_label.get(_folded(text)) or self._by_key.get(text.strip(), [])


class Options:
    """The options of one field.

    Labels are compared without regard to upper and lower case, or to how many spaces are between words. A key is
    taken too, unless the same text is a label.
    """

    def __init__(self, definition: FieldDefinition) -> None:
        self._field = f"{definition.name!r} ({definition.key})"
        self._top = _Level(definition.options)
        self.labels = self._top.labels  #: The labels of the options, without those below them.
        self._numbers = {key.lstrip("0"): key for key in self._top.below if _is_number(key)}
        self._compared = 0

    def key_of(self, text: str) -> str:
        """The key of the option that ``text`` means. Raises :class:`CellError`."""
        return self._chosen(self._top, text).key

    def number_of(self, text: str) -> int:
        """The key of the option that ``text`` means, as a number; it may be that number. Raises :class:`CellError`."""
        key = self.key_of(text if self._top.matching(text) else self._numbers.get(text.strip().lstrip("0"), text))
        if not _is_number(key):
            raise CellError("option_without_number", key=key, field=self._field)
        return int(key)

    def path_of(self, texts: Iterable[str]) -> list[str]:
        """The keys from the root to a leaf, or to some option on the way there. Raises :class:`CellError`."""
        level, place = self._top, ""
        keys: list[str] = []
        for text in texts:
            option = self._chosen(level, text, part=f"contains {text!r}, which ", place=place)
            keys.append(option.key)
            level, place = level.below[option.key], f" below {option.label!r}"
        return keys

    def _chosen(self, level: _Level, text: str, *, part: str = "", place: str = "") -> Option:
        found = level.matching(text)
        if len(found) == 1:
            return found[0]
        if found:
            keys = listed(option.key for option in found)
            raise CellError("ambiguous_option", part=part, field=self._field, keys=keys)
        self._compared += len(level.labels)
        close = close_words(text, level.labels, fold=_folded, most=3) if self._compared <= COMPARED_MAX else []
        hint = "" if level.labels else "remove it: this level has no options"
        if close:
            hint = f"did you mean {' or '.join(map(repr, close))}?"
        facts = {"part": part, "field": self._field, "place": place, "options": listed(map(repr, level.labels))}
        raise CellError("unknown_option", hint=hint, suggestion=close[0] if close and not part else "", **facts)


def _is_number(key: str) -> bool:
    return key.isascii() and key.isdigit() and len(key) <= _DIGITS_MAX


def _folded(label: str) -> str:
    return " ".join(label.split()).casefold()
