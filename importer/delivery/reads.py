"""Reading cases: one on its own, a page of the list, the list from the newest case on. Nothing is written.

Each read goes through :meth:`ApiAccess.read`, which waits for its turn and tries again. All raise :class:`ReadError`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from importer.delivery.api_access import ApiAccess, ReadError
from importer.models import Notice
from importer.talkdesk import search
from importer.talkdesk.search import UnreadableListError
from importer.talkdesk.shown import Case, case_in, error_body
from importer.talkdesk.transport import Answer

#: Answers of an account that does not take a filter in this form.
_NO_FILTER = (400, 422)
#: Pages after which a person is told how far it is.
_PAGES_A_NOTICE = 20
#: Pages one after another without a new case, after which a list goes round in circles.
_MOST_REPEATED = 3


async def read_case(api: ApiAccess, case_id: str) -> Case:
    """One case on its own."""

    def parse(answer: Answer) -> Case:
        case = case_in(answer) if answer.status == 200 else None
        if case is None or case.id != case_id:
            raise UnreadableListError(error_body(answer).text or f"HTTP {answer.status} without this case in it")
        return case

    return await api.read(lambda token: api.client.get_case(case_id, token), parse, what=f"case {case_id}")


async def find_case(api: ApiAccess, case_id: str) -> Case | None:
    """One case on its own; None if there is no such case."""
    try:
        return await read_case(api, case_id)
    except ReadError as error:
        if error.status in (404, 410):
            return None
        raise


async def list_page(
    api: ApiAccess, parameters: search.Parameters, number: int = 1, *, per_page: int = search.PER_PAGE
) -> search.Page:
    """One page of the list of cases."""
    query = search.query(parameters, page=number, per_page=per_page)
    return await api.read(lambda token: api.client.list_cases(query, token), search.read_page, what="the list of cases")


async def list_filtered(api: ApiAccess, parameters: search.Parameters) -> list[Case] | None:
    """The first page of what a filter finds; None if the account refuses a filter in this form."""
    try:
        return (await list_page(api, parameters)).cases
    except ReadError as error:
        if error.status in _NO_FILTER:
            return None
        raise


class Listing:
    """A list of cases, and whether it can be believed about the cases that it does not show."""

    def __init__(self, api: ApiAccess, parameters: search.Parameters, *, per_page: int = search.PER_PAGE) -> None:
        self._api = api
        self._parameters, self._per_page = parameters, per_page
        self.seen: set[str] = set()  #: the ids of the cases that were shown
        self.oldest = datetime.max.replace(tzinfo=UTC)  #: when the last of them was made, by the server's clock
        self.is_in_order = True  #: they came newest first, with custom fields that can be read
        self.is_at_end = False  #: it was read to its end, and has shown as many cases as it ever said that it has
        self.is_whole = False  #: so it is, in order, and it did say how many there are
        self.ended_empty = False  #: nothing was behind its end either: its last page was empty

    async def pages(self, *, most: int = 2**31) -> AsyncIterator[list[Case]]:
        """The new cases of each of at most so many pages: cases that are made meanwhile move others to later ones."""
        total = repeated = 0
        for number in range(1, most + 1):
            page = await list_page(self._api, self._parameters, number, per_page=self._per_page)
            new = [case for case in page.cases if case.id not in self.seen]
            self.seen.update(case.id for case in new)
            for case in new:
                is_next = case.create_at is not None and case.create_at <= self.oldest
                self.is_in_order = self.is_in_order and is_next and not case.hides_custom_fields
                self.oldest = case.create_at or self.oldest
            total, is_counted = max(total, page.total or 0), page.total is not None
            is_last, self.ended_empty = page.completes(len(self.seen), per_page=self._per_page), not page.cases
            self.is_at_end = is_last and len(self.seen) >= total
            self.is_whole = self.is_at_end and self.is_in_order and is_counted and total > 0
            yield new
            repeated = 0 if new else repeated + 1
            if self.ended_empty or (repeated and is_last) or repeated == _MOST_REPEATED:
                return
            if number % _PAGES_A_NOTICE == 0:
                of_all = f" of {page.total:,}" if isinstance(page.total, int) else ""
                text = f"{len(self.seen):,}{of_all} cases listed"
                self._api.progress.notice(Notice("listing", text, {"cases": len(self.seen)}))


def newest_first(api: ApiAccess) -> Listing:
    """The list of all cases, the newest one first."""
    return Listing(api, search.NEWEST_FIRST, per_page=search.MOST_PER_PAGE)
