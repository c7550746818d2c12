"""What really happened, in Jepsen's words: the server's truth against the history in the ledger.

Nothing of the program is imported here: the ledger is read with plain SQL, so that a mistake in how the program reads
its own totals cannot hide one in how it keeps them.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

#: States in which a record may rest for ever, each with a reason in the reports.
EXPLAINED = frozenset({"created", "invalid", "skipped", "refused", "unknown", "duplicate"})


class Record(NamedTuple):
    """One row as the ledger has it."""

    id: int
    key: str
    state: str
    case_id: str | None


class History(NamedTuple):
    """Keys by what is to be said about them.

    Attributes:
        lost: Input keys with neither a case nor an explained end.
        duplicated: Keys with more than one case.
        phantom: Keys recorded as created whose case the server does not have, or has for another key.
        unexpected: Cases (by key, or by id where they have none) without an input row.
        unknown: Keys with an unknown outcome.
        unsent: Keys that may still be sent.
        recovered: Keys whose unknown outcome was settled as created. The only good news among these.
        ledger: Where the events are.
    """

    lost: list[str]
    duplicated: list[str]
    phantom: list[str]
    unexpected: list[str]
    unknown: list[str]
    unsent: list[str]
    recovered: list[str]
    ledger: Path

    @property
    def offences(self) -> dict[str, list[str]]:
        """What must not be, by its name."""
        bad = self._asdict()
        del bad["recovered"], bad["ledger"]
        return {name: keys for name, keys in bad.items() if keys}

    def story(self, **circumstances: object) -> str:
        """Everything that is needed to find out what went wrong: the circumstances, and all events of bad rows."""
        lines = [f"{name}: {value}" for name, value in circumstances.items()]
        for name, keys in self.offences.items():
            lines.append(f"{len(keys)} {name}: {', '.join(keys[:20])}")
        for key in sorted({key for keys in self.offences.values() for key in keys[:20]}):
            lines += [f"  {key}", *(f"    {event}" for event in events(self.ledger, key))]
        return "\n".join(lines)


def read_history(
    ledger: Path, *, keys: Sequence[str], cases: Iterable[dict[str, Any]], external_id_field: str = "text1"
) -> History:
    """Compare a ledger with the truth.

    Args:
        ledger: The ledger; nobody is working on it.
        keys: The keys of the export.
        cases: All cases that the server has, as it tells them itself.
        external_id_field: The custom field that carries the key.
    """
    keys_by_case = {
        str(case["id"]): str(case["custom_fields"].get(external_id_field) or f"case {case['id']}") for case in cases
    }
    made = Counter(keys_by_case.values())
    records = _records(ledger)
    resting = {record.key for record in records if record.state in EXPLAINED}
    return History(
        lost=[key for key in keys if key not in made and key not in resting],
        duplicated=[key for key, count in made.items() if count > 1],
        phantom=[
            record.key
            for record in records
            if record.state == "created" and keys_by_case.get(record.case_id or "") != record.key
        ],
        unexpected=sorted(made.keys() - set(keys)),
        unknown=_keys_in(records, "unknown", "sending", "duplicate"),
        unsent=_keys_in(records, "pending", "waiting"),
        recovered=_recovered(ledger),
        ledger=ledger,
    )


def _keys_in(records: Iterable[Record], *states: str) -> list[str]:
    return [record.key for record in records if record.state in states]


def _select(ledger: Path, query: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"{ledger.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(query, values).fetchall()


def _records(ledger: Path) -> list[Record]:
    return [Record(*row) for row in _select(ledger, "SELECT id, key, state, case_id FROM record ORDER BY id")]


def _recovered(ledger: Path) -> list[str]:
    query = """
        SELECT key FROM record JOIN (
            SELECT record AS id, state, lag(state) OVER (PARTITION BY record ORDER BY id) AS before FROM event
        ) AS moved USING (id) WHERE record.state = 'created' AND moved.state = 'created' AND before = 'unknown'"""
    return [key for (key,) in _select(ledger, query)]


def events(ledger: Path, key: str) -> list[str]:
    """The history of all records with this key, one line an event."""
    query = """
        SELECT strftime('%H:%M:%f', at, 'unixepoch'), 'run ' || event.run, 'record ' || record, event.state,
               'attempt ' || attempt, event.case_id, event.http_status, event.code, event.message
        FROM event JOIN record ON record.id = event.record WHERE key = ? ORDER BY event.id"""
    return [" · ".join(str(part) for part in row if part is not None) for row in _select(ledger, query, (key,))]


def most_in_a_second(moments: Iterable[float]) -> int:
    """The largest number of moments (in seconds) that any sliding second holds."""
    ordered = sorted(moments)
    most, first = 0, 0
    for last, moment in enumerate(ordered):
        while moment - ordered[first] >= 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most
