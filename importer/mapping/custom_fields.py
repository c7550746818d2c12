"""Custom fields of an account: the file of their definitions, read and written, and the labels of their options."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import orjson
from pydantic import Field, ValidationError
from pydantic_core import PydanticCustomError

from importer.errors import MappingError
from importer.mapping.field_errors import (
    CellError,
    Document,
    MappingProblems,
    Problem,
    Problems,
    listed,
    malformed,
    nearest,
)
from importer.mapping.schema import Form
from importer.models import shown
from importer.small_files import head_of
from importer.talkdesk.fields import FieldDefinition, Option, read_definitions
from importer.talkdesk.payloads import other_spelling
from importer.talkdesk.search import UnreadableListError
from importer.yaml_places import NodePath, mark_of

#: A larger file is not one of definitions.
SIZE_MAX = 16 * 1024 * 1024
_DIGITS_MAX = 15  # as many as any reader of JSON keeps
_HINT = "create it again with: case-importer fields --save FILE"
_NOT_YAML = re.compile("[\x7f-\x9f\ufeff\ufffe\uffff]")

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
        PydanticCustomError: It is too large, or JSON of another kind.
        MappingProblems: It is not of the right form; with its line and column, but nothing that is in it, since it
            may be any file.
    """
    if len(content) > SIZE_MAX:
        raise malformed(f"{file} is larger than 16 MiB", "check that this is the right file")
    if content.lstrip()[:1] in (b"[", b"{"):
        try:
            return {definition.key: definition for definition in read_definitions(orjson.loads(content))}
        except (orjson.JSONDecodeError, UnreadableListError) as error:
            raise malformed(f"{file} contains no custom field definitions: {error}", _HINT) from None
    try:
        document = Document.read(content, file, kind="fields file", hint=_HINT)
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
    except PydanticCustomError as error:
        said = error.context or {}
        raise MappingError(said["what"], hint=said["hint"]) from None


def definition_of(key: str, definitions: Definitions) -> FieldDefinition | None:
    """The field that a key means: some pages of the API call a drop-down ``drop_down1``, others ``dropdown1``."""
    return definitions.get(key) or definitions.get(other_spelling(key) or "")


def kinds_of(keys: Iterable[str], definitions: Definitions | None) -> dict[str, str]:
    """The kinds of those fields whose definitions say of which kind they are."""
    known = {key: definition_of(key, definitions or {}) for key in keys}
    return {key: definition.kind for key, definition in known.items() if definition and definition.kind}


def check_usable(key: str, definitions: Definitions, *, path: NodePath, problems: Problems) -> bool:
    """Whether the account has this field and uses it; if not, that is a problem of what is at ``path``."""
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
            f"  {_quoted(field.key)}:",
            f"    name: {_quoted(field.name)}",
            f"    type: {_quoted(field.type)}",
            f"    active: {'true' if field.active else 'false'}",
            *(["    required: true"] if field.required else []),
            *_option_lines(field.options, " " * 4),
        ]
    return "\n".join([*lines, ""]) if len(lines) > 3 else "\n".join([*lines[:2], "fields: {}", ""])


def _option_lines(options: tuple[Option, ...], indent: str) -> Iterator[str]:
    if options:
        yield f"{indent}options:"
    for option in options:
        yield f"{indent}  - key: {_quoted(option.key)}"
        yield f"{indent}    label: {_quoted(option.label)}"
        yield from _option_lines(option.children, indent + " " * 4)


def _quoted(text: str) -> str:
    """``text`` in double quotes: a string of JSON is one of YAML too, but YAML wants more characters escaped."""
    return _NOT_YAML.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))


# -- options ---------------------------------------------------------------------------------------


class Options:
    """The options of one field.

    Labels are compared without regard to upper and lower case, or to how many spaces are between words. A key is
    taken too, unless the same text is a label.
    """

    def __init__(self, definition: FieldDefinition) -> None:
        self._field = f"{definition.name!r} ({definition.key})"
        self._options = definition.options

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the options, without those below them."""
        return tuple(dict.fromkeys(option.label for option in self._options))

    def key_of(self, text: str) -> str:
        """The key of the option that ``text`` means. Raises :class:`CellError`."""
        return self._chosen(self._options, text).key

    def number_of(self, text: str) -> int:
        """The key of the option that ``text`` means, as a number; it may be that number. Raises :class:`CellError`."""
        numbers = {option.key.lstrip("0"): option.key for option in self._options if _is_number(option.key)}
        key = self.key_of(text if _matching(self._options, text) else numbers.get(text.strip().lstrip("0"), text))
        if not _is_number(key):
            rule = f"is the option {key!r} of {self._field}, whose key is not a number"
            raise CellError("not_an_integer", rule, "remove `type: integer` from this field")
        return int(key)

    def path_of(self, texts: Iterable[str]) -> list[str]:
        """The keys from the root to a leaf, or to some option on the way there. Raises :class:`CellError`."""
        options, place = self._options, ""
        keys: list[str] = []
        for text in texts:
            option = self._chosen(options, text, part=f"contains {text!r}, which ", place=place)
            keys.append(option.key)
            options, place = option.children, f" below {option.label!r}"
        return keys

    def _chosen(self, options: tuple[Option, ...], text: str, *, part: str = "", place: str = "") -> Option:
        found = _matching(options, text)
        if len(found) == 1:
            return found[0]
        if found:
            keys = listed(option.key for option in found)
            rule = f"{part}matches several options of {self._field}: {keys}"
            raise CellError("ambiguous_option", rule, "translate it to one of these keys with `values:`")
        labels, suggestion = dict[str, str](), ""
        for option in options:
            labels.setdefault(_folded(option.label), option.label)
        hint = f"options: {listed(map(repr, labels.values()))}; translate with `values:`"
        if close := get_close_matches(_folded(text), labels, n=3, cutoff=0.6):
            hint = f"did you mean {' or '.join(repr(labels[folded]) for folded in close)}?"
            suggestion = labels[close[0]]
        if not options:
            hint = "remove it: this level has no options"
        rule = f"{part}is not an option of {self._field}{place}"
        raise CellError("unknown_option", rule, hint, suggestion="" if part else suggestion)


def _matching(options: tuple[Option, ...], text: str) -> list[Option]:
    folded, key = _folded(text), text.strip()
    return [option for option in options if _folded(option.label) == folded] or [
        option for option in options if option.key == key
    ]


def _is_number(key: str) -> bool:
    return key.isascii() and key.isdigit() and len(key) <= _DIGITS_MAX


def _folded(label: str) -> str:
    return " ".join(label.split()).casefold()
