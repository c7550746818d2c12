"""Notes of a case: one from the row, or one for each of its entries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from importer.mapping.binding import Binding
from importer.mapping.document import Problems
from importer.mapping.entries import ORDER, Each, bind_each, bound_entries
from importer.mapping.origins import bind_value
from importer.mapping.overflow import Overflow, bind_overflow
from importer.mapping.parts import WHOLE_ROW, Cells, Find, NotesRead, Part
from importer.mapping.spec import SourceForm, ValueForm
from importer.mapping.spec_case import EachForm, NoteForm
from importer.mapping.targets import Target, note_target
from importer.mapping.values import Value, compile_value
from importer.mapping.when import Test, bind_test
from importer.mapping.yaml_nodes import NodePath
from importer.models import FieldError


class Note(NamedTuple):
    """A note of the mapping, compiled.

    Attributes:
        path: Where it stands in the mapping.
        title: Its title; None for a note without.
        body: Its text.
        each: Where the entries come from of which each is a note; None for one note of the row.
        public: Whether the requester sees it.
        when: The condition that an entry, or the row, must meet.
    """

    path: NodePath
    title: Value | None
    body: Value | None
    each: Each | None
    public: Value | None
    when: str | None


def compile_note(form: NoteForm, *, path: NodePath, source: SourceForm, problems: Problems) -> Note:
    """The compiled note of an export that is described by ``source``."""

    def compiled(key: str, value: ValueForm | None, target: Target) -> Value | None:
        if value is None:
            return None
        if value.overflow == "note":
            hint = "write `overflow: truncate`; a body has no limit"
            problems.add((*path, key, "overflow"), "a note cannot overflow into a note", hint, key=True)
        return compile_value(value, path=(*path, key), target=target, problems=problems)

    return Note(
        path,
        title=compiled("title", _heading(form), note_target("note_title")),
        body=compiled("body", form.text, note_target("note_body")),
        each=_compile_each(form.each, path=(*path, "each"), source=source, problems=problems) if form.each else None,
        public=compiled("public", form.public, note_target("public")),
        when=form.when,
    )


def _heading(form: NoteForm) -> ValueForm | None:
    """The title; if it reads the column of the body it is cut to its limit, since the body has the whole text."""
    title, body = form.title, form.text
    same = title and body and title.column is not None and title.column == body.column
    if title and same and title.type is None and "overflow" not in title.model_fields_set:
        return title.model_copy(update={"overflow": "truncate"})
    return title


def _compile_each(form: EachForm, *, path: NodePath, source: SourceForm, problems: Problems) -> Each:
    by = form.by or (source.key if form.file else ())
    if form.file and len(by) != len(form.key or ()):
        what = f"`key` has {len(form.key or ())} columns, and {len(by)} are looked up in them"
        problems.add((*path, "key"), what, "name as many in `by:`; by default they are those of `source.key`")
    compiled = [
        compile_value(value, path=(*path, "order", number), target=ORDER, problems=problems)
        for number, value in enumerate(form.order or ())
    ]
    return Each(form, path, tuple(filter(None, compiled)), by)


def bind_notes(notes: list[Note], overflows: list[Overflow], binding: Binding) -> Part:
    """The part that is the list of all notes of a row, overflows last; left out if there are none."""
    bound = [_bind_note(note, binding) for note in notes]
    bound += [bind_overflow(overflow, binding) for overflow in overflows]

    def read(cells: Cells) -> list[dict[str, Any]] | None:
        return [note for read_notes, _ in bound for note in read_notes(cells)] or None

    def problems(cells: Cells) -> Iterator[FieldError]:
        for _, find in bound:
            yield from find(cells)

    return Part(WHOLE_ROW, read, problems)


def batched(notes: list[Any], most: int) -> Iterator[list[Any]]:
    """The notes in order, at most so many at a time."""
    return (notes[first : first + most] for first in range(0, len(notes), most))


def _bind_note(compiled: Note, binding: Binding) -> tuple[NotesRead, Find]:
    each = compiled.each
    entries = bind_each(each, binding)
    if entries is None:
        return lambda _: [], lambda _: iter(())
    own = binding._replace(header=entries.header)
    when, path = compiled.when, (*compiled.path, "when")
    form = _Bound(
        test=bind_test(when, binding=own, path=path, target="notes") if when else None,
        title=bind_value(compiled.title, own) if compiled.title else None,
        body=bind_value(compiled.body, own) if compiled.body else None,
        public=bind_value(compiled.public, own) if compiled.public else None,
    )
    bound_entries(entries, each, binding)
    take, note = entries.read, form.maker()

    def read_row(row: Cells) -> list[dict[str, Any]]:
        made = note(row)
        return [] if made is None else [made]

    def read(row: Cells) -> list[dict[str, Any]]:
        return [made for entry in take(row) if (made := note(entry)) is not None]

    def problems(row: Cells) -> Iterator[FieldError]:
        yield from entries.problems(row)
        for entry in entries.sound(row):
            yield from (entries.named(error, entry) for error in form.problems(entry))

    return read_row if each is None else read, problems


class _Bound(NamedTuple):
    """The parts of a note, bound to the header of its entries."""

    test: Test | None
    title: Part | None
    body: Part | None
    public: Part | None

    def maker(self) -> Callable[[Cells], dict[str, Any] | None]:
        """The function that makes the note of an entry; None if it has none."""
        test, title, body, public = self

        def note(entry: Cells) -> dict[str, Any] | None:
            if body is None or (test is not None and not test.met(entry)):
                return None
            text = body.read(entry[body.where])
            if text is None:
                return None
            heading = None if title is None else title.read(entry[title.where])
            seen = False if public is None else public.read(entry[public.where])
            if heading is None:
                return {"note_body": text, "public": seen}
            return {"note_title": heading, "note_body": text, "public": seen}

        return note

    def problems(self, entry: Cells) -> Iterator[FieldError]:
        """All that is wrong with the note of an entry."""
        test, title, body, public = self
        undecided = list(test.problems(entry)) if test is not None else []
        yield from undecided
        if undecided or body is None or (test is not None and not test.met(entry)):
            return
        found = list(body.problems(entry))
        yield from found
        if found or body.value(entry) is not None:
            for part in filter(None, (title, public)):
                yield from part.problems(entry)
