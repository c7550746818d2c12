"""What happened to an export before: by a spreadsheet, a wrong encoding, or by hand. Warnings; nothing is repaired."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from importer.mapping.email_addresses import is_email
from importer.models import Row
from importer.profile.date_formats import is_date, readings_of
from importer.profile.profile import ROWS_NAMED, ColumnProfile, FileProfile, Tally
from importer.reader.base import SheetLayout, column_letters
from importer.text.formulas import EXCEL_CELL_MAX
from importer.text.safe import shown
from importer.text.wording import listed

EXCEL_DIGITS = 15  #: That Excel keeps of a number. Source: Microsoft, "Excel specifications and limits".
#: The kinds that are about the order of day and month → whether the day comes first; None if no row proves it.
DAY_FIRST = {"day_first_dates": True, "month_first_dates": False, "ambiguous_dates": None}

_DIGITS_MAX = 39  #: Longer numbers are not ids.
_DATA_LEAST = 2  #: Names of columns that are data, for a header to look like a row; of two columns one.
_DATES_LEAST = 0.1  #: Share of the cells of a column that must be dates for their order to be a question.
_MERGED_MOST = 0.01  #: Of the rows, those that may differ from the row with their key.
_MONTHS = 12
_BEGIN_OF_NUMBERS = frozenset("0123456789+-")
_SCIENTIFIC = re.compile(r"[+-]?\d(?:[.,]\d+)?E\+\d+", re.IGNORECASE)
_DATE = re.compile(r"(\d{1,2})([/.\-])(\d{1,2})\2(\d{4}|\d{2})\b")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*%?|\d{1,3}(?:[ \u202f\xa0]\d{3})+")  # some group digits by spaces
#: An id of several parts, such as ``SUP-12``, ``INC-2024-00017`` or ``M2403 117``.
CODE = re.compile(r"#?[A-Z][A-Z0-9]{0,9}(?:(?:[-_/.][A-Z0-9]{1,12}){0,3}[-_/]\d{1,12}|\d{3,12}|:? \d{1,12})")
_NAMELESS = re.compile(r"column [A-Z]{1,3}|Unnamed: \d+")  # as we, and pandas, name columns that have no name
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
    keys: tuple[str, ...] = ()  #: The keys of ``rows``, once the ledger knows them.


@cache
def _words() -> dict[str, Any]:
    return tomllib.loads(files("importer.checks").joinpath("issues.toml").read_text("utf-8"))


def _issue(
    kind: str,
    times: int,
    unit: str,
    *,
    column: str | None = None,
    rows: Sequence[int] = (),
    example: str = "",
    **facts: Any,
) -> FileIssue:
    """An issue of a kind that ``issues.toml`` describes; ``facts`` are what its texts have in braces."""
    what, hint = (_words()[kind][text].format(**facts) for text in ("what", "hint"))
    return FileIssue(kind, column, times, unit, tuple(rows), example, what, hint)


def _of_cells(kind: str, column: str, cells: Tally, example: str = "", **facts: Any) -> FileIssue:
    example = example or shown(cells.example)
    return _issue(kind, cells.count, "cell", column=column, rows=cells.rows, example=example, **facts)


def far_dates(column: str, cells: Tally, form: str) -> FileIssue:
    """All counts since 1970 in a column give dates that no ticket has."""
    return _of_cells("far_dates", column, cells, form=form)


def _of_rows(kind: str, rows: Tally) -> FileIssue:
    return _issue(kind, rows.count, "row", rows=rows.rows, example=shown(rows.example))


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
    if profile.rows and (found := header_issue(profile.columns)):
        yield found
    for kind in ("cut_cell", "scientific_notation"):
        yield from _everywhere(profile, kind)
    for check in (_rounded, _lost_zeros):
        yield from filter(None, map(check, profile.columns))
    for kind in _CHARACTERS:
        yield from _everywhere(profile, kind)
    yield from filter(None, map(_dates, profile.columns))
    for (code, name), (problem, cells) in profile.cell_problems.items():
        what = f"each {problem.rule.partition(' (cell ')[0]}"  # the rows say where
        rows, example = tuple(cells.rows), shown(cells.example)
        yield FileIssue(code, name, cells.count, "cell", rows, example, what, problem.hint)
    if profile.repeated_header.count and len(profile.columns) > 1:  # one column may well have its name as a value
        yield _of_rows("repeated_header", profile.repeated_header)
    if whole:
        yield from filter(None, (total_lines(profile), _empty_columns(profile)))


def is_number(text: str) -> bool:
    """Whether ``text`` is a number as people or machines write it."""
    return _NUMBER.fullmatch(text) is not None


def header_issue(columns: Sequence[ColumnProfile]) -> FileIssue | None:
    """A header that looks like a row, or that lacks most names because it is a title; None if it is neither."""
    names = [column.name for column in columns]
    nameless = sum(_NAMELESS.fullmatch(name) is not None for name in names)
    if nameless == len(names):  # there is none, as the user said
        return None
    again = min((column.values.counts.get(column.name.strip(), 0) for column in columns), default=0)  # as a row
    data = [column.name for column in columns if _is_a_value(column, again)]
    weight = len(data) + sum(map(_is_proof, columns))
    if weight >= min(_DATA_LEAST, (len(names) + 1) // 2):
        found = listed((f"`{shown(name)}`" for name in dict.fromkeys(names)), most=3)
        return _issue("header_is_data", len(data), "column", names=found)
    if 2 * nameless >= len(names) > 2:
        return _issue("nameless_header", nameless, "column", columns=len(names))
    return None


def _is_a_value(column: ColumnProfile, again: int) -> bool:
    """Whether the name of a column is a number, a date or an address, or a value of the column."""
    name = column.name.strip()
    is_value = is_number(name) or is_date(name) or is_email(name) or column.values.counts.get(name, 0) > again
    return is_value or _is_proof(column)


def _is_proof(column: ColumnProfile) -> bool:
    """Whether the name of a column can only be a value: an address, or a code in front of codes that begin like it."""
    name, texts = column.name.strip(), column.values.counts
    if not CODE.fullmatch(name):
        return is_email(name)
    begin = name.rstrip("0123456789")
    return bool(texts) and 2 * sum(text.startswith(begin) and bool(CODE.fullmatch(text)) for text in texts) > len(texts)


def _everywhere(profile: FileProfile, kind: str) -> Iterator[FileIssue]:
    """Issues of a kind that needs no second look at the column."""
    for column in profile.columns:
        if cells := column.shapes.get(kind):
            yield _of_cells(kind, column.name, cells, _excerpt(kind, cells.example))


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
    return _of_cells("rounded_number", column.name, rounded)


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
    rows = sorted(row for cells in shorter for row in cells.rows)[:ROWS_NAMED]
    example = min(shorter, key=lambda cells: cells.rows[0]).example
    return _issue("lost_leading_zeros", count, "cell", column=column.name, rows=rows, example=example, digits=full)


def _dates(column: ColumnProfile) -> FileIssue | None:
    """Dates of numbers, of which it must be known whether the day or the month comes first."""
    days, months, both = (column.shapes.get(way, Tally()) for way in ("day_first", "month_first", "both_ways"))
    dates = days.count + months.count + both.count + column.count("same_both_ways")
    if dates < _DATES_LEAST * column.filled:
        return None
    order, other = ("day", months) if days.count <= months.count else ("month", days)
    rare = days if order == "day" else months
    if rare.count:
        return _of_cells("mixed_dates", column.name, rare, order=order, both=both.count, **_proof(other))
    if not both.count:
        return None
    if not other.count:
        return _of_cells("ambiguous_dates", column.name, both)
    order = "day" if days.count else "month"
    pattern = pattern_of(both.example, day_first=order == "day")
    return _of_cells(f"{order}_first_dates", column.name, both, pattern=pattern, **_proof(other))


def _proof(cells: Tally) -> dict[str, Any]:
    return {"count": cells.count, "proof": shown(cells.example), "row": cells.rows[0]}


def pattern_of(example: str, *, day_first: bool) -> str:
    """The `format:` of a mapping that reads ``example``, a date of numbers; empty if none does."""
    return readings_of(example.strip()).get("day" if day_first else "month", "")


def total_lines(profile: FileProfile) -> FileIssue | None:
    """An unbroken run of totals or remarks that ends with the file; None if there is none."""
    found = Tally()
    rows = list(profile.last_rows)
    while rows and _is_no_ticket(rows[-1], len(profile.columns)):
        row = rows.pop()
        if row.problems and rows and rows[-1].problems:
            break  # a damaged row in pieces
        found.add(row.number, " | ".join(filter(None, row.cells)))
    found.rows.reverse()
    return _of_rows("total_line", found) if found.count else None


def _is_no_ticket(row: Row, width: int) -> bool:
    filled = [cell for cell in row.cells if cell.strip()]
    if not filled:
        return False
    is_total = filled[0].strip().casefold().rstrip(": ") in _words()["totals"]["words"]
    of_row = [problem.code for problem in row.problems if problem.column is None]
    is_damaged = "broken_quotes" in of_row or bool(of_row and " " not in filled[0].strip())
    return is_total or (width > 2 and len(filled) == 1 and not is_damaged)


def _empty_columns(profile: FileProfile) -> FileIssue | None:
    """Blank columns at the right end."""
    last = max((place for place, column in enumerate(profile.columns, 1) if column.filled), default=0)
    blank = [column.name for column in profile.columns[last:]]
    if not blank or not last or not profile.rows:
        return None
    return _issue("empty_columns", len(blank), "column", example=", ".join(blank[:8]))


def merged_issue(count: int, rows: int) -> Iterator[FileIssue]:
    """That so many rows are skipped for a key that they share with a different row, if these are more than a few."""
    if count > _MERGED_MOST * rows:
        yield _issue("merged_rows", count, "row")


def sheet_issues(layout: SheetLayout) -> Iterator[FileIssue]:
    """What a spreadsheet program hides or shows otherwise than it is read."""
    if rows := layout.hidden_rows:
        by_filter = " by a filter" if layout.filtered else ""
        yield _issue("hidden_rows", len(rows), "row", rows=rows[:ROWS_NAMED], by_filter=by_filter)
    if ranges := layout.hidden_columns:
        letters = [tuple(map(column_letters, (first - 1, last - 1))) for first, last in ranges]
        names = ", ".join(first if first == last else f"{first} to {last}" for first, last in letters)
        yield _issue("hidden_columns", sum(last - first + 1 for first, last in ranges), "column", example=names)
    if merged := layout.merged:
        first_rows = {int("".join(filter(str.isdecimal, cells.partition(":")[0])) or 0) for cells in merged}
        rows, cells = sorted(first_rows)[:ROWS_NAMED], ", ".join(merged[:4])
        yield _issue("merged_cells", len(merged), "range", rows=rows, example=cells)
    if sheets := layout.hidden_sheets:
        yield _issue("hidden_sheets", len(sheets), "sheet", example=", ".join(map(repr, sheets)))
