"""As a real account is reached: over TLS, and by default with a connection of its own for each request."""

from __future__ import annotations

from benchmarks.bench import Bench, Line, Outcome, measurement
from benchmarks.certificate import write_certificate
from benchmarks.servers import nginx, nginx_version

_RATE = 100


@measurement("account", "what a case costs over TLS, with connections for one request each and with such for many")
def account(bench: Bench) -> Outcome:
    if nginx_version() is None:
        return Outcome(skipped="nginx is not installed")
    certificate = write_certificate(bench.folder)
    lines = []
    with nginx(certificate) as server:
        for how, option in {"for each request": "--fresh-connections", "used again": "--reuse-connections"}.items():
            arguments = ("--ca-file", certificate.certificate, option)
            rows = int(_RATE * bench.sizes.seconds)
            paced = bench.import_run(bench.export(rows), server.url, *arguments, "--rate", _RATE, created=rows)
            many = bench.sizes.peers
            free = bench.import_run(bench.export(many), server.url, *arguments, "--concurrency", 32, created=many)
            lines += [
                Line(
                    f"over TLS, connections {how}, at {_RATE} a second",
                    paced.cpu / rows * 1e3,
                    "ms of CPU a case",
                    None,
                    f"{paced.cpu / paced.wall:.0%} of a core, start-up included; {paced.peak:.0f} MB",
                ),
                Line(
                    "the same without a rate, 32 at once",
                    many / free.wall,
                    "cases/s",
                    None,
                    f"{free.cpu / many * 1e3:.2f} ms of CPU a case, start-up included",
                ),
            ]
    return Outcome(lines)
