"""Templates: plain text with ``{Column}`` in it. No attributes, no formats, and a cell is never looked into."""

from __future__ import annotations

import re
from typing import NamedTuple

from importer.mapping.problems import Malformed

_TOKEN = re.compile(r"\{\{|\}\}|\{[^{}]*\}|[{}]|[^{}]+")


class Template(NamedTuple):
    """A template, taken apart.

    Attributes:
        frame: Its text with ``%s`` for every column, so that filling it in is one operation.
        columns: The columns, in the order in which they occur; repeats are kept.
    """

    frame: str
    columns: tuple[str, ...]


def parse_template(text: str) -> Template:
    """Takes a template apart. ``{{`` and ``}}`` stand for braces.

    Raises:
        Malformed: A brace is left open, stands alone, or encloses nothing.
    """
    frame, columns = [], []
    for token in _TOKEN.findall(text):
        if token in ("{", "}"):
            raise Malformed(f"a lonely {token!r} in the template {text!r}", f"write {token * 2!r} for the brace itself")
        if token in ("{{", "}}"):
            frame.append(token[0])
        elif token[0] == "{":
            frame.append("%s")
            columns.append(_column(token))
        else:
            frame.append(token.replace("%", "%%"))
    if not columns:
        raise Malformed("a template without a {Column}", "use {value: …} for a text that is always the same")
    return Template("".join(frame), tuple(columns))


def _column(token: str) -> str:
    if not (name := token[1:-1]):
        raise Malformed("'{}' names no column", "write {Column}, or {{}} for the braces themselves")
    return name
