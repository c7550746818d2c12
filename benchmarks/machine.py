"""What was measured on, and with what: a figure without them says little."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

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


def sync_time(folder: Path) -> float:
    """Seconds that the disk of a folder takes to keep 20 KB, as much as a group of fences is."""
    took, sync = [], getattr(os, "fdatasync", os.fsync)
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        for _ in range(100):
            file.write(bytes(20_000))
            file.flush()
            begun = time.perf_counter()
            sync(file.fileno())
            took.append(time.perf_counter() - begun)
    return median(took)


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
