"""Whether the tickets of a new ledger are cases already: made by another ledger, or by one that was lost.

A ledger knows only what it sent itself. So before it sends its first row, a few of its rows are searched in the
account by their external id; and before each later run the rows that come next, in case it is an old copy. One that is
found stops the run; a list that cannot be searched does not, for the search is a precaution: it looks at some rows
only, and the promises of a run do not rest on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import groupby

from importer.delivery.api_access import ApiAccess, ReadError
from importer.delivery.case_search import CaseSearch, external_id_in
from importer.delivery.reads import list_page
from importer.delivery.stopping import first_of
from importer.errors import CaseImporterError
from importer.ledger import Ledger, LedgerWriter
from importer.ledger.records import Pending, Selection
from importer.models import Notice, State
from importer.talkdesk.auth import READ_SCOPE
from importer.talkdesk.search import MOST_PER_PAGE, NEWEST_FIRST, Encoding

#: Rows that are searched at most; with both spellings of the filter that is 42 requests, nine seconds at 5/s.
MOST = 20
#: The next rows of a ledger that has created cases that are searched: they are cases if it is an old copy.
MOST_FOLLOWING = 3
#: Seconds that the search may take; a list that hangs does not hold up the run for longer.
LONGEST = 60.0


class ExistingCaseError(CaseImporterError):
    """A row that this ledger has not sent is a case of the account already."""


async def refuse_existing(ledger: LedgerWriter, api: ApiAccess, chosen: Selection, *, stop: asyncio.Event) -> None:
    """Search some of the rows that a ledger is about to send; of one that has created a case, only the next ones.

    Raises:
        ExistingCaseError: one of the rows is a case already.
    """
    sample = await ledger.call(_sample, chosen)
    found: list[tuple[str, str]] = []
    try:
        async with asyncio.timeout(LONGEST):
            await first_of(_find_existing(api, sample, found), stop.wait())
    except (ReadError, TimeoutError) as error:
        why = str(error) or f"the search took longer than {LONGEST:.0f} s"
        may_not_read = isinstance(error, ReadError) and error.status == 403
        scope = f"; add to the OAuth client the scope {READ_SCOPE}" if may_not_read else ""
        text = f"warning: could not check whether these tickets are cases already: {why.rstrip('.')}{scope}"
        api.progress.notice(Notice("existing_not_checked", text, {"reason": type(error).__name__}))
    for key, case_id in found:
        raise ExistingCaseError(
            f"ticket {key} is already case {case_id}, which this ledger did not create; nothing was sent",
            hint="use the newest ledger of that import with --ledger (--accept-existing creates new cases although"
            " these exist); if it is lost, make a new one: case-importer rebuild",
        )


def _sample(ledger: Ledger, chosen: Selection) -> list[Pending]:
    """Any row may have been sent with another ledger; with a newer copy of this one, the next rows were."""
    if ledger.counts()[State.CREATED]:
        following = ledger.pending(chosen, after=0, limit=MOST_FOLLOWING)
        return [record for record in following if record.external_id_field is not None]
    return ledger.unsent_sample(chosen, most=MOST)


async def _find_existing(api: ApiAccess, sample: Sequence[Pending], found: list[tuple[str, str]]) -> None:
    """Find the key of the first of these records that is a case, and the case. Only one with the exact value counts."""
    search = CaseSearch(api)
    for field, records in groupby(sample, lambda record: record.external_id_field):  # each source has one field
        assert field is not None
        keys = {external_id_in(record): record.key for record in records}
        filtering = [encoding for encoding in Encoding if not await search.ignores(field, encoding=encoding)]
        for value, key in keys.items():
            for encoding in filtering:
                for case in await search.by_external_id(field, value, encoding=encoding):
                    found.append((key, case.id))
                    return
        if not filtering:
            for case in (await list_page(api, NEWEST_FIRST, per_page=MOST_PER_PAGE)).cases:
                if named := [key for value, key in keys.items() if case.has(field, value)]:
                    found.append((named[0], case.id))
                    return
            raise ReadError(f"the list of cases does not filter by {field}")
