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
from importer.talkdesk.fields import FieldDefinition, Option, UnreadableFieldsError, read_definitions
from importer.talkdesk.payloads import other_spelling
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

    def option(self) -> Option:
        """The option as a value."""
        return Option(self.key, self.label, tuple(option.option() for option in self.options))


class FieldForm(Form):
    """A custom field."""

    name: str
    type: str = ""
    active: bool = True
    required: bool = False
    options: tuple[OptionForm, ...] = ()

    def definition(self, key: str) -> FieldDefinition:
        """The field as a value."""
        options = tuple(option.option() for option in self.options)
        return FieldDefinition(key, self.name, self.type, self.active, options, self.required)


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
            found = read_definitions(orjson.loads(content))
        except (orjson.JSONDecodeError, UnreadableFieldsError) as error:
            raise malformed(f"{file} contains no custom field definitions: {error}", _HINT) from None
        return {definition.key: definition for definition in found}
    try:
        document = Document.read(content, file, kind="fields file", hint=_HINT)
        form = FieldsForm.model_validate(document.root)
    except MappingProblems as error:
        mark = error.problems[0].mark
    except ValidationError as error:
        mark = min(mark_of(document.root, tuple(found["loc"])) for found in error.errors())
    else:
        return {key: field.definition(key) for key, field in form.fields.items()}
    raise MappingProblems(file, [Problem("the file is not a fields file", mark, _HINT)])


def load_fields(path: Path) -> Definitions:
    """The definitions in a file that no mapping names.

    Raises:
        MappingError: It cannot be read, or is not of the right form.
    """
    try:
        return read_fields(head_of(path, SIZE_MAX + 1), str(path))
    except OSError as error:
        reason = error.strerror or str(error)
        raise MappingError(
            f"cannot read the fields file: {reason}", where=str(path), hint="check its path and permissions"
        ) from None
    except PydanticCustomError as error:
        said = error.context or {}
        raise MappingError(said["what"], hint=said["hint"]) from None


def definition_of(key: str, definitions: Definitions) -> FieldDefinition | None:
    """The field that a key means: some pages of the API call a drop-down ``drop_down1``, others ``dropdown1``."""
    return definitions.get(key) or definitions.get(other_spelling(key) or "")


def check_usable(key: str, definitions: Definitions, *, path: NodePath, problems: Problems) -> bool:
    """Whether the account has this field and uses it; if not, that is a problem of what is at ``path``."""
    definition = definition_of(key, definitions)
    if definition is None:
        keys = [known.key for known in definitions.values() if known.name.casefold() == key.strip().casefold()]
        has = listed(f"{known.key} ({known.name})" for known in definitions.values() if known.active)
        hint = nearest(key, definitions, otherwise=f"custom fields: {has}")
        what = f"the account has no custom field {shown(key)!r}"
        hint = f"this is the name of {listed(keys)}; use the key" if keys else hint
        problems.add(path, what, hint, key=path[0] == "case")
    elif not definition.active:
        what = f"the custom field {shown(key)!r} ({definition.name}) is not active"
        hint = "activate it in Talkdesk and run case-importer fields again, or remove it"
        problems.add(path, what, hint, key=path[0] == "case")
    return definition is not None and definition.active


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
        self._root = _Level(definition.options)
        self._numbered = {_number(option.key): option.key for option in definition.options if _is_number(option.key)}

    def key_of(self, text: str) -> str:
        """The key of the option that ``text`` means. Raises :class:`CellError`."""
        return self._chosen(self._root, text).key

    def number_of(self, text: str) -> int:
        """The key of the option that ``text`` means, as a number; it may be that number. Raises :class:`CellError`."""
        is_option = self._root.find(text)
        key = self.key_of(text if is_option else self._numbered.get(_number(text.strip()), text))
        if not _is_number(key):
            rule = f"is the option {key!r} of {self._field}, whose key is not a number"
            raise CellError("not_an_integer", rule, "remove `type: integer` from this field")
        return int(key)

    def path_of(self, texts: Iterable[str]) -> list[str]:
        """The keys from the root to a leaf, or to some option on the way there. Raises :class:`CellError`."""
        level = self._root
        keys: list[str] = []
        for text in texts:
            option = self._chosen(level, text, part_of_path=True)
            keys.append(option.key)
            level = _Level(option.children, f" below {option.label!r}")
        return keys

    def _chosen(self, level: _Level, text: str, *, part_of_path: bool = False) -> Option:
        found = level.find(text)
        if len(found) == 1:
            return found[0]
        part = f"contains {text!r}, which " if part_of_path else ""
        if found:
            keys = listed(option.key for option in found)
            rule = f"{part}matches several options of {self._field}: {keys}"
            raise CellError("ambiguous_option", rule, "translate it to one of these keys with `values:`")
        raise CellError("unknown_option", f"{part}is not an option of {self._field}{level.place}", level.nearest(text))


class _Level:
    """Options that can be chosen from at one point; ``place`` says after which choice."""

    def __init__(self, options: tuple[Option, ...], place: str = "") -> None:
        self.place = place
        self._labels: dict[str, list[Option]] = {}
        self._keys = {option.key: option for option in options}
        for option in options:
            self._labels.setdefault(_folded(option.label), []).append(option)

    def find(self, text: str) -> list[Option]:
        """The options that ``text`` may mean."""
        text = text.strip()
        return self._labels.get(_folded(text)) or [self._keys[key] for key in (text,) if key in self._keys]

    def nearest(self, text: str) -> str:
        """A hint: the labels closest to ``text``, or those that there are."""
        if not self._labels:
            return "remove it: this level has no options"
        labels = {folded: options[0].label for folded, options in self._labels.items()}
        if close := get_close_matches(_folded(text), labels, n=3, cutoff=0.6):
            return f"did you mean {' or '.join(repr(labels[folded]) for folded in close)}?"
        return f"options: {listed(map(repr, labels.values()))}; translate with `values:`"


def _is_number(key: str) -> bool:
    return key.isascii() and key.isdigit() and len(key) <= _DIGITS_MAX


def _number(key: str) -> str:
    return key.lstrip("0") or "0"


def _folded(label: str) -> str:
    return " ".join(label.split()).casefold()
