"""A sandbox in a thread of its own, and clients on real sockets that share no code with the project's client."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from importer.sandbox import FaultPlan, Sandbox, SandboxOptions

CASES = "/cm/core/va/cases"
TOKEN = "static-test-token"
SECRET = "sandbox-secret"
PATIENCE_S = 60


class Reply(NamedTuple):
    """A whole answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Rest(NamedTuple):
    """What came over a raw socket until its end."""

    octets: bytes
    end: str


class Live:
    """A running sandbox with open pages. Use as a context manager; every request opens its own connection."""

    def __init__(self, *, loop_factory: Any = None, clock: Any = time.time, **options: Any) -> None:
        self._options = SandboxOptions(**{"static_token": TOKEN, "client_secret": SECRET} | options)
        self._clock = clock
        self._loop_factory = loop_factory
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=self._loop_factory) as runner:
                runner.run(self._serve())
        except BaseException as failure:
            self._failure = failure
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with Sandbox(self._options, clock=self._clock, is_open=True) as self.sandbox:
            self._ready.set()
            await self._stop.wait()

    def __enter__(self) -> Live:
        self._thread.start()
        self._ready.wait(PATIENCE_S)
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(self, *problem: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), "the sandbox does not end"
        if self._failure is not None:
            raise self._failure

    @property
    def port(self) -> int:
        return self.sandbox.port

    def play(self, plan: FaultPlan) -> None:
        """Begin a fault plan inside the sandbox's own thread."""
        done = threading.Event()
        self._loop.call_soon_threadsafe(lambda: (self.sandbox.play(plan), done.set()))
        assert done.wait(PATIENCE_S)

    def trace(self, told: Callable[[str], Any]) -> None:
        """Tell every statement that reaches the database from now on."""
        self._loop.call_soon_threadsafe(self.sandbox._storage._db.set_trace_callback, told)

    def request(
        self, method: str, path: str, body: Any = None, *, query: Any = None, headers: dict[str, str] | None = None
    ) -> Reply:
        """One request with the static token; a body that is not bytes is sent as JSON."""
        target = f"{path}?{urlencode(query, doseq=True)}" if query else path
        octets = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {TOKEN}", "Accept": "application/json"}
        if octets is not None:
            sent["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, target, octets, sent | (headers or {}))
            response = connection.getresponse()
            return Reply(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def create(self, title: str = "Printer on fire", **fields: Any) -> Reply:
        """POST a case."""
        return self.request("POST", CASES, {"title": title, "description": "It burns."} | fields)

    def search(self, **query: Any) -> Reply:
        """GET the list."""
        return self.request("GET", CASES, query=query)

    def found(self, **query: Any) -> list[str]:
        """The titles that the list finds."""
        reply = self.search(**query)
        assert reply.status == 200, reply.body
        return [case["title"] for case in reply.json["_embedded"]["data"]]

    def truth(self) -> list[dict[str, Any]]:
        """Every case the sandbox has ever made."""
        body = self.request("GET", "/_sandbox/cases.ndjson").body
        return [json.loads(line) for line in body.splitlines()]

    def titles(self) -> list[str]:
        return [case["title"] for case in self.truth()]

    def state(self) -> Any:
        return self.request("GET", "/_sandbox/state").json

    def token(self, form: dict[str, str] | bytes, **headers: str) -> Reply:
        """POST a form to the token endpoint."""
        body = form if isinstance(form, bytes) else urlencode(form).encode()
        sent = {"Content-Type": "application/x-www-form-urlencoded"} | headers
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request("POST", urlsplit(self.sandbox.token_url).path, body, sent)
            response = connection.getresponse()
            return Reply(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def connect(self) -> socket.socket:
        """A raw connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)

    def raw_create(self, title: str = "Printer on fire", **fields: Any) -> bytes:
        """The octets of a create request."""
        body = json.dumps({"title": title, "description": "It burns."} | fields).encode()
        head = (
            f"POST {CASES} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAuthorization: Bearer {TOKEN}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def exchange(self, octets: bytes) -> Rest:
        """Send octets on a new connection and read until it ends."""
        with self.connect() as connection:
            connection.sendall(octets)
            return rest_of(connection)


def rest_of(connection: socket.socket) -> Rest:
    """Everything that still comes, and whether the end was a FIN or a RST."""
    octets = b""
    try:
        while chunk := connection.recv(65536):
            octets += chunk
    except ConnectionResetError:
        return Rest(octets, "rst")
    return Rest(octets, "fin")


def read_answer(connection: socket.socket) -> bytes:
    """One length-delimited answer from a connection that stays open."""
    octets = b""
    while b"\r\n\r\n" not in octets:
        octets += connection.recv(1)
    head = octets.lower()
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    while length > 0:
        chunk = connection.recv(length)
        octets, length = octets + chunk, length - len(chunk)
    return octets
