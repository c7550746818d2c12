"""The requests script: 32 threads, each with a session of its own, urllib3's Retry. Failed rows are printed."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from benchmarks.peers.ticket import tickets

_THREADS = 32
_RETRY = Retry(
    total=8,
    backoff_factor=0.2,
    backoff_jitter=0.2,
    status_forcelist=[429, 500, 502, 503, 504],
    allowed_methods=None,  # POST too, or nothing would be repeated
    respect_retry_after_header=True,
)
_own = threading.local()


def session() -> requests.Session:
    """The session of this thread."""
    if not hasattr(_own, "session"):
        _own.session = requests.Session()
        _own.session.mount("http://", HTTPAdapter(max_retries=_RETRY))
        _own.session.headers["Authorization"] = "Bearer token"
    held: requests.Session = _own.session
    return held


def create(url: str, row: dict[str, Any]) -> bool:
    try:
        answer = session().post(url, json=row, timeout=60)
    except requests.RequestException:
        answer = None
    if answer is not None and answer.status_code == 201:
        return True
    print("FAILED", row["custom_fields"]["text1"], file=sys.stderr)
    return False


def main(url: str, export: str) -> int:
    with ThreadPoolExecutor(_THREADS) as pool:
        created = list(pool.map(lambda row: create(url, row), tickets(export)))
    failed = created.count(False)
    print(f"failed: {failed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
