"""What was measured on, and with what: a figure without them says little."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.servers import nginx_version

_PACKAGES = ("case-importer", "aiohttp", "uvloop", "pandas", "pydantic", "orjson", "python-calamine", "requests")


def machine() -> dict[str, str]:
    """Names and versions, by topic."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "processor": f"{os.cpu_count()} × {_processor()}",
        "others": _used_by_others(),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version() + ("" if sys.implementation.name == "cpython" else " (not CPython)"),
        "SQLite": sqlite3.sqlite_version,
        "nginx": (nginx_version() or "not installed").removeprefix("nginx/"),
        **{name: _version(name) for name in _PACKAGES},
    }


def _used_by_others() -> str:
    """Share of the processors that is used while we do nothing; it spoils what is read off a clock."""
    try:
        before = _processor_times()
        time.sleep(1.0)
        idle, total = (after - then for after, then in zip(_processor_times(), before, strict=True))
    except OSError:  # not Linux
        return "unknown"
    return f"{100 * (total - idle) / total:.0f} %"


def _processor_times() -> tuple[int, int]:
    """What all processors have idled, and all they had (proc(5), ``/proc/stat``)."""
    with open("/proc/stat", encoding="ascii") as file:
        times = [int(text) for text in file.readline().split()[1:9]]
    return times[3] + times[4], sum(times)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
