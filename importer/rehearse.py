"""A rehearsal: the true file, the true path, a sandbox that misbehaves on purpose; and a forecast of the real thing."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack

from importer.books import StrPath
from importer.errors import ConfigError, ExitCode
from importer.mapping import Mapping, load_mapping
from importer.plain import plain
from importer.progress import Observer
from importer.results import RunResult
from importer.run import run_import_async
from importer.sandbox import Sandbox, SandboxOptions, definitions_of
from importer.sandbox.profiles import PROFILES
from importer.settings import CAREFUL_RATE, Settings

if TYPE_CHECKING:
    from pandas import DataFrame

    from importer.reader import ReadingOptions

Profile = Literal["calm", "rough", "hostile"]

#: Seconds before a rehearsed row in doubt is looked up; a quarter of it is more than the sandbox's list ever lags.
_HORIZON = 8.0
#: Rows in doubt hold a worker until they are settled; a rehearsal can afford many.
_WORKERS = 256
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+)m(?:in)?)?(?:(\d+)s)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a rehearsal showed.

    Attributes:
        run: How the run against the sandbox ended.
        profile: How the sandbox behaved.
        requests: Requests to the API, by operation: ``create``, ``list``.
        rate: Requests a second of the forecast.
        forecast: Seconds that the same requests take at that rate.
        window: Seconds that are to be had; None if that was not asked.
    """

    run: RunResult
    profile: str
    requests: dict[str, int]
    rate: float
    forecast: float
    window: float | None

    @property
    def fits(self) -> bool:
        """Whether the forecast fits into the window."""
        return self.window is None or self.forecast <= self.window

    @property
    def exit_code(self) -> ExitCode:
        """That of the run, unless the real thing would take too long."""
        return self.run.exit_code if self.fits else ExitCode.TOO_LONG


async def rehearse_async(
    source: StrPath | DataFrame,
    mapping: StrPath | Mapping,
    *,
    profile: Profile = "rough",
    rate: float = CAREFUL_RATE,
    must_finish_in: float | None = None,
    seed: int = 0,
    out: StrPath | None = None,
    notes: Iterable[StrPath] = (),
    observer: Observer | None = None,
    **reading: Unpack[ReadingOptions],
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
        notes: See :func:`importer.look.check`.
        reading: ``sheet``, ``encoding``, ``delimiter``.

    Raises:
        CaseImporterError: see :func:`importer.run.run_import_async`.
    """
    loaded = mapping if isinstance(mapping, Mapping) else load_mapping(mapping)
    account = SandboxOptions(
        faults=PROFILES[profile](seed), seed=seed, definitions=definitions_of(loaded.account_fields), any_ids=True
    )
    with tempfile.TemporaryDirectory(prefix="case-importer-") as scratch:
        async with Sandbox(account) as sandbox:
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
            run = await run_import_async(
                source,
                loaded,
                notes=notes,
                out=folder,
                settings=settings,
                accept_existing=True,  # there are none in a new sandbox
                observer=observer,
                **reading,
            )
            counted = sandbox.state()["requests"]
    requests = {name: count for name, count in counted.items() if name != "token"}
    return Rehearsal(run, profile, requests, rate, sum(requests.values()) / rate, must_finish_in)


rehearse = plain(rehearse_async)


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
