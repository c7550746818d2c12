"""The commands for an export before it is imported: ``suggest``, ``check``, ``preview`` and ``rehearse``."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

import click

from importer.cli import options as option
from importer.cli.help import cli
from importer.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from importer.verbs.rehearse import Profile


@cli.command()
@click.argument("source", type=option.FILE)
@click.option("--output", "-o", type=option.FILE, help="File to write. [default: standard output]")
@click.option("--answers", type=option.FILE, help="Your decisions, in lines such as: Subject = title")
@click.option("--explain", metavar="COLUMN", help="Print what speaks for and against a column instead.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@option.reading
def suggest(
    source: Path,
    *,
    output: Path | None,
    answers: Path | None,
    explain: str | None,
    force: bool,
    reading: option.ReadingOptions,
) -> None:
    """Draft a mapping for SOURCE. Every guess is marked and explained.

    Reads the first 20,000 rows of SOURCE and does not use the network.
    """
    from importer.cli.output import say_document
    from importer.cli.suggest_page import say_explanation, say_suggestion
    from importer.cli.watch import watching
    from importer.suggest.answers import as_json, load_profile, merged, profile_path, read_answers
    from importer.verbs.suggest import suggest_mapping

    if output is not None and output.exists():  # before the export is read, which can take a while
        if source.exists() and output.samefile(source):
            hint = "choose another output file"
            raise ConfigError("the output file is the export itself", where=str(output), hint=hint)
        if not force and explain is None:
            raise _exists(output)
    profile = None if output is None else profile_path(output)
    folder = None if output is None else output.parent
    with watching(quiet=False):
        suggestion = suggest_mapping(source, answers=answers, earlier=profile, folder=folder, **asdict(reading))
    if explain is not None:
        say_explanation(suggestion, explain)
    elif output is None or profile is None:
        say_document(suggestion.text.removesuffix("\n"))
    else:
        saved = load_profile(profile)
        said = merged(saved.answers if saved else {}, read_answers(answers).fields if answers else {})
        _write(output, suggestion.text.encode(), force=force)
        _write(profile, as_json(suggestion, said), force=True)
        say_suggestion(suggestion, source, output, answers, saved)


def _write(path: Path, content: bytes, *, force: bool) -> None:
    try:
        with path.open("wb" if force else "xb") as file:
            file.write(content)
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        hint = "choose another file with -o"
        raise ConfigError(f"cannot be written: {error.strerror}", where=str(path), hint=hint) from None


@cli.command()
@click.argument("action", type=click.Choice(["list", "copy"]), default="list")
@click.argument("name", required=False)
@click.option("--output", "-o", type=option.FILE, help="File to write. [default: NAME.yml]")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def mappings(action: str, *, name: str | None, output: Path | None, force: bool) -> None:
    """List the built-in mappings, or copy one to change it: mappings copy zendesk."""
    from importer.cli.output import say
    from importer.mapping.builtin import SCHEMA_FILE, SUFFIX, builtin_files, builtin_names, title_of
    from importer.text.wording import command_line

    if action == "list":
        if name or output or force:
            raise click.UsageError("only copy accepts a name and options, such as: mappings copy zendesk")
        for each in builtin_names():
            for line in wrap(f"{each:<14} {title_of(each)}", 80, subsequent_indent=" " * 15):
                say(line)
        say(f"To change one: {command_line(['case-importer', 'mappings', 'copy', 'NAME'])}")
        return
    if name is None:
        raise click.UsageError("pass the name of a built-in mapping, such as: mappings copy zendesk")
    file = output or Path(f"{name}{SUFFIX}")
    schema = file.with_name(SCHEMA_FILE)
    content, of_schema = builtin_files(name)
    _write(file, content, force=force)
    _write(schema, of_schema, force=True)
    say(f"Wrote {file}, and {schema} for your editor.")
    say(f"Change it, then run: {command_line(['case-importer', 'check', 'FILE', '--mapping', str(file)])}")


def _exists(output: Path) -> ConfigError:
    return ConfigError("the file already exists", where=str(output), hint="choose another file, or pass --force")


@dataclass(frozen=True)
class CheckOptions:
    """What an export is compared with, and what is shown of it."""

    ledger: Path | None = option.option(
        type=click.Path(path_type=Path, dir_okay=False, exists=True),
        help="Also check against the keys in this ledger. The ledger is not changed.",
    )
    as_is: bool = option.option(is_flag=True, help=option.AS_IS)
    fix: bool = option.option(is_flag=True, help="Add the proposed `values:` lines to the mapping.")
    columns: bool = option.option(
        is_flag=True, help="Show statistics of columns, text lengths and value tables as well."
    )
    baseline: Path | None = option.option(
        type=option.FILE, help="Compare with the --json output of an earlier check, or NAME.profile.json."
    )
    volume_factor: float = option.option(
        type=click.FloatRange(min=1, min_open=True),
        metavar="X",
        default=2,
        help="With --baseline: allow up to X times more or fewer rows.",
    )


@cli.command()
@option.export
@option.options_of(CheckOptions, "how")
@option.output
def check(*, export: option.ExportOptions, how: CheckOptions, output: option.OutputOptions) -> ExitCode:
    """Validate every row of SOURCE against the mapping, without using the network.

    Exits with 3 if a row is invalid.
    """
    if how.baseline is None and option.typed("volume_factor"):
        raise click.UsageError("--volume-factor has no effect without --baseline")
    return check_export(export, how, output)


def check_export(export: option.ExportOptions, how: CheckOptions, output: option.OutputOptions) -> ExitCode:
    """Check an export and print the result, also for ``run --dry-run``."""
    from importer.cli.check_page import in_short, say_check, say_first
    from importer.cli.output import is_terminal
    from importer.verbs.check import check as check_source

    with output.watching() as progress:
        result = check_source(
            ledger=how.ledger,
            baseline=how.baseline,
            volume_factor=how.volume_factor,
            as_is=how.as_is,
            kinds=how.columns or output.as_json,
            progress=progress,
            first=say_first if is_terminal() and not output.quiet else None,
            **asdict(export),
        )
    if how.fix:
        from importer.checks.autofix import write_suggestions

        fixed = write_suggestions(
            export.mapping, result.suggestions, export=export.source, allow_files=export.allow_files
        )
        result = replace(result, fix=fixed)
    again, of_run = option.typed(*option.OF_EXPORT), option.typed("out", *option.OF_TARGET)
    output.show(
        result,
        lambda: say_check(result, again, columns=how.columns, of_run=of_run),
        lambda: in_short(result, [*again, *option.typed("baseline", "volume_factor")]),
    )
    return result.exit_code


@cli.command()
@option.export
@click.option("-n", "count", type=click.IntRange(min=1), default=5, help="Number of rows to show.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines: one object per row.")
def preview(*, export: option.ExportOptions, count: int, as_json: bool) -> None:
    """Show the exact JSON that would be sent for the first rows of SOURCE."""
    from importer.cli.check_page import say_preview
    from importer.cli.output import say_document
    from importer.cli.watch import watching
    from importer.verbs.check import preview_export

    with watching(quiet=False):
        found = preview_export(count=count, **asdict(export))
    if not as_json:
        say_preview(found)
        return
    for row in found.rows:
        say_document(row.as_json())


@dataclass(frozen=True)
class RehearseOptions:
    """How an import is rehearsed."""

    profile: Profile = option.option(
        type=click.Choice(["calm", "rough", "hostile"]), default="rough", help="How many faults the sandbox injects."
    )
    rate: float | None = option.option(
        type=click.FloatRange(min=0, min_open=True),
        help="Requests per second of the real run, for the estimate. [default: 5]",
    )
    must_finish_in: str | None = option.option(metavar="8h", help="Exit with 10 if the estimate is longer than this.")
    seed: int = option.option(type=int, default=0, help="Seed for the faults; the same seed injects the same faults.")
    out: Path | None = option.option(type=option.FOLDER, help="Keep the rehearsal's ledger and reports in this folder.")


@cli.command()
@option.export
@option.options_of(RehearseOptions, "how")
@option.output
def rehearse(*, export: option.ExportOptions, how: RehearseOptions, output: option.OutputOptions) -> ExitCode:
    """Import SOURCE into a sandbox that injects faults, and estimate how long the real run takes."""
    from importer.cli.run_page import rehearsal_in_short, say_rehearsal
    from importer.verbs.rehearse import rehearse as rehearse_source

    with output.watching() as progress:
        result = rehearse_source(progress=progress, **asdict(how), **asdict(export))
    kept = how.out is not None
    output.show(result, lambda: say_rehearsal(result, kept=kept), lambda: rehearsal_in_short(result))
    return result.exit_code
