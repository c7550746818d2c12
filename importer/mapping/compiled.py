"""A bound mapping, written out as one Python function.

Calling a function for each field is most of what mapping a row costs, so the parts are put together once, as source
text such as::

    def read(cells, key):
        values0 = {}
        text = cells[1]
        stripped = text.strip()
        if not stripped:
            raise missing()
        else:
            text = stripped
            if not text.isprintable(): text = step0(text)
            if len(text) > 150: raise too_long(text, 150)
            values0[name0] = text
        value = read1(cells[4])
        if value is not None: values0[name1] = value
        values0[name2] = key
        return values0 or None

Only numbers and words of this module stand in the text; whatever a mapping says is handed over under a name. The parts
themselves stay the explanation: what this function does, :meth:`Part.read` does too, and a test compares them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from importer.mapping.cell_errors import missing, too_long
from importer.mapping.parts import Cells, Part, PlainText
from importer.mapping.text import in_one_line, tidied

#: The cells and the key of a row → its payload.
ReadCase = Callable[[Cells, str], "dict[str, Any] | None"]


def compiled(case: Part, *, key_at: int) -> ReadCase:
    """The function that reads what the part ``case`` reads, faster.

    Args:
        case: Has members, as a table has.
        key_at: Parts that read this cell read the key.
    """
    writer = _Writer(key_at)
    values = writer.table(case)
    writer.line(f"return {values} or None")
    text = "\n".join(["def read(cells, key):", *(f"    {line}" for line in writer.lines)])
    exec(compile(text, "<mapping>", "exec"), writer.names)  # see above for what stands in it
    read: ReadCase = writer.names["read"]
    return read


class _Writer:
    """The lines of the function, and what they call by name."""

    def __init__(self, key_at: int) -> None:
        self._key_at = key_at
        self.lines: list[str] = []
        self.names: dict[str, Any] = {"missing": missing, "too_long": too_long}

    def line(self, text: str) -> None:
        self.lines.append(text)

    def name(self, word: str, value: Any) -> str:
        """A new name by which the function knows ``value``."""
        name = f"{word}{len(self.names)}"
        self.names[name] = value
        return name

    def table(self, part: Part) -> str:
        """Puts an object together; returns the variable that holds it."""
        values = f"values{len(self.lines)}"
        self.line(f"{values} = {{}}")
        for key, member in (part.members or {}).items():
            slot = f"{values}[{self.name('name', key)}]"
            if member.members is not None:
                inner = self.table(member)
                self.line(f"if {inner}: {slot} = {inner}")
            elif member.where == self._key_at:
                self.line(f"{slot} = key")
            elif member.plain is not None:
                self._plain(member.plain, self._argument(member), slot)
            else:
                self.line(f"value = {self.name('read', member.read)}({self._argument(member)})")
                self.line(f"if value is not None: {slot} = value")
        return values

    def _argument(self, part: Part) -> str:
        return f"cells[{part.where}]" if isinstance(part.where, int) else "cells"

    def _plain(self, plain: PlainText, argument: str, slot: str) -> None:
        """A text: most fields are one, and need no call at all unless something is odd about it."""
        source = argument if plain.text is None else f"{self.name('text', plain.text)}({argument})"
        self.line(f"text = {source}")
        self.line("stripped = text.strip()")
        nothing = "not stripped" if plain.empty == {""} else f"stripped in {self.name('empty', plain.empty)}"
        self.line(f"if {nothing}:")
        self.line(f"    {self._without(plain, slot)}")
        self.line("else:")
        for step in plain.tidy:
            self.line(f"    {self._step(step)}")
        if plain.most is not None:
            fit = f"text = {self.name('fit', plain.fit)}(text)" if plain.fit else f"raise too_long(text, {plain.most})"
            self.line(f"    if len(text) > {plain.most}: {fit}")
        self.line(f"    {slot} = text")

    def _without(self, plain: PlainText, slot: str) -> str:
        if plain.default is not None:
            return f"{slot} = {self.name('default', plain.default)}"
        return "raise missing()" if plain.required else "pass"

    def _step(self, step: Callable[[str], str]) -> str:
        if step is str.strip:
            return "text = stripped"
        if step is tidied:
            return f"text = stripped if stripped.isprintable() else {self.name('step', in_one_line)}(stripped)"
        return f"text = {self.name('step', step)}(text)"
