"""The commands. Each imports what it needs when it is called, so that ``--help`` costs nothing."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from importer.cli import check_commands, import_commands  # noqa: F401  # their commands are in the group then
from importer.cli import options as option
from importer.cli.help import cli
from importer.errors import ExitCode

if TYPE_CHECKING:
    from importer.verbs.resolve import Decision, UpdateDecision

__all__ = ["cli"]

_SAMPLES = (("zendesk-tickets.csv", "zendesk.yml"), ("servicenow-incidents.xlsx", "servicenow.yml"))
#: Requests per second of a demonstration: slow enough for the progress bar to be seen.
_DEMO_RATE = 200.0
#: What an earlier demonstration wrote into its folders, and nothing else.
_ENDINGS = ("", ".mark", "-wal", "-shm", ".sandbox", ".sandbox-wal", ".sandbox-shm")


@cli.command()
@option.ledger
@click.option("--runs", is_flag=True, help="List every run: start, end, exit code, and what it did.")
@option.as_json
def status(ledger: Path, *, runs: bool, as_json: bool) -> ExitCode:
    """Show how many rows are in each state. Works while a run is in progress."""
    from importer.cli.run_page import say_status
    from importer.verbs.status import status as ledger_status

    result = ledger_status(ledger, runs=runs)
    option.OutputOptions(quiet=False, as_json=as_json).show(result, lambda: say_status(result))
    return ExitCode.OK if result.totals.match else ExitCode.LEDGER


@cli.command()
@click.argument("key", type=option.TEXT)
@option.ledger
@option.as_json
def explain(key: str, ledger: Path, *, as_json: bool) -> None:
    """Show the whole story of a row, by its key (external id), row number or case id.

    Its cells, what the mapping made of them, every attempt with its answer, every search, and what to do. Sends
    nothing.
    """
    from importer.cli.explain_page import say_explanation
    from importer.verbs.explain import explain as explain_row

    result = explain_row(ledger, key)
    option.OutputOptions(quiet=False, as_json=as_json).show(result, lambda: say_explanation(result))


@cli.command()
@option.ledger
@click.option("--out", type=option.FOLDER, required=True, help="Folder for the reports.")
@click.option(
    "--mask",
    is_flag=True,
    help="Hide personal data, to hand the page over: write report.html and summary.json without it, and no tables.",
)
@option.reports
@option.output
def report(
    ledger: Path, out: Path, *, mask: bool, reports: option.ReportOptions, output: option.OutputOptions
) -> ExitCode:
    """Write the reports again from the ledger."""
    from importer.cli.run_page import say_report
    from importer.verbs.status import report as write_report

    with output.watching():
        result = write_report(ledger, out, options=reports.reports(mask=mask))
    output.show(result, lambda: say_report(replace(result, ledger=str(ledger))))  # a masked result has no folder
    return result.exit_code


@cli.command()
@click.argument("key", type=option.TEXT)
@option.ledger
@click.option("--created", "case_id", type=option.TEXT, metavar="ID", help="The row is the case with this id.")
@click.option("--resend", is_flag=True, help="The row is not a case: send it again.")
@click.option("--drop", is_flag=True, help="Never send the row again (state: skipped).")
@click.option("--update-done", "update", flag_value="done", help="The case has what its update carries.")
@click.option("--update-not-done", "update", flag_value="not_done", help="The case has nothing of it: send it again.")
@click.option("--update-dropped", "update", flag_value="dropped", help="Never send this case update.")
@click.option("--reason", type=option.TEXT, required=True, help="What you checked; stored in the history.")
def resolve(
    key: str, ledger: Path, *, case_id: str | None, resend: bool, drop: bool, update: UpdateDecision | None, reason: str
) -> None:
    """Settle row KEY, or its case update, after you checked it in Talkdesk."""
    if (case_id is not None) + resend + drop + (update is not None) != 1:
        raise click.UsageError("use exactly one of --created ID, --resend, --drop or an --update-… option")
    from importer.cli.output import say
    from importer.verbs.resolve import resolve as resolve_key
    from importer.verbs.resolve import resolve_update

    if update is not None:
        say(f"The case update of {key} is {resolve_update(ledger, key, update, reason=reason)} now.")
        return
    decision: Decision = "created" if case_id is not None else "resend" if resend else "drop"
    state = resolve_key(ledger, key, decision, reason=reason, case_id=case_id)
    say(f"{key} is {state} now.")


@cli.command()
@option.ledger
@click.option(
    "--failed", is_flag=True, help="Also delete the contents of invalid and refused rows; they can no longer be sent."
)
@click.option("--yes", is_flag=True, help="Skip the confirmation prompt.")
@option.output
def forget(ledger: Path, *, failed: bool, yes: bool, output: option.OutputOptions) -> None:
    """Delete the cell contents of created and skipped rows from the ledger.

    Keys, states, case ids and history stay.
    """
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("this cannot be undone; pass --yes to confirm")
    if not yes and not click.confirm(
        "Delete the contents of finished rows from the ledger? This cannot be undone", err=True
    ):
        return
    from importer.cli.output import say
    from importer.text.wording import plural
    from importer.verbs.forget import forget as forget_rows

    result = forget_rows(ledger, failed=failed)

    def page() -> None:
        say(f"{plural(result.rows, 'row')}: contents deleted. Keys, states, case ids and history are kept.")
        if result.kept:
            keep = "keeps its" if result.kept == 1 else "keep their"
            say(f"{plural(result.kept, 'row')} that may still be fixed or sent {keep} contents.")
        before, after = result.bytes_before, result.bytes_after
        smaller = f" ({1 - after / before:.0%} smaller)" if after < before else ""
        say(f"Ledger: {before / 1_000_000:,.1f} MB → {after / 1_000_000:,.1f} MB{smaller}.")
        say("Existing reports are not changed: results.csv and the failures files still contain row contents.")

    output.show(result, page)


@cli.command()
@click.option("--save", "path", type=option.FILE, required=True, help="File to write, such as fields.yml.")
@option.settings
def fields(path: Path, *, settings: option.SettingsOptions) -> None:
    """Save the account's custom field definitions, for `fields:` in a mapping."""
    from importer.cli.output import say
    from importer.text.wording import plural
    from importer.verbs.account import save_fields

    saved = save_fields(path, settings=settings.load())
    say(f"Saved {plural(saved.entries, 'custom field')} to {saved.path}")


@cli.command()
@click.option("--save", "path", type=option.FILE, required=True, help="File to write, such as owners.csv.")
@option.settings
def users(path: Path, *, settings: option.SettingsOptions) -> None:
    """Save the e-mail, id and name of every active user, for `lookup:` in a mapping."""
    from importer.cli.output import say
    from importer.text.wording import plural
    from importer.verbs.account import save_users

    saved = save_users(path, settings=settings.load())
    say(f"Saved {plural(saved.entries, 'user')} to {saved.path}")
    if saved.skipped_users:
        say(f"Skipped {plural(saved.skipped_users, 'user')}: inactive or without an e-mail address.")


@cli.command()
@click.option("--out", type=option.FOLDER, default=Path("demo-import"), help="Folder for ledgers and reports.")
def demo(out: Path) -> int:
    """Import the sample exports into the embedded sandbox. Needs no account and no network; takes under a minute."""
    import shutil
    import sysconfig

    from importer.cli.output import complain, say
    from importer.cli.run_page import say_run
    from importer.cli.watch import watching
    from importer.files.bundled import bundled
    from importer.settings.model import Settings
    from importer.text.wording import shell_word
    from importer.verbs.run import run_import

    settings = Settings(sandbox=True, rate=_DEMO_RATE)
    for name, mapping in _SAMPLES:
        folder = out / name.split(".", 1)[0]
        for ending in _ENDINGS:
            (folder / f"ledger.db{ending}").unlink(missing_ok=True)
        sample = bundled("sample_data") / name
        own_mapping = bundled("sample_data") / mapping
        with watching(quiet=False) as progress:
            result = run_import(sample, own_mapping, out=folder, settings=settings, progress=progress)
        say_run(result, mapping=str(own_mapping))
        say()
        if result.exit_code != ExitCode.ROWS_FAILED:  # some rows of the samples are wrong on purpose
            complain(f"the demo import of {name} failed with exit code {result.exit_code}")
            return int(result.exit_code) or 1
    say("Some sample rows are invalid on purpose: see the failures files above.")
    if not shutil.which("case-importer"):
        scripts = shell_word(sysconfig.get_path("scripts"))
        say(f'First make the command available in your terminal: export PATH={scripts}:"$PATH"')
    say("Next: case-importer suggest YOUR-EXPORT.csv -o mine.yml")
    say("      case-importer check YOUR-EXPORT.csv --mapping mine.yml")
    return 0


@dataclass(frozen=True, slots=True)
class _SandboxOptions:
    """What the sandbox takes as it is typed."""

    port: int = option.option(
        type=click.IntRange(0, 65535), default=8080, help="Port to listen on; 0 picks a free one."
    )
    store: Path | None = option.option(type=option.FILE, help="Keep the cases in this file. [default: in memory]")
    seed: int = option.option(type=int, default=0, help="Seed for the generated users and requesters.")
    rate_limit: int | None = option.option(
        type=click.IntRange(min=1), metavar="N", help="Answer 429 above N requests per second."
    )
    latency_ms: float = option.option(
        "--latency", type=click.FloatRange(min=0), default=0, metavar="MS", help="Delay before every answer."
    )
    token_life: float = option.option(
        type=click.FloatRange(min=0, min_open=True),
        default=599,
        metavar="SECONDS",
        help="Lifetime of access tokens.",
    )
    index_lag_s: float = option.option(
        "--index-lag",
        type=click.FloatRange(min=0),
        default=0,
        metavar="SECONDS",
        help="Delay before a new case appears in lists.",
    )
    filters: str = option.option(
        type=click.Choice(["both", "doc", "spec", "ignore"]),
        default="both",
        help="Form of list filters that works: both, doc, spec, or ignore for none.",
    )
    static_token: str | None = option.option(
        envvar="CASE_IMPORTER_SANDBOX_TOKEN", help="Access token that never expires."
    )
    any_ids: bool = option.option(is_flag=True, help="Accept any owner and parent, as if the account had them.")
    reads: str = option.option(
        type=click.Choice(["both", "spec", "page"]),
        default="both",
        help="How one case is shown: as the OpenAPI document or the reference page has it, or both at once.",
    )
    strict_life: bool = option.option(is_flag=True, help="Close only resolved cases, and change no closed ones.")


@cli.command()
@option.options_of(_SandboxOptions, "account")
@click.option("--faults", type=option.FILE, help="Fault plan: JSON file with the faults to inject.")
@click.option("--fields", type=option.FILE, help="Custom fields: a file of case-importer fields --save.")
def sandbox(*, account: _SandboxOptions, faults: Path | None, fields: Path | None) -> None:
    """Run the Case API sandbox on this machine until you press Ctrl-C."""
    from importer.cli.output import say
    from importer.sandbox import FaultPlan, SandboxOptions, definitions_of, load_plan, serve
    from importer.verbs.plain import fastest_loop

    plan = load_plan(faults) if faults else FaultPlan()
    options = SandboxOptions(**asdict(account), faults=plan)
    if fields:
        from importer.mapping.custom_fields import load_fields
        from importer.talkdesk.fields import as_answer

        options = replace(options, definitions=definitions_of(as_answer(load_fields(fields).values())))
    serve(options, announce=say, loop_factory=fastest_loop())


@cli.command()
@click.argument(
    "form",
    type=click.Choice(["mapping", "result", "status", "explain", "check", "rehearsal", "verify", "try", "error"]),
    default="mapping",
)
def schema(form: str) -> None:
    """Print the JSON Schema of mapping files, or of what --json prints.

    mapping is for use in an editor. result describes summary.json and the --json output of run, retry, reconcile and
    report; status, explain, check, rehearsal, verify and try describe the output of these commands, and error that of
    each of them if it could not begin.
    """
    from importer.cli.output import say_document
    from importer.verbs.results import as_json
    from importer.verbs.schemas import json_schema

    say_document(as_json(json_schema(form)))
