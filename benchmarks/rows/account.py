"""As a real account is reached: over TLS, with a connection of its own for each request."""

from __future__ import annotations

from benchmarks.bench import Bench, Line, Outcome, measurement
from benchmarks.certificate import write_certificate
from benchmarks.servers import nginx, nginx_version

_RATE = 100


@measurement("account", "what a case costs over TLS, with a connection for each request")
def account(bench: Bench) -> Outcome:
    if nginx_version() is None:
        return Outcome(skipped="nginx is not installed")
    certificate = write_certificate(bench.folder)
    rows = int(_RATE * bench.sizes.seconds)
    with nginx(certificate) as server:
        arguments = ("--ca-file", certificate.certificate, "--rate", _RATE)
        paced = bench.import_run(bench.export(rows), server.url, *arguments, created=rows)
    return Outcome(
        [
            Line(
                f"over TLS, a connection for each request, at {_RATE} a second",
                paced.cpu / rows * 1e3,
                "ms of CPU a case",
                None,
                f"{paced.cpu / paced.wall:.0%} of a core, start-up included; {paced.peak:.0f} MB",
            )
        ]
    )
