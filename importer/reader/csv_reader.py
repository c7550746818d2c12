"""CSV and its relatives: text with one row per line, or several lines where a quoted cell contains line breaks.

Read by ``csv.reader(strict=True)``, never by ``pandas.read_csv``: pandas pads short rows in silence and does not know
the physical line on which a row begins. Good rows become a DataFrame; ragged ones, broken quotes and NUL characters
become bad rows with the reason; a quote that is never closed refuses the file, since its cell may end anywhere.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from importer.errors import SourceError
from importer.models import FieldError, ReadingOptions, Row
from importer.reader import limits
from importer.reader.base import (
    Chunk,
    ChunkBuilder,
    SheetLayout,
    file_digest,
    named_columns,
)
from importer.reader.detect import Kind
from importer.reader.dialect import CUT_OFF, DELIMITERS, Dialect, csv_lines, find_dialect
from importer.reader.text_file import Lines, TextFile
from importer.text.safe import shown
from importer.text.wording import plural

_BLANK = " \t\r\n\x0b\x0c\x1a"  # with the mark that ended a file under DOS


class CsvReader:
    """Rows of a delimited text file, packed or not: see :class:`importer.reader.base.Reader`.

    Raises:
        SourceError: It is not such a file, or its encoding, delimiter or header is unclear.
    """

    layout = SheetLayout()

    def __init__(self, path: Path, kind: Kind, reading: ReadingOptions, notes: Iterable[str]) -> None:
        encoding, delimiter, header_row = map(reading.get, ("encoding", "delimiter", "header_row"))
        self._text = text = TextFile(path, kind, reading.get("encoding"))
        self.name = text.name
        block, complete = text.head()
        self._dialect = dialect = find_dialect(block, reading, complete=complete, name=self.name)
        self.columns, unnamed = named_columns(dialect.header)
        self.reading = ReadingOptions()
        if encoding is not None and text.encoding.codec != "utf-8":
            self.reading["encoding"] = text.encoding.codec
        if dialect.delimiter != "," and (delimiter is not None or len(self.columns) > 1):
            self.reading["delimiter"] = dialect.delimiter
        if header_row is not None or dialect.has_titles:
            self.reading["header_row"] = dialect.header_line
        separators = DELIMITERS.get(dialect.delimiter, repr(dialect.delimiter))
        separated = f" separated by {separators}" if len(self.columns) > 1 else ""
        header = f"header in line {dialect.header_line}" if dialect.header_line else "no header"
        numbered = "rows are numbered by line"  # one with line breaks in a cell takes several
        columns = plural(len(self.columns), "column")
        how = f"read as {text.encoding.codec.upper()}, {columns}{separated}, {header}; {numbered}"
        self.notes = (*notes, *text.encoding.notes, how, *dialect.notes, *unnamed)

    def fingerprint(self) -> str:
        """SHA-256 (hex) of the file as it is on the disk, packed or not."""
        return file_digest(self._text.path)

    def chunks(self) -> Iterator[Chunk]:
        """Read from the start, in chunks of at most :data:`~importer.reader.limits.CHUNK_ROWS`."""
        with self._text.lines() as lines:
            rows = _Rows(lines, self._dialect, self.name)
            while (builder := rows.take(ChunkBuilder(self.columns), limits.CHUNK_ROWS)).taken:
                yield builder.build(lines.progress)


class _Rows:
    """One pass over the rows of a file, each with its first line: good ones, and bad ones with the reason."""

    def __init__(self, lines: Lines, dialect: Dialect, name: str) -> None:
        self._lines = lines
        self._delimiter = dialect.delimiter
        self._width = len(dialect.header)
        self._short = dialect.short
        self._name = name
        self._reader = csv_lines(lines, dialect.delimiter)
        self._start = 1
        self._broken_line = 0  # whose quotes are broken, so that the next lines may be the rest of its cell
        self._cut_line = 0  # that ends like no other, so that the next one may be the rest of its last cell
        self._kept: tuple[int, Sequence[str]] | None = None  # the last row of a chunk, until the one below is known
        for _ in islice(self._reader, dialect.skipped):
            pass
        self._has_cr = lines.last.endswith("\r")  # the lines end with a bare CR, as on old Macs

    def take(self, builder: ChunkBuilder, limit: int) -> ChunkBuilder:
        """Fill ``builder`` with up to ``limit`` rows; fewer come only at the end."""
        if self._kept:
            builder.add(*self._kept)
            self._kept = None
        while builder.taken < limit and not self._lines.ended:
            try:
                self._read(builder, limit - builder.taken)
            except csv.Error:
                builder.bad_rows.append(self._broken_row())
        if builder.taken > 1 and not (self._lines.ended or self._lines.quote_seen) and _ends_good(builder):
            self._kept = builder.numbers.pop(), builder.rows.pop()
        return builder

    def _read(self, builder: ChunkBuilder, limit: int) -> None:
        """The hot loop: everything that a million good rows go through."""
        reader, lines, width, short = self._reader, self._lines, self._width, self._short or -1
        add_number, add_row, has_cr = builder.numbers.append, builder.rows.append, self._has_cr
        self._start = reader.line_num + 1
        for cells in islice(reader, limit):
            if len(cells) == short:
                cells += [""] * (width - len(cells))
            if len(cells) != width or not any(cells):
                self._set_aside(builder, cells)
            elif lines.nul_seen and (spoiled := next((cell for cell in cells if "\0" in cell), "")):
                hint = "remove it; it often means that the file is damaged"  # nor does any JSON API accept it
                problem = FieldError("nul_character", None, shown(spoiled), "contains a NUL character", hint)
                builder.bad_rows.append(Row(self._start, tuple(cells), (problem,)))
            elif self._broken_line and reader.line_num == self._start and _has_open_quote(lines.last):
                rule = f"may belong to line {self._broken_line}, which has broken quotes"
                hint = f"fix line {self._broken_line} first"
                builder.bad_rows.append(self._bad_row(cells, "after_broken_quotes", rule, hint))
            elif self._cut_line or (not has_cr and lines.last.endswith("\r")):
                self._take_cut(builder, cells)
            else:
                self._broken_line = 0
                add_number(self._start)
                add_row(cells)
            self._start = reader.line_num + 1

    def _set_aside(self, builder: ChunkBuilder, cells: list[str]) -> None:
        """A row of the wrong width, unless it is blank."""
        has = len(cells)
        if not "".join(cells).strip(_BLANK):
            builder.blank_rows += 1
            return
        self._cut_line = self._start if self._is_cut() else 0
        if has > self._width:
            code, hint = "too_many_fields", f"quote each cell that contains {self._delimiter!r}"
        else:
            code, hint = "too_few_fields", "complete the row, and quote each cell that contains a line break"
            self._doubt_row_above(builder, cells)
            if not self._lines.last.endswith(("\n", "\r")):
                hint = f"{CUT_OFF}: it is cut off; export again"
        rule = f"has {has} field{'s' * (has != 1)}, but the header has {self._width}"
        builder.bad_rows.append(self._bad_row(cells, code, rule, hint))

    def _doubt_row_above(self, builder: ChunkBuilder, cells: list[str]) -> None:
        """A short row may be the rest of the last cell of the row above, which has a line break without quotes then.

        It is not if the program that wrote the file puts cells in quotes, or if it begins like the row above.
        """
        if _ends_good(builder) and not self._lines.quote_seen and _may_be_rest(cells, builder.rows[-1]):
            _add_split(builder, self._start)

    def _take_cut(self, builder: ChunkBuilder, cells: list[str]) -> None:
        """A row whose line ends like no other, or that is below such a row."""
        above, self._cut_line = self._cut_line, self._start if self._is_cut() else 0
        if above:
            rule = f"may belong to line {above}, which may have a line break without quotes"
            builder.bad_rows.append(self._bad_row(cells, "after_split_row", rule, f"fix line {above} first"))
        else:
            builder.add(self._start, cells)
            _add_split(builder, self._reader.line_num + 1)

    def _is_cut(self) -> bool:
        return not self._has_cr and self._lines.last.endswith("\r")

    def _broken_row(self) -> Row:
        """The row on which the csv reader gave up.

        Raises:
            SourceError: It spans lines, so it is unclear where it ends and the next one begins.
        """
        if self._lines.ended or self._reader.line_num > self._start:
            stopped = f"not closed before other text in line {self._reader.line_num}"
            is_not = "never closed" if self._lines.ended else stopped
            what = f"the row that begins in line {self._start} has a quote that is {is_not}"
            hint = 'close it, and double each quote inside a quoted cell: ""'
            if self._lines.ended:
                hint += "; if the file is cut off, export again"
            raise SourceError(what, where=f"{self._name}:{self._start}", hint=hint)
        text = self._lines.last.rstrip("\r\n")
        if _has_open_quote(text):
            self._broken_line = self._start
        hint = 'double each quote inside a quoted cell: "a 5"" nail"'
        return self._bad_row([text], "broken_quotes", "has text after a closing quote", hint)

    def _bad_row(self, cells: list[str], code: str, rule: str, hint: str) -> Row:
        value = shown(self._delimiter.join(cells))
        return Row(self._start, tuple(cells), (FieldError(code, None, value, rule, hint),))


def _has_open_quote(line: str) -> bool:
    return line.count('"') % 2 == 1


def _add_split(builder: ChunkBuilder, rest: int) -> None:
    """The last cell of the last row may continue in the line ``rest``."""
    rule = f"may continue in line {rest}, by a line break without quotes"
    hint = "quote each cell that contains a line break"
    value = shown(builder.rows[-1][-1])
    builder.add_problem(builder.numbers[-1], FieldError("split_row", builder.columns[-1], value, rule, hint))


def _ends_good(builder: ChunkBuilder) -> bool:
    """Whether the last row so far that is not blank is a good one."""
    last = builder.numbers[-1] if builder.numbers else 0
    is_last = not builder.bad_rows or builder.bad_rows[-1].number < last
    return last > 0 and is_last and last not in builder.cell_problems


def _may_be_rest(cells: Sequence[str], above: Sequence[str]) -> bool:
    """Whether a short row is rather the rest of a text than a row: "Kind regards" below "T-104", unlike "T-77"."""
    first = cells[0].strip(_BLANK + "\0")
    if not first and len(cells) == 1:
        return False
    return (len(cells) == 1 and " " in first) or _kind_of_word(first) != _kind_of_word(above[0].strip())


def _kind_of_word(text: str) -> tuple[bool, bool]:
    return " " in text, any(map(str.isdigit, text))
