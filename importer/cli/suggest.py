"""``case-importer suggest``: a mapping to begin with, for an export that nobody has one for."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from importer.cli import options as option
from importer.cli.sections import SectionedCommand
from importer.errors import ConfigError

if TYPE_CHECKING:
    from importer.suggest import Suggestion


@click.command(cls=SectionedCommand)
@click.argument("source", type=option.FILE)
@click.option("--output", "-o", type=option.FILE, metavar="FILE", help="Write the mapping here. [default: print it]")
@click.option("--force", is_flag=True, help="Write it even if the file exists.")
@option.reading
def suggest(source: Path, *, output: Path | None, force: bool, reading: option.ReadingOptions) -> None:
    """Draft a mapping for SOURCE. Every guess is marked and explained.

    Reads the first 20,000 rows of SOURCE and does not use the network.
    """
    from importer.pipeline.checking import suggest_mapping

    if output is not None:
        _refuse_to_lose(output, source, force=force)
    suggestion = suggest_mapping(source, **reading.keywords())
    if output is None:
        click.echo(suggestion.text, nl=False)
    else:
        _write(output, suggestion.text, force=force)
        _say_next(source, output, suggestion, reading)


def _refuse_to_lose(output: Path, source: Path, *, force: bool) -> None:
    """Said before the export is read, which can take a while."""
    if output.exists() and source.exists() and output.samefile(source):
        raise ConfigError("this is the export itself", where=str(output), hint="name another file for the mapping")
    if output.exists() and not force:
        raise _exists(output)


def _exists(output: Path) -> ConfigError:
    return ConfigError("this file exists already", where=str(output), hint="name another one, or add --force")


def _write(output: Path, text: str, *, force: bool) -> None:
    try:
        with output.open("w" if force else "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise _exists(output) from None
    except OSError as error:
        hint = "choose another place with -o"
        raise ConfigError(f"cannot be written: {error.strerror}", where=str(output), hint=hint) from None


def _say_next(source: Path, output: Path, suggestion: Suggestion, reading: option.ReadingOptions) -> None:
    """What was written, and what to do with it."""
    from importer.cli.printing import say

    trial = suggestion.trial
    say(f"Wrote {output}: {suggestion.guesses} guesses, {suggestion.checks} lines to check.")
    if suggestion.system:
        ready = f"; there is a ready mapping too: --mapping {suggestion.ready}" if suggestion.ready else ""
        say(f"It looks like an export of {suggestion.system}{ready}.")
    say(f"Tried on {trial.rows:,} rows: {trial.fared}.")
    command = shlex.join(["case-importer", "check", str(source), "--mapping", str(output), *reading.words()])
    say(f"Read it, then: {command}")
