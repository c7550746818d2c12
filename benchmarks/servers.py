"""Servers of the benchmarks, each its own process on the last core."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import cores, start

#: A 201 with its own id is all that the importer asks of a response. Ids grow with time, as Talkdesk's note ids do.
_NGINX = """\
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    map $msec $instant {{ "~^(?<s>[0-9]+).(?<ms>[0-9]+)$" "$s$ms"; }}
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    client_body_buffer_size 64k;
    {temp_paths}
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        default_type application/json;
        location = /cm/core/va/cases {{ return 201 '{{"id":"$instant-$connection-$connection_requests"}}'; }}
        location = /oauth/token {{
            return 200 '{{"access_token":"token","expires_in":86400,"scope":"cases-public:write cases-public:read"}}';
        }}
    }}
}}
"""


@dataclass(frozen=True)
class Server:
    """A running server: its address, and what it is."""

    url: str
    name: str

    def stats(self) -> dict[str, Any]:
        """What it counted (only ``api_server``)."""
        with urllib.request.urlopen(f"{self.url}/_stats", timeout=30) as answer:
            content: dict[str, Any] = json.load(answer)
        return content


def nginx_path() -> str | None:
    """Where nginx is installed, if it is."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


@contextmanager
def fast_server() -> Iterator[Server]:
    """nginx, which is never the limit; without it our own server, and the table says so."""
    program = nginx_path()
    if program is None:
        with api_server() as server:
            yield server
        return
    with tempfile.TemporaryDirectory(prefix="case-importer-nginx-") as name:
        folder, port = Path(name), free_port()
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        paths = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
        user = "user root;" if os.geteuid() == 0 else ""
        text = _NGINX.format(folder=folder, port=port, temp_paths=paths, user=user)
        (folder / "nginx.conf").write_text(text, encoding="utf-8")
        command = [program, "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"]
        process = start(command, core=cores()[1], stderr=subprocess.DEVNULL)
        try:
            _wait_for(port)
            yield Server(f"http://127.0.0.1:{port}", "nginx")
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def api_server(*arguments: object) -> Iterator[Server]:
    """Our own server, with faults; see :mod:`benchmarks.api_server`."""
    command = [sys.executable, "-m", "benchmarks.api_server", *arguments]
    process = start(command, core=cores()[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Server(process.stdout.readline().strip(), "api_server")
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
