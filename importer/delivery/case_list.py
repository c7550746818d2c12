"""Settling unknown outcomes from the whole list of cases: what a rebuilt ledger begins with.

One request shows hundreds of cases, a search by external id only one. The list proves what is there, never what is not:
cases come and go while it is read. So rows that it does not show are searched for one by one afterwards.
"""

from __future__ import annotations

import asyncio
from functools import partial

from importer.delivery.api_access import ApiAccess
from importer.delivery.retry import ReadError
from importer.ledger import LedgerWriter
from importer.ledger.decisions import enter_listed, settle_listed
from importer.models import Notice
from importer.talkdesk import search

#: Pages after which a person is told how far it is.
_PAGES_A_NOTICE = 20


async def settle_from_list(ledger: LedgerWriter, api: ApiAccess, field: str, *, stop: asyncio.Event) -> int:
    """Read the list of cases, newest first, and settle the unknown records that it shows; returns how many.

    Args:
        ledger: Has unknown records.
        api: Reads.
        field: The custom field with the external id.
        stop: Ends the reading; what was read until then counts.
    """
    received = 0
    for number in range(1, 2**31):
        try:
            page = await _page(api, number)
        except ReadError as trouble:
            text = f"warning: the list of cases ended after {received:,}: {trouble}; other rows are searched for singly"
            api.progress.notice(Notice("list_ended", text, {"cases": received}))
            break
        received += len(page.cases)
        shown = [(str(case.custom_fields[field]), case.id) for case in page.cases if case.custom_fields.get(field)]
        await ledger.call(partial(enter_listed, ledger.ledger, shown))
        if number % _PAGES_A_NOTICE == 0:
            of_all = f" of {page.total:,}" if isinstance(page.total, int) else ""
            api.progress.notice(Notice("listing", f"{received:,}{of_all} cases listed", {"cases": received}))
        if page.completes(received) or stop.is_set():
            break
    return await ledger.call(lambda: settle_listed(ledger.ledger))


async def _page(api: ApiAccess, number: int) -> search.Page:
    query = search.query(search.NEWEST_FIRST, page=number, per_page=search.MOST_PER_PAGE)
    return await api.read(lambda token: api.client.list_cases(query, token), search.read_page, what="the list of cases")
