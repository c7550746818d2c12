"""The command that runs the Case API sandbox alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from importer.cli import options as option
from importer.cli.sections import SectionedCommand


@click.command(cls=SectionedCommand)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="Port to listen on; 0 picks a free one.",
)
@click.option("--store", type=option.FILE, help="Keep the cases in this file. [default: in memory]")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed for the generated users and requesters.")
@click.option("--rate-limit", type=click.IntRange(min=1), metavar="N", help="Answer 429 above N requests per second.")
@click.option("--latency", "latency_ms", type=float, default=0, metavar="MS", help="Delay before every answer.")
@click.option(
    "--token-life", type=float, default=599, show_default=True, metavar="SECONDS", help="Lifetime of access tokens."
)
@click.option(
    "--index-lag",
    "index_lag_s",
    type=float,
    default=0,
    metavar="SECONDS",
    help="Delay before a new case appears in lists.",
)
@click.option(
    "--filters",
    type=click.Choice(["both", "doc", "spec", "ignore"]),
    default="both",
    show_default=True,
    help="Form of list filters that works: both, doc, spec, or ignore for none.",
)
@click.option("--static-token", envvar="CASE_IMPORTER_SANDBOX_TOKEN", help="Access token that never expires.")
@click.option("--faults", type=option.FILE, help="Fault plan: JSON file with the faults to inject.")
@click.option("--fields", type=option.FILE, help="Custom fields: a file of case-importer fields --save.")
@click.option("--any-ids", is_flag=True, help="Take any owner and parent, as if the account had them.")
def sandbox(*, faults: Path | None, fields: Path | None, **given: Any) -> None:
    """Run the Case API sandbox on this machine until you press Ctrl-C."""
    from importer.cli.printing import say
    from importer.plain import fastest_loop
    from importer.sandbox import FaultPlan, SandboxOptions, definitions_of, load_plan, serve

    if fields:
        from importer.mapping.custom_fields import load_fields
        from importer.talkdesk.fields import as_answer

        given["definitions"] = definitions_of(as_answer(load_fields(fields).values()))
    plan = load_plan(faults) if faults else FaultPlan()
    serve(SandboxOptions(faults=plan, **given), announce=say, loop_factory=fastest_loop())
