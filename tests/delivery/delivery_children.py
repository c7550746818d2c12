"""Processes of their own for the tests of delivery: ``delivery_children.py SCENARIO …``."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import sys

from importer.talkdesk.answers import NoAnswer, NotSent
from importer.talkdesk.client import CaseApi, HttpClient


async def create(url: str) -> str:
    async with HttpClient(concurrency=1, fresh_connections=True) as http_client:
        try:
            await CaseApi(http_client, api_url=url).create(b"{}", authorization="Bearer x")
        except (NotSent, NoAnswer) as trouble:
            return f"{type(trouble).__name__} {trouble}"
    return "answered"


def without_descriptors(url: str) -> None:
    """Send when no further file or socket can be opened."""

    async def story() -> str:
        async with HttpClient(concurrency=1, fresh_connections=True) as http_client:
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
            with contextlib.suppress(OSError):
                while True:
                    os.dup(0)
            try:
                await CaseApi(http_client, api_url=url).create(b"{}", authorization="Bearer x")
            except (NotSent, NoAnswer) as trouble:
                return f"{type(trouble).__name__} {trouble}"
        return "answered"

    print(asyncio.run(story()))


def without_a_route(url: str) -> None:
    """Send from a network that leads nowhere."""
    print(asyncio.run(create(url)))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
