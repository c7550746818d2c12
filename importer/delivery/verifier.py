"""Reading cases back: by pages of the list, and on their own where the list does not show them. Nothing is written.

The list is only ever believed about the cases that it shows. A case that it does not show is read on its own, so
"gone" never rests on a filter, an index or a page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from importer.delivery.api_access import ApiAccess, ReadError
from importer.delivery.circuit_breaker import OUTAGE_AFTER
from importer.delivery.comparison import compare
from importer.delivery.reads import find_case, list_filtered, newest_first
from importer.delivery.stopping import Stop, run_until_done
from importer.errors import CaseImporterError, OutageError, TargetError
from importer.ledger import LedgerWriter
from importer.ledger.verification import (
    ListedCase,
    ReadCase,
    SentCase,
    enter_doubles,
    enter_findings,
    external_id_fields,
    next_cases,
)
from importer.models import CaseVerdict, Finding, Notice
from importer.talkdesk import search
from importer.talkdesk.auth import READ_SCOPE
from importer.talkdesk.search import Encoding
from importer.talkdesk.shown import Case
from importer.text.safe import clean

#: Cases a request; a hundred ids of nineteen digits make an address of 2.8 kB.
PAGE = search.PER_PAGE
#: What a list may do to a case that is whole. So such a case is read on its own before that is believed.
_SHORTENED = (CaseVerdict.CUT, CaseVerdict.FEWER_NOTES)


@dataclass
class Verifier:
    """Compares the cases that the ledger has chosen with what was sent."""

    api: ApiAccess
    ledger: LedgerWriter
    deep: bool  #: read each case on its own as well
    workers: int  #: requests at once
    stop: Stop  #: ends the reading; what was read until then counts

    def __post_init__(self) -> None:
        # nothing but reading is done here, so what goes on failing becomes an outage, and waits for its end
        self._api = replace(self.api, read_attempts=OUTAGE_AFTER)
        self._last = 0
        self._may_read = False  #: something was read, so the client has the scope for it
        self._loading = asyncio.Lock()
        self._encodings: tuple[Encoding, ...] = tuple(Encoding)  #: those in which the list may filter by case ids

    async def run(self, *, doubles: bool) -> CaseImporterError | None:
        """Read back what is left to be read back, then search for second cases; says what ended it early."""
        work = [self._do(self._work) for _ in range(self.workers)]
        error = await run_until_done(work, api=self._api, stop=self.stop, grace=0.0)
        if doubles and error is None and not self.stop.gently.is_set():
            search = [self._do(self._find_doubles)]
            error = await run_until_done(search, api=self._api, stop=self.stop, grace=0.0)
        return error

    async def _do(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do work; what cannot be read ends it with an error that says what to do."""
        try:
            await work()
        except ReadError as error:
            if self.stop.gently.is_set():  # because of that, or the circuit breaker knows why
                return
            if error.status == 401:
                hint = f"check the credentials and the scope {READ_SCOPE}, then run the same command again"
                raise TargetError(str(error), hint=hint) from None
            if error.is_final and error.status is not None:
                scope = f"add the scope {READ_SCOPE} to the OAuth client in Talkdesk Builder"
                raise TargetError(str(error), hint=scope if error.status == 403 else "check the target") from None
            raise OutageError(str(error), hint="run the same command again later to continue") from None

    # -- cases ------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        while not self.stop.gently.is_set() and (cases := await self._take()):
            shown = await self._listed([case.case_id for case in cases])
            by_list = []
            for case in cases:
                listed = shown.get(case.case_id)
                findings = _compare(case, listed)
                if listed is None or self.deep or any(each.verdict in _SHORTENED for each in findings):
                    await self._enter([ReadCase(case, await self._read_alone(case, listed), _shown_time(listed))])
                else:
                    by_list.append(ReadCase(case, findings, _shown_time(listed)))
            await self._enter(by_list)

    async def _read_alone(self, case: SentCase, listed: Case | None) -> list[Finding]:
        """What a case shows that is read on its own. Who may read others, but not this one, is told so and goes on."""
        try:
            alone = await find_case(self._api, case.case_id)
        except ReadError as error:
            if error.status != 403 or not self._may_read:
                raise
            return [Finding(CaseVerdict.UNREADABLE, found=clean(str(error)))]
        self._may_read = True
        return [Finding(CaseVerdict.GONE)] if alone is None else _compare(case, listed, alone)

    async def _take(self) -> list[SentCase]:
        async with self._loading:
            cases = await self.ledger.call(next_cases, after=self._last, limit=PAGE)
            self._last = cases[-1].record if cases else self._last
            return cases

    async def _enter(self, cases: Sequence[ReadCase]) -> None:
        if cases:
            await self.ledger.call(enter_findings, cases)
            self._api.progress.verified(len(cases))

    async def _listed(self, case_ids: Sequence[str]) -> dict[str, Case]:
        """Those of these cases that the list shows. Other cases in an answer are of a list that does not filter."""
        does_filter = False
        for encoding in self._encodings:
            listed = await list_filtered(self._api, search.by_ids(case_ids, encoding=encoding))
            self._may_read = self._may_read or listed is not None
            found = {case.id: case for case in listed or ()}
            is_filtered = listed is not None and found.keys() <= set(case_ids)
            if found and is_filtered:
                self._encodings = (encoding,)
                return found
            does_filter = does_filter or is_filtered
        if self._encodings and not does_filter:
            self._encodings = ()
            text = "warning: the list of cases does not filter by case id, so each case is read on its own"
            self._api.progress.notice(Notice("list_unfiltered", text))
        return {}

    # -- second cases -----------------------------------------------------------------------------------

    async def _find_doubles(self) -> None:
        """Read the list to its end: cases with an external id of ours that are not ours."""
        fields = await self.ledger.call(external_id_fields)
        listing = newest_first(self._api)
        async for page in listing.pages():
            cases = [
                ListedCase(case.id, field, str(value), _shown_time(case))
                for case in page
                for field in fields
                if (value := case.custom_fields.get(field)) is not None
            ]
            await self.ledger.call(enter_doubles, cases)
            if self.stop.gently.is_set() or listing.is_at_end:
                break
        if not listing.is_at_end and not self.stop.gently.is_set():
            what = f"the list of cases was not read to its end: it ended after {len(listing.seen):,}"
            hint = "second cases may be missing; run the same command again later to search for them"
            raise OutageError(what, hint=hint)


def _compare(case: SentCase, listed: Case | None, alone: Case | None = None) -> list[Finding]:
    return compare(case.fields, case.notes, listed=listed, alone=alone, written_after=case.written_after)


def _shown_time(case: Case | None) -> str | None:
    return None if case is None or case.update_at is None else case.update_at.isoformat(timespec="seconds")
