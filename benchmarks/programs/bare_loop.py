"""The cheapest Python program that makes these cases: workers that post ready bytes. No ledger, no retries."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import uvloop

_WORKERS = 128  # as many as we have


async def main(url: str, path: Path) -> None:
    headers = {"Content-Type": "application/json", "Authorization": "Bearer token"}
    connector = aiohttp.TCPConnector(limit=_WORKERS)
    with path.open("rb") as bodies:
        async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
            created = await asyncio.gather(*(work(session, url, headers, bodies) for _ in range(_WORKERS)))
    print(sum(created))


async def work(session: aiohttp.ClientSession, url: str, headers: dict[str, str], bodies: Iterator[bytes]) -> int:
    created = 0
    for body in bodies:
        async with session.post(url, data=body.rstrip(b"\n"), headers=headers) as response:
            await response.read()
            created += response.status == 201
    return created


uvloop.run(main(sys.argv[1], Path(sys.argv[2])))
