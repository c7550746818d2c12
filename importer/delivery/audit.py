"""Looking up now and then whether a row that "was not created" is a case all the same.

It costs a look-up for one in some hundred answers, and it is the only thing that can tell a server that makes cases and
says "too fast". It never decides anything about a row: what it cannot find out leaves the answer as it is.
"""

from __future__ import annotations

import asyncio

from importer.delivery.breaker import Breaker
from importer.delivery.lookup import Lookup, LookupFailedError, UnreadableError
from importer.delivery.reconcile import stamp_of
from importer.delivery.trust import Trust
from importer.ledger import LedgerWriter, Pending
from importer.ledger.distrust import distrust
from importer.talkdesk.auth import TokenTrouble


class Audit:
    """Checks the answers that were chosen, before their rows are sent again.

    Args:
        trust: Chooses, and is told what came of it.
        lookup: Finds cases.
        ledger: Remembers which answers proved wrong.
        breaker: Ends the run then.
        lag: Seconds after which a new case is in the list for sure.
    """

    def __init__(self, *, trust: Trust, lookup: Lookup, ledger: LedgerWriter, breaker: Breaker, lag: float) -> None:
        self._trust = trust
        self._lookup = lookup
        self._ledger = ledger
        self._breaker = breaker
        self._lag = lag
        self._is_blind = False
        self._one_at_a_time = asyncio.Lock()

    def concerns(self, record: Pending) -> bool:
        """Whether an answer denied ``record``, so that :meth:`contradicts` has something to tell."""
        return self._trust.must_check(record)

    async def contradicts(self, record: Pending) -> bool:
        """Whether ``record`` must not be sent again, because it is a case although an answer denied it.

        It is unknown then, on disk, and the run is told to stop.
        """
        async with self._one_at_a_time:  # what the first one finds out is enough for a whole burst
            return await self._check(record)

    async def _check(self, record: Pending) -> bool:
        status = self._trust.take_check(record)
        if status is None or self._is_blind:
            return False
        try:
            found = await self._is_case(record)
        except UnreadableError:
            self._is_blind = True  # there is no right to read cases, and there will be none
            return False
        except (LookupFailedError, TokenTrouble):
            self._trust.give_up(status)
            return False
        if found is False:
            self._trust.confirm(status)
        if not found:
            return False
        self._trust.distrusted.add(status)
        await self._ledger.call(lambda: distrust(self._ledger.ledger, record.id, status))
        self._breaker.hear_contradiction(status, record.key)
        return True

    async def _is_case(self, record: Pending) -> bool | None:
        """Whether the list shows a case with the stamp of ``record``; None if nothing is there yet to try a list with.

        False as well for a list that cannot be searched: it would not tell more about the next one.

        Raises:
            LookupFailedError: it cannot be told at the moment.
            TokenTrouble: likewise.
        """
        assert record.stamp is not None
        field = record.stamp
        canary = await self._ledger.call(lambda: self._ledger.ledger.newest_created(field, age=self._lag))
        if canary is None:
            return None
        encoding = await self._lookup.certified(field, canary)
        if encoding is None:
            return False
        return bool(await self._lookup.stamped(field, stamp_of(record.body, field), encoding=encoding))
