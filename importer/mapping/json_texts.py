"""Cells that hold a JSON list, as APIs and their exports write them."""

from __future__ import annotations

import json
from typing import Any

from importer.mapping.cell_errors import CellError

_WORDS = {True: "true", False: "false"}


def json_texts(text: str) -> list[str]:
    """The texts of a JSON list, or the one text of a JSON scalar. Numbers stay as they are written; null is none.

    Raises:
        CellError: It is no JSON, or has lists or objects inside.
    """
    try:
        content = json.loads(text, parse_int=str, parse_float=str, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise _not_json() from None
    entries = content if isinstance(content, list) else [content]
    return [_text(entry) for entry in entries if entry is not None]


def _text(entry: Any) -> str:
    if isinstance(entry, bool):
        return _WORDS[entry]
    if not isinstance(entry, str):
        raise _not_json()
    return entry


def _refuse(word: str) -> None:
    raise ValueError(word)


def _not_json() -> CellError:
    return CellError("not_json", 'is not a JSON list of texts, such as ["red", "blue"]', "correct the cell")
