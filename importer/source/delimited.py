"""CSV and its relatives: text with one record a line, or several lines where a quoted cell holds line ends."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from importer.errors import SourceError
from importer.models import FieldError, Row, shown
from importer.source.checkup.finding import Finding
from importer.source.chunk import Chunk, Draft
from importer.source.dialect import CANDIDATES, Layout, find_layout, strict_reader
from importer.source.encoding import encoding_note, settle_encoding
from importer.source.header import name_columns, unnamed_note, width_text
from importer.source.packed import file_digest, packed_file
from importer.source.quotes import opening_line
from importer.source.sniff import HEAD_BYTES, Kind, refuse_binary, refuse_markup, refuse_unless_text
from importer.source.text_file import Lines, TextFile
from importer.source.titles import title_note

if TYPE_CHECKING:
    from _csv import Reader

_WIDE = ("utf-16", "utf-32")  # full of NUL bytes
_BLANK = " \t\r\n\x0b\x0c\x1a"  # with the mark that ended a file under DOS


class DelimitedSource:
    """Rows of a delimited text file. See :class:`importer.source.chunk.Source`.

    Args:
        text: The file and its encoding.
        layout: Its delimiter and header.
        notes: What is already known to be worth telling.
        chunk_rows: Rows of a chunk.
    """

    def __init__(self, text: TextFile, layout: Layout, *, notes: list[str], chunk_rows: int) -> None:
        self._text = text
        self._layout = layout
        self._chunk_rows = chunk_rows
        self.name = text.name
        self.columns, made_up = name_columns(layout.header)
        self.notes = (*notes, *_layout_notes(text, layout), *unnamed_note(made_up))

    def fingerprint(self) -> str:
        """SHA-256 (hex) of the file as it lies on the disk, packed or not."""
        return file_digest(self._text.file.path)

    def oddities(self) -> Iterator[Finding]:
        """A text file hides nothing."""
        return iter(())

    def chunks(self) -> Iterator[Chunk]:
        """Read from the start, in chunks of at most as many rows as was asked for."""
        with self._text.lines() as lines:
            records = _Records(self._text, self._layout, lines)

            def take() -> Chunk | None:
                draft = records.take(Draft(self.columns), self._chunk_rows)
                return draft.finish(lines.progress) if draft.taken else None

            # Nothing here holds a chunk that was handed out, so the next one gets its memory, still in the caches.
            yield from iter(take, None)


def open_delimited(
    path: Path, kind: Kind, *, encoding: str | None, delimiter: str | None, notes: list[str], chunk_rows: int
) -> DelimitedSource:
    """The delimited text file at ``path``, packed or not.

    Raises:
        SourceError: It is no such file, or its encoding, delimiter or header cannot be told.
    """
    packed = packed_file(path, kind)
    with packed.open() as stream:
        head = stream.read(HEAD_BYTES)
    refuse_unless_text(head, packed.name)
    settled = settle_encoding(head, encoding, packed.name)
    if not settled.codec.startswith(_WIDE):
        refuse_binary(head, packed.name)
    refuse_markup(head[settled.mark :].decode(settled.codec, "ignore"), packed.name)
    text = TextFile(packed, settled)
    with text.lines() as lines:
        block, complete = lines.head()
    layout = find_layout(block, given=delimiter, complete=complete, name=packed.name)
    notes = [*notes, *encoding_note(settled, head)]
    return DelimitedSource(text, layout, notes=notes, chunk_rows=chunk_rows)


def _layout_notes(text: TextFile, layout: Layout) -> Iterator[str]:
    called = CANDIDATES.get(layout.delimiter, repr(layout.delimiter))
    separated = f" separated by {called}" if len(layout.header) > 1 else ""
    codec = text.encoding.codec.upper()
    yield f"{codec} text, {width_text(layout.header)}{separated}, header in line {layout.header_line}"
    yield from title_note(layout.titles)
    if not layout.rows_follow:
        yield "0 rows: nothing stands below the header"
    if not layout.rows_fit:
        yield "none of the first rows has as many cells as the header: is there a title above it?"


class _Records:
    """One pass over the records of a file: good ones and bad ones told apart, each with its first line."""

    def __init__(self, text: TextFile, layout: Layout, lines: Lines) -> None:
        self._text = text
        self._layout = layout
        self._lines = lines
        self._reader: Reader = strict_reader(lines, layout.delimiter)
        self._start = 1
        self._doubt = 0  # line whose broken quotes may go on in the following ones
        for _ in islice(self._reader, layout.skipped):
            pass

    def take(self, draft: Draft, limit: int) -> Draft:
        """Fill ``draft`` with up to ``limit`` records; fewer come only at the end."""
        while draft.taken < limit and not self._lines.ended:
            try:
                if self._doubt:
                    self._read_in_doubt(draft)
                else:
                    self._read(draft, limit - draft.taken)
            except csv.Error:
                draft.bad.append(self._broken())
        if self._lines.nul_seen:
            _set_nul_aside(draft)
        return draft

    def _read(self, draft: Draft, limit: int) -> None:
        """The hot loop: everything a million good rows go through."""
        reader, width = self._reader, len(self._layout.header)
        add_number, add_row = draft.numbers.append, draft.rows.append
        self._start = reader.line_num + 1
        for cells in islice(reader, limit):
            if len(cells) == width and any(cells):
                add_number(self._start)
                add_row(cells)
            else:
                self._set_aside(draft, cells)
            self._start = reader.line_num + 1

    def _read_in_doubt(self, draft: Draft) -> None:
        """One record after broken quotes: its line may be the rest of the cell that was broken."""
        self._start = self._reader.line_num + 1
        for cells in islice(self._reader, 1):
            fits = len(cells) == len(self._layout.header) and any(cells)
            one_line = self._reader.line_num == self._start
            if fits and one_line and _odd_quotes(self._lines.line(self._start)):
                rule = f"may be the rest of a cell in line {self._doubt}, whose quotes are broken"
                draft.bad.append(self._bad(cells, "after_broken_quotes", rule, f"correct line {self._doubt} first"))
            elif fits:
                self._doubt = 0
                draft.numbers.append(self._start)
                draft.rows.append(cells)
            else:
                self._set_aside(draft, cells)

    def _set_aside(self, draft: Draft, cells: list[str]) -> None:
        """A record of the wrong width, unless it is blank."""
        has, wanted = len(cells), len(self._layout.header)
        if not "".join(cells).strip(_BLANK):
            draft.blank += 1
            return
        if has > wanted:
            code, hint = "too_many_fields", f"put quotes around a cell that contains {self._layout.delimiter!r}"
        else:
            code, hint = "too_few_fields", "complete the row; a cell that contains a line end needs quotes around it"
        rule = f"has {has} field{'s' * (has != 1)}, the header has {wanted}"
        draft.bad.append(self._bad(cells, code, rule, hint))

    def _broken(self) -> Row:
        """The record on which the reader gave up.

        Raises:
            SourceError: It spans lines, so that nobody can tell where it ends and the next one begins.
        """
        if self._lines.ended or self._reader.line_num > self._start:
            raise self._unclosed()
        text = self._lines.line(self._start).rstrip("\r\n")
        if _odd_quotes(text):
            self._doubt = self._start
        hint = 'write a quote inside a quoted cell twice: "a 5"" nail"'
        return self._bad([text], "broken_quotes", "has text after a closing quote", hint)

    def _bad(self, cells: list[str], code: str, rule: str, hint: str) -> Row:
        value = shown(self._layout.delimiter.join(cells))
        return Row(self._start, tuple(cells), (FieldError(code, None, value, rule, hint),))

    def _unclosed(self) -> SourceError:
        start, delimiter = self._start, self._layout.delimiter
        with self._text.lines() as lines:
            opened = opening_line(islice(lines, start - 1, None), start, delimiter)
        fate = "never closed" if self._lines.ended else f"not closed before other text in line {self._reader.line_num}"
        hint = f'close it in line {opened}, and write a quote inside a quoted cell twice: ""'
        return SourceError(
            f"the quote that opens in line {opened} is {fate}", where=f"{self._text.name}:{opened}", hint=hint
        )


def _odd_quotes(line: str) -> bool:
    return line.count('"') % 2 == 1


def _set_nul_aside(draft: Draft) -> None:
    """Rows with a NUL are damaged, and no JSON API takes them."""
    spoiled = {number: cells for number, cells in zip(draft.numbers, draft.rows, strict=True) if "\0" in "".join(cells)}
    if not spoiled:
        return
    kept = [(n, cells) for n, cells in zip(draft.numbers, draft.rows, strict=True) if n not in spoiled]
    draft.numbers[:] = [number for number, _ in kept]
    draft.rows[:] = [cells for _, cells in kept]
    hint = "remove it; it is often a sign that the file is damaged"
    for number, cells in spoiled.items():
        value = shown(next(cell for cell in cells if "\0" in cell))
        problem = FieldError("nul_character", None, value, "holds a NUL character", hint)
        draft.bad.append(Row(number, tuple(cells), (problem,)))
    draft.bad.sort(key=lambda row: row.number)
