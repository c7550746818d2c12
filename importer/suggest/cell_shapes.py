"""What one cell looks like: an address, HTML, a number, an entry of a conversation."""

from __future__ import annotations

import re

from importer.quality.profile import VALUE_LENGTH_MAX
from importer.suggest.date_formats import is_date

_EMAIL = re.compile(r"[^\s@<>(),;:\"\[\]\\]+@[^\s@<>(),;:\"\[\]\\]+\.[^\W\d_]{2,}")
_HTML = re.compile(
    r"<(?:p|br|div|span|html|body|table|ul|ol|li|a|b|i|strong|em|h[1-6]|blockquote|pre)\b[^<>]*/?>", re.IGNORECASE
)
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*%?")
_CODE = re.compile(r"#?[A-Z][A-Z0-9]{1,9}-\d{1,9}")
_HEAD = re.compile(r"(?=(?:[^;\n]*\d){2})[^;\n]{6,40}(?=;[^;\n]{1,120};)")
_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)


def shapes_of(cell: str) -> list[str]:
    """The shapes of a cell by which columns are told apart.

    ``multi_line``; ``words``, of several words; ``html``, with tags; ``entry``, a date, an author and a text with
    semicolons between them; and of short cells that are nothing else ``email``, ``number``, ``address`` of the web,
    and ``code``, such as ``SUP-123``.
    """
    text = cell.strip()
    shapes = []
    if "\n" in text or "\r" in text:
        shapes.append("multi_line")
    if " " in text or is_unspaced(text):
        shapes.append("words")
    if "<" in text and _HTML.search(text):
        shapes.append("html")
    if (date := date_of_entry(text)) and is_date(date):
        shapes.append("entry")
    if len(text) > VALUE_LENGTH_MAX:
        return shapes
    if is_email(text):
        shapes.append("email")
    elif is_number(text):
        shapes.append("number")
    elif _ADDRESS.fullmatch(text):
        shapes.append("address")
    elif _CODE.fullmatch(text):
        shapes.append("code")
    return shapes


def date_of_entry(text: str) -> str:
    """What is before the first semicolon, if ``text`` may be a date, a name and more: ``date;author;text``."""
    found = _HEAD.match(text) if ";" in text else None
    return found[0].strip() if found else ""


def is_email(text: str) -> bool:
    """Whether ``text`` is one e-mail address and nothing else."""
    return "@" in text and _EMAIL.fullmatch(text) is not None


def is_number(text: str) -> bool:
    """Whether ``text`` is a number as people or machines write it."""
    return _NUMBER.fullmatch(text) is not None


def is_unspaced(text: str) -> bool:
    """Whether ``text`` has letters of a script that puts no spaces between words."""
    return _UNSPACED.search(text) is not None
