"""``overflow: note``: the begin of a long text stays in its field, and the whole of it goes into a note."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from importer.mapping.binding import Binding
from importer.mapping.document import Problems
from importer.mapping.origins import bind_value
from importer.mapping.parts import Cells, Find, NotesRead
from importer.mapping.targets import note_target
from importer.mapping.values import Value, compiled


class Overflow(NamedTuple):
    """What becomes a note if it is too long for its field.

    Attributes:
        whole: The value, uncut.
        most: How many characters the field takes.
    """

    whole: Value
    most: int


def overflows(values: Iterable[Value], problems: Problems) -> Iterator[Overflow]:
    """The overflow of each value that has one."""
    for value in values:
        most = value.form.max or value.target.limit
        if value.form.overflow == "note" and most is not None:
            form = value.form.model_copy(update={"max": None, "overflow": "reject"})
            target = value.target._replace(limit=None, check=note_target("note_body").check)
            yield Overflow(compiled(form, value.kind, path=value.path, target=target, problems=problems), most)


def bind_overflow(overflow: Overflow, binding: Binding) -> tuple[NotesRead, Find]:
    """How the note of an overflow is read, and what is wrong with its text."""
    part, most = bind_value(overflow.whole, binding), overflow.most
    title = f"Full text of {overflow.whole.target.name.rpartition('.')[2]}"

    def read(cells: Cells) -> list[dict[str, Any]]:
        text = part.value(cells)
        if text is None or len(text) <= most:
            return []
        return [{"note_title": title, "note_body": text, "public": False}]

    return read, part.problems
