"""Help with headings: the commands in the order of the work, and the options of a large command by topic."""

from __future__ import annotations

import click

_COMMANDS = {
    "Prepare": ("suggest", "check", "preview", "rehearse"),
    "Import": ("run", "status"),
    "After the import": ("report", "retry", "reconcile", "resolve", "rebuild", "forget"),
    "Account": ("fields", "users"),
    "Other": ("demo", "sandbox", "schema"),
}
_OPTIONS = {
    "Input": ("mapping", "notes", "sheet", "encoding", "delimiter", "accept_changes", "as_is"),
    "Run": ("ledger", "out", "limit", "max_failures", "dry_run", "accept_existing", "states"),
    "Target": ("sandbox", "region", "account", "api_url", "auth_url", "config_file"),
    "Speed and network": (
        "rate",
        "reserve",
        "concurrency",
        "settle_delay",
        "proxy",
        "ca_file",
    ),
    "Output": ("quiet", "as_json", "log_file", "help"),
}
#: Fewer options than this need no headings.
_MANY = 12


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
        known = {name for names in _COMMANDS.values() for name in names}
        others = tuple(name for name in self.list_commands(ctx) if name not in known)
        for heading, names in {**_COMMANDS, "Other": (*_COMMANDS["Other"], *others)}.items():
            commands = [(name, self.get_command(ctx, name)) for name in names]
            rows = [(name, command.get_short_help_str(1000)) for name, command in commands if command is not None]
            with formatter.section(heading):
                formatter.write_dl(rows)
