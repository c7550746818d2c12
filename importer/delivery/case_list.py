"""Settling unknown outcomes from the whole list of cases: what a rebuilt ledger begins with.

One request shows hundreds of cases, a search by external id only one. What the list shows is there. What it does not
show is proven not to be there if the list was read twice, to its end and in order, and showed every case again that it
had shown before: the same that a single search must prove. Otherwise rows are searched for one by one afterwards.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

from importer.delivery.api_access import ApiAccess
from importer.delivery.retry import ReadError
from importer.ledger import LedgerWriter
from importer.ledger.decisions import enter_listed, listed_but_invalid, settle_listed, settle_not_listed
from importer.models import Notice, SettleDelay
from importer.talkdesk import search

#: Pages after which a person is told how far it is.
_PAGES_A_NOTICE = 20


async def settle_from_list(
    ledger: LedgerWriter, api: ApiAccess, field: str, *, delay: SettleDelay, stop: asyncio.Event
) -> None:
    """Read the list of cases twice, newest first, and settle the unknown records that this decides.

    Args:
        ledger: Has unknown records.
        api: Reads.
        field: The custom field with the external id.
        delay: A request of the lost ledger may still be on its way, and the list may be behind.
        stop: Ends the reading; what was read until then counts.
    """
    for reading, wait in ((1, delay.first), (2, delay.again)):
        if await _stops_within(wait, stop):
            return
        is_whole = await _read_list(ledger, api, field, reading, stop=stop)
        found = await ledger.call(partial(settle_listed, ledger.ledger, reading))
        if not is_whole or (reading == 1 and not found):  # a list that shows none of our cases proves nothing
            break
    else:
        await ledger.call(partial(settle_not_listed, ledger.ledger))
    if fixed := await ledger.call(partial(listed_but_invalid, ledger.ledger)):
        text = f"warning: {len(fixed):,} invalid rows are cases already, such as {fixed[0]}: do not fix and import them"
        api.progress.notice(Notice("invalid_but_listed", text, {"rows": len(fixed)}))


async def _stops_within(seconds: float, stop: asyncio.Event) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
    return stop.is_set()


async def _read_list(ledger: LedgerWriter, api: ApiAccess, field: str, reading: int, *, stop: asyncio.Event) -> bool:
    """Whether all cases were read: in the order that was asked for, as many different ones as the list says that it
    has, with custom fields that can be read, and nothing behind them."""
    seen: set[str] = set()
    oldest, is_in_order, total = datetime.max.replace(tzinfo=UTC), True, 0
    for number in range(1, 2**31):
        try:
            page = await _page(api, number)
        except ReadError as trouble:
            text = (
                f"warning: the list of cases ended after {len(seen):,}: {trouble}; other rows are searched for singly"
            )
            api.progress.notice(Notice("list_ended", text, {"cases": len(seen)}))
            return False
        if not page.cases:
            return is_in_order and len(seen) >= total > 0
        # Cases that are made meanwhile move others to later pages.
        new = [case for case in page.cases if case.id not in seen]
        seen.update(case.id for case in new)
        total = max(total, page.total if isinstance(page.total, int) else 2**63)
        for case in new:
            is_in_order = is_in_order and case.create_at is not None and case.create_at <= oldest
            is_in_order = is_in_order and not case.hides_custom_fields
            oldest = case.create_at or oldest
        shown = [(str(case.custom_fields[field]), case.id) for case in page.cases if case.custom_fields.get(field)]
        await ledger.call(partial(enter_listed, ledger.ledger, reading, shown))
        if number % _PAGES_A_NOTICE == 0:
            of_all = f" of {page.total:,}" if isinstance(page.total, int) else ""
            api.progress.notice(Notice("listing", f"{len(seen):,}{of_all} cases listed", {"cases": len(seen)}))
        if stop.is_set() or (not new and page.completes(len(seen))):
            return False
    return False


async def _page(api: ApiAccess, number: int) -> search.Page:
    query = search.query(search.NEWEST_FIRST, page=number, per_page=search.MOST_PER_PAGE)
    return await api.read(lambda token: api.client.list_cases(query, token), search.read_page, what="the list of cases")
