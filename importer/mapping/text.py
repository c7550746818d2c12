"""What can be done with a text on its way into the case. Each step is a function from text to text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from importer.mapping.cell_errors import too_long

if TYPE_CHECKING:
    from importer.mapping.spec import ValueForm
    from importer.mapping.targets import Target

Step: TypeAlias = "Callable[[str], str]"

ELLIPSIS = "…"
_WHITE_SPACE = re.compile(r"\s+")
_BREAKS = re.compile("[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+")


def text_steps(form: ValueForm, target: Target) -> list[Step]:
    """The steps that a value goes through, in this order: strip, collapse, fit."""
    return [*tidy_steps(form, target), *fit_steps(form, target)]


def tidy_steps(form: ValueForm, target: Target) -> list[Step]:
    """Those that put blanks and line breaks in order; none of them makes nothing of something."""
    strip = target.one_line if form.strip is None else form.strip
    if form.collapse is None and target.one_line:
        return [tidied if strip else in_one_line]
    return [*([str.strip] if strip else []), *([collapsed] if form.collapse else [])]


def fit_steps(form: ValueForm, target: Target) -> list[Step]:
    """What is done about the length of a text; at most one step, which leaves alone what is short enough."""
    most = form.max or target.limit
    if most is None:
        return []
    if form.overflow in ("truncate", "note"):
        return [lambda text: truncated(text, most)]
    return [lambda text: _within(text, most)] if form.max else []


def in_one_line(text: str) -> str:
    """Line breaks and tabs, with the blanks around them, become one blank; all else stays."""
    if text.isprintable():
        return text
    first, *others = _BREAKS.split(text)
    if not others:
        return text
    *middle, last = others
    return " ".join([first.rstrip(), *filter(None, map(str.strip, middle)), last.lstrip()])


def tidied(text: str) -> str:
    """``text`` in one line, without blanks around it."""
    text = text.strip()
    return text if text.isprintable() else in_one_line(text)


def collapsed(text: str) -> str:
    """Every run of white space becomes one blank."""
    return _WHITE_SPACE.sub(" ", text)


def truncated(text: str, most: int) -> str:
    """The begin of ``text``, at most ``most`` characters with the ellipsis that shows the cut."""
    return text if len(text) <= most else text[: most - 1].rstrip() + ELLIPSIS


def _within(text: str, most: int) -> str:
    if len(text) > most:
        raise too_long(text, most)
    return text
