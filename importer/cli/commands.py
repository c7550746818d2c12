"""The commands. Each imports what it needs when it is called, so that ``--help`` costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer.cli import account
from importer.cli import options as option
from importer.cli.completion import MappingName
from importer.cli.exit_codes import epilog
from importer.cli.forget import forget
from importer.cli.sandbox import sandbox
from importer.cli.sections import SectionedGroup
from importer.cli.suggest import suggest
from importer.errors import ExitCode
from importer.version import __version__

if TYPE_CHECKING:
    from importer.results import RunResult


@click.group(cls=SectionedGroup, context_settings={"help_option_names": ["-h", "--help"]}, epilog=epilog())
@click.version_option(__version__, prog_name="case-importer")
def cli() -> None:
    """Import helpdesk tickets (CSV, Excel, OpenDocument) as Talkdesk cases, each row exactly once.

    With --sandbox, and on a terminal also without a target, cases go to an embedded sandbox of the Talkdesk Case API,
    and nothing leaves this machine.
    """


@cli.command()
@click.argument("source", type=option.FILE)
@option.mapping
@option.notes
@click.option("--ledger", type=option.FILE, help="Ledger file with the state of the import. [default: OUT/ledger.db]")
@click.option("--out", type=option.FOLDER, help="Folder for the reports. [default: NAME-import]")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Send at most N rows; the rest stays pending.")
@option.max_failures
@click.option("--dry-run", is_flag=True, help="Check only, including the keys already in the ledger.")
@click.option("--accept-changes", is_flag=True, help="Read a SOURCE that changed before all of its rows were finished.")
@option.as_is
@option.accept_existing
@option.target
@option.reading
@option.log_file
@option.talking
def run(source: Path, *, quiet: bool, as_json: bool, dry_run: bool, **given: Any) -> None:
    """Import SOURCE (CSV, Excel or OpenDocument): create one case per row.

    Run the same command again to resume. Rows that are already cases are skipped.
    """
    if dry_run:
        _, rest = option.split_settings(given)
        unused = ("out", "limit", "accept_changes", "accept_existing", "max_failures", "log_file")
        _check(source, quiet=quiet, as_json=as_json, **_without(rest, *unused))
        return
    from importer.run import run_import

    _send(run_import, source, given, quiet=quiet, as_json=as_json)


@cli.command()
@click.argument("source", type=option.FILE)
@option.mapping
@option.notes
@click.option(
    "--ledger",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Also check against the keys in this ledger. The ledger is not changed.",
)
@option.as_is
@click.option("--fix", is_flag=True, help="Add the proposed `values:` lines to the mapping.")
@click.option("--columns", is_flag=True, help="Show statistics of columns, text lengths and value tables as well.")
@click.option("--baseline", type=option.FILE, help="Compare with the --json output of an earlier check.")
@click.option(
    "--volume-factor",
    type=click.FloatRange(min=1, min_open=True),
    metavar="X",
    default=2,
    show_default=True,
    help="With --baseline: allow up to X times more or fewer rows.",
)
@option.reading
@option.talking
def check(source: Path, **given: Any) -> None:
    """Validate every row of SOURCE against the mapping, without using the network.

    Exits with 3 if a row is invalid.
    """
    _check(source, **given)


def _check(
    source: Path, *, mapping: str, quiet: bool, as_json: bool, fix: bool = False, columns: bool = False, **given: Any
) -> None:
    from importer.cli import check_page, printing
    from importer.cli.progress import watching
    from importer.look import check as check_source
    from importer.results import as_json as json_of

    first = check_page.say_first if printing.is_terminal() and not quiet else None
    with watching(quiet=quiet) as progress:
        result = check_source(source, mapping, progress=progress, first=first, **given)
    if fix:
        from importer.fixing import write_suggestions

        result = replace(result, fix=write_suggestions(mapping, result.suggestions, beside=source))
    again = _again(source, mapping, given)
    if as_json:
        printing.say(json_of(result))
    elif quiet:
        check_page.say_check_quietly(result, again)
    else:
        check_page.say_check(result, again, columns=columns)
    raise click.exceptions.Exit(int(result.exit_code))


def _again(source: Path, mapping: str, given: dict[str, Any]) -> list[str]:
    """What `check` and `run` have in common, as it was given."""
    names = ("notes", "ledger", "sheet", "encoding", "delimiter")
    values = ((name, value) for name in names for value in _several(given.get(name)))
    words = [word for name, value in values for word in (f"--{name}", str(value))]
    return [str(source), "--mapping", mapping, *words, *(["--as-is"] if given.get("as_is") else [])]


def _several(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else () if value is None else (value,)


@cli.command()
@click.argument("source", type=option.FILE)
@option.mapping
@option.notes
@click.option("-n", "count", type=click.IntRange(min=1), default=5, show_default=True, help="Number of rows to show.")
@option.reading
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines: one object per row.")
def preview(source: Path, mapping: str, *, as_json: bool, **given: Any) -> None:
    """Show the exact JSON that would be sent for the first rows of SOURCE."""
    from importer.cli import printing
    from importer.look import preview as preview_source

    rows = preview_source(source, mapping, **given)
    if as_json:
        for row in rows:
            printing.say(row.as_json())
    else:
        printing.say_preview(rows)


@cli.command()
@click.argument("source", type=option.FILE)
@option.mapping
@option.notes
@click.option(
    "--profile",
    type=click.Choice(["calm", "rough", "hostile"]),
    default="rough",
    show_default=True,
    help="How many faults the sandbox injects.",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    help="Requests per second of the real run, for the estimate. [default: 5]",
)
@click.option("--must-finish-in", metavar="8h", help="Exit with 10 if the estimate is longer than this.")
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed for the faults; the same seed injects the same faults."
)
@click.option("--out", type=option.FOLDER, help="Keep the rehearsal's ledger and reports in this folder.")
@option.reading
@option.talking
def rehearse(
    source: Path,
    mapping: str,
    *,
    rate: float | None,
    must_finish_in: str | None,
    quiet: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Import SOURCE into a sandbox that injects faults, and estimate how long the real run takes."""
    from importer.cli import printing, run_page
    from importer.cli.progress import watching
    from importer.rehearse import rehearse as rehearse_source
    from importer.rehearse import seconds_of
    from importer.results import as_json as json_of
    from importer.settings import CAREFUL_RATE

    window = None if must_finish_in is None else seconds_of(must_finish_in)
    with watching(quiet=quiet) as progress:
        result = rehearse_source(
            source, mapping, rate=rate or CAREFUL_RATE, must_finish_in=window, progress=progress, **given
        )
    if as_json:
        printing.say(json_of(result))
    elif quiet:
        run_page.say_rehearsal_quietly(result)
    else:
        run_page.say_rehearsal(result, kept=given["out"] is not None)
    raise click.exceptions.Exit(int(result.exit_code))


