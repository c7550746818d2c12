"""A new ledger in the place of one that was lost: from the export, and from the cases that the account shows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from importer.delivery.workers import Stop
from importer.errors import ConfigError
from importer.ledger import Ledger, Selection
from importer.mapping import Mapping
from importer.pipeline.companions import StrPath
from importer.pipeline.results import RunResult
from importer.pipeline.run import WITHOUT_EXTERNAL_ID, LedgerRun, folder_of_reports
from importer.pipeline.sending import usable_settings
from importer.pipeline.staging import Reading
from importer.plain import plain
from importer.progress import Progress
from importer.settings import Settings

if TYPE_CHECKING:
    from pandas import DataFrame

    from importer.reader import ReadingOptions


async def rebuild_async(
    source: StrPath | DataFrame,
    mapping: StrPath | Mapping,
    *,
    notes: Iterable[StrPath] = (),
    allow_files: Iterable[StrPath] = (),
    ledger: StrPath | None = None,
    out: StrPath | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
    stop: Stop | None = None,
    **reading: Unpack[ReadingOptions],
) -> RunResult:
    """Make a new ledger from an export and the cases in the account; send nothing.

    Rows that the list of cases shows are created, others are searched for one by one. What is proven not to be a case
    is pending afterwards; what cannot be decided stays unknown, so all rows of a mapping without external id.

    Args:
        source, mapping, notes, allow_files, settings, progress, stop, reading: See
            :func:`importer.pipeline.run.run_import_async`.
        ledger, out: Where the new ledger and the reports go; there must be no ledger yet.

    Raises:
        ConfigError: there is a ledger already.
        CaseImporterError: see :func:`importer.pipeline.run.run_import_async`.
    """
    from importer.pipeline.checking import folder_of, open_both  # with pandas, which other verbs do not need

    settings = usable_settings(settings, folder_of(source))
    opened, loaded = open_both(source, mapping, reading, allow_files)
    folder = folder_of_reports(source, out)
    path = Path(ledger) if ledger is not None else folder / "ledger.db"
    if path.exists():
        hint = "choose a new folder with --out, then use the ledger there for this import"
        raise ConfigError("there is a ledger already; it is left as it is", where=str(path), hint=hint)
    run = LedgerRun(
        verb="rebuild",
        source=opened.name,
        mapping=loaded,
        path=path,
        folder=folder,
        settings=settings,
        progress=progress or Progress(),
        outer_stop=stop,
        limit=0,
        resend=False,
        listed_by=loaded.external_id_field,
        notes=(*opened.notes, *loaded.notes),
    )
    if loaded.external_id_field is None:
        run.progress.notice(WITHOUT_EXTERNAL_ID)

    def enter(open_ledger: Ledger) -> Selection:
        return Selection(source=run.stage(open_ledger, opened, loaded, folder_of(source), notes, Reading(reading)))

    return await run.go(enter)


rebuild = plain(rebuild_async)
