"""How many failures a user is ready to accept."""

from __future__ import annotations

import re
from typing import NamedTuple

from importer.errors import ConfigError

_FORM = re.compile(r"(\d{1,9})(%?)", re.ASCII)


class FailureLimit(NamedTuple):
    """So many rows, or such a share of all rows.

    Attributes:
        number: Rows, or percent.
        is_percent: Which of both.
    """

    number: int
    is_percent: bool

    def most(self, rows: int) -> int:
        """How many of ``rows`` rows may fail."""
        return rows * self.number // 100 if self.is_percent else self.number


def failure_limit(text: str) -> FailureLimit:
    """The limit that a user wrote: ``50`` or ``2%``.

    Raises:
        ConfigError: it is neither.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None or (match[2] and int(match[1]) > 100):
        raise ConfigError(f"--max-failures {text!r} is neither a number nor a percentage", hint="write 50 or 2%")
    return FailureLimit(int(match[1]), bool(match[2]))