@cli.command()
@option.ledger
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def status(ledger: Path, *, as_json: bool) -> None:
    """Show how many rows are in each state. Works while a run is in progress."""
    from importer.books import status as ledger_status
    from importer.cli import printing, run_page
    from importer.results import as_json as json_of

    result = ledger_status(ledger)
    if as_json:
        printing.say(json_of(result))
    else:
        run_page.say_status(result)
    raise click.exceptions.Exit(0 if result.totals.match else int(ExitCode.LEDGER))


@cli.command()
@option.ledger
@click.option("--out", type=option.FOLDER, required=True, help="Folder of the reports.")
@option.talking
def report(ledger: Path, out: Path, *, quiet: bool, as_json: bool) -> None:
    """Write the reports again from the ledger."""
    from importer.books import report as write_report
    from importer.cli import printing, run_page
    from importer.results import as_json as json_of

    result = write_report(ledger, out)
    if as_json:
        printing.say(json_of(result))
    elif not quiet:
        run_page.say_report(result)
    raise click.exceptions.Exit(int(result.exit_code))


@cli.command()
@option.ledger
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(["refused", "pending", "invalid", "skipped"]),
    help="State of the rows to send again; repeatable. `skipped` means rows filtered by the mapping. [default:"
    " refused, pending; with --mapping: all]",
)
@click.option(
    "--mapping",
    "-m",
    type=MappingName(),
    metavar="FILE",
    help="Map rows that are not cases again with this mapping, then send them.",
)
@option.notes
@click.option("--out", type=option.FOLDER, help="Folder for the reports. [default: the ledger's folder]")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Send at most N rows.")
@option.max_failures
@option.accept_existing
@option.target
@option.log_file
@option.talking
def retry(ledger: Path, *, states: tuple[str, ...], quiet: bool, as_json: bool, **given: Any) -> None:
    """Send rows again that were refused or are pending. Rows that are cases are never sent again."""
    from importer.models import State
    from importer.run import retry as retry_ledger

    chosen = [State(state) for state in states] or None
    _send(retry_ledger, ledger, {**given, "states": chosen}, quiet=quiet, as_json=as_json)


