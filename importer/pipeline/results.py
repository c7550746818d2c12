"""What the verbs give back. A result has one JSON form, its fields: for ``--json`` and for ``summary.json``."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

import orjson

from importer.errors import CaseImporterError, ExitCode
from importer.ledger.records import RunLine
from importer.models import FieldError
from importer.report import Reports, Summary
from importer.report.files import whole_file
from importer.wording import printable

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
class Status(Summary):
    """The states of a ledger at one moment."""

    runs: tuple[RunLine, ...] = ()  #: Every time that a process had the ledger, if that was asked for.


@dataclass(frozen=True, kw_only=True)
class RunResult(Summary):
    """How a run, a retry, a reconciliation or a report ended, and what the ledger says after it.

    Attributes:
        command: Which of them it was.
        exit_code: As the command line ends.
        meaning: The same as a word.
        source: What was imported.
        mapping: Name of the mapping; ``as before`` if the rows were mapped earlier.
        reports: Where the files are.
        moved: By state, how many records of the source more are in it than before the sending.
        error: Why the run ended early; None if it did not.
        notes: Remarks: how the file was read, and the like.
        seconds: How long it took.
        put_back: Cells of a failures file that only a spreadsheet had changed; they count as they were. 0 if the
            file had been read before.
    """

    command: Command
    exit_code: ExitCode
    meaning: str
    source: str
    mapping: str
    reports: Reports
    moved: dict[str, int] = field(default_factory=dict)
    error: Problem | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    put_back: int = 0


def run_result(summary: Summary, exit_code: ExitCode, **more: Any) -> RunResult:
    """A result from what the ledger says, and what else is known about this time."""
    return RunResult(**fields_of(summary), exit_code=exit_code, meaning=ExitCode(exit_code).name.lower(), **more)


def fields_of(result: Any) -> dict[str, Any]:
    """The fields of a dataclass with their values, which stay what they are."""
    return {each.name: getattr(result, each.name) for each in fields(result)}


def write_summary(result: RunResult) -> None:
    """Write the result as ``summary.json``, if that is wanted."""
    if result.reports.summary is None:
        return
    with whole_file(result.reports.summary) as file:
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
    if is_dataclass(value):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    return str(value)


def json_schema(form: str) -> dict[str, Any]:
    """The JSON Schema of ``result``, ``status``, ``explain``, ``check``, ``rehearsal``, ``verify`` or ``try``."""
    from pydantic import TypeAdapter

    from importer.pipeline.checking import CheckResult
    from importer.pipeline.explaining import Explanation
    from importer.pipeline.rehearsal import Rehearsal
    from importer.pipeline.trying import TryResult
    from importer.pipeline.verifying import VerifyResult

    forms = {
        "result": RunResult,
        "status": Status,
        "explain": Explanation,
        "check": CheckResult,
        "rehearsal": Rehearsal,
        "verify": VerifyResult,
        "try": TryResult,
    }
    schema = TypeAdapter(forms[form]).json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


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
