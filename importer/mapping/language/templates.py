"""Templates: text with ``{Column}`` in it."""

from __future__ import annotations

import re
from collections.abc import Callable

from importer.mapping.field_errors import FormError

_TOKEN = re.compile(r"\{\{|\}\}|\{[^{}]*\}|[{}]|[^{}]+")


def parse_template(text: str, lacks: Callable[[str], bool] = lambda _: False) -> tuple[str, tuple[str, ...]]:
    """Takes a template apart; a cell is never looked into. ``{{`` and ``}}`` stand for braces.

    Args:
        text: The template.
        lacks: Says of a column whether the export lacks it. Its place is empty then; a line of the template that has
            such columns only is left out.

    Returns:
        Its text with ``%s`` for every column, so that filling it in is one operation, and these columns in order.

    Raises:
        FormError: A brace is not closed, or encloses nothing.
    """
    lines: list[list[tuple[str, bool]]] = [[]]  # of each line its parts, and whether they are columns
    for token in _TOKEN.findall(text):
        if token in ("{", "}"):
            raise FormError(f"unmatched {token!r} in the template {text!r}", f"write {token * 2!r} for a literal brace")
        if token == "{}":
            raise FormError("'{}' does not name a column", "write {Column}, or {{}} for literal braces")
        if token[0] == "{" and token != "{{":
            lines[-1].append((token[1:-1], True))
        else:
            first, *following = (token[0] if token in ("{{", "}}") else token).split("\n")
            lines[-1].append((first, False))
            lines += [[(part, False)] for part in following]
    if not any(map(_columns, lines)):
        raise FormError("the template contains no {Column}", "use {value: …} for a constant text")
    present = [[part for part in line if not (part[1] and lacks(part[0]))] for line in lines]
    # a line that had columns, and has none that the export has, is left out
    kept = [new for old, new in zip(lines, present, strict=True) if not _columns(old) or _columns(new)]
    frame = "\n".join("".join("%s" if column else part.replace("%", "%%") for part, column in line) for line in kept)
    frame = frame.strip("\n") if len(kept) < len(lines) else frame
    return frame, tuple(column for line in kept for column in _columns(line))


def _columns(line: list[tuple[str, bool]]) -> list[str]:
    return [part for part, is_column in line if is_column]
