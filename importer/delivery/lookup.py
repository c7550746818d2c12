"""Finding cases again: by their stamp, or for want of one by their content.

A look-up gives cases or an exception. Only a filter that was seen to work may say "not found": it must find a case that
is known to exist, and must find nothing for a value that does not.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Protocol, TypeVar

import orjson

from importer.delivery.breaker import Breaker
from importer.delivery.ceiling import Departure
from importer.delivery.deliver import TokenSource
from importer.delivery.judge import case_id_of, judge_silence
from importer.delivery.pace import Pace
from importer.delivery.waits import asked_wait, backoff
from importer.ledger import Known
from importer.talkdesk import search
from importer.talkdesk.answers import Answer, HeldBack, Leave, NoAnswer, NotSent, custom_fields, error_body
from importer.talkdesk.search import Encoding, UnreadableListError

#: Pages that one look-up reads at most; what lies behind them cannot be called "not found".
MOST_PAGES = 40
_TRIES = 4
#: Newest pages that are read where no filter works; they can show that a case exists, never that it does not.
_NEWEST_PAGES = 5
#: No right to read cases, or no such case (any more).
_HOPELESS = frozenset({403, 404, 410})
#: Seconds that the server's clock may differ from ours.
CLOCK_MARGIN = 900.0


T = TypeVar("T")
#: Asks once, with this authorization, as soon as it may leave.
_Ask = Callable[[str, Leave], Awaitable[Answer]]


class ReadCases(Protocol):
    """Asks for cases, once."""

    async def list_cases(self, query: str, *, authorization: str, leave: Leave | None = None) -> Answer:
        """See :meth:`importer.talkdesk.client.CaseApi.list_cases`."""
        ...

    async def get_case(self, case_id: str, *, authorization: str, leave: Leave | None = None) -> Answer:
        """See :meth:`importer.talkdesk.client.CaseApi.get_case`."""
        ...


class LookupFailedError(Exception):
    """What was asked for could not be read to its end; this says nothing about the case."""


class UnreadableError(LookupFailedError):
    """As above, and asking again in this run would not help."""


class Lookup:
    """Looks cases up, paced like everything else that is sent.

    Args:
        api: Asks.
        tokens: Authorizes.
        pace: Says when.
        breaker: Hears whether the service answers.
        sleep: Waits.
    """

    def __init__(
        self,
        *,
        api: ReadCases,
        tokens: TokenSource,
        pace: Pace,
        breaker: Breaker,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._api = api
        self._tokens = tokens
        self._pace = pace
        self._breaker = breaker
        self._sleep = sleep
        self._certified: dict[str, Encoding] = {}
        self._hopeless: set[str] = set()

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

    async def newest(self, field: str, values: Collection[str]) -> list[dict[str, Any]]:
        """Those of the newest cases whose custom field ``field`` holds one of ``values``; for want of a filter.

        Raises:
            LookupFailedError: the list could not be read.
        """
        found = await self._all([], most=_NEWEST_PAGES, is_bounded=True)
        return [case for case in found if str(custom_fields(case).get(field)) in values]

    async def certified(self, field: str, canary: Known) -> Encoding | None:
        """The encoding of filters by ``field`` that was seen to work, None if none does; found out once.

        Raises:
            LookupFailedError: the probe could not be finished, or the canary is not in the list yet.
        """
        if field not in self._certified and field not in self._hopeless:
            found = await self._probe(field, canary)
            if found is None:
                self._hopeless.add(field)
            else:
                self._certified[field] = found
        return self._certified.get(field)

    async def _probe(self, field: str, canary: Known) -> Encoding | None:
        can_filter = False
        for encoding in Encoding:
            if await self.ignores(field, encoding=encoding):
                continue
            can_filter = True
            if await self.sees(field, canary, encoding=encoding):
                return encoding
        if can_filter:
            raise LookupFailedError("the list does not show a case that exists")
        return None

    async def ignores(self, field: str, *, encoding: Encoding) -> bool:
        """Whether a filter by ``field`` finds what does not exist; in an empty account none does.

        Raises:
            LookupFailedError: the list cannot be read.
        """
        absent = f"absent-{secrets.token_hex(12)}"
        return bool((await self._page(search.by_stamp(field, absent, encoding=encoding), 1)).cases)

    async def sees(self, field: str, canary: Known, *, encoding: Encoding) -> bool:
        """Whether a look-up by stamp finds a case that exists."""
        found = await self.stamped(field, canary.key, encoding=encoding)
        return any(case_id_of(case) == canary.case_id for case in found)

    async def _all(
        self, parameters: list[tuple[str, str]], *, most: int = MOST_PAGES, is_bounded: bool = False
    ) -> list[dict[str, Any]]:
        cases: list[dict[str, Any]] = []
        for number in range(1, most + 1):
            page = await self._page(parameters, number)
            cases += page.cases
            if search.is_complete(page, received=len(cases)):
                return cases
        if is_bounded:
            return cases
        raise LookupFailedError(f"the list is longer than {most} pages: it does not filter")

    async def case(self, case_id: str) -> dict[str, Any]:
        """The case with this id.

        Raises:
            UnreadableError: it is not there, or there is no right to read it.
            LookupFailedError: it could not be read.
        """
        return await self._read(
            lambda authorization, leave: self._api.get_case(case_id, authorization=authorization, leave=leave),
            lambda answer: _read_case(answer, case_id),
            what=f"case {case_id}",
        )

    async def _page(self, parameters: list[tuple[str, str]], number: int) -> search.Page:
        query = search.query(parameters, page=number)
        return await self._read(
            lambda authorization, leave: self._api.list_cases(query, authorization=authorization, leave=leave),
            _read_page,
            what="the list of cases",
        )

    async def _read(self, ask: _Ask, read: Callable[[Answer], T], *, what: str) -> T:
        """What was asked for; reading may be repeated safely."""
        trouble = ""
        for attempt in range(1, _TRIES + 1):
            try:
                found = read(await self._ask(ask))
            except (NotSent, NoAnswer, UnreadableListError) as error:
                trouble = str(error)
                if isinstance(error, NotSent) and error.fatal:
                    self._breaker.hear(judge_silence(error))
                    break
                self._hear(trouble)
            else:
                self._hear(None)
                return found
            await self._sleep(backoff(attempt, base=0.5, cap=10.0, random=lambda: 1.0))
        raise LookupFailedError(f"{what} cannot be read: {trouble}")

    def _hear(self, trouble: str | None) -> None:
        if trouble is None:
            self._breaker.hear_life()
        else:
            self._breaker.hear_outage(trouble)
        self._pace.outage(is_on=self._breaker.is_open)

    async def _ask(self, ask: _Ask) -> Answer:
        authorization = await self._tokens.authorization()
        departure = Departure()
        while True:
            await self._pace.turn()
            with contextlib.suppress(HeldBack):
                answer = await ask(authorization, lambda: self._pace.leave(departure))
                break
        self._pace.answered(departure)
        if answer.status == 401:
            self._tokens.refused(authorization)
        elif answer.status == 429:
            self._pace.slow_down(departure)
            self._pace.close_gate(asked_wait(answer.headers, error_body(answer).retry_hint) or 1.0)
        return answer


def _read_page(answer: Answer) -> search.Page:
    if answer.status == 403:  # a whole answer, so no outage; and asking again gives nobody the right to read
        raise UnreadableError(f"the list of cases may not be read: {error_body(answer).text or 'HTTP 403'}")
    return search.read_page(answer)


def _read_case(answer: Answer, case_id: str) -> dict[str, Any]:
    if answer.status in _HOPELESS:
        raise UnreadableError(f"case {case_id} cannot be read: HTTP {answer.status} {error_body(answer).text}".strip())
    case = answer.json()
    if answer.status != 200 or not isinstance(case, dict) or case_id_of(case) != case_id:
        raise UnreadableListError(error_body(answer).text or f"HTTP {answer.status} without this case in it")
    return case


def _is_alike(case: dict[str, Any], sent: dict[str, Any]) -> bool:
    """Same title, same description, same requester, as exactly as a server can be expected to give them back."""
    same_requester = str(case.get("requester_email") or "").casefold() == (sent.get("requester_email") or "").casefold()
    return same_requester and case.get("title") == sent["title"] and case.get("description") == sent["description"]
