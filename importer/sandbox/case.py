"""A case as the sandbox keeps it, and where it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Place(StrEnum):
    """Where a case is. What was deleted for good is still kept here, so that tests can ask for it."""

    LIVE = "live"
    TRASH = "trash"
    PURGED = "purged"


@dataclass(frozen=True)
class Case:
    """One row of the table of cases.

    ``content`` has what the API knows of it by the names of the reference, as far as the case has it. ``custom_fields``
    maps field keys to ``{"value", "label"?}``; each of ``notes`` is ``{"id", "note_title", "note_body", "public"}``.
    """

    id: int
    created_ms: int
    updated_ms: int
    place: str
    content: dict[str, Any]


def value_of(key: str) -> str:
    """SQL for the value of a custom field; keys of definitions are plain words, so they are safe in SQL."""
    return f"json_extract(content, '$.custom_fields.{key}.value')"
