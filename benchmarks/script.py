"""What a careful person writes in an afternoon: aiohttp, 32 workers, up to 8 tries, Retry-After. It has no ledger."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

import aiohttp
import uvloop

from benchmarks.script_payload import tickets

_WORKERS = 32
_TRIES = 8
_WORTH_ANOTHER = {429, 500, 502, 503, 504}


async def main(url: str, export: str) -> int:
    rows = tickets(export)
    connector = aiohttp.TCPConnector(limit=_WORKERS)
    async with aiohttp.ClientSession(connector=connector, headers={"Authorization": "Bearer token"}) as session:
        failed = sum(await asyncio.gather(*(work(session, url, rows) for _ in range(_WORKERS))))
    print(f"failed: {failed}")
    return 1 if failed else 0


async def work(session: aiohttp.ClientSession, url: str, rows: Iterator[dict[str, Any]]) -> int:
    failed = 0
    for row in rows:
        if not await create(session, url, row):
            print("FAILED", row["custom_fields"]["text1"], file=sys.stderr)
            failed += 1
    return failed


async def create(session: aiohttp.ClientSession, url: str, row: dict[str, Any]) -> bool:
    for attempt in range(_TRIES):
        wait = min(10.0, 0.2 * 2**attempt)
        try:
            async with session.post(url, json=row) as response:
                await response.read()
                if response.status == 201:
                    return True
                if response.status not in _WORTH_ANOTHER:
                    return False
                wait = float(response.headers.get("Retry-After", wait))
        except (aiohttp.ClientError, TimeoutError):
            pass
        await asyncio.sleep(wait)
    return False


sys.exit(uvloop.run(main(sys.argv[1], sys.argv[2])))
