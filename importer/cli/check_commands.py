"""The commands for an export before it is imported: ``suggest``, ``check``, ``preview`` and ``rehearse``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from importer.cli import options as option
from importer.cli.help import SectionedCommand
from importer.errors import ConfigError

if TYPE_CHECKING:
    from importer.pipeline.rehearsal import Profile
    from importer.pipeline.results import PreviewRow

_VOLUME_FACTOR = 2


@click.command(cls=SectionedCommand)
@option.source
@click.option("--output", "-o", type=option.FILE, metavar="FILE", help="File to write. [default: standard output]")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@option.reading
def suggest(source: Path, *, output: Path | None, force: bool, reading: option.ReadingOptions) -> None:
    """Draft a mapping for SOURCE. Every guess is marked and explained.

    Reads the first 20,000 rows of SOURCE and does not use the network.
    """
    from importer.cli.output import command_line, say, say_document
    from importer.pipeline.checking import suggest_mapping

    if output is not None and output.exists():  # before the export is read, which can take a while
        if source.exists() and output.samefile(source):
            hint = "choose another output file"
            raise ConfigError("the output file is the export itself", where=str(output), hint=hint)
        if not force:
            raise _exists(output)
    suggestion = suggest_mapping(source, **reading.keywords())
    if output is None:
        say_document(suggestion.text.removesuffix("\n"))
        return
    try:
        with output.open("w" if force else "x", encoding="utf-8", newline="\n") as file:
            file.write(suggestion.text)
    except FileExistsError:
        raise _exists(output) from None
    except OSError as error:
        hint = "choose another file with -o"
        raise ConfigError(f"cannot be written: {error.strerror}", where=str(output), hint=hint) from None
    say(f"Wrote {output}: {suggestion.guesses} guesses, {suggestion.checks} lines to check.")
    if suggestion.system:
        ready = f"; a built-in mapping fits too: --mapping {suggestion.ready}" if suggestion.ready else ""
        say(f"This looks like an export from {suggestion.system}{ready}.")
    say(f"Tested on {suggestion.trial.rows:,} rows: {suggestion.trial.fared}.")
    command = ["case-importer", "check", str(source), "--mapping", str(output), *reading.words()]
    say(f"Review it, then run: {command_line(command)}")


def _exists(output: Path) -> ConfigError:
    return ConfigError("the file already exists", where=str(output), hint="choose another file, or pass --force")


@dataclass(frozen=True, slots=True)
class Export:
    """An export as it was given to `check` or to `run`."""

    source: Path
    mapping: str
    notes: tuple[str, ...]
    allow_files: tuple[Path, ...]
    ledger: Path | None
    as_is: bool
    reading: option.ReadingOptions

    def words(self) -> list[str]:
        """What was typed, for the next command."""
        notes = [word for note in self.notes for word in ("--notes", note)]
        allowed = [word for folder in self.allow_files for word in ("--allow-files", str(folder))]
        ledger = [] if self.ledger is None else ["--ledger", str(self.ledger)]
        as_is = ["--as-is"] if self.as_is else []
        return [str(self.source), "--mapping", self.mapping, *notes, *allowed, *ledger, *self.reading.words(), *as_is]


@click.command(cls=SectionedCommand)
@option.source
@option.mapping
@option.notes
@option.allow_files
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
    default=_VOLUME_FACTOR,
    show_default=True,
    help="With --baseline: allow up to X times more or fewer rows.",
)
@option.reading
@option.output
def check(
    source: Path,
    mapping: str,
    *,
    notes: tuple[str, ...],
    allow_files: tuple[Path, ...],
    ledger: Path | None,
    as_is: bool,
    fix: bool,
    columns: bool,
    baseline: Path | None,
    volume_factor: float,
    reading: option.ReadingOptions,
    output: option.OutputOptions,
) -> None:
    """Validate every row of SOURCE against the mapping, without using the network.

    Exits with 3 if a row is invalid.
    """
    export = Export(source, mapping, notes, allow_files, ledger, as_is, reading)
    check_export(export, output, fix=fix, columns=columns, baseline=baseline, volume_factor=volume_factor)


def check_export(
    export: Export,
    output: option.OutputOptions,
    *,
    fix: bool = False,
    columns: bool = False,
    baseline: Path | None = None,
    volume_factor: float = _VOLUME_FACTOR,
) -> None:
    """Print what ``check`` found, and exit with its code."""
    from importer.cli.check_page import say_check, say_check_quietly, say_first
    from importer.cli.output import is_terminal
    from importer.pipeline.checking import check as check_source

    with output.watching() as progress:
        result = check_source(
            export.source,
            export.mapping,
            notes=export.notes,
            allow_files=export.allow_files,
            ledger=export.ledger,
            baseline=baseline,
            volume_factor=volume_factor,
            as_is=export.as_is,
            progress=progress,
            first=say_first if is_terminal() and not output.quiet else None,
            **export.reading.keywords(),
        )
    if fix:
        from importer.quality.autofix import write_suggestions

        fixed = write_suggestions(
            export.mapping, result.suggestions, export=export.source, allow_files=export.allow_files
        )
        result = replace(result, fix=fixed)
    output.show(
        result,
        lambda: say_check(result, export.words(), columns=columns),
        lambda: say_check_quietly(result, export.words()),
    )
    raise click.exceptions.Exit(int(result.exit_code))


@click.command(cls=SectionedCommand)
@option.source
@option.mapping
@option.notes
@option.allow_files
@click.option("-n", "count", type=click.IntRange(min=1), default=5, show_default=True, help="Number of rows to show.")
@option.reading
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines: one object per row.")
def preview(
    source: Path,
    mapping: str,
    *,
    notes: tuple[str, ...],
    allow_files: tuple[Path, ...],
    count: int,
    reading: option.ReadingOptions,
    as_json: bool,
) -> None:
    """Show the exact JSON that would be sent for the first rows of SOURCE."""
    from importer.cli.output import say_document
    from importer.pipeline.checking import preview as preview_source

    rows = preview_source(source, mapping, notes=notes, allow_files=allow_files, count=count, **reading.keywords())
    if not as_json:
        _say_preview(rows)
        return
    for row in rows:
        say_document(row.as_json())


def _say_preview(rows: Iterable[PreviewRow]) -> None:
    """Print rows as they would be sent."""
    import orjson

    from importer.cli.output import Styled, quoted, say, say_document
    from importer.models import clean

    for row in rows:
        title = f"row {row.row} · key {clean(row.key, 80) or '(none)'}"
        if row.body is None:
            what = "filtered" if row.filtered is not None else "invalid"
            say(Styled(f"{title} · {what}", "yellow" if what == "invalid" else None, bold=True))
            for text in [row.filtered] if row.filtered is not None else map(str, row.errors):
                say(f"  {clean(text, 400)}")
            continue
        for number, body in enumerate((row.body, *row.case_updates)):
            update = f"row {row.row} · case update {number}, sent after the case is created"
            say(Styled(update if number else title, bold=True))
            say_document(orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2).decode())
            if row.parent is not None and not number:
                where = "not a row of this file" if row.parent_row is None else f"row {row.parent_row}"
                say(f"  parent_id: id of the case created for {quoted(row.parent, 80)} ({where})")


@click.command(cls=SectionedCommand)
@option.source
@option.mapping
@option.notes
@option.allow_files
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
@option.output
def rehearse(
    source: Path,
    mapping: str,
    *,
    notes: tuple[str, ...],
    allow_files: tuple[Path, ...],
    profile: Profile,
    rate: float | None,
    must_finish_in: str | None,
    seed: int,
    out: Path | None,
    reading: option.ReadingOptions,
    output: option.OutputOptions,
) -> None:
    """Import SOURCE into a sandbox that injects faults, and estimate how long the real run takes."""
    from importer.cli.run_page import say_rehearsal, say_rehearsal_quietly
    from importer.pipeline.rehearsal import rehearse as rehearse_source
    from importer.pipeline.rehearsal import seconds_of
    from importer.settings import CAREFUL_RATE

    window = None if must_finish_in is None else seconds_of(must_finish_in)
    with output.watching() as progress:
        result = rehearse_source(
            source,
            mapping,
            notes=notes,
            allow_files=allow_files,
            profile=profile,
            rate=rate or CAREFUL_RATE,
            must_finish_in=window,
            seed=seed,
            out=out,
            progress=progress,
            **reading.keywords(),
        )
    output.show(result, lambda: say_rehearsal(result, kept=out is not None), lambda: say_rehearsal_quietly(result))
    raise click.exceptions.Exit(int(result.exit_code))
