"""The group of all commands, help with headings, and what each exit code means, in the help and on the pages."""

from __future__ import annotations

import click

from importer.errors import ExitCode
from importer.version import __version__

_COMMANDS = {
    "Prepare": ("suggest", "mappings", "check", "preview", "rehearse"),
    "Import": ("try", "run", "status", "explain"),
    "After the import": ("verify", "report", "retry", "reconcile", "resolve", "rebuild", "forget"),
    "Account": ("fields", "users"),
    "Other": ("demo", "sandbox", "schema"),
}
_OPTIONS = {
    "Input": (
        *("mapping", "notes", "allow_files", "sheet", "encoding", "delimiter", "header_row"),
        "as_is",
    ),
    "Run": ("ledger", "out", "limit", "max_failures", "dry_run", "accept_existing", "solve_untried", "states"),
    "Try": ("email", "wait", "keep"),
    "Verification": ("sample", "deep", "doubles", "again"),
    "Target": ("sandbox", "region", "account", "api_url", "auth_url", "config_file"),
    "Speed and network": ("rate", "reserve", "concurrency", "settle_delay", "connect_for", "proxy", "ca_file"),
    "Reports": ("mask", "report_format", "csv_delimiter"),
    "Output": ("quiet", "as_json", "log_file", "help"),
}
_SETTINGS = {"help_option_names": ["-h", "--help"], "show_default": True}
#: Fewer options than this need no headings.
_MANY = 12

MEANINGS = {
    ExitCode.OK: "all rows are cases (or were before), or not sent because of --limit",
    ExitCode.USAGE: "invalid usage, settings, mapping or file; nothing was sent",
    ExitCode.ROWS_FAILED: "finished, but some rows are invalid or refused",
    ExitCode.UNKNOWN_OUTCOME: "finished, but some rows have an unknown outcome: run reconcile",
    ExitCode.TEMPORARY: "temporary failure, or no reports: run the same command again",
    ExitCode.DUPLICATE: "a row has two or more cases: run resolve",
    ExitCode.TARGET: "wrong target, or missing permission to create cases",
    ExitCode.LEDGER: "the ledger cannot be read or written",
    ExitCode.TOO_LONG: "rehearse: the estimate is longer than --must-finish-in",
    ExitCode.LOCKED: "another run is using the ledger",
    ExitCode.CHANGED_SHAPE: "check: the file differs from the baseline",
    ExitCode.WRONG_MAPPING: "the mapping is for another export; nothing was sent",
    ExitCode.INTERRUPTED: "interrupted: run the same command again",
    ExitCode.TERMINATED: "terminated: run the same command again",
}


#: What some mean for single commands.
_OF_COMMANDS = {
    ("verify", ExitCode.ROWS_FAILED): "finished, but some cases are not as sent, incomplete, or gone",
    ("verify", ExitCode.TEMPORARY): "not finished: run the same command again to continue",
    ("verify", ExitCode.DUPLICATE): "a ticket has two or more cases",
    ("try", ExitCode.ROWS_FAILED): "the case was refused, or something changed automatically",
    ("try", ExitCode.UNKNOWN_OUTCOME): "the outcome is unknown",
}


def exit_meaning(code: ExitCode, command: str = "") -> str:
    """What an exit code of a command means."""
    return _OF_COMMANDS.get((command, code), MEANINGS[code])


def _epilog() -> str:
    """The table at the end of the help."""
    meanings = MEANINGS | {ExitCode.ROWS_FAILED: f"{MEANINGS[ExitCode.ROWS_FAILED]}; verify, try: differs"}
    lines = "\n".join(f"  {int(code):<4} {meaning}" for code, meaning in meanings.items())
    return f"\b\nExit codes:\n{lines}\nAny other code is an internal error."


class SectionedCommand(click.Command):
    """A command whose options are shown under headings, if they are many."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options."""
        help_option = self.get_help_option(ctx)
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        records = {
            "help" if option is help_option else option.name: record
            for option in options
            if (record := option.get_help_record(ctx))
        }
        if len(records) < _MANY:
            super().format_options(ctx, formatter)
            return
        grouped = {name for names in _OPTIONS.values() for name in names}
        sections = {"Options": tuple(name for name in records if name not in grouped), **_OPTIONS}
        for heading, names in sections.items():
            rows = [records[name] for name in names if name in records]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)


class SectionedGroup(click.Group):
    """The commands under headings, each with its whole summary."""

    command_class = SectionedCommand

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands."""
        for heading, names in _COMMANDS.items():
            with formatter.section(heading):
                formatter.write_dl([(name, self.commands[name].get_short_help_str(1000)) for name in names])


@click.group(cls=SectionedGroup, context_settings=_SETTINGS, epilog=_epilog())
@click.version_option(__version__, prog_name="case-importer")
def cli() -> None:
    """Import helpdesk tickets (CSV, Excel, OpenDocument) as Talkdesk cases, each row exactly once.

    With --sandbox, and on a terminal also without a target, cases go to an embedded sandbox of the Talkdesk Case API,
    and nothing leaves this machine.
    """
