"""verified.csv, and what it comes to: how the cases that were read back compare with what was sent."""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import chain
from pathlib import Path

from importer.errors import ExitCode
from importer.ledger import LedgerView
from importer.models import CaseVerdict
from importer.report.files import write_csv

#: Of a line about a second case.
DOUBLE = "double"
_LINES = """
    SELECT key, row, record.case_id, verdict, field, sent, found, update_at FROM verification
    JOIN record ON record.id = verification.record {where} ORDER BY record.id, position"""
_DOUBLES = f"""
    SELECT key, row, record.case_id, '{DOUBLE}', field, '', double_case.case_id, update_at FROM double_case
    JOIN record ON record.id = double_case.record {{where}} ORDER BY record.id, double_case.case_id"""


@dataclass(frozen=True, slots=True)
class VerifiedLine:
    """One line of verified.csv. Of a second case, ``found`` is its id."""

    key: str
    row: int
    case_id: str
    verdict: str
    field: str
    sent: str | None
    found: str | None
    update_at: str | None


VERIFIED_COLUMNS = tuple(field.name for field in fields(VerifiedLine))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What the last `verify` found."""

    begun_at: str  #: ISO 8601
    ended_at: str | None  #: None if it is not finished
    sample: str | None  #: as it was given; None if all cases are read back
    deep: bool  #: each case is read on its own as well
    searched_doubles: bool  #: the list is searched for second cases
    verified: int  #: cases that were compared
    left: int  #: cases that are still to be read back
    forgotten: int  #: cases whose contents were deleted from the ledger: there is nothing to compare with
    verdicts: dict[str, int]  #: cases by verdict, the worst of all their fields
    not_shown: dict[str, int]  #: cases by field that no answer gives
    doubles: int  #: second cases that have the external id of another one
    examples: tuple[VerifiedLine, ...]  #: the first finding of each bad verdict

    @property
    def bad(self) -> int:
        """Cases that a person must look at."""
        return sum(count for verdict, count in self.verdicts.items() if CaseVerdict(verdict).is_bad)

    @property
    def exit_code(self) -> ExitCode:
        """What it comes to: the first of 6, 5, 3, 0 that applies."""
        if self.doubles:
            return ExitCode.DUPLICATE
        if self.ended_at is None:
            return ExitCode.TEMPORARY
        return ExitCode.ROWS_FAILED if self.bad else ExitCode.OK


def verification_of(view: LedgerView) -> Verification | None:
    """What the last `verify` found; None if there was none."""
    plan = next(view.select("SELECT begun_at, ended_at, sample, deep, doubles FROM verification_plan"), None)
    if plan is None:
        return None
    begun_at, ended_at, sample, deep, doubles = plan

    def counts(column: str, which: str) -> dict[str, int]:
        """Findings by a column."""
        query = "FROM verification JOIN record ON record.id = verification.record {where} GROUP BY 1"
        return dict(view.select(f"SELECT {column}, count(*) {query}", which))

    verdicts = counts("verdict", "position = 0 AND verdict IS NOT NULL")
    bad = [verdict for verdict in CaseVerdict if verdict.is_bad]
    first = (line for each in bad for line in view.read(VerifiedLine, f"{_LINES} LIMIT 1", f"verdict = '{each}'"))
    query = "SELECT count(*) FROM record LEFT JOIN content ON content.record = record.id {where}"
    (forgotten,) = next(view.select(query, "state = 'created' AND body IS NULL"))
    return Verification(
        begun_at=begun_at,
        ended_at=ended_at,
        sample=sample,
        deep=bool(deep),
        searched_doubles=bool(doubles),
        verified=sum(verdicts.values()),
        left=sum(counts("position", "verdict IS NULL").values()),
        forgotten=forgotten,
        verdicts={verdict.value: verdicts[verdict] for verdict in CaseVerdict if verdict in verdicts},
        not_shown=counts("field", f"verdict = '{CaseVerdict.NOT_SHOWN}'"),
        doubles=sum(1 for _ in view.select(_DOUBLES)),
        examples=(*first, *view.read(VerifiedLine, f"{_DOUBLES} LIMIT 1")),
    )


def write_verified(view: LedgerView, path: Path, *, delimiter: str = ",") -> None:
    """One line for each finding, and one for each case that is as it was sent; second cases come last."""
    lines = chain(view.select(_LINES, "verdict IS NOT NULL"), view.select(_DOUBLES))
    write_csv(path, VERIFIED_COLUMNS, lines, delimiter=delimiter)
