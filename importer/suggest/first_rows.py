"""The first rows of an export, read once, and what their cells look like: all that a suggestion is made from."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from importer.checks.file_checks import CODE, FileIssue, is_number, total_lines
from importer.mapping.email_addresses import first_address, is_email
from importer.models import Row
from importer.profile.date_formats import is_date
from importer.profile.profile import VALUE_LENGTH_MAX, ColumnProfile, FileProfile
from importer.reader import Reader
from importer.reader.base import Chunk, text_frame
from importer.suggest.headers import is_unspaced

if TYPE_CHECKING:
    import pandas as pd

ROWS_MAX = 20_000  #: Rows of an export of usual width.
CELLS_MAX = 2_000_000  #: Cells of a very wide one.
ROWS_MIN = 100  #: Rows however wide it is.
CHARACTERS_MAX = 25_000_000  #: Characters, if its texts are very long.

_HTML = re.compile(
    r"</?(?:p|br|div|span|html|body|table|ul|ol|li|a|b|i|strong|em|h[1-6]|blockquote|pre)(?=[\s/>])[^<>]*>",
    re.IGNORECASE,
)
_FRACTION = re.compile(r"[+-]?\d+[.,]\d*[1-9]\d*%?")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:[.,]\d{3})+")
_CLOCK = re.compile(r"-?\d{1,4}:\d\d(?::\d\d)?(?:\.\d+)?(?: ?[ap]\. ?m\.| ?[ap]m)?", re.IGNORECASE)
_OPAQUE = re.compile(r"(?=\S*\d)[\w-]{5,}")
_PERSON = re.compile(r"[^\W\d_][\w.'’-]*(?: [^\W\d_][\w.'’-]*){1,3}")
_ENTRY = re.compile(r"(?=(?:[^;\n]*\d){2})[^;\n]{6,40}(?=;[^;\n]{1,120};)")
_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class FirstRows:
    """The rows and what is in their columns."""

    name: str  #: What messages call the export.
    columns: tuple[ColumnProfile, ...]  #: The profiles of its columns, in file order.
    #: The rows that fit the header, without spaces around the cells; columns are called by their place.
    frame: pd.DataFrame
    all_rows: Sequence[Row]  #: These and the malformed ones.
    whole: bool  #: Whether that is the whole export.
    total_lines: FileIssue | None  #: Totals or remarks at the end of the whole export.

    @property
    def rows(self) -> int:
        """How many rows fit the header."""
        return len(self.frame)

    def texts(self, column: ColumnProfile) -> list[str]:
        """The cells of one column, row by row."""
        texts: list[str] = self.frame[self.columns.index(column)].tolist()
        return texts

    def without(self, words: Collection[str]) -> FirstRows:
        """The same, if ``words`` are for empty cells."""
        return replace(self, columns=tuple(column.without(words) for column in self.columns))

    def alike(self, columns: Sequence[ColumnProfile]) -> int:
        """How many rows have in all of these columns what an earlier row has."""
        return int(self.frame.duplicated([self.columns.index(column) for column in columns]).sum())


def rows_to_read(width: int) -> int:
    """How many rows of an export with so many columns are read."""
    return min(ROWS_MAX, max(ROWS_MIN, CELLS_MAX // max(width, 1)))


def read_first_rows(source: Reader, *, blank_words: Collection[str] = ()) -> FirstRows:
    """Reads the first rows of an export; ``blank_words`` are texts that may stand for an empty cell.

    Raises:
        SourceError: The export turns out to be unreadable.
    """
    import pandas as pd

    most = rows_to_read(len(source.columns))
    profile = FileProfile(source.columns, shapes_of, blank_words=blank_words, distinct_max=most)
    taken: list[Chunk] = []
    whole = True
    for chunk in source.chunks():
        if profile.rows >= most or sum(column.characters for column in profile.columns) > CHARACTERS_MAX:
            whole = False
            break
        part = replace(chunk, frame=chunk.frame.iloc[: most - profile.rows])
        whole = len(part.frame) == len(chunk.frame)
        profile.take(part)
        taken.append(part)
    frame = pd.concat([text_frame(source.columns, [], []), *(part.frame for part in taken)])
    return FirstRows(
        source.name,
        profile.columns,
        frame=frame.apply(lambda cells: cells.str.strip()).set_axis(range(len(profile.columns)), axis=1),
        all_rows=[row for part in taken for row in part.rows()],
        whole=whole,
        total_lines=total_lines(profile) if whole else None,
    )


def shapes_of(cell: str) -> list[str]:
    """The shapes of a cell by which columns are told apart.

    ``multi_line``; ``words``, of several words; ``html``, with tags; ``entry``, a date, an author and a text with
    semicolons between them; and of short cells that are nothing else ``email``, ``number``, ``address`` of the web,
    and ``code``, such as ``SUP-123``; ``decimal``, a number with a fraction; ``clock``, a time of day or a duration;
    ``opaque``, an id without a meaning; ``person``, what can be the name of somebody. ``address_cell`` begins with an
    e-mail address, behind a name (``named``) or not; ``addresses`` has several.
    """
    text = cell.strip()
    shapes = []
    if "\n" in text or "\r" in text:
        shapes.append("multi_line")
    if (" " in text and not is_number(text) and not CODE.fullmatch(text)) or is_unspaced(text):
        shapes.append("words")
    if "<" in text and _HTML.search(text):
        shapes.append("html")
    if (date := date_of_entry(text)) and is_date(date):
        shapes.append("entry")
    if len(text) > VALUE_LENGTH_MAX:
        return shapes
    if is_email(text):
        shapes.append("email")
    elif "@" in text and (address := first_address(text)):
        shapes += ["address_cell", *(["addresses"] if address.others else []), *(["named"] if address.name else [])]
    elif is_number(text):
        shapes += ("number", "opaque") if len(text) > 4 else ("number",)
        if _FRACTION.fullmatch(text) and not _GROUPED.fullmatch(text):
            shapes.append("decimal")
    elif _CLOCK.fullmatch(text):
        shapes.append("clock")
    elif _ADDRESS.fullmatch(text):
        shapes.append("address")
    elif CODE.fullmatch(text):
        shapes += ("code", "opaque")
    elif _OPAQUE.fullmatch(text):
        shapes.append("opaque")
    elif _PERSON.fullmatch(text) and all(word[0].isupper() for word in text.split()):
        shapes.append("person")
    return shapes


def date_of_entry(text: str) -> str:
    """What is before the first semicolon, if ``text`` may be a date, a name and more: ``date;author;text``."""
    found = _ENTRY.match(text) if ";" in text else None
    return found[0].strip() if found else ""
