"""Fields and notes in the body of a request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

#: Begins the name of a custom field.
CUSTOM = "custom_fields."


def fields_in(body: str | bytes) -> dict[str, Any]:
    """The fields that a body sets, custom fields as ``custom_fields.KEY``; notes are none."""
    content: dict[str, Any] = orjson.loads(body)
    content.pop("notes", None)
    custom = content.pop("custom_fields", {})
    # an update has objects with a value in the place of values
    bare = {key: value["value"] if isinstance(value, dict) else value for key, value in custom.items()}
    return content | {f"{CUSTOM}{key}": value for key, value in bare.items()}


def notes_in(body: str | bytes) -> list[dict[str, Any]]:
    """The notes that a body adds, in order."""
    return list(orjson.loads(body).get("notes", ()))


def all_sent(bodies: Sequence[str | bytes]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What a case got by these bodies, its creation first: the last value of each field, and all notes."""
    fields: dict[str, Any] = {}
    for body in bodies:
        fields |= fields_in(body)
    return fields, [note for body in bodies for note in notes_in(body)]
