"""How fast requests leave and how long their answers take, noted in the ledger every few seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from importer.delivery.api_access import ApiAccess
from importer.errors import LedgerError
from importer.ledger import LedgerWriter
from importer.ledger.measurements import Measurement, add_measurement

#: Seconds between two measurements: of a short run every second is shown, of a long one so much would be waste.
_AT_FIRST, _LATER, _IS_LONG = 1.0, 10.0, 60.0


@asynccontextmanager
async def measuring(api: ApiAccess, writer: LedgerWriter) -> AsyncIterator[None]:
    """While inside, measurements go into the ledger with what else is written; the last one at the end."""

    async def note() -> None:
        now = time.time()
        measured, api.measured = api.measured, Measurement(now)
        measured.at, measured.seconds, measured.rate = now, max(0.0, now - measured.at), api.rate_limit.rate
        await writer.call(add_measurement, measured)

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
