"""The file of custom field definitions that a mapping names: read, and written from what an account answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from importer.errors import MappingError
from importer.mapping.beside import SIZE_MAX
from importer.mapping.document import Document, Problems
from importer.mapping.problems import Malformed, MappingProblems, Mark, Problem
from importer.mapping.spec_problems import report
from importer.mapping.yaml_nodes import Table, parse, plain
from importer.talkdesk.case import other_spelling
from importer.talkdesk.fields import FieldDefinition, Option, UnreadableFieldsError, read_definitions

_HINT = "save it anew with: case-importer fields --save FILE"
_NOT_YAML = re.compile("[\x7f-\x9f\ufeff\ufffe\uffff]")

Definitions = Mapping[str, FieldDefinition]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OptionForm(_Form):
    """An option, with those below it."""

    key: Annotated[str, Field(min_length=1)]
    label: str
    options: tuple[OptionForm, ...] = ()

    def option(self) -> Option:
        """The option as a value."""
        return Option(self.key, self.label, tuple(option.option() for option in self.options))


class FieldForm(_Form):
    """A custom field."""

    name: str
    type: str = ""
    active: bool = True
    required: bool = False
    options: tuple[OptionForm, ...] = ()


class FieldsForm(_Form):
    """A file of definitions."""

    version: Annotated[int, Field(ge=1, le=1)]
    fields: dict[str, FieldForm]


def read_fields(content: bytes, file: str) -> Definitions:
    """The definitions in a file: as :func:`fields_text` writes them, or the bare answer of the API.

    Args:
        content: The bytes of the file.
        file: What messages call it.

    Raises:
        Malformed: It is too large, or no text.
        MappingProblems: It is not of the right form; with its own line and column.
    """
    if len(content) > SIZE_MAX:
        raise Malformed(f"{file} has more than 16 MiB", "is this the right file?")
    if content.lstrip()[:1] in (b"[", b"{"):
        return _by_key(_from_answer(content, file))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Malformed(f"{file} is not UTF-8 text", _HINT) from None
    root, problems = parse(text)
    if not isinstance(root, Table) or problems:
        raise MappingProblems(file, problems or [Problem("this is no file of custom fields", Mark(1, 1), _HINT)])
    return _by_key(_from_file(Document(file, root)))


def load_fields(path: Path) -> Definitions:
    """The definitions in a file that no mapping names.

    Raises:
        MappingError: It cannot be read, or is not of the right form.
    """
    try:
        return read_fields(path.read_bytes(), str(path))
    except OSError as error:
        reason = error.strerror or str(error)
        raise MappingError(f"cannot read the fields file: {reason}", where=str(path), hint="check its path") from None
    except Malformed as error:
        raise MappingError(error.what, hint=error.hint) from None


def definition_of(key: str, definitions: Definitions) -> FieldDefinition | None:
    """The field that a key means: some pages of the API call a drop-down ``drop_down1``, others ``dropdown1``."""
    return definitions.get(key) or definitions.get(other_spelling(key) or "")


def _by_key(definitions: Iterable[FieldDefinition]) -> Definitions:
    return {definition.key: definition for definition in definitions}


def _from_answer(content: bytes, file: str) -> tuple[FieldDefinition, ...]:
    try:
        return read_definitions(orjson.loads(content))
    except (orjson.JSONDecodeError, UnreadableFieldsError) as error:
        raise Malformed(f"{file} holds no custom field definitions: {error}", _HINT) from None


def _from_file(document: Document) -> Iterator[FieldDefinition]:
    problems = Problems(document)
    try:
        form = FieldsForm.model_validate(plain(document.root))
    except ValidationError as error:
        report(error, problems, form=FieldsForm)
        problems.raise_if_any()
        raise
    for key, field in form.fields.items():
        options = tuple(option.option() for option in field.options)
        yield FieldDefinition(key, field.name, field.type, field.active, options, field.required)


def fields_text(definitions: Iterable[FieldDefinition], *, account: str) -> str:
    """The text of a file of definitions, the name of each field above it.

    Args:
        definitions: The fields.
        account: Where they come from, for people.
    """
    lines = [f"# Custom fields of {account}", "version: 1"]
    body = [line for definition in definitions for line in _field_lines(definition)]
    return "\n".join([*lines, *(["fields:", *body] if body else ["fields: {}"]), ""])


def _field_lines(field: FieldDefinition) -> Iterator[str]:
    yield f"  # {' '.join(field.name.split())}{'' if field.active else ' (not active)'}"
    yield f"  {_quoted(field.key)}:"
    yield f"    name: {_quoted(field.name)}"
    yield f"    type: {_quoted(field.type)}"
    yield f"    active: {'true' if field.active else 'false'}"
    if field.required:
        yield "    required: true"
    if field.options:
        yield "    options:"
        yield from _option_lines(field.options, " " * 6)


def _option_lines(options: tuple[Option, ...], indent: str) -> Iterator[str]:
    for option in options:
        yield f"{indent}- key: {_quoted(option.key)}"
        yield f"{indent}  label: {_quoted(option.label)}"
        if option.children:
            yield f"{indent}  options:"
            yield from _option_lines(option.children, indent + " " * 4)


def _quoted(text: str) -> str:
    """``text`` in double quotes: a string of JSON is one of YAML too, but YAML wants more characters escaped."""
    return _NOT_YAML.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))
