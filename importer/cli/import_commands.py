"""The commands that send cases or look them up: ``try``, ``run``, ``retry`` and those that only look."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from importer.cli import options as option
from importer.cli.check_commands import CheckOptions, check_export
from importer.cli.help import cli
from importer.cli.output import complain
from importer.errors import ExitCode

if TYPE_CHECKING:
    from importer.verbs.results import RunResult


@dataclass(frozen=True)
class _TryOptions:
    """How a row is tried."""

    email: str = option.option(
        type=option.TEXT,
        required=True,
        metavar="ADDRESS",
        help="Your own e-mail address, in the place of the requester's.",
    )
    wait: float | None = option.option(
        type=click.FloatRange(min=0, max=86_400),
        metavar="SECONDS",
        help="Wait this long before the case is read back. [default: 30; on this machine 0]",
    )
    keep: bool = option.option(is_flag=True, help="Leave the case in the account.")


@cli.command("try")
@option.export
@click.argument("row", type=option.TEXT)
@option.options_of(_TryOptions, "what")
@click.option("--out", type=option.FOLDER, help="Folder of the import. [default: NAME-import]")
@option.account
def try_(
    *,
    export: option.ExportOptions,
    row: str,
    what: _TryOptions,
    out: Path | None,
    account: option.AccountOptions,
) -> ExitCode:
    """Send one case in the place of ROW of SOURCE, to see what the account does automatically.

    ROW is a key or a row number. The case has an external id that no row has. It is updated as the mapping says, read
    back, and put into the Trash. The ledger of the import is not touched.

    Your e-mail address is in the place of the requester's only. Other addresses in custom fields, the description,
    notes, owner or group stay as they are, so an automation can send mail to them.
    """
    from importer.cli import try_page
    from importer.verbs.try_row import try_row

    with account.watching() as progress:
        loaded = account.settings(export.source.parent)
        result = try_row(row=row, out=out, settings=loaded, progress=progress, **asdict(what), **asdict(export))
    again = option.typed(*option.OF_EXPORT, "out")
    account.show(result, lambda: try_page.say_tried(result, again), lambda: try_page.in_short(result))
    return result.exit_code


@dataclass(frozen=True)
class _ImportOptions:
    """Where an import is, and how its export is read."""

    ledger: Path | None = option.option(
        type=option.FILE, help="Ledger file with the state of the import. [default: OUT/ledger.db]"
    )
    out: Path | None = option.option(type=option.FOLDER, help="Folder for the reports. [default: NAME-import]")
    as_is: bool = option.option(is_flag=True, help=option.AS_IS)


@cli.command()
@option.export
@option.options_of(_ImportOptions, "what")
@option.limits
@click.option("--dry-run", is_flag=True, help="Check only, including the keys already in the ledger.")
@option.running
def run(
    *,
    export: option.ExportOptions,
    what: _ImportOptions,
    limits: option.LimitOptions,
    dry_run: bool,
    how: option.RunOptions,
) -> ExitCode:
    """Import SOURCE (CSV, Excel or OpenDocument): create one case per row.

    Run the same command again to resume. Rows that are already cases are skipped.
    """
    if dry_run:
        return check_export(export, CheckOptions(ledger=what.ledger, as_is=what.as_is), how)
    from importer.verbs.run import run_import

    loaded = how.settings(export.source.parent)
    send = partial(run_import, settings=loaded, report_options=how.reports(), **asdict(what), **asdict(export))
    return _shown(_agreed(send, how, limits), how, export.mapping)


def _agreed(send: Callable[..., RunResult], how: option.RunOptions, limits: option.LimitOptions) -> RunResult:
    """Send; if cases would be solved in an account where that was never tried, ask first whoever is at the terminal."""
    from importer.verbs.untried import UntriedError

    try:
        with how.watching() as progress:
            return send(progress=progress, **asdict(limits))
    except UntriedError as error:
        if not sys.stdin.isatty():
            raise
        complain(str(error))
        if not click.confirm("Solve them without a try", err=True):
            raise click.exceptions.Exit(ExitCode.USAGE) from None
    return _agreed(send, how, replace(limits, solve_untried=True))


@cli.command()
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
    help="Map rows that are not cases again with this mapping, then send them.",
)
@option.companions
@option.out_of_ledger
@option.limits
@option.running
def retry(
    ledger: Path,
    *,
    states: tuple[str, ...],
    mapping: str | None,
    companions: option.CompanionOptions,
    out: Path | None,
    limits: option.LimitOptions,
    how: option.RunOptions,
) -> ExitCode:
    """Send rows again that were refused or are pending. Rows that are cases are never sent again."""
    from importer.models import State
    from importer.verbs.retry import retry as retry_ledger

    send = partial(
        retry_ledger,
        ledger,
        states=[State(state) for state in states] or None,
        mapping=mapping,
        out=out,
        settings=how.settings(ledger.parent),
        report_options=how.reports(),
        **asdict(companions),
    )
    return _shown(_agreed(send, how, limits), how, mapping)


@cli.command()
@option.ledger
@option.out_of_ledger
@option.running
def reconcile(ledger: Path, *, out: Path | None, how: option.RunOptions) -> ExitCode:
    """Look up rows with an unknown outcome in Talkdesk and settle them. Creates no cases."""
    from importer.verbs.retry import reconcile as reconcile_ledger

    with how.watching() as progress:
        loaded = how.settings(ledger.parent)
        result = reconcile_ledger(ledger, out=out, settings=loaded, report_options=how.reports(), progress=progress)
    return _shown(result, how)


@cli.command()
@option.export
@click.option("--ledger", type=option.FILE, help="The new ledger. [default: OUT/ledger.db]")
@click.option("--out", type=option.FOLDER, help="Folder for the new ledger and the reports. [default: NAME-import]")
@option.running
def rebuild(*, export: option.ExportOptions, ledger: Path | None, out: Path | None, how: option.RunOptions) -> ExitCode:
    """Make a new ledger for SOURCE from the cases in Talkdesk, when the ledger of the import was lost.

    Creates no cases. Rows are matched by external id; rows that cannot be matched keep an unknown outcome.
    """
    from importer.verbs.run import rebuild as rebuild_ledger

    with how.watching() as progress:
        result = rebuild_ledger(
            ledger=ledger,
            out=out,
            settings=how.settings(export.source.parent),
            report_options=how.reports(),
            progress=progress,
            **asdict(export),
        )
    return _shown(result, how, export.mapping)


@dataclass(frozen=True)
class _VerifyOptions:
    """What is to be read back."""

    sample: str | None = option.option(
        metavar="N|N%", help="Read back only N cases (or N% of them); the same ones each time."
    )
    deep: bool = option.option(is_flag=True, help="Read each case on its own as well: one request per case.")
    doubles: bool = option.option(is_flag=True, help="Search the list for second cases of the same tickets.")
    again: bool = option.option(is_flag=True, help="Start over, although the last verification is not finished.")


@cli.command()
@option.ledger
@option.options_of(_VerifyOptions, "what")
@option.out_of_ledger
@option.tables
@option.account
def verify(
    ledger: Path,
    *,
    what: _VerifyOptions,
    out: Path | None,
    tables: option.TableOptions,
    account: option.AccountOptions,
) -> ExitCode:
    """Read the cases back and compare them with what was sent. Changes nothing.

    Sends one request per 100 cases. Run the same command again to continue after a stop.
    """
    from importer.cli import verify_page
    from importer.verbs.verify import verify as verify_ledger

    with account.watching() as progress:
        loaded = account.settings(ledger.parent)
        result = verify_ledger(
            ledger, out=out, csv_delimiter=tables.delimiter, settings=loaded, progress=progress, **asdict(what)
        )
    account.show(result, lambda: verify_page.say_verified(result), lambda: verify_page.in_short(result))
    return result.exit_code


def _shown(result: RunResult, output: option.OutputOptions, mapping: str | None = None) -> ExitCode:
    """Show the result of a verb that sends or looks up; returns its exit code."""
    from importer.cli import run_page

    limited = bool(option.typed("limit"))
    output.show(
        result, lambda: run_page.say_run(result, mapping, limited=limited), lambda: run_page.in_one_line(result)
    )
    return result.exit_code
