"""The command that drops the texts of rows that are over and done with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from importer.cli import options as option
from importer.cli.sections import SectionedCommand

if TYPE_CHECKING:
    from importer.pipeline.forgetting import Forgotten

_QUESTION = "Forget the texts of finished rows? This cannot be undone"


@click.command(cls=SectionedCommand)
@option.ledger
@click.option("--failed", is_flag=True, help="Also of invalid and refused rows, which cannot be sent again then.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@option.output
def forget(ledger: Path, *, failed: bool, yes: bool, output: option.OutputOptions) -> None:
    """Delete the cell contents of created and skipped rows from the ledger.

    Keys, states, case ids and history stay.
    """
    if not yes and not _is_wanted():
        return
    from importer.pipeline.forgetting import forget as forget_rows

    result = forget_rows(ledger, failed=failed)
    output.show(_shape(result), lambda: _say(result))


def _is_wanted() -> bool:
    if not sys.stdin.isatty():
        raise click.UsageError("what is forgotten cannot be had back: say --yes")
    return click.confirm(_QUESTION, err=True)


def _shape(result: Forgotten) -> dict[str, int]:
    return {"rows": result.rows, "kept": result.kept, "bytes_before": result.before, "bytes_after": result.after}


def _say(result: Forgotten) -> None:
    from importer.cli.printing import say

    say(f"The texts of {result.rows:,} rows are forgotten; keys, states, case ids and history are kept.")
    if result.kept:
        say(f"{result.kept:,} rows that are no cases keep theirs.")
    saved = 1 - result.after / result.before
    say(f"The ledger has {_size(result.after)}, before {_size(result.before)}: {saved:.0%} less.")
    say("Reports that were written before are not touched: failures.csv holds texts of rows.")


def _size(count: int) -> str:
    return f"{count / 1_000_000:,.1f} MB" if count >= 100_000 else f"{count / 1000:,.0f} kB"
