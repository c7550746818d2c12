"""Cells that a spreadsheet would run, made harmless and back again.

A cell that begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return is taken for a formula (OWASP, "CSV
Injection"). We put an apostrophe before it. The rule is reversible: apostrophes that stand before such a character
already get one more, so taking one away always gives the original back.
"""

from __future__ import annotations

import re

_DANGEROUS = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_DEFUSED = re.compile("'+[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


def defuse(cell: str) -> str:
    """``cell``, harmless in a spreadsheet."""
    return "'" + cell if _DANGEROUS.match(cell) else cell


def restore(cell: str) -> str:
    """The cell that :func:`defuse` was given. A cell that a person typed without an apostrophe stays as it is."""
    return cell[1:] if _DEFUSED.match(cell) else cell
