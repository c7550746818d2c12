"""The commands. Each imports what it needs when it is called, so that ``--help`` costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer.cli import account
from importer.cli import options as option
from importer.cli.forget import forget
from importer.cli.suggest import suggest
from importer.version import __version__

if TYPE_CHECKING:
    from importer.results import RunResult

EXIT_CODES = """\b
Exit codes:
  0    every row is a case (or was one before)
  2    usage, settings, mapping or file: nothing was sent
  3    finished; some rows are invalid or were refused
  4    finished; some rows may be cases: look them up first
  5    temporary: an outage; run the same command again
  6    a row has two or more cases
  7    wrong target, or no right to create cases
  8    trouble with the ledger
  10   a rehearsal says that the import takes too long
  11   another run holds the ledger
  12   check: the file is not like the one of the baseline
  130  interrupted (143: terminated); run the same command again
Any other code means failure."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXIT_CODES)
@click.version_option(__version__, prog_name="case-importer")
def cli() -> None:
    """Import a helpdesk's tickets (CSV, Excel) as Talkdesk cases: nothing lost, nothing twice.

    With --sandbox, and on a terminal also without a target, cases go to an embedded sandbox of the Talkdesk Case API,
    and nothing leaves this machine.
    """


@cli.command()
@click.argument("source", type=option.FILE)
@option.mapping
@option.notes
@click.option("--ledger", type=option.FILE, help="Where the state is kept. [default: OUT/ledger.db]")
@click.option("--out", type=option.FOLDER, help="Folder of the reports. [default: NAME-import]")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Send at most N rows; the rest stays pending.")
@option.max_failures
@click.option("--dry-run", is_flag=True, help="Do everything but send: the same as check, with the ledger's keys.")
@click.option("--accept-changes", is_flag=True, help="Read a file again that changed while rows were unfinished.")
@option.as_is
@option.target
@option.reading
@option.talking
def run(source: Path, *, quiet: bool, as_json: bool, dry_run: bool, **given: Any) -> None:
    """Import SOURCE. The same command again goes on where it stopped; no row is ever sent twice."""
    if dry_run:
        _, rest = option.split_settings(given)
        _check(source, quiet=quiet, as_json=as_json, **_without(rest, "out", "limit", "accept_changes", "max_failures"))
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
    help="Take the keys of this ledger into account; it is not changed.",
)
@option.as_is
@click.option("--fix", is_flag=True, help="Write the lines that are proposed for value tables into the mapping.")
@click.option("--baseline", type=option.FILE, help="Compare with what check --json printed of an earlier file.")
@click.option(
    "--volume-factor",
    type=click.FloatRange(min=1, min_open=True),
    metavar="X",
    default=2,
    show_default=True,
    help="With --baseline: how many times more or fewer rows there may be.",
)
@option.reading
@option.talking
def check(source: Path, **given: Any) -> None:
    """Read, map and validate all of SOURCE; no network. Exit code 3 if a row is invalid."""
    _check(source, **given)


def _check(source: Path, *, mapping: str, quiet: bool, as_json: bool, fix: bool = False, **given: Any) -> None:
    from importer.cli import check_page, printing
    from importer.cli.progress import Terminal
    from importer.cli.shapes import check_shape, fix_shape
    from importer.look import check as check_source

    first = check_page.say_first if printing.is_terminal() and not quiet else None
    with Terminal(quiet=quiet) as observer:
        result = check_source(source, mapping, observer=observer, first=first, **given)
    if not as_json and not quiet:
        check_page.say_check(result)
    written = None
    if fix:
        from importer.fixing import write_suggestions

        written = write_suggestions(mapping, result.found.suggestions, beside=source)
    if as_json:
        shape = check_shape(result)
        printing.say_json(shape if written is None else {**shape, "fix": fix_shape(written)})
    elif written is not None and not quiet:
        check_page.say_fix(written)
    raise click.exceptions.Exit(int(result.exit_code))


