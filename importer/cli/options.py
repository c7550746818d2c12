"""Options that several commands share; those that belong together reach a command as one dataclass."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from importer.progress.progress import Progress
    from importer.report import ReportOptions as LoadedReportOptions
    from importer.settings.model import Settings

Command = Callable[..., int | None]


class _File(click.Path):
    """A path that names a file or nothing yet: to open a pipe or a device may take for ever, whatever signals come."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path, which nothing has opened."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if path.exists() and not path.is_file():
            self.fail(f"{value}: it is not a regular file (a pipe or a device, for example)", param, ctx)
        return path


FILE = _File(path_type=Path, dir_okay=False)
EXPORT = click.Path(path_type=Path, dir_okay=False)  # whose reader says more about it
FOLDER = click.Path(path_type=Path, file_okay=False)


class MappingName(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4 only
    """A mapping file, or the name of a built-in mapping."""

    name = "file"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The built-in names that start like this; and whatever files the shell finds."""
        from importer.mapping.builtin import builtin_names

        matching = [CompletionItem(name) for name in builtin_names() if name.startswith(incomplete)]
        return [*matching, CompletionItem(incomplete, type="file")]


class _Text(click.ParamType):  # type: ignore[type-arg]  # the same
    """A text that can be stored and sent: what a terminal with another encoding passes on may be none."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text as it is."""
        try:
            value.encode()
        except UnicodeEncodeError:
            self.fail("not valid UTF-8; check the encoding of the terminal", param, ctx)
        return value


TEXT = _Text()
AS_IS = "Put nothing back in a failures file that a spreadsheet has changed."


def option(*flags: str, **details: Any) -> Any:
    """A field of a dataclass for :func:`options_of`: its flags, by default ``--its-name``, and details for click."""
    unsaid = False if details.get("is_flag") else () if details.get("multiple") else None
    return field(default=details.get("default", unsaid), metadata={"flags": flags, **details})


def options_of(group: type[DataclassInstance], parameter: str) -> Callable[[Command], Command]:
    """A decorator that gives a command the options of ``group``, and passes their values as one instance of it.

    Args:
        group: A dataclass whose fields are made with :func:`option`; each is an option of that name, those that it
            inherits last. A field ``source`` is an argument.
        parameter: The name under which the command takes the instance.
    """
    own_first = sorted(fields(group), key=lambda each: each.name not in group.__annotations__)

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def collecting(**given: object) -> int | None:
            values = {each.name: given.pop(each.name) for each in own_first}
            return command(**given, **{parameter: group(**values)})

        for each in reversed(own_first):
            details = dict(each.metadata)
            flags = details.pop("flags") or ("--" + each.name.replace("_", "-"),)
            click_option = (
                click.argument(each.name, **details)
                if each.name == "source"
                else click.option(each.name, *flags, **details)
            )
            collecting = click_option(collecting)
        return collecting

    return decorate


#: What says which export is imported, and how it is read; and where to.
OF_EXPORT = (
    *("source", "mapping", "notes", "allow_files", "ledger"),
    *("sheet", "encoding", "delimiter", "header_row", "as_is"),
)
OF_TARGET = ("sandbox", "region", "account", "api_url", "auth_url", "config_file")


def typed(*names: str) -> list[str]:
    """What was typed for these parameters of the running command, for the next command."""
    context, words = click.get_current_context(), []
    known = {param.name: param for param in context.command.params}
    for name in names:
        if name not in known or context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        value = context.params[name]
        flag = [] if isinstance(known[name], click.Argument) else [known[name].opts[0]]
        for each in value if isinstance(value, tuple) else [value]:
            words += flag if each is True else [*flag, str(each)]
    return words


@dataclass(frozen=True)
class ReadingOptions:
    """How an export is to be read."""

    sheet: str | None = option(metavar="NAME", help="Sheet to read, by name or number.")
    encoding: str | None = option(metavar="E", help="Encoding of a CSV file, such as cp1252.")
    delimiter: str | None = option(metavar="C", help="Delimiter of a CSV file: , ; | or tab.")
    header_row: int | None = option(
        type=click.IntRange(min=0), metavar="N", help="Line or row of the header; 0 if there is none."
    )


@dataclass(frozen=True)
class CompanionOptions:
    """Which files the mapping may read."""

    notes: tuple[str, ...] = option(
        multiple=True,
        metavar="[NAME=]FILE",
        help="Companion file with notes that the mapping names. [default: in the folder of SOURCE]",
    )
    allow_files: tuple[Path, ...] = option(
        multiple=True,
        type=FOLDER,
        metavar="DIR",
        help="Let the mapping read files below DIR too; repeatable."
        " [default: the folders of the mapping and of SOURCE]",
    )


@dataclass(frozen=True)
class ExportOptions(ReadingOptions, CompanionOptions):
    """An export as it was given to a command, and its mapping."""

    source: Path = option(type=EXPORT)
    mapping: str = option(
        *("--mapping", "-m"),
        required=True,
        type=MappingName(),
        help="Mapping file, or the name of a built-in mapping: zendesk, jira, …",
    )


@dataclass(frozen=True)
class OutputOptions:
    """What is printed of a result."""

    quiet: bool = option("--quiet", "-q", is_flag=True, help="Print errors only: one line if something is wrong.")
    as_json: bool = option("--json", is_flag=True, help="Print the result as a JSON object.")

    def watching(self) -> AbstractContextManager[Progress]:
        """Shows how far a verb is."""
        from importer.cli.watch import watching

        return watching(quiet=self.quiet)

    def show(self, result: Any, page: Callable[[], None], in_short: Callable[[], str] | None = None) -> None:
        """Print a result: as JSON, or as a ``page``; with --quiet, if something is wrong, what it is ``in_short``."""
        from importer.cli.output import complain, say, say_document
        from importer.verbs.results import as_json

        if self.as_json:
            say_document(as_json(result))
        elif not self.quiet:
            page()
        elif in_short is not None and result.error is not None:
            complain(str(result.error))
            if hasattr(result, "totals"):
                say(result.totals.equation, error=True)
        elif in_short is not None and (result.exit_code or getattr(result, "warnings", ())):
            say(f"{result.exit_code:d}: {in_short()}", error=True)


@dataclass(frozen=True)
class LoggedOutputOptions(OutputOptions):
    """The same, of a verb that writes a log."""

    log_file: Path | None = option(type=FILE, help="Append what happens to FILE, as JSON Lines without personal data.")

    def watching(self) -> AbstractContextManager[Progress]:
        """Shows how far a verb is, and appends what happens to the log."""
        from importer.cli.watch import watching

        return watching(quiet=self.quiet, log=self.log_file)


@dataclass(frozen=True)
class TableOptions:
    """How the reports that are tables are written."""

    csv_delimiter: str = option(
        type=click.Choice([",", ";", "tab", "|"]),
        default=",",
        metavar="C",
        help="Delimiter of the CSV reports: , ; | or tab; use ; where the comma is the decimal sign.",
    )

    @property
    def delimiter(self) -> str:
        """The character itself."""
        return "\t" if self.csv_delimiter == "tab" else self.csv_delimiter


@dataclass(frozen=True)
class ReportOptions(TableOptions):
    """Which reports are written, and how."""

    report_format: str | None = option(
        metavar="FORMAT,…", help="Write only these reports: html, csv, xlsx, json. [default: all]"
    )

    def reports(self, *, mask: bool = False) -> LoadedReportOptions:
        """What the library takes."""
        from importer.report import FORMATS
        from importer.report import ReportOptions as Loaded

        formats: Any = tuple(self.report_format.replace(" ", "").split(",")) if self.report_format else FORMATS
        return Loaded(formats=formats, csv_delimiter=self.delimiter, mask=mask)  # it checks the formats


@dataclass(frozen=True)
class LimitOptions:
    """When sending stops, or does not begin."""

    limit: int | None = option(
        type=click.IntRange(min=1), metavar="N", help="Send at most N rows; the rest stays pending."
    )
    max_failures: str | None = option(metavar="N|N%", help="Stop when more than N rows (or N% of all rows) fail.")
    accept_existing: bool = option(
        is_flag=True, help="Send also if tickets are cases already that another ledger created."
    )
    solve_untried: bool = option("--yes", is_flag=True, help="Solve cases also where that was never tried.")


@dataclass(frozen=True)
class SettingsOptions:
    """Settings from the command line; None means not given."""

    sandbox: bool | None = option(is_flag=True, default=None, help="Send to the embedded sandbox, for a trial.")
    region: str | None = option(type=click.Choice(["us", "eu", "ca"]), help="Region of the Talkdesk account.")
    account: str | None = option(metavar="NAME", help="Account name: the subdomain you log in with.")
    api_url: str | None = option(metavar="BASE", help="Base URL of the API, instead of --region and --account.")
    auth_url: str | None = option(metavar="TOKEN_URL", help="URL of the token endpoint, with --api-url.")
    rate: str | None = option(
        metavar="PER_SECOND|auto", help="Maximum requests per second, or auto. [default: 5 for a real account]"
    )
    reserve: str | None = option(
        metavar="PERCENT", help="Share of the rate to leave free for live agents, such as 20%."
    )
    concurrency: int | None = option(
        type=int, metavar="N", help="Maximum concurrent requests. [default: 8 for a real account]"
    )
    settle_delay: float | None = option(
        type=float,
        metavar="SECONDS",
        help="Wait this long before a row with an unknown outcome is looked up. [default: 60 for a real account]",
    )
    connect_for: float | None = option(
        type=float,
        metavar="SECONDS",
        help="End after so long without a first answer, unless the ledger has cases there. [default: 60]",
    )
    ca_file: Path | None = option(type=FILE, help="CA certificates to trust instead of the system's (PEM).")
    proxy: str | None = option(metavar="URL", help="HTTP proxy: http://[user:password@]host:port.")
    config_file: Path | None = option(
        "--config",
        type=FILE,
        help="Settings file (.env or YAML). [default: .env in the current folder, or next to the export or ledger]",
    )

    def load(self, *, near: Path | None = None, quiet: bool = False, as_json: bool = False) -> Settings:
        """All settings, with what environment and files say.

        Without a target, a person at a terminal gets the embedded sandbox and can see it; otherwise it would be missed.

        Args:
            near: Folder of the export or of the ledger.
            quiet, as_json: Print no warnings; the result is not for a person.
        """
        from importer.cli.output import Styled, is_terminal, say
        from importer.settings.loading import load_settings

        given = {each.name: getattr(self, each.name) for each in fields(SettingsOptions)}
        settings = load_settings(near=near, **given)
        for warning in settings.warnings if not quiet else ():
            say(Styled("warning: ", "yellow"), warning, error=True)
        if not settings.has_target and is_terminal() and not quiet and not as_json:
            settings = settings.model_copy(update={"sandbox": True})
        return settings


@dataclass(frozen=True)
class AccountOptions(SettingsOptions, OutputOptions):
    """Settings, and how the result is printed."""

    def settings(self, near: Path) -> Settings:
        """All settings; ``near`` is the folder of the export or of the ledger."""
        return self.load(near=near, quiet=self.quiet, as_json=self.as_json)


@dataclass(frozen=True)
class RunOptions(ReportOptions, AccountOptions, LoggedOutputOptions):
    """What all verbs take that send or look up the rows of a ledger."""


reading = options_of(ReadingOptions, "reading")
companions = options_of(CompanionOptions, "companions")
export = options_of(ExportOptions, "export")
output = options_of(OutputOptions, "output")
limits = options_of(LimitOptions, "limits")
tables = options_of(TableOptions, "tables")
reports = options_of(ReportOptions, "reports")
settings = options_of(SettingsOptions, "settings")
account = options_of(AccountOptions, "account")
running = options_of(RunOptions, "how")

ledger = click.option("--ledger", type=FILE, required=True, help="Ledger of the import.")
out_of_ledger = click.option("--out", type=FOLDER, help="Folder for the reports. [default: the ledger's folder]")
as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as a JSON object.")
