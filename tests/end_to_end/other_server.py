"""A Case API that is not ours: the standard library's blocking server, written from the Talkdesk reference alone.

It knows what an import needs and nothing more: tokens, create, list by custom field. It shares no code and no habits
with the sandbox: one thread for each connection, HTTP/1.0 or 1.1 as ``http.server`` speaks it, case ids that begin
elsewhere, lists that hold the custom fields as a string that is escaped twice.
"""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

LOGIN = {"CASE_IMPORTER_CLIENT_ID": "another-client", "CASE_IMPORTER_CLIENT_SECRET": "another secret: with colon"}
_BASIC = "Basic " + b64encode(":".join(LOGIN.values()).encode()).decode()
_TOKEN = "opaque.token.of-another-server"
_CASES = "/cm/core/va/cases"


class OtherServer(ThreadingHTTPServer):
    """The server and its truth.

    Args:
        silent: Says, for the number of a create (1-based), whether to save the case and hang up without an answer.
    """

    daemon_threads = True
    request_queue_size = 128  # with the five of the standard library, connections would wait for seconds

    def __init__(self, silent: Callable[[int], bool]) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.silent = silent
        self.creates = 0
        self.cases: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Base address."""
        return f"http://127.0.0.1:{self.server_port}"

    def create(self, body: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """The new case, and whether to keep silent about it."""
        with self._lock:
            self.creates += 1
            case = {"id": str(70_000 + self.creates), "status": "NEW", "requester_id": "r-1", **body}
            self.cases.append(case)
            return case, self.silent(self.creates)

    def find(self, field: str, value: str) -> list[dict[str, Any]]:
        """Cases that hold this text in this field, newest first."""
        with self._lock:
            return [case for case in reversed(self.cases) if case.get("custom_fields", {}).get(field) == value]


class _Conversation(BaseHTTPRequestHandler):
    server: OtherServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/oauth/token":
            self._issue_token(body)
        elif self.path == _CASES and self._is_known():
            self._create(body)
        else:
            self._answer(401, {"code": "1520006", "message": "Unauthorized."})

    def do_GET(self) -> None:
        place = urlsplit(self.path)
        if place.path != _CASES or not self._is_known():
            self._answer(401, {"code": "1520006", "message": "Unauthorized."})
            return
        (wanted,) = json.loads(parse_qs(place.query)["custom_fields"][0])
        found = self.server.find(wanted["label"], wanted["value"]) if "label" in wanted else list(self.server.cases)
        data = [{**case, "custom_fields": _as_listed(case["custom_fields"])} for case in found]
        links = {"self": {"href": self.path}}
        self._answer(200, {"total": len(data), "count": len(data), "_links": links, "_embedded": {"data": data}})

    def _is_known(self) -> bool:
        return self.headers["Authorization"] == f"Bearer {_TOKEN}"

    def _issue_token(self, body: bytes) -> None:
        is_right = self.headers["Authorization"] == _BASIC and parse_qs(body)[b"grant_type"] == [b"client_credentials"]
        if is_right:
            scope = "cases-public:read cases-public:write"
            self._answer(200, {"access_token": _TOKEN, "token_type": "Bearer", "expires_in": 599, "scope": scope})
        else:
            self._answer(401, {"error": "invalid_client", "error_description": "Unknown client."})

    def _create(self, body: bytes) -> None:
        case, is_silent = self.server.create(json.loads(body))
        if is_silent:
            self.close_connection = True
            return
        echo = {key: {"value": value} for key, value in case.get("custom_fields", {}).items()}
        self._answer(201, {**case, "custom_fields": echo})

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        octets = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def _as_listed(fields: dict[str, Any]) -> str:
    """Custom fields as the list gives them: JSON in a string, with back-slashes before its quotes."""
    text = json.dumps({key: {"label": None, "value": value, "name": key} for key, value in fields.items()})
    return text.replace('"', '\\"')


@contextmanager
def other_server(silent: Callable[[int], bool] = lambda number: False) -> Iterator[OtherServer]:
    """The server, running inside the block."""
    with OtherServer(silent) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
