"""What `verify` reads back, and what it found: kept in the ledger, so that it continues where it stopped.

A case that is to be read back has a line without a verdict; what is found takes its place. The functions that say so
are called inside a transaction of the writer.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from hashlib import sha256
from typing import Any, NamedTuple

from importer.errors import ConfigError, ExitCode
from importer.ledger import database
from importer.ledger.json_columns import to_json
from importer.ledger.ledger import Ledger
from importer.ledger.view import LedgerView
from importer.models import CaseVerdict, Finding
from importer.talkdesk.bodies import all_sent

_CHOSEN = "record.state = 'created' AND content.body IS NOT NULL"
#: Which cases may be read back, and when each was written to last: seconds after its creation, at most. The server's
#: clock says when that was, ours only how much later; where that is not known, or ours went back, it is "ever".
_WRITTEN = f"""
    SELECT record.id AS record, CASE WHEN record.code IS 'resolved' THEN 1e10 WHEN done.at IS NULL THEN 0.0
        WHEN done.at >= sent.at THEN done.at - sent.at ELSE 1e10 END AS written_after
    FROM record JOIN content ON content.record = record.id
    LEFT JOIN (SELECT record, max(at) AS at FROM case_update_event WHERE state = 'done' GROUP BY record) AS done
        ON done.record = record.id
    LEFT JOIN (SELECT record, min(at) AS at FROM event WHERE state = 'sending' GROUP BY record) AS sent
        ON sent.record = record.id
    WHERE {_CHOSEN}"""
#: Of a verification that is continued: what was written to since it was read.
_WRITTEN_SINCE = f"""
    DELETE FROM verification WHERE record IN (SELECT verification.record FROM verification JOIN ({_WRITTEN}) AS now
        ON now.record = verification.record AND now.written_after <> verification.written_after)"""
_START = f"""
    INSERT OR IGNORE INTO verification (record, position, written_after)
    SELECT record, 0, written_after FROM ({_WRITTEN})"""
_DOUBLE = """
    INSERT OR IGNORE INTO double_case (case_id, record, field, update_at, at)
    SELECT :case_id, record.id, :field, :update_at, :at FROM record JOIN source ON source.id = record.source
    WHERE key = :value AND state = 'created' AND external_id_field = :field
        AND NOT EXISTS (SELECT 1 FROM record AS ours WHERE ours.case_id = :case_id)"""


@dataclass(frozen=True, slots=True)
class VerificationPlan:
    """What is to be verified.

    Raises:
        ConfigError: ``sample`` is neither a number nor a share.
    """

    sample: str | None = None  #: how many cases, as ``200`` or ``5%``; None for all
    deep: bool = False  #: read each case on its own as well
    doubles: bool = False  #: search the list for second cases

    def __post_init__(self) -> None:
        self.size(100)

    def size(self, cases: int) -> int:
        """How many of so many cases are read back."""
        if self.sample is None:
            return cases
        match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(%?)", self.sample.strip(), re.ASCII)
        number = float(match[1]) if match else 0.0
        is_share = match is not None and match[2] == "%"
        if number <= 0 or (number > 100 if is_share else number != int(number)):
            hint = "write 200 for 200 cases, or 5% for a twentieth of them"
            raise ConfigError(f"--sample {self.sample!r} is not a number of cases or a percentage", hint=hint)
        return min(cases, math.ceil(cases * number / 100) if is_share else int(number))


@dataclass(frozen=True, slots=True)
class SentCase:
    """A case that is to be read back, with all that it got for sure."""

    record: int
    case_id: str
    fields: dict[str, Any]  #: their last values; see :func:`importer.talkdesk.bodies.all_sent`
    notes: list[dict[str, Any]]
    written_after: float  #: our last write to it, seconds after its creation


@dataclass(frozen=True, slots=True)
class ReadCase:
    """What a case shows, the worst finding first, and when it was changed last (ISO 8601), if that is shown."""

    sent: SentCase
    findings: Sequence[Finding]
    update_at: str | None


class ListedCase(NamedTuple):
    """A case of the account with what a custom field of it holds."""

    case_id: str
    field: str
    value: str
    update_at: str | None


def begin(ledger: Ledger, plan: VerificationPlan, *, again: bool) -> bool:
    """Choose the cases to read back, unless a verification is to be continued; returns whether one is.

    Raises:
        ConfigError: there is no case to read back, or the one that is not finished has another plan.
    """
    known = ledger.rows("SELECT sample, deep, doubles FROM verification_plan WHERE ended_at IS NULL")
    if known and not again:
        unfinished = VerificationPlan(known[0][0], bool(known[0][1]), bool(known[0][2]))
        if unfinished != plan:
            words = [f"--sample {unfinished.sample}"] if unfinished.sample else []
            words += [f"--{name}" for name in ("deep", "doubles") if getattr(unfinished, name)]
            options = " ".join(words) or "no --sample, --deep or --doubles"
            what = f"the verification that is not finished has other options: {options}"
            raise ConfigError(what, hint="use these options to continue it, or start over with --again")
    is_continued = bool(known) and not again
    cases = ledger.scalar(f"SELECT count(*) FROM record JOIN content ON content.record = record.id WHERE {_CHOSEN}")
    if not cases:
        forgotten = ledger.scalar("SELECT EXISTS (SELECT 1 FROM record WHERE state = 'created')")
        why = "the contents of its cases were deleted with forget" if forgotten else "no row is a case yet"
        raise ConfigError(f"there is nothing to verify: {why}", where=str(ledger.path))
    if plan.doubles and not external_id_fields(ledger):
        what = "--doubles requires an external id, and the mapping of this import sets none"
        raise ConfigError(what, hint="run verify without --doubles")
    name = ledger.id
    with ledger.transaction() as connection:
        # those of a sample are drawn by lots that only the ledger's id decides
        connection.create_function("lot", 1, lambda record: sha256(f"{name} {record}".encode()).digest())
        if is_continued:  # rows that became cases since then join it
            connection.execute(_WRITTEN_SINCE)
        else:
            for table in ("verification", "double_case", "verification_plan"):
                connection.execute(f"DELETE FROM {table}")
            connection.execute(
                "INSERT INTO verification_plan (begun_at, sample, deep, doubles) VALUES (?, ?, ?, ?)",
                (database.utc_now(), plan.sample, plan.deep, plan.doubles),
            )
        drawn = "ORDER BY lot(record)" if plan.sample else ""
        connection.execute(f"{_START} {drawn} LIMIT ?", (plan.size(cases),))
    return is_continued


def count_left(ledger: Ledger) -> int:
    """How many cases are to be read back."""
    return int(ledger.scalar("SELECT count(*) FROM verification WHERE position = 0 AND verdict IS NULL"))


def next_cases(ledger: Ledger, *, after: int, limit: int) -> list[SentCase]:
    """The next cases that are to be read back, behind the record ``after``.

    Raises:
        LedgerError: it is damaged.
    """
    rows = ledger.rows(
        "SELECT record.id, case_id, body, payload_sha256, written_after FROM verification"
        " JOIN record ON record.id = verification.record JOIN content ON content.record = record.id"
        f" WHERE position = 0 AND verdict IS NULL AND verification.record > ? AND {_CHOSEN}"
        " ORDER BY verification.record LIMIT ?",
        (after, limit),
    )
    bodies: defaultdict[int, list[str | bytes]] = defaultdict(list)
    for record, case_id, text, digest, _ in rows:
        bodies[record].append(database.payload(ledger.path, text, digest, f"case {case_id}"))
    for record, update in ledger.rows(
        "SELECT record, body FROM case_update WHERE state = 'done' AND body IS NOT NULL"
        " AND record IN (SELECT value FROM json_each(?)) ORDER BY record, position",
        (to_json([row[0] for row in rows]),),
    ):
        bodies[record].append(update)
    return [SentCase(record, case_id, *all_sent(bodies[record]), at) for record, case_id, _, _, at in rows]


def enter_findings(ledger: Ledger, cases: Iterable[ReadCase]) -> None:
    """Note what cases show. Inside a transaction of the writer."""
    at = database.utc_now()
    for case in cases:
        sent = case.sent
        ledger.connection.execute("DELETE FROM verification WHERE record = ?", (sent.record,))
        ledger.connection.executemany(
            "INSERT INTO verification (record, position, written_after, verdict, field, sent, found, update_at, at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (sent.record, position, sent.written_after, *astuple(finding), case.update_at, at)
                for position, finding in enumerate(case.findings)
            ],
        )


# -- second cases ---------------------------------------------------------------------------------------


def external_id_fields(ledger: Ledger) -> list[str]:
    """The custom fields that carry external ids."""
    rows = ledger.rows("SELECT DISTINCT external_id_field FROM source WHERE external_id_field IS NOT NULL ORDER BY 1")
    return [field for (field,) in rows]


def enter_doubles(ledger: Ledger, cases: Iterable[ListedCase]) -> None:
    """Note which of these cases are second ones. Inside a transaction of the writer."""
    at = database.utc_now()
    ledger.connection.executemany(
        _DOUBLE,
        (each._asdict() | {"at": at} for each in cases),
    )


def finish(ledger: Ledger) -> None:
    """The verification has ended. What was forgotten meanwhile, or is a case no longer, has no verdict."""
    with ledger.transaction() as connection:
        connection.execute("DELETE FROM verification WHERE verdict IS NULL")
        connection.execute("UPDATE verification_plan SET ended_at = ?", (database.utc_now(),))


# -- for the report ---------------------------------------------------------------------------------

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
    newer: int  #: cases that the ledger has got since, so that they are not compared; 0 if a sample is drawn
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
    has_no_line = "NOT EXISTS (SELECT 1 FROM verification WHERE verification.record = record.id)"
    (newer,) = next(view.select(query, f"{_CHOSEN} AND {has_no_line}"))
    return Verification(
        begun_at=begun_at,
        ended_at=ended_at,
        sample=sample,
        deep=bool(deep),
        searched_doubles=bool(doubles),
        verified=sum(verdicts.values()) - verdicts.get(CaseVerdict.UNREADABLE, 0),
        left=sum(counts("position", "verdict IS NULL").values()),
        newer=0 if sample else newer,
        forgotten=forgotten,
        verdicts={verdict.value: verdicts[verdict] for verdict in CaseVerdict if verdict in verdicts},
        not_shown=counts("field", f"verdict = '{CaseVerdict.NOT_SHOWN}'"),
        doubles=sum(1 for _ in view.select(_DOUBLES)),
        examples=(*first, *view.read(VerifiedLine, f"{_DOUBLES} LIMIT 1")),
    )


def verified_lines(view: LedgerView) -> Iterator[tuple[Any, ...]]:
    """One line for each finding, and one for each case that is as it was sent; second cases come last."""
    yield from view.select(_LINES, "verdict IS NOT NULL")
    yield from view.select(_DOUBLES)
