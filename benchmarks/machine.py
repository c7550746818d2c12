"""What was measured on, and with what: a figure without them says little."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
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
        "load": f"{os.getloadavg()[0]:.1f}",  # of others, before the measurement: it spoils what is read off a clock
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version() + ("" if sys.implementation.name == "cpython" else " (not CPython)"),
        "SQLite": sqlite3.sqlite_version,
        "nginx": (nginx_version() or "not installed").removeprefix("nginx/"),
        **{name: _version(name) for name in _PACKAGES},
    }


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
