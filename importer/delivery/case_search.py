"""Searching for the cases of rows in the list of the API. Only a filter that was seen to work may say "not found"."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

import orjson

from importer.delivery.api_access import ApiAccess, ReadError
from importer.delivery.reads import Listing, list_filtered, newest_first
from importer.ledger.records import CreatedCase, Pending
from importer.talkdesk import search
from importer.talkdesk.search import Encoding
from importer.talkdesk.shown import Case

#: Pages that one search reads at most; what lies behind them cannot be called "not found".
MOST_PAGES = 40
#: Pages, newest first, that are read at most to prove that a case does not exist, where no filter works.
MOST_LISTED_PAGES = 200
#: By how much the clocks of the server's own machines may differ; ours is never compared with them.
SERVER_MARGIN = timedelta(seconds=60)


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
        listing = Listing(self._api, search.by_external_id(field, value, encoding=encoding))
        async for cases in listing.pages(most=MOST_PAGES):
            listed += cases
            if listing.is_at_end:
                break
        if not listing.is_at_end:
            raise ReadError(f"the filtered list of cases could not be read to its end within {MOST_PAGES} pages")
        found = [case for case in listed if case.has(field, value)]
        if not found and any(case.hides_custom_fields for case in listed):
            raise ReadError("the list shows custom fields in a form that cannot be read")
        return found

    async def look_through(
        self, field: str, value: str, *, control: CreatedCase, earlier: Collection[str]
    ) -> tuple[list[Case], bool]:
        """Read the list, newest first, for want of a filter: the cases that have exactly this external id, and whether
        the list proves that these are all.

        It does where it was read to its end, or back past one of the cases ``earlier``, which were there before the row
        was sent: by the server's own times the case of the row is newer than they are.
        """
        listing, found, is_far_enough = newest_first(self._api), list[Case](), False
        known: datetime | None = None  # when one of the earlier cases was made
        async for cases in listing.pages(most=MOST_LISTED_PAGES):
            found += [case for case in cases if case.has(field, value)]
            known = known or next((case.create_at for case in cases if case.id in earlier), None)
            is_past = known is not None and listing.oldest < known - SERVER_MARGIN
            is_far_enough = listing.is_whole or (listing.is_in_order and is_past)
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
