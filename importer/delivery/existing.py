"""Whether the tickets of a new ledger are cases already: made by another ledger, or by one that was lost.

A ledger knows only what it sent itself. So before it sends its first row, a few of its rows are searched in the
account by their external id. One that is found stops the run; a list that cannot be searched does not, for the search
is a precaution: it looks at some rows only, and the promises of a run do not rest on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeVar

from importer.delivery.api_access import ApiAccess
from importer.delivery.reconcile import CaseSearch, external_id_in
from importer.delivery.retry import ReadError
from importer.errors import CaseImporterError
from importer.ledger import Ledger, LedgerWriter, Pending, Selection
from importer.models import Notice, State
from importer.talkdesk.auth import READ_SCOPE
from importer.talkdesk.search import Encoding

#: Rows that are searched at most; with both spellings of the filter that is 42 requests, nine seconds at 5/s.
MOST = 20
#: Seconds that the search may take; a list that hangs does not hold up the run for longer.
PATIENCE = 60.0

T = TypeVar("T")


class ExistingCaseError(CaseImporterError):
    """A row of a ledger that has created nothing is a case of the account already."""


@dataclass(frozen=True, slots=True)
class Existing:
    """A row that is a case already."""

    key: str
    case_id: str


async def refuse_existing(ledger: LedgerWriter, api: ApiAccess, chosen: Selection, *, stop: asyncio.Event) -> None:
    """Search some of the rows that a ledger without cases is about to send.

    Args:
        ledger: Nothing is searched if it has created a case: it knows its tickets then.
        api: Searches, and says it if the account could not be searched.
        chosen: Which rows are to be sent.
        stop: Ends the search.

    Raises:
        ExistingCaseError: one of the rows is a case already.
    """
    sample = await ledger.call(lambda: _sample(ledger.ledger, chosen))
    try:
        found = await _unless_stopped(_first_existing(CaseSearch(api), sample), stop)
    except (ReadError, TimeoutError) as trouble:
        what = str(trouble) or f"the search took longer than {PATIENCE:.0f} s"
        may_not_read = isinstance(trouble, ReadError) and trouble.is_final and api.breaker.error is None
        scope = f"; give the OAuth client the scope {READ_SCOPE}" if may_not_read else ""
        text = f"warning: could not check whether these tickets are cases already: {what}{scope}"
        api.progress.notice(Notice("existing_not_checked", text, {"reason": type(trouble).__name__}))
        return
    if found is not None:
        raise ExistingCaseError(
            f"{found.key} is already case {found.case_id}, which this ledger did not create; nothing was sent",
            hint="use the ledger of that import with --ledger, or create new cases all the same with --accept-existing",
        )


def _sample(ledger: Ledger, chosen: Selection) -> list[Pending]:
    return [] if ledger.counts()[State.CREATED] else ledger.unsent_sample(chosen, most=MOST)


async def _unless_stopped(work: Coroutine[Any, Any, T], stop: asyncio.Event) -> T | None:
    """What ``work`` comes to; None if the run is told to stop before."""
    working, stopped = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        return None if stop.is_set() else working.result()
    finally:
        working.cancel()
        stopped.cancel()
        await asyncio.gather(working, stopped, return_exceptions=True)


async def _first_existing(search: CaseSearch, sample: Sequence[Pending]) -> Existing | None:
    """The first of these records that is a case; None if none is found.

    Raises:
        ReadError: it cannot be told.
        TimeoutError: likewise.
    """
    async with asyncio.timeout(PATIENCE):
        for field, records in groupby(sample, lambda record: record.external_id_field):  # each source has one field
            assert field is not None
            if (found := await _first_with(search, field, list(records))) is not None:
                return found
    return None


async def _first_with(search: CaseSearch, field: str, records: Sequence[Pending]) -> Existing | None:
    """As above, for records with one field. Only a case that holds the very value counts, whatever a filter lets by."""
    keys = {external_id_in(record): record.key for record in records}
    filtering = [encoding for encoding in Encoding if not await search.ignores(field, encoding=encoding)]
    for value, key in keys.items():
        for encoding in filtering:
            for case in await search.by_external_id(field, value, encoding=encoding):
                return Existing(key, case.id)
    if filtering:
        return None
    for case in await search.newest(field, keys.keys()):
        return Existing(keys[str(case.custom_fields[field])], case.id)
    raise ReadError(f"the list of cases does not filter by {field}")
