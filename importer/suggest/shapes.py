"""What one cell looks like: an address, HTML, a number, a word for yes or no."""

from __future__ import annotations

import re

_EMAIL = re.compile(r"[^\s@<>(),;:\"\[\]\\]+@[^\s@<>(),;:\"\[\]\\]+\.[^\W\d_]{2,}")
_HTML = re.compile(
    r"<(?:p|br|div|span|html|body|table|ul|ol|li|a|b|i|strong|em|h[1-6]|blockquote|pre)\b[^<>]*/?>", re.IGNORECASE
)
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*%?")
_CODE = re.compile(r"#?[A-Z][A-Z0-9]{1,9}-\d{1,9}")
_HEAD = re.compile(r"(?=(?:[^;\n]*\d){2})[^;\n]{6,40}(?=;[^;\n]{1,120};)")
_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)


def is_email(text: str) -> bool:
    """Whether ``text`` is one e-mail address and nothing else."""
    return "@" in text and _EMAIL.fullmatch(text) is not None


def has_html(text: str) -> bool:
    """Whether there is a tag of HTML in ``text``."""
    return "<" in text and _HTML.search(text) is not None


def head_of(text: str) -> str:
    """What stands before the first semicolon, if ``text`` may be a date, a name and more: ``date;author;text``."""
    found = _HEAD.match(text) if ";" in text else None
    return found[0].strip() if found else ""


def is_spoken(text: str) -> bool:
    """Whether ``text`` has several words, or letters of a script that puts no blanks between them."""
    return " " in text or _UNSPACED.search(text) is not None


def is_number(text: str) -> bool:
    """Whether ``text`` is a number as people or machines write it."""
    return _NUMBER.fullmatch(text) is not None


def is_address(text: str) -> bool:
    """Whether ``text`` is a web address and nothing else."""
    return _ADDRESS.fullmatch(text) is not None


def is_code(text: str) -> bool:
    """Whether ``text`` looks like the key of a ticket: ``SUP-123``."""
    return _CODE.fullmatch(text) is not None


def is_unspaced(text: str) -> bool:
    """Whether ``text`` has letters of a script that puts no blanks between words."""
    return _UNSPACED.search(text) is not None
