"""Finding cases again: by their stamp, or for want of one by their content.

A look-up gives cases or an exception. Only a filter that was seen to work may say "not found": it must find a case that
is known to exist, and must find nothing for a value that does not.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import orjson

from importer.delivery.judge import case_id_of
from importer.delivery.pace import Pace
from importer.delivery.waits import asked_wait, backoff
from importer.ledger import Known
from importer.talkdesk import search
from importer.talkdesk.answers import Answer, NoAnswer, NotSent, custom_fields, error_body
from importer.talkdesk.search import Encoding, UnreadableListError

#: Pages that one look-up reads at most; what lies behind them cannot be called "not found".
MOST_PAGES = 40
_TRIES = 4
#: Seconds that the server's clock may differ from ours.
CLOCK_MARGIN = 900.0


class ListCases(Protocol):
    """Asks the list of cases, once."""

    async def list_cases(self, query: str, *, authorization: str) -> Answer:
        """See :meth:`importer.talkdesk.client.CaseApi.list_cases`."""
        ...


class TokenSource(Protocol):
    """Where the Authorization header comes from."""

    async def authorization(self) -> str:
        """A header that is good for one request."""
        ...

    def refused(self, header: str) -> bool:
        """The API did not accept this header; says whether that is news."""
        ...


class LookupFailedError(Exception):
    """The list could not be read to its end; this says nothing about the case."""


class Lookup:
    """Looks cases up, paced like everything else that is sent.

    Args:
        api: Asks.
        tokens: Authorizes.
        pace: Says when.
        sleep: Waits.
    """

    def __init__(
        self,
        *,
        api: ListCases,
        tokens: TokenSource,
        pace: Pace,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._api = api
        self._tokens = tokens
        self._pace = pace
        self._sleep = sleep
        self._certified: dict[str, Encoding | None] = {}

    async def stamped(self, field: str, value: str, *, encoding: Encoding = Encoding.DOC) -> list[dict[str, Any]]:
        """All cases whose custom field ``field`` holds exactly ``value``.

        Raises:
            LookupFailedError: the list could not be read to its end.
        """
        found = await self._all(search.by_stamp(field, value, encoding=encoding))
        return [case for case in found if str(custom_fields(case).get(field)) == value]

    async def alike(self, body: bytes, *, since: float, until: float) -> list[dict[str, Any]]:
        """All cases with the title, description and requester of ``body``, created between two times.

        Raises:
            LookupFailedError: the list could not be read to its end.
        """
        sent = orjson.loads(body)
        email, title = sent.get("requester_email"), sent["title"]
        found: dict[str, dict[str, Any]] = {}
        for encoding in Encoding:
            filters = search.by_content(
                email=email, title=title, since=since - CLOCK_MARGIN, until=until + CLOCK_MARGIN, encoding=encoding
            )
            for case in await self._all(filters):
                if _is_alike(case, sent):
                    found[str(case_id_of(case))] = case
        return list(found.values())

    async def certified(self, field: str, canary: Known) -> Encoding | None:
        """The encoding of filters by ``field`` that was seen to work, None if none was; found out once.

        Raises:
            LookupFailedError: the probe could not be finished.
        """
        if self._certified.get(field) is None:
            self._certified[field] = await self._probe(field, canary)
        return self._certified[field]

    async def _probe(self, field: str, canary: Known) -> Encoding | None:
        absent = f"absent-{secrets.token_hex(12)}"
        for encoding in Encoding:
            if not await self.sees(field, canary, encoding=encoding):
                continue
            if not await self._first_page(search.by_stamp(field, absent, encoding=encoding)):
                return encoding
        return None

    async def sees(self, field: str, canary: Known, *, encoding: Encoding) -> bool:
        """Whether a look-up by stamp finds a case that exists."""
        value = orjson.loads(canary.body)["custom_fields"][field]
        return any(case_id_of(case) == canary.case_id for case in await self.stamped(field, value, encoding=encoding))

    async def _first_page(self, parameters: list[tuple[str, str]]) -> list[dict[str, Any]]:
        return (await self._page(parameters, 1)).cases

    async def _all(self, parameters: list[tuple[str, str]]) -> list[dict[str, Any]]:
        cases: list[dict[str, Any]] = []
        for number in range(1, MOST_PAGES + 1):
            page = await self._page(parameters, number)
            cases += page.cases
            if page.is_last:
                return cases
        raise LookupFailedError(f"the list is longer than {MOST_PAGES} pages: it does not filter")

    async def _page(self, parameters: list[tuple[str, str]], number: int) -> search.Page:
        """One page; reading may be repeated safely."""
        trouble = ""
        for attempt in range(1, _TRIES + 1):
            try:
                answer = await self._ask(search.query(parameters, page=number))
                return search.read_page(answer, page=number)
            except (NotSent, NoAnswer, UnreadableListError) as error:
                trouble = str(error)
            await self._sleep(backoff(attempt, base=0.5, cap=10.0, random=lambda: 1.0))
        raise LookupFailedError(f"the list of cases cannot be read: {trouble}")

    async def _ask(self, query: str) -> Answer:
        authorization = await self._tokens.authorization()
        await self._pace.turn()
        while not await self._pace.leave():
            await self._pace.turn()
        asked_at = self._pace.now()
        answer = await self._api.list_cases(query, authorization=authorization)
        if answer.status == 401:
            self._tokens.refused(authorization)
        elif answer.status == 429:
            self._pace.slow_down(sent_at=asked_at)
            self._pace.close_gate(asked_wait(answer.headers, error_body(answer).retry_hint) or 1.0)
        return answer


def _is_alike(case: dict[str, Any], sent: dict[str, Any]) -> bool:
    """Same title, same description, same requester, as exactly as a server can be expected to give them back."""
    same_requester = str(case.get("requester_email") or "").casefold() == (sent.get("requester_email") or "").casefold()
    return same_requester and case.get("title") == sent["title"] and case.get("description") == sent["description"]
