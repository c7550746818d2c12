"""When two texts count as the same although they are written differently."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Literal, TypeAlias

#: What a comparison may ignore: upper and lower case, or blanks wherever they stand.
Ignored: TypeAlias = Literal["case", "blanks"]
Fold: TypeAlias = "Callable[[str], str]"


def folding(ignored: Collection[Ignored]) -> Fold:
    """The function that gives one text for all that count as the same. Blanks around a text never count."""
    if "case" in ignored and "blanks" in ignored:
        return lambda text: _without_blanks(text).casefold()
    if "case" in ignored:
        return lambda text: text.strip().casefold()
    return _without_blanks if "blanks" in ignored else str.strip


def _without_blanks(text: str) -> str:
    return "".join(text.split())
