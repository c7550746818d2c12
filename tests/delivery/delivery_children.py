"""Processes of their own for the tests of delivery: ``delivery_children.py SCENARIO …``."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import sys

from importer.talkdesk.client import CaseApi
from importer.talkdesk.transport import NoAnswer, NotSent, Transport


async def create(url: str) -> str:
    async with Transport(force_close=True) as transport:
        try:
            await CaseApi(transport, api_url=url).create_case(b"{}", "x")
        except (NotSent, NoAnswer) as trouble:
            return f"{type(trouble).__name__} {trouble}"
    return "answered"


def without_descriptors(url: str) -> None:
    """Send when no further file or socket can be opened."""

    async def story() -> str:
        async with Transport(force_close=True) as transport:
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
            with contextlib.suppress(OSError):
                while True:
                    os.dup(0)
            try:
                await CaseApi(transport, api_url=url).create_case(b"{}", "x")
            except (NotSent, NoAnswer) as trouble:
                return f"{type(trouble).__name__} {trouble}"
        return "answered"

    print(asyncio.run(story()))


def without_a_route(url: str) -> None:
    """Send from a network that leads nowhere."""
    print(asyncio.run(create(url)))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
