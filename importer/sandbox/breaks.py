"""Faults on the wire: answers that are cut, dripped, doubled or ill-formed, and connections that die."""

# ruff: noqa: D102 (the hooks are described once, in Effect)

from __future__ import annotations

import asyncio
import gzip
import zlib
from dataclasses import dataclass

from aiohttp import web

from importer.sandbox.answers import Answer, envelope
from importer.sandbox.effects import Effect, Scene
from importer.sandbox.line import Close, Line, rendered

_MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Drop(Effect):
    """Close the connection without an answer, before or after the work was done."""

    save: bool = True
    how: Close = "fin"

    def runs(self) -> int:
        return int(self.save)

    async def send(self, line: Line, answer: Answer) -> web.StreamResponse:
        return line.end(self.how)


@dataclass(frozen=True)
class Cut(Effect):
    """Send exactly the first octets of the true answer, then close. A negative number counts from its end."""

    at: int = 0
    how: Close = "fin"

    async def send(self, line: Line, answer: Answer) -> web.StreamResponse:
        line.write(rendered(answer)[: self.at])
        return line.end(self.how)


@dataclass(frozen=True)
class Hang(Effect):
    """Send the first octets of the true answer (none by default), then nothing for a long time, then close."""

    save: bool = True
    at: int = 0
    seconds: float = 3600

    def runs(self) -> int:
        return int(self.save)

    async def send(self, line: Line, answer: Answer) -> web.StreamResponse:
        line.write(rendered(answer)[: self.at])
        await line.wait(self.seconds)
        return line.end()


@dataclass(frozen=True)
class Drip(Effect):
    """Send the true answer a few octets at a time."""

    size: int = 1
    pause_ms: float = 50

    async def send(self, line: Line, answer: Answer) -> web.StreamResponse:
        octets = rendered(answer)
        for start in range(0, len(octets), self.size):
            line.write(octets[start : start + self.size])
            await line.wait(self.pause_ms / 1000)
            if line.gone:
                break
        return line.end()


@dataclass(frozen=True)
class StrayAnswer(Effect):
    """After the true answer, a second one on the same connection that nobody asked for.

    With a status below 300 the true body is repeated; other statuses carry the error envelope, as a late 408 would.
    """

    status: int = 201
    delay_ms: float = 50

    async def send(self, line: Line, answer: Answer) -> web.StreamResponse:
        sent = await line.send_now(answer)
        stray = answer._replace(status=self.status) if self.status < 300 else envelope(self.status)
        line.write_later(rendered(stray), delay_s=self.delay_ms / 1000)
        return sent


@dataclass(frozen=True)
class EarlyHint(Effect):
    """An interim 103 before the true answer, which every client must skip."""

    async def send(self, line: Line, answer: Answer) -> web.StreamResponse:
        line.write(b"HTTP/1.1 103 Early Hints\r\nLink: </>; rel=preconnect\r\n\r\n")
        return line.respond(answer)


@dataclass(frozen=True)
class Garbage(Effect):
    """Octets that are no HTTP."""

    async def send(self, line: Line, answer: Answer) -> web.StreamResponse:
        line.write(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
        return line.end()


@dataclass(frozen=True)
class TwoLengths(Effect):
    """The true answer with two Content-Length headers that contradict each other."""

    async def send(self, line: Line, answer: Answer) -> web.StreamResponse:
        length = len(answer.body)
        line.write(rendered(answer, framing=(f"Content-Length: {length}", f"Content-Length: {length + 7}")))
        return line.end()


@dataclass(frozen=True)
class ChunkMissing(Effect):
    """The true body as a chunk, without the last chunk that would end it."""

    async def send(self, line: Line, answer: Answer) -> web.StreamResponse:
        chunk = f"{len(answer.body):x}\r\n".encode() + answer.body + b"\r\n"
        line.write(rendered(answer._replace(body=chunk), framing=("Transfer-Encoding: chunked",)))
        return line.end()


@dataclass(frozen=True)
class CloseDelimited(Effect):
    """A body whose end is the end of the connection, cut by some octets: nothing shows that they are missing."""

    missing: int = 1

    async def send(self, line: Line, answer: Answer) -> web.StreamResponse:
        octets = rendered(answer, framing=("Connection: close",))
        line.write(octets[: len(octets) - self.missing])
        return line.end()


@dataclass(frozen=True)
class BrokenGzip(Effect):
    """A compressed body that does not decompress."""

    def bend(self, answer: Answer, scene: Scene) -> Answer:
        packed = gzip.compress(answer.body)
        return answer._replace(body=packed[:10] + packed[10:][::-1]).adding({"Content-Encoding": "gzip"})


@dataclass(frozen=True)
class GzipBomb(Effect):
    """The true answer, followed by so many mebibytes of white space, compressed to almost nothing."""

    mebibytes: int = 64

    async def send(self, line: Line, answer: Answer) -> web.StreamResponse:
        packed = await asyncio.to_thread(_bomb, answer.body, self.mebibytes)
        return line.respond(answer._replace(body=packed).adding({"Content-Encoding": "gzip"}))


def _bomb(body: bytes, mebibytes: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    blank = b" " * _MEBIBYTE
    return b"".join([packer.compress(body), *(packer.compress(blank) for _ in range(mebibytes)), packer.flush()])
