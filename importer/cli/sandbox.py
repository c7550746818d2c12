"""The command that runs the Case API sandbox alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from importer.cli import options as option
from importer.cli.help import SectionedCommand

if TYPE_CHECKING:
    from importer.sandbox import Definition
    from importer.sandbox.search import Encoding

_NOT_NEGATIVE = click.FloatRange(min=0)


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
@click.option("--latency", "latency_ms", type=_NOT_NEGATIVE, default=0, metavar="MS", help="Delay before every answer.")
@click.option(
    "--token-life",
    type=click.FloatRange(min=0, min_open=True),
    default=599,
    show_default=True,
    metavar="SECONDS",
    help="Lifetime of access tokens.",
)
@click.option(
    "--index-lag",
    "index_lag_s",
    type=_NOT_NEGATIVE,
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
@click.option("--any-ids", is_flag=True, help="Accept any owner and parent, as if the account had them.")
def sandbox(
    *,
    port: int,
    store: Path | None,
    seed: int,
    rate_limit: int | None,
    latency_ms: float,
    token_life: float,
    index_lag_s: float,
    filters: Encoding,
    static_token: str | None,
    faults: Path | None,
    fields: Path | None,
    any_ids: bool,
) -> None:
    """Run the Case API sandbox on this machine until you press Ctrl-C."""
    from importer.cli.output import say
    from importer.plain import fastest_loop
    from importer.sandbox import FaultPlan, SandboxOptions, definitions_of, load_plan, serve

    definitions: tuple[Definition, ...] = ()
    if fields:
        from importer.mapping.custom_fields import load_fields
        from importer.talkdesk.fields import as_answer

        definitions = definitions_of(as_answer(load_fields(fields).values()))
    options = SandboxOptions(
        port=port,
        store=store,
        seed=seed,
        definitions=definitions,
        static_token=static_token,
        token_life=token_life,
        rate_limit=rate_limit,
        latency_ms=latency_ms,
        index_lag_s=index_lag_s,
        filters=filters,
        any_ids=any_ids,
        faults=load_plan(faults) if faults else FaultPlan(),
    )
    serve(options, announce=say, loop_factory=fastest_loop())