@cli.command()
@click.argument("source", type=option.FILE)
@option.mapping
@option.notes
@click.option("-n", "count", type=click.IntRange(min=1), default=5, show_default=True, help="How many rows.")
@option.reading
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines: one object a row.")
def preview(source: Path, mapping: str, *, as_json: bool, **given: Any) -> None:
    """Show the exact JSON that would be sent for the first rows of SOURCE."""
    from importer.cli import printing
    from importer.cli.shapes import preview_line
    from importer.look import preview as preview_source

    rows = preview_source(source, mapping, **given)
    if as_json:
        for row in rows:
            printing.say(preview_line(row))
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
    help="How the sandbox behaves.",
)
@click.option(
    "--rate", type=click.FloatRange(min=0, min_open=True), help="Requests a second of the real run. [default: 5]"
)
@click.option("--must-finish-in", metavar="8h", help="Exit with 10 if the real run would take longer.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same trouble.")
@click.option("--out", type=option.FOLDER, help="Keep ledger and reports of the rehearsal here.")
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
    """Run the true SOURCE against a sandbox that misbehaves, and say how long the real thing would take."""
    from importer.cli import printing
    from importer.cli.progress import Terminal
    from importer.cli.shapes import rehearsal_shape
    from importer.rehearse import rehearse as rehearse_source
    from importer.rehearse import seconds_of
    from importer.settings import CAREFUL_RATE

    window = None if must_finish_in is None else seconds_of(must_finish_in)
    with Terminal(quiet=quiet) as observer:
        result = rehearse_source(
            source, mapping, rate=rate or CAREFUL_RATE, must_finish_in=window, observer=observer, **given
        )
    if as_json:
        printing.say_json(rehearsal_shape(result))
    elif not quiet:
        printing.say_rehearsal(result, kept=given["out"] is not None)
    raise click.exceptions.Exit(int(result.exit_code))


@cli.command()
@option.ledger
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def status(ledger: Path, *, as_json: bool) -> None:
    """Show the books of a ledger, by state; also while a run is going on."""
    from importer.books import status as ledger_status
    from importer.cli import printing
    from importer.cli.shapes import status_shape

    result = ledger_status(ledger)
    if as_json:
        printing.say_json(status_shape(result))
    else:
        printing.say_status(result)
    raise click.exceptions.Exit(int(result.balance.exit_code) if not result.balance.is_true else 0)


@cli.command()
@option.ledger
@click.option("--out", type=option.FOLDER, required=True, help="Folder of the reports.")
@option.talking
def report(ledger: Path, out: Path, *, quiet: bool, as_json: bool) -> None:
    """Write the reports again, from the ledger alone."""
    from importer.books import report as write_report
    from importer.cli import printing
    from importer.cli.shapes import reports_shape

    reports = write_report(ledger, out)
    if as_json:
        printing.say_json(reports_shape(reports))
    elif not quiet:
        printing.say_half_read(reports.half_read)
        printing.say_balance(reports.balance, is_trial=printing.is_trial_target(reports.target))
        printing.say(f"Reports: {reports.results.parent}")
    raise click.exceptions.Exit(int(reports.balance.exit_code) if not reports.balance.is_true else 0)


@cli.command()
@option.ledger
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(["refused", "pending", "invalid", "skipped"]),
    help="Which rows; may be given several times; of skipped ones those that the mapping left out. [default: refused"
    " and pending; with --mapping all]",
)
@click.option("--mapping", "-m", metavar="FILE", help="Map all rows anew that never reached the server.")
@option.notes
@click.option("--out", type=option.FOLDER, help="Folder of the reports. [default: that of the ledger]")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Send at most N rows.")
@option.max_failures
@option.target
@option.talking
def retry(ledger: Path, *, states: tuple[str, ...], quiet: bool, as_json: bool, **given: Any) -> None:
    """Send only those rows again that never became cases; a row that succeeded is never sent again."""
    from importer.models import State
    from importer.run import retry as retry_ledger

    chosen = [State(state) for state in states] or None
    _send(retry_ledger, ledger, {**given, "states": chosen}, quiet=quiet, as_json=as_json)


@cli.command()
@option.ledger
@click.option("--out", type=option.FOLDER, help="Folder of the reports. [default: that of the ledger]")
@option.target
@option.talking
def reconcile(ledger: Path, *, quiet: bool, as_json: bool, **given: Any) -> None:
    """Find out what became of rows in doubt, by looking them up; send nothing."""
    from importer.run import reconcile as reconcile_ledger

    _send(reconcile_ledger, ledger, given, quiet=quiet, as_json=as_json)