@cli.command()
@option.ledger
@click.option("--out", type=option.FOLDER, help="Folder for the reports. [default: the ledger's folder]")
@option.target
@option.log_file
@option.talking
def reconcile(ledger: Path, *, quiet: bool, as_json: bool, **given: Any) -> None:
    """Look up rows with an unknown outcome in Talkdesk and settle them. Creates no cases."""
    from importer.run import reconcile as reconcile_ledger

    _send(reconcile_ledger, ledger, given, quiet=quiet, as_json=as_json)


@cli.command()
@click.argument("key")
@option.ledger
@click.option("--created", "case_id", metavar="ID", help="The row is the case with this id.")
@click.option("--resend", is_flag=True, help="The row is not a case: send it again.")
@click.option("--drop", is_flag=True, help="Never send the row again (state: skipped).")
@click.option("--notes-delivered", "notes", flag_value="delivered", help="The case has the notes sent later.")
@click.option(
    "--notes-not-delivered", "notes", flag_value="not_delivered", help="The case has none of them: send them again."
)
@click.option("--notes-dropped", "notes", flag_value="dropped", help="Never send these notes.")
@click.option("--reason", required=True, help="What you checked; stored in the history.")
def resolve(key: str, ledger: Path, *, case_id: str | None, resend: bool, drop: bool, notes: Any, reason: str) -> None:
    """Settle row KEY, or its notes sent later, after you checked it in Talkdesk."""
    if (case_id is not None) + resend + drop + (notes is not None) != 1:
        raise click.UsageError("say one of --created ID, --resend, --drop, or one of the --notes-… flags")
    from importer.books import resolve as resolve_key
    from importer.books import resolve_notes
    from importer.cli.printing import say

    if notes is not None:
        say(f"These notes of {key} are {resolve_notes(ledger, key, notes, reason=reason)} now.")
        return
    state = resolve_key(
        ledger,
        key,
        "created" if case_id is not None else "resend" if resend else "drop",
        reason=reason,
        case_id=case_id,
    )
    say(f"{key} is {state} now.")


def _send(verb: Callable[..., RunResult], what: Path, given: dict[str, Any], *, quiet: bool, as_json: bool) -> None:
    """Do what sends or looks up, show its progress, and show what came of it."""
    from importer.cli import printing, run_page
    from importer.cli.progress import watching
    from importer.results import as_json as json_of

    with watching(quiet=quiet, log=given.pop("log_file")) as progress:
        settings, rest = option.settings_of(given, near=what.parent, quiet=quiet, as_json=as_json)
        result = verb(what, progress=progress, settings=settings, **rest)
    if as_json:
        printing.say(json_of(result))
    elif quiet:
        run_page.say_quietly(result)
    else:
        run_page.say_run(result, rest.get("mapping"))
    raise click.exceptions.Exit(int(result.exit_code))


@cli.command()
@click.option(
    "--out", type=option.FOLDER, default=Path("demo-import"), show_default=True, help="Folder for ledgers and reports."
)
def demo(out: Path) -> None:
    """Import the sample exports into the embedded sandbox. Needs no account and no network; takes under a minute."""
    from importer.cli.demo import show_demo

    raise click.exceptions.Exit(show_demo(out))


@cli.command()
@click.argument("form", type=click.Choice(["mapping", "result", "status", "check", "rehearsal"]), default="mapping")
def schema(form: str) -> None:
    """Print the JSON Schema of mapping files, or of what --json prints.

    mapping is for use in an editor. result describes summary.json and the --json output of run, retry, reconcile and
    report; status, check and rehearsal that of these commands.
    """
    from importer.cli.printing import say
    from importer.results import as_json as json_of

    if form == "mapping":
        from importer.mapping import json_schema as schema_of_mapping

        say(json_of(schema_of_mapping()))
    else:
        from importer.results import json_schema

        say(json_of(json_schema(form)))


cli.add_command(account.fields)
cli.add_command(account.users)
cli.add_command(suggest)
cli.add_command(forget)
cli.add_command(sandbox)


def _without(given: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in names}
