"""How fast requests leave and how long their answers take, noted in the ledger every few seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from importer.errors import LedgerError
from importer.ledger import LedgerWriter
from importer.ledger.measurements import Measurement, add_measurement

if TYPE_CHECKING:
    from importer.delivery.api_access import ApiAccess

#: Seconds between two measurements: of a short run every second is shown, of a long one so much would be waste.
_AT_FIRST, _LATER, _IS_LONG = 1.0, 10.0, 60.0


@dataclass(slots=True)
class Meter:
    """Counts since the last measurement. Belongs to one event loop."""

    since: Measurement = field(default_factory=lambda: Measurement(time.time()))

    def ended(self, seconds: float) -> None:
        """A request has ended after ``seconds``, with or without an answer."""
        self.since.requests += 1
        self.since.waited += seconds
        self.since.longest = max(self.since.longest, seconds)

    def take(self, rate: float | None) -> Measurement:
        """What was counted; counting begins anew. ``rate`` is what is allowed now."""
        now = time.time()
        taken = replace(self.since, at=now, seconds=max(0.0, now - self.since.at), rate=rate)
        self.since = Measurement(now)
        return taken


@asynccontextmanager
async def measuring(api: ApiAccess, writer: LedgerWriter) -> AsyncIterator[None]:
    """While inside, measurements go into the ledger with what else is written; the last one at the end."""

    async def note() -> None:
        measured = api.meter.take(api.rate_limit.rate)
        await writer.call(lambda: add_measurement(writer.ledger, measured))

    async def note_regularly() -> None:
        begun = time.monotonic()
        while True:
            await asyncio.sleep(_AT_FIRST if time.monotonic() - begun < _IS_LONG else _LATER)
            await note()

    noting = asyncio.create_task(note_regularly(), name="measurements")
    try:
        yield
    finally:
        noting.cancel()
        with suppress(asyncio.CancelledError, LedgerError):  # of a ledger that failed the senders tell
            await noting
        with suppress(LedgerError):
            await note()
