"""CSV and its relatives: text with one row a line, or several lines where a quoted cell contains line breaks.

Read by ``csv.reader(strict=True)``, never by ``pandas.read_csv``: pandas pads short rows in silence and does not know
the physical line on which a row begins. Good rows become a DataFrame; ragged ones, broken quotes and NUL characters
become bad rows with the reason; a quote that is never closed refuses the file, for nobody knows where its cell ends.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from importer.errors import SourceError
from importer.models import FieldError, Row, shown
from importer.reader.base import Chunk, ChunkBuilder, Header, SheetLayout, file_digest
from importer.reader.detect import Kind
from importer.reader.dialect import DELIMITERS, Dialect, csv_lines, find_dialect
from importer.reader.text_file import Lines, TextFile, open_text

_BLANK = " \t\r\n\x0b\x0c\x1a"  # with the mark that ended a file under DOS
_TO_CLOSING = re.compile(r'(?:[^"]|"")*+"')


class CsvReader:
    """Rows of a delimited text file. See :class:`importer.reader.base.Reader`.

    Args:
        path: The file.
        kind: TEXT, GZIP or ZIP.
        encoding: What the user says; else a byte order mark, or UTF-8.
        delimiter: What the user says; else it is found in the first lines.
        notes: What is already known to be worth telling.
        chunk_rows: Most rows of a chunk.

    Raises:
        SourceError: It is not such a file, or its encoding, delimiter or header cannot be told.
    """

    layout = SheetLayout()

    def __init__(
        self,
        path: Path,
        kind: Kind,
        *,
        encoding: str | None,
        delimiter: str | None,
        notes: Iterable[str],
        chunk_rows: int,
    ) -> None:
        self._text = open_text(path, kind, encoding)
        block, complete = self._text.head()
        self._dialect = find_dialect(block, given=delimiter, complete=complete, name=self._text.name)
        self._chunk_rows = chunk_rows
        self.name = self._text.name
        header = Header(self._dialect.header)
        self.columns = header.columns
        self.notes = (
            *notes,
            *self._text.encoding.notes,
            _note(self._text, self._dialect, header),
            *self._dialect.notes,
            *header.notes(),
        )

    def fingerprint(self) -> str:
        """SHA-256 (hex) of the file as it is on the disk, packed or not."""
        return file_digest(self._text.path)

    def chunks(self) -> Iterator[Chunk]:
        """Read from the start, in chunks of at most as many rows as was asked for."""
        with self._text.lines() as lines:
            rows = _Rows(self._text, self._dialect, lines)
            while (builder := rows.take(ChunkBuilder(self.columns), self._chunk_rows)).taken:
                yield builder.build(lines.progress)


def _note(text: TextFile, dialect: Dialect, header: Header) -> str:
    called = DELIMITERS.get(dialect.delimiter, repr(dialect.delimiter))
    separated = f" separated by {called}" if len(dialect.header) > 1 else ""
    codec = text.encoding.codec.upper()
    return f"read as {codec}, {header.width}{separated}, header in line {dialect.header_line}"


class _Rows:
    """One pass over the rows of a file: good ones and bad ones told apart, each with its first line."""

    def __init__(self, text: TextFile, dialect: Dialect, lines: Lines) -> None:
        self._text = text
        self._delimiter = dialect.delimiter
        self._width = len(dialect.header)
        self._lines = lines
        self._reader = csv_lines(lines, dialect.delimiter)
        self._start = 1
        self._broken_line = 0  # whose quotes are broken, so that the next lines may be the rest of its cell
        for _ in islice(self._reader, dialect.skipped):
            pass

    def take(self, builder: ChunkBuilder, limit: int) -> ChunkBuilder:
        """Fill ``builder`` with up to ``limit`` rows; fewer come only at the end."""
        while builder.taken < limit and not self._lines.ended:
            try:
                if self._broken_line:
                    self._read_after_broken(builder)
                else:
                    self._read(builder, limit - builder.taken)
            except csv.Error:
                builder.bad_rows.append(self._broken())
        if self._lines.nul_seen:
            _set_nul_aside(builder)
        return builder

    def _read(self, builder: ChunkBuilder, limit: int) -> None:
        """The hot loop: everything that a million good rows go through."""
        reader, width = self._reader, self._width
        add_number, add_row = builder.numbers.append, builder.rows.append
        self._start = reader.line_num + 1
        for cells in islice(reader, limit):
            if len(cells) == width and any(cells):
                add_number(self._start)
                add_row(cells)
            else:
                self._set_aside(builder, cells)
            self._start = reader.line_num + 1

    def _read_after_broken(self, builder: ChunkBuilder) -> None:
        """One row after broken quotes: its line may be the rest of the cell that was broken."""
        self._start = self._reader.line_num + 1
        for cells in islice(self._reader, 1):
            fits = len(cells) == self._width and any(cells)
            if fits and self._reader.line_num == self._start and _has_open_quote(self._lines.last):
                rule = f"may belong to line {self._broken_line}, which has broken quotes"
                hint = f"fix line {self._broken_line} first"
                builder.bad_rows.append(self._bad(cells, "after_broken_quotes", rule, hint))
            elif fits:
                self._broken_line = 0
                builder.add(self._start, cells)
            else:
                self._set_aside(builder, cells)

    def _set_aside(self, builder: ChunkBuilder, cells: list[str]) -> None:
        """A row of the wrong width, unless it is blank."""
        has, wanted = len(cells), self._width
        if not "".join(cells).strip(_BLANK):
            builder.blank_rows += 1
            return
        if has > wanted:
            code, hint = "too_many_fields", f"quote each cell that contains {self._delimiter!r}"
        else:
            code, hint = "too_few_fields", "complete the row, and quote each cell that contains a line break"
        rule = f"has {has} field{'s' * (has != 1)}, but the header has {wanted}"
        builder.bad_rows.append(self._bad(cells, code, rule, hint))

    def _broken(self) -> Row:
        """The row on which the csv reader gave up.

        Raises:
            SourceError: It spans lines, so that nobody can tell where it ends and the next one begins.
        """
        if self._lines.ended or self._reader.line_num > self._start:
            raise self._unclosed()
        text = self._lines.last.rstrip("\r\n")
        if _has_open_quote(text):
            self._broken_line = self._start
        hint = 'double each quote inside a quoted cell: "a 5"" nail"'
        return self._bad([text], "broken_quotes", "has text after a closing quote", hint)

    def _bad(self, cells: list[str], code: str, rule: str, hint: str) -> Row:
        value = shown(self._delimiter.join(cells))
        return Row(self._start, tuple(cells), (FieldError(code, None, value, rule, hint),))

    def _unclosed(self) -> SourceError:
        with self._text.lines() as lines:
            opened = _opening_line(islice(lines, self._start - 1, None), self._start, self._delimiter)
        stopped = self._reader.line_num
        fate = "never closed" if self._lines.ended else f"not closed before other text in line {stopped}"
        hint = f'close it in line {opened}, and double each quote inside a quoted cell: ""'
        where = f"{self._text.name}:{opened}"
        return SourceError(f"the quote opened in line {opened} is {fate}", where=where, hint=hint)


def _has_open_quote(line: str) -> bool:
    return line.count('"') % 2 == 1


def _set_nul_aside(builder: ChunkBuilder) -> None:
    """Rows with a NUL character are damaged, and no JSON API takes them."""
    good = list(zip(builder.numbers, builder.rows, strict=True))
    builder.numbers, builder.rows = [], []
    hint = "remove it; it often means that the file is damaged"
    for number, cells in good:
        spoiled = next((cell for cell in cells if "\0" in cell), None)
        if spoiled is None:
            builder.add(number, cells)
        else:
            problem = FieldError("nul_character", None, shown(spoiled), "contains a NUL character", hint)
            builder.bad_rows.append(Row(number, tuple(cells), (problem,)))
    builder.bad_rows.sort(key=lambda row: row.number)


def _opening_line(lines: Iterable[str], first: int, delimiter: str) -> int:
    """The line of the quote that spoils a row: of the one that is closed in front of other text, or else of the last
    one that opens.

    Args:
        lines: The row's first line and all that follow. Not taken further than needed.
        first: Number of that first line.
        delimiter: What separates the cells.
    """
    opened, inside = first, False
    for number, line in enumerate(lines, first):
        at = 0
        while at >= 0:
            if inside:
                closing = _TO_CLOSING.match(line, at)
                at = closing.end() if closing else -1
                inside = closing is None
                if closing and line[at : at + 1] not in (delimiter, "\r", "\n", ""):
                    return opened
            elif (at := _after_opening(line, at, delimiter)) >= 0:
                inside, opened = True, number
    return opened


def _after_opening(line: str, at: int, delimiter: str) -> int:
    """Position after the next quote that opens a cell; -1 if there is none on this line."""
    if at == 0 and line.startswith('"'):
        return 1
    found = line.find(delimiter + '"', at)
    return found + 2 if found >= 0 else -1
