"""Searching for the cases of rows in the list of the API. Only a filter that was seen to work may say "not found"."""

from __future__ import annotations

import secrets

import orjson

from importer.delivery.api_access import ApiAccess
from importer.delivery.case_reads import NewestFirst, list_filtered, list_page
from importer.delivery.retry import ReadError
from importer.ledger.records import CreatedCase, Pending
from importer.talkdesk import search
from importer.talkdesk.payloads import Case
from importer.talkdesk.search import Encoding

#: Pages that one search reads at most; what lies behind them cannot be called "not found".
MOST_PAGES = 40
#: Pages, newest first, that are read at most to prove that a case does not exist, where no filter works.
MOST_LISTED_PAGES = 200
#: Seconds that the server's clock may differ from ours.
CLOCK_MARGIN = 900.0


class CaseSearch:
    """Finds cases by their external id: the value of the custom field ``field``.

    All methods raise :class:`ReadError` if the list cannot be read to its end.
    """

    def __init__(self, api: ApiAccess) -> None:
        self._api = api
        self._certified: dict[str, Encoding | None] = {}

    async def by_external_id(self, field: str, value: str, *, encoding: Encoding = Encoding.DOC) -> list[Case]:
        """All cases that have exactly this external id."""
        listed: list[Case] = []
        for number in range(1, MOST_PAGES + 1):
            page = await list_page(self._api, search.by_external_id(field, value, encoding=encoding), number)
            listed += page.cases
            if page.completes(len(listed)):
                break
        else:
            raise ReadError(f"the case list has more than {MOST_PAGES} pages, so its filter does not work")
        found = [case for case in listed if case.has(field, value)]
        if not found and any(case.hides_custom_fields for case in listed):
            raise ReadError("the list shows custom fields in a form that cannot be read")
        return found

    async def look_through(
        self, field: str, value: str, *, control: CreatedCase, since: float
    ) -> tuple[list[Case], bool]:
        """Read the list, newest first, back past the time ``since``, for want of a filter: the cases that have exactly
        this external id, and whether the list proves that these are all."""
        listing, found, is_far_enough = NewestFirst(self._api), list[Case](), False
        async for cases in listing.pages(most=MOST_LISTED_PAGES):
            found += [case for case in cases if case.has(field, value)]
            is_far_enough = listing.is_whole or listing.is_back_before(since - CLOCK_MARGIN)
            if is_far_enough or listing.is_at_end or not listing.is_in_order:
                break
        return found, is_far_enough and control.case_id in listing.seen

    async def certified(self, field: str, control: CreatedCase) -> Encoding | None:
        """The encoding of filters by ``field`` that was seen to work, None if none does; found out once."""
        if field in self._certified:
            return self._certified[field]
        can_filter = False
        for encoding in Encoding:  # it works if it finds a case that exists, and nothing for a value that does not
            if not await self.ignores(field, encoding=encoding):
                can_filter = True
                if await self.shows(field, control, encoding=encoding):
                    self._certified[field] = encoding
                    return encoding
        if can_filter:
            raise ReadError("the search does not find the control case, so it proves nothing")
        self._certified[field] = None
        return None

    async def ignores(self, field: str, *, encoding: Encoding) -> bool:
        """Whether a filter by ``field`` is refused, or finds what does not exist; in an empty account none does."""
        absent = f"absent-{secrets.token_hex(12)}"
        found = await list_filtered(self._api, search.by_external_id(field, absent, encoding=encoding))
        return found is None or bool(found)

    async def shows(self, field: str, control: CreatedCase, *, encoding: Encoding) -> bool:
        """Whether a search by external id finds the control case."""
        found = await self.by_external_id(field, control.key, encoding=encoding)
        return control.case_id in [case.id for case in found]


def external_id_in(record: Pending) -> str:
    """What the custom field of the external id holds in the body of a record that has one."""
    return str(orjson.loads(record.body)["custom_fields"][record.external_id_field])
