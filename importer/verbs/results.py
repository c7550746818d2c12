"""What the verbs give back. A result has one JSON form, its fields: for ``--json`` and for ``summary.json``."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

from importer.errors import CaseImporterError, ExitCode
from importer.files.whole import whole_file
from importer.ledger.lines import RunLine
from importer.models import FieldError
from importer.report import Reports, Summary
from importer.text.wording import printable

_HALVES = re.compile("[\ud800-\udfff]")
Command = Literal["run", "retry", "reconcile", "rebuild", "report", "rehearse"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a command ended early."""

    what: str
    where: str
    hint: str

    @classmethod
    def of(cls, error: CaseImporterError | None) -> Problem | None:
        """What an error says; None if there is none."""
        return None if error is None else cls(error.what, error.where, error.hint)

    def __str__(self) -> str:
        return str(CaseImporterError(self.what, where=self.where, hint=self.hint))


@dataclass(frozen=True, kw_only=True)
class Failed:
    """What ``--json`` prints of a command that could not begin."""

    version: Literal[1] = 1  #: Of the JSON form of this result.
    command: str  #: As it was typed; empty if there was none.
    exit_code: ExitCode  #: As the command line ends.
    meaning: str  #: The same as a word.
    error: Problem


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended: what all results have."""

    version: Literal[1] = 1  #: Of the JSON form of this result.
    command: str
    exit_code: ExitCode  #: As the command line ends.
    meaning: str  #: The same as a word.
    error: Problem | None  #: Why it ended early; None if it did not.
    notes: tuple[str, ...]  #: Remarks: how the file was read, and the like.
    seconds: float  #: How long it took.


@dataclass(frozen=True, kw_only=True)
class Status(Summary):
    """The states of a ledger at one moment."""

    runs: tuple[RunLine, ...] = ()  #: Every time that a process had the ledger, if that was asked for.


@dataclass(frozen=True, kw_only=True)
class RunResult(Ended, Summary):
    """How a run, a retry, a reconciliation or a report ended, and what the ledger says after it."""

    command: Command
    source: str  #: What was imported.
    mapping: str  #: Name of the mapping; ``as before`` if the rows were mapped earlier.
    reports: Reports
    #: By state, how many records of the source more are in it than before the sending.
    moved: dict[str, int] = field(default_factory=dict)
    #: What must be known of the file although no row of it is to blame, such as rows that changed since they were sent.
    warnings: tuple[str, ...] = ()
    #: Cells of a failures file that only a spreadsheet had changed; they count as they were. 0 if it was read before.
    put_back: int = 0


def fields_of(result: Any) -> dict[str, Any]:
    """The fields of a dataclass with their values, which stay what they are."""
    return {each.name: getattr(result, each.name) for each in fields(result)}


def write_summary(result: Ended, path: Path | None) -> None:
    """Write the result as ``summary.json``, if that is wanted."""
    if path is not None:
        with whole_file(path) as file:
            file.write(as_json(result) + "\n")


def as_json(result: Any) -> str:
    """The JSON form of a result; a terminal that shows it obeys none of it. Halves of characters are written out."""
    try:
        text = orjson.dumps(result, default=str, option=orjson.OPT_INDENT_2).decode()
    except TypeError:  # such a half is somewhere in it
        text = json.dumps(result, default=_plain, ensure_ascii=False, indent=2)
        text = _HALVES.sub(lambda half: f"\\\\u{ord(half[0]):04x}", text)
    return printable(text)


def _plain(value: Any) -> Any:
    return fields_of(value) if is_dataclass(value) else str(value)


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """One row as it would be sent: the exact bytes, what is wrong with it, or why it is filtered."""

    row: int  #: its row number
    key: str
    body: bytes | None  #: the id of a parent that is another row is put in once that row is a case
    errors: tuple[FieldError, ...]
    filtered: str | None = None  #: the condition by which the mapping filters it
    case_updates: tuple[bytes, ...] = ()  #: bodies of what is sent to the case after its creation, in order
    parent: str | None = None  #: the name of its parent row
    parent_row: int | None = None  #: the number of that row; None if it is not in this file

    def as_json(self) -> str:
        """One line of JSON; the bodies are exactly what would be sent."""
        line: dict[str, Any] = {
            "row": self.row,
            "key": self.key,
            "errors": self.errors,
            "filtered": self.filtered,
        }
        if self.parent is not None:
            line["parent"] = {"name": self.parent, "row": self.parent_row}
        line["body"] = None if self.body is None else orjson.Fragment(self.body)
        if self.case_updates:
            line["case_updates"] = list(map(orjson.Fragment, self.case_updates))
        return orjson.dumps(line).decode()
