"""Servers of the benchmarks, each a process of its own on the second core."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.certificate import Certificate
from benchmarks.measure import PYTHON, cores, start

#: A 201 with an id of its own is all that the importer asks of an answer (``importer/delivery/response_policy.py``).
_NGINX = """\
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    # Ids that grow with time, as Talkdesk's note ids do; random ones cost the ledger an index page a row.
    map $msec $instant {{ "~^(?<s>[0-9]+).(?<ms>[0-9]+)$" "$s$ms"; }}
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    client_body_buffer_size 64k;
    client_max_body_size 16m;
    {temp_paths}
    server {{
        listen 127.0.0.1:{port}{tls} backlog=1024;
        {certificate}
        default_type application/json;
        location = /cm/core/va/cases {{ return 201 '{{"id":"$instant-$connection-$connection_requests"}}'; }}
        location = /oauth/token {{
            return 200 '{{"access_token":"token","expires_in":86400,"scope":"cases-public:write cases-public:read"}}';
        }}
    }}
}}
"""
_TEMP_PATHS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class Server(NamedTuple):
    """A server that is running.

    Attributes:
        url: Its address.
        name: What it is, for the table.
    """

    url: str
    name: str

    def stats(self) -> dict[str, Any]:
        """What it counted (not nginx)."""
        return self._get("/_stats")

    def reset(self) -> None:
        """Forget when the first request came (not nginx)."""
        self._get("/_reset")

    def _get(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            content: dict[str, Any] = json.load(answer)
        return content


def nginx_version() -> str | None:
    """Such as ``nginx/1.26.3``; None if it is not installed."""
    program = _nginx()
    if program is None:
        return None
    said = subprocess.run([program, "-v"], capture_output=True, text=True, check=True).stderr
    return said.partition("version: ")[2].split()[0]


def _nginx() -> str | None:
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


@contextmanager
def fast_server() -> Iterator[Server]:
    """The fastest server there is here: nginx, or for want of it our own."""
    if nginx_version() is None:
        with api_server() as server:
            yield server._replace(name="api_server (nginx is not installed)")
        return
    with nginx() as server:
        yield server


@contextmanager
def nginx(certificate: Certificate | None = None) -> Iterator[Server]:
    """nginx, which must be installed; with a certificate it speaks TLS."""
    with tempfile.TemporaryDirectory(prefix="case-importer-nginx-") as name:
        folder, port = Path(name), free_port()
        paths = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in _TEMP_PATHS)
        user = "user root;" if os.geteuid() == 0 else ""
        said = certificate and f"ssl_certificate {certificate.certificate}; ssl_certificate_key {certificate.key};"
        text = _NGINX.format(
            folder=folder,
            port=port,
            temp_paths=paths,
            user=user,
            tls=" ssl" if certificate else "",
            certificate=said or "",
        )
        (folder / "nginx.conf").write_text(text, encoding="utf-8")
        command = [_nginx(), "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"]
        process = start(command, core=cores()[1], stderr=subprocess.DEVNULL)
        try:
            _wait_for(port)
            yield Server(f"http{'s' if certificate else ''}://127.0.0.1:{port}", nginx_version() or "nginx")
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def api_server(*arguments: object) -> Iterator[Server]:
    """Our own server, with faults; see :mod:`benchmarks.api_server`."""
    command = [PYTHON, "-m", "benchmarks.api_server", *arguments]
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
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


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
