"""What a person says about columns: a text file with a line ``Column = field`` for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from importer.errors import ConfigError
from importer.models import shown
from importer.small_files import head_of
from importer.suggest.columns import Column
from importer.talkdesk.payloads import custom_field_prefix

#: What can be said of a column, besides the custom fields of the account (``text5``, ``date3``, …).
FIELDS = (
    *("key", "title", "description", "priority", "requester_email", "requester_name", "parent_id"),
    *("created", "closed", "status", "type", "label", "note", "checkbox", "other", "unused"),
)
#: Fields that several columns may have.
_MANY = frozenset({"key", "label", "note", "checkbox", "other", "unused"})
_MOST_BYTES = 1 << 20


def read_answers(path: Path) -> dict[str, str]:
    """Column → field, in the order of the file. Blank lines and lines that begin with ``#`` do not count.

    Raises:
        ConfigError: It cannot be read, or a line is something else.
    """
    try:
        text = head_of(path, _MOST_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "the file is not UTF-8"
        raise ConfigError(f"the answers cannot be read: {what}", where=str(path)) from None
    answers: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        column, sign, field = (part.strip() for part in line.rpartition("="))
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        where = f"{path}:{number}"
        if not sign or not column:
            hint = "write one column a line, such as: Subject = title"
            raise ConfigError(f"{shown(line)!r} is not an answer", where=where, hint=hint)
        if field not in FIELDS and custom_field_prefix(field) is None:
            near = get_close_matches(field, FIELDS, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(FIELDS)}, or a custom field"
            raise ConfigError(f"unknown field {shown(field)!r}", where=where, hint=hint)
        if field not in _MANY and field in answers.values():
            hint = "choose one of them"
            raise ConfigError(f"two columns are answered with {field!r}", where=where, hint=hint)
        answers[column] = field
    return answers


def answered(columns: Sequence[Column], answers: Mapping[str, str], *, where: str) -> dict[Column, str]:
    """The columns that the answers name; of columns with the same name the first.

    Raises:
        ConfigError: The export does not have one of them.
    """
    named = {column.name: column for column in reversed(columns)}
    named = {name.casefold(): column for name, column in named.items()} | named
    found = {}
    for name, field in answers.items():
        column = named.get(name) or named.get(name.casefold())
        if column is None:
            raise ConfigError(f"the export has no column {shown(name)!r}", where=where, hint=nearest(name, named))
        found[column] = field
    return found


def nearest(name: str, names: Iterable[str]) -> str:
    """A hint with the column that may have been meant."""
    near = get_close_matches(name, list(names), 1)
    return f"did you mean {shown(near[0])!r}?" if near else "check the header of the export"
