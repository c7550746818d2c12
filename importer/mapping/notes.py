"""Notes of a case: one from a value, or one for each cell of a repeated column."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from importer.mapping.binding import Binding
from importer.mapping.document import Problems
from importer.mapping.origins import bind_value
from importer.mapping.overflow import Overflow, bind_overflow
from importer.mapping.parts import WHOLE_ROW, Cells, Find, NotesRead, Part
from importer.mapping.spec import NoteForm, ValueForm
from importer.mapping.targets import Target, note_target
from importer.mapping.values import Value, compile_value
from importer.mapping.when import bind_test
from importer.mapping.yaml_nodes import NodePath
from importer.records import FieldError


class Note(NamedTuple):
    """A note of the mapping, compiled. Either ``body`` or ``each`` is there.

    Attributes:
        path: Where it stands in the mapping.
        title: Its title; None for a note without.
        body: Its text.
        each: The column of which each cell is a note.
        public: Whether the requester sees it.
        when: The condition that a row must meet to have it.
    """

    path: NodePath
    title: Value | None
    body: Value | None
    each: str | None
    public: Value | None
    when: str | None


class _Bodies(NamedTuple):
    read: Callable[[Cells], list[str]]
    problems: Find


def compile_note(form: NoteForm, *, path: NodePath, problems: Problems) -> Note:
    """The compiled note."""

    def compiled(key: str, value: ValueForm | None, target: Target) -> Value | None:
        if value is None:
            return None
        if value.overflow == "note":
            cure = "write `overflow: truncate`; a body has no limit"
            problems.add((*path, key, "overflow"), "a note cannot overflow into a note", cure, key=True)
        return compile_value(value, path=(*path, key), target=target, problems=problems)

    return Note(
        path,
        title=compiled("title", _heading(form), note_target("note_title")),
        body=compiled("body", form.body, note_target("note_body")),
        each=form.each,
        public=compiled("public", form.public, note_target("public")),
        when=form.when,
    )


def _heading(form: NoteForm) -> ValueForm | None:
    """The title; if it reads the column of the body it is cut to its limit, since the body has the whole text."""
    title, body = form.title, form.body
    same = title and body and title.column is not None and title.column == body.column
    if title and same and title.type is None and "overflow" not in title.model_fields_set:
        return title.model_copy(update={"overflow": "truncate"})
    return title


def bind_notes(notes: list[Note], overflows: list[Overflow], binding: Binding) -> Part:
    """The part that is the list of all notes of a row, overflows last; left out if there are none."""
    bound = [_bind_when(note, binding) for note in notes]
    bound += [bind_overflow(overflow, binding) for overflow in overflows]

    def read(cells: Cells) -> list[dict[str, Any]] | None:
        return [note for read_notes, _ in bound for note in read_notes(cells)] or None

    def problems(cells: Cells) -> Iterator[FieldError]:
        for _, find in bound:
            yield from find(cells)

    return Part(WHOLE_ROW, read, problems)


def _bind_when(note: Note, binding: Binding) -> tuple[NotesRead, Find]:
    read, find = _bind_note(note, binding)
    if note.when is None:
        return read, find
    test = bind_test(note.when, binding=binding, path=(*note.path, "when"), target="notes")

    def problems(cells: Cells) -> Iterator[FieldError]:
        undecided = list(test.problems(cells))
        yield from undecided or (find(cells) if test.met(cells) else ())

    return lambda cells: read(cells) if test.met(cells) else [], problems


def _bind_note(note: Note, binding: Binding) -> tuple[NotesRead, Find]:
    bodies = _bind_bodies(note, binding)
    title = bind_value(note.title, binding) if note.title else None
    public = bind_value(note.public, binding) if note.public else None

    def read(cells: Cells) -> list[dict[str, Any]]:
        if not (texts := bodies.read(cells)):
            return []
        heading = title.value(cells) if title else None
        head = {} if heading is None else {"note_title": heading}
        seen = public.value(cells) if public else False
        return [{**head, "note_body": text, "public": seen} for text in texts]

    def problems(cells: Cells) -> Iterator[FieldError]:
        found = list(bodies.problems(cells))
        yield from found
        if found or bodies.read(cells):
            for part in filter(None, (title, public)):
                yield from part.problems(cells)

    return read, problems


def _bind_bodies(note: Note, binding: Binding) -> _Bodies:
    if note.body is None:
        return _bind_each(note.each or "", note.path, binding)
    body = bind_value(note.body, binding)

    def read(cells: Cells) -> list[str]:
        text = body.value(cells)
        return [] if text is None else [text]

    return _Bodies(read, body.problems)


def _bind_each(column: str, path: NodePath, binding: Binding) -> _Bodies:
    positions = binding.header.positions(column, path=(*path, "each"))
    target = note_target("note_body")

    def read(cells: Cells) -> list[str]:
        return [text for position in positions if (text := binding.filled(cells[position]))]

    def problems(cells: Cells) -> Iterator[FieldError]:
        for text in read(cells):
            if error := target.problem(text):
                yield error.at(column=column, text=text, target=target.name)

    return _Bodies(read, problems)
