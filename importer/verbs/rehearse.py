"""A rehearsal: the real export imported into a sandbox that injects faults, and a forecast of the real run."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack

from importer.errors import ConfigError, ExitCode
from importer.files.scratch import scratch_folder
from importer.intake.export import ExportOptions, folder_of, open_export, opened_mapping
from importer.intake.staging import Reading
from importer.mapping import Mapping
from importer.models import StrPath
from importer.progress.progress import Progress
from importer.report import Reports
from importer.sandbox import Sandbox, SandboxOptions, built_in_plan, definitions_of
from importer.settings.model import CAREFUL_RATE, Settings
from importer.verbs.ledger_run import LedgerRun, RunOptions
from importer.verbs.plain import plain
from importer.verbs.results import Problem, RunResult
from importer.verbs.session import Session

if TYPE_CHECKING:
    from pandas import DataFrame

Profile = Literal["calm", "rough", "hostile"]

#: Seconds before a rehearsed case is searched for whose outcome is unknown; a quarter of it is more than the sandbox's
#: list ever lags.
_SETTLE_DELAY = 8.0
#: Rows with an unknown outcome hold a worker until they are settled; a rehearsal can afford many.
_WORKERS = 256
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+)m(?:in)?)?(?:(\d+)s)?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """What a rehearsal showed."""

    version: Literal[1] = 1  #: Of the JSON form of this result.
    command: Literal["rehearse"] = "rehearse"
    exit_code: ExitCode  #: That of the run, unless the real run would take too long.
    meaning: str  #: The same as a word.
    profile: str  #: How the sandbox behaved.
    requests: dict[str, int]  #: Requests to the API, by operation: ``create``, ``list``.
    rate: float  #: Requests per second of the forecast.
    forecast_seconds: float  #: How long the same requests take at that rate.
    window_seconds: float | None  #: How long they may take; None if that was not asked.
    fits: bool  #: Whether the forecast fits into the window.
    run: RunResult  #: How the run against the sandbox ended; without ledger and reports if they are not kept.

    @property
    def error(self) -> Problem | None:
        """Why it ended early."""
        return self.run.error


async def rehearse_async(
    source: StrPath | DataFrame,
    mapping: StrPath | Mapping,
    *,
    profile: Profile = "rough",
    rate: float | None = None,
    must_finish_in: float | str | None = None,
    seed: int = 0,
    out: StrPath | None = None,
    progress: Progress | None = None,
    **export: Unpack[ExportOptions],
) -> Rehearsal:
    """Import the whole export into a sandbox that behaves like ``profile``, as fast as this machine can.

    Args:
        profile: ``calm``: a good day; ``rough``: about one create in twenty fails; ``hostile``: everything at once.
        rate: Requests per second of the real run, for the forecast; by default as many as a run allows itself.
        must_finish_in: Seconds that the real run may take, or a text such as ``8h``.
        seed: The same seed injects the same faults.
        out: Keep ledger and reports in this folder; by default nothing is kept.
        source, mapping, progress, export: See :func:`importer.verbs.check.check`.
    """
    window = seconds_of(must_finish_in) if isinstance(must_finish_in, str) else must_finish_in
    rate = rate or CAREFUL_RATE
    loaded = opened_mapping(mapping, (folder_of(source), *export.get("allow_files", ())))
    definitions, faults = definitions_of(loaded.account_fields), built_in_plan(profile, seed)
    account = SandboxOptions(faults=faults, seed=seed, definitions=definitions, any_ids=True)
    with scratch_folder() as scratch:
        async with Sandbox(account) as sandbox:
            folder, opened = Path(scratch if out is None else out), open_export(source, loaded, **export).fitting()
            session = Session(folder_of(source), settings=_settings_for(sandbox), progress=progress)
            orders = RunOptions(refuse_existing=False, solve_untried=True)  # a new sandbox has no tickets
            rehearsed = LedgerRun("rehearse", folder / "ledger.db", folder, session, orders)
            run = await rehearsed.import_export(opened, Reading(opened.reading))
            requests = sandbox.state()["requests"]
    if out is None:  # they are gone
        run = replace(run, ledger="", reports=Reports())
    requests.pop("token")
    forecast = sum(requests.values()) / rate
    fits = window is None or forecast <= window
    exit_code = run.exit_code if fits else ExitCode.TOO_LONG
    return Rehearsal(
        exit_code=exit_code,
        meaning=exit_code.name.lower(),
        profile=profile,
        requests=requests,
        rate=rate,
        forecast_seconds=round(forecast, 1),
        window_seconds=window,
        fits=fits,
        run=run,
    )


rehearse = plain(rehearse_async)


def _settings_for(sandbox: Sandbox) -> Settings:
    """As fast as this machine can, and without long waits for unknown outcomes."""
    return Settings.model_validate(
        {
            "api_url": sandbox.base_url,
            "client_id": sandbox.client_id,
            "client_secret": sandbox.client_secret,
            "settle_delay": _SETTLE_DELAY,
            "concurrency": _WORKERS,
        }
    )


def seconds_of(text: str) -> float:
    """Seconds of a duration such as ``8h``, ``1h30m``, ``90min`` or ``45s``.

    Raises:
        ConfigError: it is not a duration.
    """
    match = _DURATION.fullmatch(text.strip())
    if not text.strip() or match is None:
        raise ConfigError(f"{text!r} is not a duration", hint="use 8h, 1h30m, 90min or 45s")
    hours, minutes, seconds = (float(part) if part else 0.0 for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds
