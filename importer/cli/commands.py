"""The commands. Each imports what it needs when it is called, so that ``--help`` costs nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from importer.cli import account, check_commands, import_commands
from importer.cli import options as option
from importer.cli.exit_codes import epilog
from importer.cli.forget import forget
from importer.cli.sandbox import sandbox
from importer.cli.sections import SectionedGroup
from importer.cli.suggest import suggest
from importer.errors import ExitCode
from importer.version import __version__

if TYPE_CHECKING:
    from importer.pipeline.ledger_verbs import Decision, NotesDecision


@click.group(cls=SectionedGroup, context_settings={"help_option_names": ["-h", "--help"]}, epilog=epilog())
@click.version_option(__version__, prog_name="case-importer")
def cli() -> None:
    """Import helpdesk tickets (CSV, Excel, OpenDocument) as Talkdesk cases, each row exactly once.

    With --sandbox, and on a terminal also without a target, cases go to an embedded sandbox of the Talkdesk Case API,
    and nothing leaves this machine.
    """


@cli.command()
@option.ledger
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def status(ledger: Path, *, as_json: bool) -> None:
    """Show how many rows are in each state. Works while a run is in progress."""
    from importer.cli import printing, run_page
    from importer.pipeline.ledger_verbs import status as ledger_status
    from importer.pipeline.results import as_json as json_of

    result = ledger_status(ledger)
    if as_json:
        printing.say(json_of(result))
    else:
        run_page.say_status(result)
    raise click.exceptions.Exit(0 if result.totals.match else int(ExitCode.LEDGER))


@cli.command()
@option.ledger
@click.option("--out", type=option.FOLDER, required=True, help="Folder of the reports.")
@option.output
def report(ledger: Path, out: Path, *, output: option.OutputOptions) -> None:
    """Write the reports again from the ledger."""
    from importer.cli import run_page
    from importer.pipeline.ledger_verbs import report as write_report

    result = write_report(ledger, out)
    output.show(result, lambda: run_page.say_report(result))
    raise click.exceptions.Exit(int(result.exit_code))


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
def resolve(
    key: str, ledger: Path, *, case_id: str | None, resend: bool, drop: bool, notes: NotesDecision | None, reason: str
) -> None:
    """Settle row KEY, or its notes sent later, after you checked it in Talkdesk."""
    if (case_id is not None) + resend + drop + (notes is not None) != 1:
        raise click.UsageError("say one of --created ID, --resend, --drop, or one of the --notes-… flags")
    from importer.cli.printing import say
    from importer.pipeline.ledger_verbs import resolve as resolve_key
    from importer.pipeline.ledger_verbs import resolve_notes

    if notes is not None:
        say(f"These notes of {key} are {resolve_notes(ledger, key, notes, reason=reason)} now.")
        return
    decision: Decision = "created" if case_id is not None else "resend" if resend else "drop"
    state = resolve_key(ledger, key, decision, reason=reason, case_id=case_id)
    say(f"{key} is {state} now.")


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
    from importer.pipeline.results import as_json as json_of

    if form == "mapping":
        from importer.mapping import json_schema as schema_of_mapping

        say(json_of(schema_of_mapping()))
    else:
        from importer.pipeline.results import json_schema

        say(json_of(json_schema(form)))


for command in (
    *(check_commands.check, check_commands.preview, check_commands.rehearse),
    *(import_commands.run, import_commands.retry, import_commands.reconcile, import_commands.rebuild),
    *(account.fields, account.users, suggest, forget, sandbox),
):
    cli.add_command(command)
