"""What a suggestion is: the draft of a mapping, its choices, and how a trial of it went."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from importer.suggest.evidence import Evidence


@dataclass(frozen=True)
class Trial:
    """How the rows fared under a mapping."""

    rows: int  #: Rows that it was tested on.
    sent: int  #: Rows that would be sent.
    filtered: int  #: Rows that the mapping filters.
    errors: tuple[tuple[str, str, int], ...]  #: Code of a field error, its column, and how many rows have it.
    superseded: int = 0  #: Rows that a later state of their ticket replaces.
    repeated: int = 0  #: Rows with the key of an earlier one, which are skipped.

    @property
    def fared(self) -> str:
        """The same in words."""
        filtered = f", {self.filtered:,} filtered" if self.filtered else ""
        replaced = f", {self.superseded:,} superseded" if self.superseded else ""
        repeated = f", {self.repeated:,} skipped (key of an earlier row)" if self.repeated else ""
        invalid = self.rows - self.sent - self.filtered - self.superseded - self.repeated
        return f"{self.sent:,} ready to send{filtered}{replaced}{repeated}, {invalid:,} invalid"


@dataclass(frozen=True)
class Choice:
    """What one column became."""

    column: str  #: Its header.
    field: str  #: A field as it is written in answers, such as ``title`` or ``other``; ``empty`` if it has no texts.
    written: str  #: The custom field that the mapping writes for it, such as ``text2``; empty if it is none.
    mark: str  #: ``GUESS``, ``CHECK``, or nothing if it is sure.
    sample: str  #: One of its cells; empty if there is none.
    kind: str  #: What its cells are.
    filled: int  #: Cells that are not blank.
    different: int  #: How many different texts it has; a lower bound if they are very many.
    longest: int  #: Characters of its longest text.
    words: tuple[str, ...] = ()  #: All of its texts, if these are few and short.


@dataclass(frozen=True)
class Suggestion:
    """A mapping for an export."""

    text: str  #: The mapping file.
    system: str  #: The helpdesk that the export seems to come from; empty if none was recognised.
    ready: str  #: Name of the built-in mapping for it; empty if there is none, or if it needs other columns.
    guesses: int  #: How many lines are marked GUESS.
    checks: int  #: How many lines are marked CHECK.
    trial: Trial  #: The outcome of the rows that were read.
    whole: bool  #: Whether that is the whole export.
    choices: tuple[Choice, ...]  #: What each column became, in file order.
    explain: Callable[[str], Sequence[Evidence]]  #: Column → what there was for and against it in each role.
    notes: tuple[str, ...]  #: How the export was read, a sentence each.
    doubts: tuple[str, ...]  #: What is to be checked about the file as a whole, a sentence each.
    #: ``key``, ``title``, ``description``, ``requester_email``, if no column is that, and what is used, in words.
    made: Mapping[str, str]
