"""What happened to an export before: by a spreadsheet, a wrong encoding, or by hand. Warnings; nothing is repaired."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from importer.models import Row, shown
from importer.quality.profile import ROWS_NAMED, ColumnProfile, FileProfile, Tally
from importer.reader.base import SheetLayout, column_letters

#: Most characters of an Excel cell, and digits of a number. Source: Microsoft, "Excel specifications and limits".
EXCEL_CELL_MAX, EXCEL_DIGITS = 32_767, 15

_DIGITS_MAX = 39  #: Longer numbers are not ids.
_DATES_LEAST = 0.1  #: Share of the cells of a column that must be dates for their order to be a question.
_MONTHS = 12
_BEGIN_OF_NUMBERS = frozenset("0123456789+-")
_SCIENTIFIC = re.compile(r"[+-]?\d(?:[.,]\d+)?E\+\d+", re.IGNORECASE)
_DATE = re.compile(r"(\d{1,2})([/.\-])(\d{1,2})\2(\d{4}|\d{2})\b")
_TIME = re.compile(r"(,? |T)\d{1,2}:\d{2}(:\d{2})?(?:( ?)([AP]M))?\s*", re.IGNORECASE)
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# UTF-8 that was read as Windows-1252. Quotes may well follow a Portuguese Ã, so they are no evidence there.
_FOLLOWS = "[\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ•–—˜™š›œžŸ]"
#: Kind → what shows it; only in texts that are not ASCII.
_CHARACTERS = {
    "double_decoded": re.compile(f"[ÃÂ]{_FOLLOWS}|â€[\x80-\xbf™œ˜š¢¦“”]|(?:[ÐÑ]{_FOLLOWS}){{2}}|ðŸ"),
    "replacement_character": re.compile("\ufffd"),
    "control_character": _CONTROLS,
    "wrong_encoding": re.compile("[\x80-\x84\x86-\x9f]"),
    "half_character": re.compile("[\ud800-\udfff]"),
}


class _Meaning(NamedTuple):
    what: str
    hint: str


#: Kinds of cells that are issues wherever they are.
_MEANINGS = {
    "cut_cell": _Meaning(
        f"texts end at {EXCEL_CELL_MAX:,} characters, where Excel truncates cells",
        "export again without saving in Excel; the rest of the text is missing",
    ),
    "scientific_notation": _Meaning(
        "numbers are written like 1.23E+11, so digits are lost", "export this column as text"
    ),
    "double_decoded": _Meaning(
        "text was decoded with the wrong encoding before export, such as Ã© for é",
        "export again as UTF-8; otherwise the cases will contain this text",
    ),
    "replacement_character": _Meaning(
        "characters were lost and replaced by U+FFFD",
        "export again with the right encoding; this file no longer contains them",
    ),
    "control_character": _Meaning(
        "contains invisible control characters", "remove them before exporting; a NUL makes its row invalid"
    ),
    "wrong_encoding": _Meaning(
        "contains U+0080 to U+009F, which points to a wrong encoding",
        "pass the encoding of the file, such as --encoding cp1252",
    ),
    "half_character": _Meaning("contains incomplete Unicode characters", "export again"),
}

#: First words of a line of totals, folded. English, German, French, Spanish, Portuguese, Italian, Dutch, Polish, Czech,
#: Swedish, Danish, Russian.
_TOTALS = frozenset(
    (
        *("total", "totals", "grand total", "sum", "count", "summe", "gesamt", "gesamtsumme", "gesamtergebnis"),
        *("anzahl", "total général", "somme", "total general", "suma", "soma", "total geral", "totale", "somma"),
        *("totaal", "som", "eindtotaal", "razem", "suma końcowa", "celkem", "summa", "i alt", "итого", "всего"),
    )
)


@dataclass(frozen=True, slots=True)
class FileIssue:
    """One kind of issue, in one column or in the file. A warning: it makes no row invalid."""

    kind: str  #: Stable word for machines, such as ``cut_cell``.
    column: str | None  #: The column; None if it is about rows or the file.
    times: int  #: How many.
    unit: str  #: What is counted, in the singular: ``cell``, ``row``, ``column``, …
    rows: tuple[int, ...]  #: The first of them, as file row numbers.
    example: str  #: One of them, shortened.
    what: str  #: What it is, for a person: "texts end at 32,767 characters, where Excel truncates cells".
    hint: str  #: What the person can do.


def issue_shapes(cell: str) -> Sequence[str]:
    """The shapes of a cell that can be issues: kinds of :class:`FileIssue`, and what these are concluded from."""
    is_plain = cell.isascii() and cell.isprintable() and len(cell) < EXCEL_CELL_MAX // 2
    return () if is_plain and cell.lstrip()[:1] not in _BEGIN_OF_NUMBERS else tuple(_shapes(cell))


def _shapes(cell: str) -> Iterator[str]:
    if not cell.isascii():
        yield from (kind for kind, sign in _CHARACTERS.items() if sign.search(cell))
    elif not cell.isprintable() and _CONTROLS.search(cell):
        yield "control_character"
    if EXCEL_CELL_MAX // 2 <= len(cell) <= EXCEL_CELL_MAX:
        # Excel counts UTF-16 units: an emoji is two
        if len(cell) + sum(character > "\uffff" for character in cell) == EXCEL_CELL_MAX:
            yield "cut_cell"
        return
    text = cell.strip()
    if text.isdecimal() and len(text) <= _DIGITS_MAX:
        yield f"{len(text)} digits"
        if text[0] == "0" and text != "0":
            yield f"{len(text)} digits, the first one 0"
        if len(text) > EXCEL_DIGITS:
            yield "rounded_number" if not text[EXCEL_DIGITS:].strip("0") else "exact_number"
    elif _SCIENTIFIC.fullmatch(text):
        yield "scientific_notation"
    elif match := _DATE.match(text):
        first, second = int(match[1]), int(match[3])
        if min(first, second) <= _MONTHS:
            same = "same_both_ways" if first == second else "both_ways"
            yield "day_first" if first > _MONTHS else "month_first" if second > _MONTHS else same


def file_issues(profile: FileProfile, *, whole: bool = True) -> Iterator[FileIssue]:
    """All issues of an export, topic by topic; what only its end shows if ``whole`` says that there is no more."""
    for kind in ("cut_cell", "scientific_notation"):
        yield from _everywhere(profile, kind)
    for check in (_rounded, _lost_zeros):
        yield from filter(None, map(check, profile.columns))
    for kind in _CHARACTERS:
        yield from _everywhere(profile, kind)
    yield from filter(None, map(_dates, profile.columns))
    for (code, name), (problem, cells) in profile.cell_problems.items():
        rule = problem.rule.partition(" (cell ")[0]  # the rows say where
        yield _of_cells(code, name, cells, _Meaning(f"each {rule}", problem.hint))
    if profile.repeated_header.count and len(profile.columns) > 1:  # one column may well have its name as a value
        meaning = _Meaning("the header is repeated among the rows", "delete these rows: they would become cases")
        yield _of_cells("repeated_header", None, profile.repeated_header, meaning)
    if whole:
        yield from filter(None, (total_lines(profile), _empty_columns(profile)))


def _of_cells(kind: str, column: str | None, cells: Tally, meaning: _Meaning, example: str = "") -> FileIssue:
    unit = "row" if column is None else "cell"
    example = example or shown(cells.example)
    return FileIssue(kind, column, cells.count, unit, tuple(cells.rows), example, meaning.what, meaning.hint)


def _everywhere(profile: FileProfile, kind: str) -> Iterator[FileIssue]:
    """Issues of a kind that needs no second look at the column."""
    for column in profile.columns:
        if cells := column.shapes.get(kind):
            yield _of_cells(kind, column.name, cells, _MEANINGS[kind], _excerpt(kind, cells.example))


def _excerpt(kind: str, cell: str) -> str:
    """The place of the cell that shows it, with what cannot be seen written out."""
    if kind == "cut_cell":
        return "…" + cell[-40:].replace("\n", " ")
    if kind not in _CHARACTERS or (match := _CHARACTERS[kind].search(cell)) is None:
        return shown(cell)
    begin = max(0, match.start() - 20)
    return shown("".join(map(_visible, cell[begin : begin + 60])))


def _visible(character: str) -> str:
    code = ord(character)
    return character if character.isprintable() else f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def _rounded(column: ColumnProfile) -> FileIssue | None:
    """Long numbers that end with zeros, if at least half of the long ones of the column do: else it is chance."""
    rounded = column.shapes.get("rounded_number")
    if rounded is None or rounded.count < column.count("exact_number"):
        return None
    what = f"numbers have only zeros after digit {EXCEL_DIGITS}, where Excel rounds"
    return _of_cells("rounded_number", column.name, rounded, _Meaning(what, "export this column as text"))


def _lost_zeros(column: ColumnProfile) -> FileIssue | None:
    """Codes of one length with leading zeros, where a minority is shorter and none of the shorter ones has any."""
    lengths = [length for length in range(1, _DIGITS_MAX + 1) if column.count(f"{length} digits")]
    if not lengths:
        return None
    *short, full = lengths
    shorter = [column.shapes[f"{length} digits"] for length in short]
    count = sum(cells.count for cells in shorter)
    zeros = [column.count(f"{length} digits, the first one 0") for length in lengths]
    if not 0 < count < column.count(f"{full} digits") or zeros[-1] < 2 or any(zeros[:-1]):
        return None
    what = f"values have fewer than {full} digits, while others have leading zeros"
    hint = f"leading zeros were probably lost; export the column as text, or pad it to {full} digits"
    rows = sorted(row for cells in shorter for row in cells.rows)[:ROWS_NAMED]
    example = min(shorter, key=lambda cells: cells.rows[0]).example
    return FileIssue("lost_leading_zeros", column.name, count, "cell", tuple(rows), example, what, hint)


def _dates(column: ColumnProfile) -> FileIssue | None:
    """Dates of numbers, of which it must be known whether the day or the month comes first."""
    days, months, both = (column.shapes.get(way, Tally()) for way in ("day_first", "month_first", "both_ways"))
    dates = days.count + months.count + both.count + column.count("same_both_ways")
    if dates < _DATES_LEAST * column.filled:
        return None
    if days.count and months.count:
        return _mixed_dates(column.name, days, months, both.count)
    if not both.count:
        return None
    forced, order = (days, "day") if days.count else (months, "month")
    if not forced.count:
        what = "dates are ambiguous: day first or month first"
        hint = "find out which, and set `format:`, for example %d/%m/%Y"
        return _of_cells("ambiguous_dates", column.name, both, _Meaning(what, hint))
    proof = f"such as {shown(forced.example)!r} in row {forced.rows[0]}"
    what = f"dates are ambiguous, but {forced.count:,} others, {proof}, have the {order} first"
    hint = f"set `format:` with the {order} first, such as '{pattern_of(both.example, day_first=order == 'day')}'"
    return _of_cells(f"{order}_first_dates", column.name, both, _Meaning(what, hint))


def _mixed_dates(column: str, days: Tally, months: Tally, both: int) -> FileIssue:
    rare, other, order = (days, months, "day") if days.count <= months.count else (months, days, "month")
    what = (
        f"dates have the {order} first, and {other.count:,} others, such as {shown(other.example)!r} in row"
        f" {other.rows[0]}, the other way round; {both:,} more can be read both ways"
    )
    hint = "the column mixes two date formats, often because Excel converted some; export again with ISO 8601 dates"
    return _of_cells("mixed_dates", column, rare, _Meaning(what, hint))


def pattern_of(example: str, *, day_first: bool) -> str:
    """The `format:` of a mapping that reads ``example``, a text with a date of numbers at its begin."""
    text = example.strip()
    match = _DATE.match(text)
    if match is None:
        return ""
    date = match[2].join((*(("%d", "%m") if day_first else ("%m", "%d")), "%Y" if len(match[4]) == 4 else "%y"))
    time = _TIME.fullmatch(text, match.end())
    if time is None:
        return date
    hour, afternoon = ("%I", f"{time[3]}%p") if time[4] else ("%H", "")
    return f"{date}{time[1]}{hour}:%M{':%S' if time[2] else ''}{afternoon}"


def total_lines(profile: FileProfile) -> FileIssue | None:
    """An unbroken run of totals or remarks that ends with the file; None if there is none."""
    found = Tally()
    rows = list(profile.last_rows)
    while rows and _is_no_ticket(rows[-1], len(profile.columns)):
        row = rows.pop()
        found.add(row.number, " | ".join(filter(None, row.cells)))
    if not found.count:
        return None
    found.rows.reverse()
    meaning = _Meaning(
        "the last lines look like totals or remarks, not tickets", "delete them: they would become cases"
    )
    return _of_cells("total_line", None, found, meaning)


def _is_no_ticket(row: Row, width: int) -> bool:
    filled = [cell for cell in row.cells if cell.strip()]
    if not filled:
        return False
    return filled[0].strip().casefold().rstrip(": ") in _TOTALS or (width > 2 and len(filled) == 1)


def _empty_columns(profile: FileProfile) -> FileIssue | None:
    """Blank columns at the right end."""
    last = max((place for place, column in enumerate(profile.columns, 1) if column.filled), default=0)
    blank = [column.name for column in profile.columns[last:]]
    if not blank or not last or not profile.rows:
        return None
    what, hint = "the last columns are empty in every row", "ignore this if it is expected; otherwise export again"
    return FileIssue("empty_columns", None, len(blank), "column", (), ", ".join(blank[:8]), what, hint)


def sheet_issues(layout: SheetLayout) -> Iterator[FileIssue]:
    """What a spreadsheet program hides or shows otherwise than it is read."""
    if rows := layout.hidden_rows:
        what = f"rows hidden{' by a filter' if layout.filtered else ''} are imported too"
        hint = "unhide and review them; delete those you do not want"
        yield FileIssue("hidden_rows", None, len(rows), "row", tuple(rows[:ROWS_NAMED]), "", what, hint)
    if ranges := layout.hidden_columns:
        count = sum(last - first + 1 for first, last in ranges)
        letters = ", ".join(_letters(first, last) for first, last in ranges)
        what, hint = "hidden columns are imported too", "check that their content may be sent"
        yield FileIssue("hidden_columns", None, count, "column", (), letters, what, hint)
    if merged := layout.merged:
        first = {int("".join(filter(str.isdecimal, cells.partition(":")[0])) or 0) for cells in merged}
        what, hint = "merged cells: only the first cell of each range has a value", "unmerge the cells and fill them in"
        rows = tuple(sorted(first)[:ROWS_NAMED])
        yield FileIssue("merged_cells", None, len(merged), "range", rows, ", ".join(merged[:4]), what, hint)
    if layout.hidden_sheets:
        names = ", ".join(map(repr, layout.hidden_sheets))
        what, hint = "hidden sheets are not read", "pass --sheet to read one of them"
        yield FileIssue("hidden_sheets", None, len(layout.hidden_sheets), "sheet", (), names, what, hint)


def _letters(first: int, last: int) -> str:
    begin, end = column_letters(first - 1), column_letters(last - 1)
    return begin if begin == end else f"{begin} to {end}"
