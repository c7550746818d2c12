"""A rehearsal: the true file, the true path, a sandbox that misbehaves on purpose; and a forecast of the real thing."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from importer.errors import ConfigError, ExitCode
from importer.mapping import Mapping
from importer.progress import Progress
from importer.results import RunResult
from importer.run import run_import_async, run_to_end
from importer.sandbox import FaultPlan, Sandbox, SandboxOptions
from importer.sandbox.profiles import PROFILES
from importer.settings import CAREFUL_RATE, Settings

if TYPE_CHECKING:
    from pandas import DataFrame

Profile = Literal["calm", "rough", "hostile"]

#: Seconds before a rehearsed row in doubt is looked up; a quarter of it is more than the sandbox's list ever lags.
_HORIZON = 8.0
#: Rows in doubt hold a worker until they are settled; a rehearsal can afford many.
_WORKERS = 256
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+)m(?:in)?)?(?:(\d+)s)?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """What a rehearsal showed.

    Attributes:
        version: Of the JSON form of this result.
        exit_code: That of the run, unless the real run would take too long.
        meaning: The same as a word.
        profile: How the sandbox behaved.
        requests: Requests to the API, by operation: ``create``, ``list``.
        rate: Requests per second of the forecast.
        forecast_seconds: How long the same requests take at that rate.
        window_seconds: How long they may take; None if that was not asked.
        fits: Whether the forecast fits into the window.
        run: How the run against the sandbox ended.
    """

    version: Literal[1] = 1
    command: Literal["rehearse"] = "rehearse"
    exit_code: ExitCode
    meaning: str
    profile: str
    requests: dict[str, int]
    rate: float
    forecast_seconds: float
    window_seconds: float | None
    fits: bool
    run: RunResult


async def rehearse_async(
    source: str | os.PathLike[str] | DataFrame,
    mapping: str | os.PathLike[str] | Mapping,
    *,
    profile: Profile = "rough",
    rate: float = CAREFUL_RATE,
    must_finish_in: float | None = None,
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    observer: Progress | None = None,
    **options: Any,
) -> Rehearsal:
    """Import the whole export into a sandbox that behaves like ``profile``, as fast as this machine can.

    Args:
        source: File or DataFrame.
        mapping: File, name of a bundled mapping, or a loaded one.
        profile: ``calm``: a good day; ``rough``: about one create in twenty fails; ``hostile``: everything at once.
        rate: Requests a second of the real run, for the forecast.
        must_finish_in: Seconds that the real run may take.
        seed: The same seed gives the same trouble.
        out: Keep ledger and reports in this folder; by default nothing is kept.
        observer: Is told what happens.
        options: See :func:`importer.run.run_import_async`.

    Raises:
        CaseImporterError: see :func:`importer.run.run_import_async`.
    """
    plan: FaultPlan = PROFILES[profile](seed)
    with tempfile.TemporaryDirectory(prefix="case-importer-") as scratch:
        async with Sandbox(SandboxOptions(faults=plan, seed=seed, any_owner=True)) as sandbox:
            settings = Settings.model_validate(
                {
                    "api_url": sandbox.base_url,
                    "client_id": sandbox.client_id,
                    "client_secret": sandbox.client_secret,
                    "horizon": _HORIZON,
                    "concurrency": _WORKERS,
                }
            )
            folder = Path(out) if out is not None else Path(scratch)
            run = await run_import_async(source, mapping, out=folder, settings=settings, observer=observer, **options)
            counted = sandbox.state()["requests"]
    requests = {name: count for name, count in counted.items() if name != "token"}
    forecast = sum(requests.values()) / rate
    fits = must_finish_in is None or forecast <= must_finish_in
    exit_code = run.exit_code if fits else ExitCode.TOO_LONG
    return Rehearsal(
        exit_code=exit_code,
        meaning=exit_code.name.lower(),
        profile=profile,
        requests=requests,
        rate=rate,
        forecast_seconds=round(forecast, 1),
        window_seconds=must_finish_in,
        fits=fits,
        run=run,
    )


def rehearse(
    source: str | os.PathLike[str] | DataFrame, mapping: str | os.PathLike[str] | Mapping, **options: Any
) -> Rehearsal:
    """:func:`rehearse_async` for code that is not asynchronous; same arguments, result and errors."""
    return run_to_end(rehearse_async(source, mapping, **options))


def seconds_of(text: str) -> float:
    """Seconds of a duration such as ``8h``, ``1h30m``, ``90min`` or ``45s``.

    Raises:
        ConfigError: it is none.
    """
    match = _DURATION.fullmatch(text.strip())
    if not text.strip() or match is None:
        raise ConfigError(f"{text!r} is not a duration", hint="write it as 8h, 1h30m, 90min or 45s")
    hours, minutes, seconds = (float(part) if part else 0.0 for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds
