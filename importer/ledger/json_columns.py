"""Columns of the ledger that hold JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import orjson

from importer.models import FieldError


def to_json(value: Any) -> str:
    """JSON as the ledger keeps it. Cells may hold halves of characters, which only the slow way can write."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(value)


def from_json(text: str) -> Any:
    """What :func:`to_json` was given, tuples as lists."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)


def cells_from_json(text: str) -> tuple[str, ...]:
    """The cells of a row."""
    return tuple(from_json(text))


def errors_to_json(errors: Sequence[FieldError]) -> str | None:
    """Field errors as the ledger keeps them; None for none."""
    return to_json([asdict(error) for error in errors]) if errors else None


def errors_from_json(text: str | None) -> tuple[FieldError, ...]:
    """What :func:`errors_to_json` was given."""
    return tuple(FieldError(**error) for error in from_json(text)) if text else ()
