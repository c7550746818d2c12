"""The commands that send cases or look them up: ``run``, ``retry``, ``reconcile`` and ``rebuild``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from importer.cli import options as option
from importer.cli.check_commands import Export, check_export
from importer.cli.help import SectionedCommand

if TYPE_CHECKING:
    from importer.pipeline.results import RunResult


@click.command(cls=SectionedCommand)
@option.source
@option.mapping
@option.notes
@option.allow_files
@click.option("--ledger", type=option.FILE, help="Ledger file with the state of the import. [default: OUT/ledger.db]")
@click.option("--out", type=option.FOLDER, help="Folder for the reports. [default: NAME-import]")
@option.limit
@option.max_failures
@click.option("--dry-run", is_flag=True, help="Check only, including the keys already in the ledger.")
@click.option("--accept-changes", is_flag=True, help="Read a SOURCE that changed before all of its rows were finished.")
@option.as_is
@option.accept_existing
@option.settings
@option.reading
@option.log_file
@option.output
def run(
    source: Path,
    mapping: str,
    *,
    notes: tuple[str, ...],
    allow_files: tuple[Path, ...],
    ledger: Path | None,
    out: Path | None,
    limit: int | None,
    max_failures: str | None,
    dry_run: bool,
    accept_changes: bool,
    as_is: bool,
    accept_existing: bool,
    settings: option.SettingsOptions,
    reading: option.ReadingOptions,
    log_file: Path | None,
    output: option.OutputOptions,
) -> None:
    """Import SOURCE (CSV, Excel or OpenDocument): create one case per row.

    Run the same command again to resume. Rows that are already cases are skipped.
    """
    if dry_run:
        check_export(Export(source, mapping, notes, allow_files, ledger, as_is, reading), output)
        return
    from importer.pipeline.run import run_import

    with output.watching(log_file) as progress:
        result = run_import(
            source,
            mapping,
            notes=notes,
            allow_files=allow_files,
            ledger=ledger,
            out=out,
            settings=settings.load(near=source.parent, output=output),
            limit=limit,
            max_failures=max_failures,
            accept_changes=accept_changes,
            as_is=as_is,
            accept_existing=accept_existing,
            progress=progress,
            **reading.keywords(),
        )
    _end_run(result, output, mapping)


@click.command(cls=SectionedCommand)
@option.ledger
@click.option(
    *("--state", "states"),
    multiple=True,
    type=click.Choice(["refused", "pending", "invalid", "skipped"]),
    help="State of the rows to send again; repeatable. `skipped` means rows filtered by the mapping. [default:"
    " refused, pending; with --mapping: all]",
)
@click.option(
    *("--mapping", "-m"),
    type=option.MappingName(),
    metavar="FILE",
    help="Map rows that are not cases again with this mapping, then send them.",
)
@option.notes
@option.allow_files
@option.out_of_ledger
@option.limit
@option.max_failures
@option.accept_existing
@option.settings
@option.log_file
@option.output
def retry(
    ledger: Path,
    *,
    states: tuple[str, ...],
    mapping: str | None,
    notes: tuple[str, ...],
    allow_files: tuple[Path, ...],
    out: Path | None,
    limit: int | None,
    max_failures: str | None,
    accept_existing: bool,
    settings: option.SettingsOptions,
    log_file: Path | None,
    output: option.OutputOptions,
) -> None:
    """Send rows again that were refused or are pending. Rows that are cases are never sent again."""
    from importer.models import State
    from importer.pipeline.run import retry as retry_ledger

    with output.watching(log_file) as progress:
        result = retry_ledger(
            ledger,
            states=[State(state) for state in states] or None,
            mapping=mapping,
            notes=notes,
            allow_files=allow_files,
            out=out,
            settings=settings.load(near=ledger.parent, output=output),
            limit=limit,
            max_failures=max_failures,
            accept_existing=accept_existing,
            progress=progress,
        )
    _end_run(result, output, mapping)


@click.command(cls=SectionedCommand)
@option.ledger
@option.out_of_ledger
@option.settings
@option.log_file
@option.output
def reconcile(
    ledger: Path,
    *,
    out: Path | None,
    settings: option.SettingsOptions,
    log_file: Path | None,
    output: option.OutputOptions,
) -> None:
    """Look up rows with an unknown outcome in Talkdesk and settle them. Creates no cases."""
    from importer.pipeline.run import reconcile as reconcile_ledger

    with output.watching(log_file) as progress:
        loaded = settings.load(near=ledger.parent, output=output)
        result = reconcile_ledger(ledger, out=out, settings=loaded, progress=progress)
    _end_run(result, output)


@click.command(cls=SectionedCommand)
@option.source
@option.mapping
@option.notes
@option.allow_files
@click.option("--ledger", type=option.FILE, help="The new ledger. [default: OUT/ledger.db]")
@click.option("--out", type=option.FOLDER, help="Folder for the new ledger and the reports. [default: NAME-import]")
@option.settings
@option.reading
@option.log_file
@option.output
def rebuild(
    source: Path,
    mapping: str,
    *,
    notes: tuple[str, ...],
    allow_files: tuple[Path, ...],
    ledger: Path | None,
    out: Path | None,
    settings: option.SettingsOptions,
    reading: option.ReadingOptions,
    log_file: Path | None,
    output: option.OutputOptions,
) -> None:
    """Make a new ledger for SOURCE from the cases in Talkdesk, when the ledger of the import was lost.

    Creates no cases. Rows are matched by external id; rows that cannot be matched keep an unknown outcome.
    """
    from importer.pipeline.run import rebuild as rebuild_ledger

    with output.watching(log_file) as progress:
        result = rebuild_ledger(
            source,
            mapping,
            notes=notes,
            allow_files=allow_files,
            ledger=ledger,
            out=out,
            settings=settings.load(near=source.parent, output=output),
            progress=progress,
            **reading.keywords(),
        )
    _end_run(result, output, mapping)


def _end_run(result: RunResult, output: option.OutputOptions, mapping: str | None = None) -> None:
    """Show the result of a verb that sends or looks up, and exit with its code."""
    from importer.cli import run_page

    output.show(result, lambda: run_page.say_run(result, mapping), lambda: run_page.say_quietly(result))
    raise click.exceptions.Exit(int(result.exit_code))
