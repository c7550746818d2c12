"""What pydantic says about a mapping file, in words for the person who wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import isclass
from types import MappingProxyType
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from importer.mapping.document import Problems
from importer.mapping.problems import listed, nearest
from importer.mapping.spec_case import MappingForm
from importer.mapping.yaml_nodes import NodePath
from importer.models import shown
from importer.talkdesk.payloads import custom_field_prefix

_NOT_ON_CREATE = frozenset({"status", "type", "group_id", "resolution", "tags", "created_at", "updated_at"})

_EXPECTED: Mapping[str, str] = MappingProxyType(
    {
        "bool_parsing": "true or false is expected here",
        "bool_type": "true or false is expected here",
        "dict_type": "keys with values are expected here, such as {key: value}",
        "int_parsing": "a whole number is expected here",
        "int_type": "a whole number is expected here",
        "list_type": "a list is expected here, such as [one, two]",
        "model_attributes_type": "keys with values are expected here, such as {key: value}",
        "model_type": "keys with values are expected here, such as {key: value}",
        "string_too_short": "a text is expected here, and there is none",
        "string_type": "one text is expected here",
        "tuple_type": "a list is expected here, such as [one, two]",
    }
)


def report(error: ValidationError, problems: Problems, form: type[BaseModel] = MappingForm) -> None:
    """Adds a problem for each thing that pydantic found in what should have had this form."""
    for found in error.errors(include_url=False, include_context=True):
        path: NodePath = tuple(found["loc"])
        kind, context = found["type"], found.get("ctx", {})
        if kind == "extra_forbidden":
            problems.add(path, *_unknown_key(path, form), key=True)
        elif kind == "missing":
            problems.add(path[:-1], f"`{path[-1]}` is missing{_inside(path)}", f"add the line `{path[-1]}: …`")
        elif kind == "literal_error":
            problems.add(path, *_not_one_of(found["input"], context["expected"]))
        elif kind == "malformed":
            problems.add(path, context["what"], context["hint"])
        elif path == ("version",):
            problems.add(path, "this version of the form is not known", "write `version: 1`")
        else:
            problems.add(path, _EXPECTED.get(kind, found["msg"]), "see docs/mapping.md for the form")


def _inside(path: NodePath) -> str:
    names = ".".join(str(step) for step in path[:-1])
    return f" in `{names}`" if names else ""


def _unknown_key(path: NodePath, form: type[BaseModel]) -> tuple[str, str]:
    key, known = str(path[-1]), _keys_at(path[:-1], form)
    return f"unknown key {shown(key)!r}{_inside(path)}", _key_hint(key, path[:-1], known)


def _key_hint(key: str, parent: NodePath, known: list[str]) -> str:
    if parent == ("case",) and custom_field_prefix(key):
        return "custom fields stand under `custom_fields:`"
    if parent == ("case",) and key in _NOT_ON_CREATE:
        return "Talkdesk does not take this when a case is created; keep it in a custom field"
    return nearest(key, known, otherwise=f"known here: {listed(known, most=99)}")


def _not_one_of(value: Any, expected: str) -> tuple[str, str]:
    words = expected.split("'")[1::2]
    return f"{shown(str(value))!r} is not known here", nearest(str(value), words, otherwise=f"one of {listed(words)}")


def _keys_at(path: NodePath, form: type[BaseModel]) -> list[str]:
    """The keys that the form knows at ``path``."""
    model = form
    for step in path:
        if isinstance(step, str) and step in model.model_fields:
            model = _model_in(model.model_fields[step].annotation) or model
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isclass(annotation) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
