"""Stand-ins: single cases that `try` makes to show what an account does with the rows of an import.

They have a ledger of their own, so that none of them can be taken for a row of the import. How a stand-in ended is
noted as the code of its record.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from importer.errors import LedgerError
from importer.ledger.ledger import Ledger
from importer.ledger.view import LedgerView
from importer.models import CaseUpdateState, State, UpdateKind
from importer.talkdesk.bodies import all_sent, fields_in

#: Begins the external id, and the title, of every stand-in.
MARK = "try"
#: How a stand-in ended that was looked at, and one that nobody looked at, which shows nothing.
IN_TRASH, KEPT, UNSEEN = "in_trash", "kept", "unseen"
#: Updates that solve or close a case.
_SOLVING = f"kind IN ('{UpdateKind.SOLVE}', '{UpdateKind.CLOSE}')"


@dataclass(frozen=True, slots=True)
class TriedUpdate:
    """A case update of a stand-in, and what became of it."""

    kind: UpdateKind
    state: CaseUpdateState
    fields: tuple[str, ...]  #: that it carries, custom fields as ``custom_fields.KEY``, notes as ``notes``
    message: str  #: of the server, or what it made of the fields


@dataclass(frozen=True, slots=True)
class StandIn:
    """A stand-in as its ledger has it."""

    record: int
    key: str  #: its external id
    state: State
    case_id: str | None
    message: str
    updates: tuple[TriedUpdate, ...]
    fields: dict[str, Any]  #: what it got for sure; see :func:`importer.talkdesk.bodies.all_sent`
    notes: list[dict[str, Any]]


def key_prefix(ledger: Ledger) -> str:
    """What the external id of every stand-in of this ledger begins with."""
    return f"{MARK}-{ledger.id}-"


def stand_in_of(ledger: Ledger, source: int) -> StandIn:
    """The stand-in that is the only row of a source."""
    query = (
        "SELECT record.id, key, state, case_id, coalesce(message, ''), body FROM record"
        " JOIN content ON content.record = record.id WHERE source = ?"
    )
    record, key, state, case_id, message, body = ledger.rows(query, (source,))[0]
    rows = ledger.rows(
        "SELECT kind, state, body, coalesce(message, '') FROM case_update WHERE record = ? ORDER BY position", (record,)
    )
    updates = tuple(
        TriedUpdate(UpdateKind(kind), CaseUpdateState(now), tuple(fields_in(text)) or ("notes",), why)
        for kind, now, text, why in rows
    )
    done = [text for _, now, text, _ in rows if now == CaseUpdateState.DONE]
    return StandIn(record, key, State(state), case_id, message, updates, *all_sent([body, *done]))


def note_end(ledger: Ledger, record: int, end: str) -> None:
    """Note that a stand-in needs nothing more: it is in the Trash, or kept because the user said so.

    ``end`` is ``UNSEEN`` in both cases if it was not read back first.
    """
    with ledger.transaction() as connection:
        connection.execute("UPDATE record SET code = ? WHERE id = ?", (end, record))


def left_behind(ledger: Ledger) -> list[tuple[int, str, str | None]]:
    """Record, external id and case id of stand-ins that earlier tries may have left in the account.

    They will be deleted, so a record whose key is not that of a stand-in is never among them.
    """
    query = (
        "SELECT id, key, case_id FROM record WHERE state IN ('created', 'unknown', 'duplicate') AND key GLOB ?"
        f" AND coalesce(code, '') NOT IN ('{IN_TRASH}', '{KEPT}', '{UNSEEN}') ORDER BY id"
    )
    return ledger.rows(query, (f"{key_prefix(ledger)}*",))


def to_be_solved(ledger: Ledger, source: int | None) -> tuple[int, str]:
    """How many cases a run may solve, and the key of the first; none if this ledger has solved one before."""
    if ledger.scalar(f"SELECT 1 FROM case_update WHERE {_SOLVING} AND state = 'done' LIMIT 1") is not None:
        return 0, ""
    query = (
        "SELECT count(DISTINCT record.id), min(record.id) FROM case_update"
        " JOIN record ON record.id = case_update.record JOIN source ON source.id = record.source AND source.staged = 1"
        f" WHERE {_SOLVING} AND case_update.state = 'pending' AND record.source = coalesce(?, record.source)"
        " AND record.state IN ('pending', 'waiting', 'unknown', 'created')"
    )
    count, first = ledger.rows(query, (source,))[0]
    return count, ledger.scalar("SELECT key FROM record WHERE id = ?", (first,)) or ""


def was_solved(path: Path, target: str) -> bool:
    """Whether the ledger of tries at ``path`` has one on ``target`` that solved its case and was looked at."""
    if not path.exists():
        return False
    with suppress(LedgerError), LedgerView(path) as view:
        ends = view.select(
            "SELECT 1 FROM record {where} LIMIT 1",
            f"code IN ('{IN_TRASH}', '{KEPT}') AND EXISTS ("
            f"SELECT 1 FROM case_update WHERE record = record.id AND {_SOLVING} AND state = 'done')",
        )
        return view.identity()[1] == target and next(ends, None) is not None
    return False  # it cannot be read, so it proves nothing
