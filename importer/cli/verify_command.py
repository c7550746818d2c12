"""The command ``verify``."""

from __future__ import annotations

from pathlib import Path

import click

from importer.cli import options as option
from importer.cli.help import SectionedCommand


@click.command(cls=SectionedCommand)
@option.ledger
@click.option("--sample", metavar="N|N%", help="Read back only N cases (or N% of them); the same ones each time.")
@click.option("--deep", is_flag=True, help="Read each case on its own as well: one request per case.")
@click.option("--doubles", is_flag=True, help="Search the list for second cases of the same tickets.")
@click.option("--again", is_flag=True, help="Start over, although the last verification is not finished.")
@option.out_of_ledger
@option.settings
@option.output
def verify(
    ledger: Path,
    *,
    sample: str | None,
    deep: bool,
    doubles: bool,
    again: bool,
    out: Path | None,
    settings: option.SettingsOptions,
    output: option.OutputOptions,
) -> None:
    """Read the cases back and compare them with what was sent. Changes nothing.

    Sends one request per 100 cases. Run the same command again to continue after a stop.
    """
    from importer.cli import verify_page
    from importer.pipeline.verifying import verify as verify_ledger

    with output.watching() as progress:
        result = verify_ledger(
            ledger,
            sample=sample,
            deep=deep,
            doubles=doubles,
            again=again,
            out=out,
            settings=settings.load(near=ledger.parent, output=output),
            progress=progress,
        )
    output.show(result, lambda: verify_page.say_verified(result), lambda: verify_page.say_quietly(result))
    raise click.exceptions.Exit(int(result.exit_code))