@cli.command()
@click.argument("key")
@option.ledger
@click.option("--created", "case_id", metavar="ID", help="It is this case.")
@click.option("--resend", is_flag=True, help="It is no case; send it again.")
@click.option("--drop", is_flag=True, help="Leave it alone, whatever it is.")
@click.option("--notes-delivered", "notes", flag_value="delivered", help="Its case has the notes that followed.")
@click.option("--notes-not-delivered", "notes", flag_value="not_delivered", help="It has none of them; send them.")
@click.option("--notes-dropped", "notes", flag_value="dropped", help="Nobody is to send these notes.")
@click.option("--reason", required=True, help="Why you are sure; kept in the history.")
def resolve(key: str, ledger: Path, *, case_id: str | None, resend: bool, drop: bool, notes: Any, reason: str) -> None:
    """Settle the row KEY, or the notes of its case, in doubt, because you looked."""
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
    """Do what sends or looks up, with a progress bar, and show what came of it."""
    from importer.cli import printing
    from importer.cli.progress import Terminal
    from importer.cli.shapes import run_shape

    with Terminal(quiet=quiet) as observer:
        settings, rest = option.settings_of(given, near=what.parent, quiet=quiet, as_json=as_json)
        result = verb(what, observer=observer, settings=settings, **rest)
    if as_json:
        printing.say_json(run_shape(result))
    elif not quiet:
        printing.say_run(result)
    elif result.error is not None:
        printing.complain(str(result.error))
    raise click.exceptions.Exit(int(result.exit_code))


@cli.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 takes a free one.")
@click.option("--store", type=option.FILE, help="Keep the cases in this file; without it they are forgotten.")
@click.option("--seed", type=int, default=0, show_default=True, help="Users and requesters depend on it.")
@click.option("--rate-limit", type=click.IntRange(min=1), metavar="N", help="Answer 429 above N requests a second.")
@click.option("--latency", "latency_ms", type=float, default=0, metavar="MS", help="Wait before each operation.")
@click.option("--token-life", type=float, default=599, show_default=True, metavar="SECONDS", help="Life of a token.")
@click.option("--index-lag", "index_lag_s", type=float, default=0, metavar="SECONDS", help="Lists show cases late.")
@click.option("--filters", type=click.Choice(["both", "doc", "spec", "ignore"]), default="both", show_default=True)
@click.option("--static-token", envvar="CASE_IMPORTER_SANDBOX_TOKEN", help="A token that is always valid.")
@click.option("--faults", type=option.FILE, help="Fault plan: a JSON file that says what goes wrong, and when.")
@click.option("--fields", type=option.FILE, help="Custom fields: a file of case-importer fields --save.")
@click.option("--any-ids", is_flag=True, help="Take any owner and parent, as if the account had them.")
def sandbox(*, faults: Path | None, fields: Path | None, **given: Any) -> None:
    """Run the local Case API alone, until Ctrl-C."""
    from importer.cli.printing import say
    from importer.run import fastest_loop
    from importer.sandbox import FaultPlan, SandboxOptions, definitions_of, load_plan, serve

    if fields:
        from importer.mapping.custom_fields import load_fields
        from importer.talkdesk.fields import as_answer

        given["definitions"] = definitions_of(as_answer(load_fields(fields).values()))
    plan = load_plan(faults) if faults else FaultPlan()
    serve(SandboxOptions(faults=plan, **given), announce=say, loop_factory=fastest_loop())


@cli.command()
@click.option("--out", type=option.FOLDER, default=Path("demo-import"), show_default=True, help="Folder to work in.")
def demo(out: Path) -> None:
    """Import the sample exports into the embedded sandbox: no account, no network, under a minute."""
    from importer.cli.demo import show_demo

    raise click.exceptions.Exit(show_demo(out))


@cli.command()
def schema() -> None:
    """Print the JSON Schema of a mapping file, for editors."""
    from importer.cli.printing import say_json
    from importer.mapping import json_schema

    say_json(json_schema())


cli.add_command(account.fields)
cli.add_command(account.users)
cli.add_command(suggest)
cli.add_command(forget)


def _without(given: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in names}
