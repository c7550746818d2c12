"""Cells of CSV files that we write, harmless in a spreadsheet.

A cell that begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return is taken for a formula (OWASP, "CSV
Injection"). So is what follows a ``,``, a ``;`` or a tab inside a cell, if the spreadsheet takes these for the
separator although the file has another one. We put an apostrophe before it. The rule is reversible: apostrophes that
are before such a character already get one more, so taking one away always gives the original back.
"""

from __future__ import annotations

import re

_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20"
_HARMFUL = re.compile(f"\\A(?='*[{_SIGNS}\t\r\n])|([,;\t]\"*)(?='*[{_SIGNS}])")
_ESCAPED = re.compile(f"\\A'(?='*[{_SIGNS}\t\r\n])|([,;\t]\"*)'(?='*[{_SIGNS}])")


def escape_formula(cell: str) -> str:
    """``cell``, harmless in a spreadsheet."""
    return _HARMFUL.sub(lambda found: f"{found[1] or ''}'", cell)


def unescape_formula(cell: str) -> str:
    """The cell that :func:`escape_formula` was given. A cell that was typed without an apostrophe stays as it is."""
    return _ESCAPED.sub(lambda found: found[1] or "", cell) if "'" in cell else cell
