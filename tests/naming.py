"""How the parameters of a test are named in its id: readable, short, and the same in each process."""

from __future__ import annotations

import unicodedata

LONGEST = 40
#: How much of a text is looked at: some have megabytes.
_ENOUGH = 4096


def short(value: object) -> str:
    """The printable ASCII characters of a value's text, cut to a length that fits on a line."""
    plain = unicodedata.normalize("NFKD", str(value)[:_ENOUGH]).encode("ascii", "ignore").decode()
    words = "".join(char if char.isprintable() else " " for char in plain).split()
    return " ".join(words)[:LONGEST].replace("\\", "/")
