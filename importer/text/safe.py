"""Text that is harmless in a terminal, a log and a message."""

from __future__ import annotations

import re

VALUE_SHOWN = 80


def shown(value: str) -> str:
    """``value`` cut to what fits into a message."""
    return value if len(value) <= VALUE_SHOWN else value[: VALUE_SHOWN - 1] + "…"


#: Characters that a terminal obeys or that break a line: controls (C0, DEL, C1), text direction, line separators.
_DELETE_AND_ABOVE = r"\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"


UNSAFE = re.compile(rf"[\x00-\x1f{_DELETE_AND_ABOVE}]+")


#: The same without tabs and ends of lines, which a text of several lines may have.
UNSAFE_IN_LINES = re.compile(rf"(?:[\x00-\x08\x0b\x0c\x0e-\x1f{_DELETE_AND_ABOVE}]|\r(?!\n))+")


def clean(text: str, limit: int = 400) -> str:
    """Text from a server or a file, safe for one line of a terminal or a log."""
    text = UNSAFE.sub(" ", text).strip()
    return text if len(text) <= limit else text[: limit - 1] + "…"
