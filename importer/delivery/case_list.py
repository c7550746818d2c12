"""Settling unknown outcomes from the whole list of cases: what a rebuilt ledger begins with.

One request shows hundreds of cases, a search by external id only one. What the list shows is there. What it does not
show is proven not to be there if the list was read twice, to its end and in order, and showed every case again that it
had shown before: the same that a single search must prove. Otherwise rows are searched for one by one afterwards.
"""

from __future__ import annotations

import asyncio

from importer.delivery.api_access import ApiAccess, ReadError
from importer.delivery.reads import newest_first
from importer.delivery.stopping import first_of
from importer.ledger import LedgerWriter
from importer.ledger.decisions import enter_listed, settle_listed, settle_not_listed
from importer.models import Notice, SettleDelay


async def settle_from_list(
    ledger: LedgerWriter, api: ApiAccess, field: str, *, delay: SettleDelay, stop: asyncio.Event
) -> None:
    """Read the list of cases twice, newest first, and settle the unknown records that this decides.

    ``field`` is the custom field with the external id. What was read until ``stop`` counts. The delay is for requests
    of the lost ledger that may still be on their way, and for a list that is behind.
    """
    for reading, wait in ((1, delay.first), (2, delay.again)):
        await first_of(stop.wait(), at_most=wait)
        if stop.is_set():
            return
        is_whole = await _read_list(ledger, api, field, reading, stop=stop)
        found = await ledger.call(settle_listed, reading)
        if not is_whole or (reading == 1 and not found):  # a list that shows none of our cases proves nothing
            break
    else:
        await ledger.call(settle_not_listed)


async def _read_list(ledger: LedgerWriter, api: ApiAccess, field: str, reading: int, *, stop: asyncio.Event) -> bool:
    """Whether all cases were read, as many as the list says that there are, and nothing was behind them."""
    listing = newest_first(api)

    async def enter_all() -> None:
        async for cases in listing.pages():
            shown = [(str(case.custom_fields[field]), case.id) for case in cases if case.custom_fields.get(field)]
            await ledger.call(enter_listed, reading, shown)

    try:
        await first_of(enter_all(), stop.wait())
    except ReadError as trouble:
        seen = len(listing.seen)
        text = f"warning: the list of cases ended after {seen:,}: {trouble}; other rows are searched for singly"
        api.progress.notice(Notice("list_ended", text, {"cases": seen}))
        return False
    return listing.is_whole and listing.ended_empty and not stop.is_set()
