"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from importer.cli.completion import MappingName

if TYPE_CHECKING:
    from importer.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


def _all(*options: Callable[[F], F]) -> Callable[[F], F]:
    def decorate(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


reading = _all(
    click.option("--sheet", metavar="NAME", help="Sheet to read, by name or number."),
    click.option("--encoding", metavar="E", help="Encoding of a CSV file, such as cp1252."),
    click.option("--delimiter", metavar="C", help="Delimiter of a CSV file: , ; | or tab."),
)

mapping = click.option(
    "--mapping",
    "-m",
    required=True,
    type=MappingName(),
    metavar="FILE",
    help="Mapping file, or the name of a built-in mapping: zendesk, jira, …",
)

notes = click.option(
    "--notes",
    multiple=True,
    metavar="[NAME=]FILE",
    help="Companion file with notes that the mapping names. [default: in the folder of SOURCE]",
)

ledger = click.option("--ledger", type=FILE, required=True, help="Ledger of the import.")

max_failures = click.option(
    "--max-failures", metavar="N|N%", help="Stop when more than N rows (or N% of all rows) fail."
)

as_is = click.option(
    "--as-is", is_flag=True, help="Put nothing back in a failures file that a spreadsheet has changed."
)

accept_existing = click.option(
    "--accept-existing", is_flag=True, help="Send also if tickets are cases already that another ledger created."
)

talking = _all(
    click.option("--quiet", "-q", is_flag=True, help="Print errors only: one line if something is wrong."),
    click.option("--json", "as_json", is_flag=True, help="Print the result as a JSON object."),
)

log_file = click.option(
    "--log-file", type=FILE, metavar="FILE", help="Append what happens to FILE, as JSON Lines without personal data."
)

target = _all(
    click.option("--sandbox", is_flag=True, default=None, help="Send to the embedded sandbox, for a trial."),
    click.option("--region", type=click.Choice(["us", "eu", "ca"]), help="Region of the Talkdesk account."),
    click.option("--account", metavar="NAME", help="Account name: the sub-domain used at login."),
    click.option("--api-url", metavar="BASE", help="Base address of the API, instead of --region."),
    click.option("--auth-url", metavar="TOKEN_URL", help="Token endpoint, with --api-url."),
    click.option(
        "--rate", metavar="PER_SECOND|auto", help="Most requests in any second (default for a real account: 5)."
    ),
    click.option("--reserve", metavar="PERCENT", help="Leave this share of the rate to live agents, such as 20%."),
    click.option("--concurrency", type=int, metavar="N", help="Requests at once (default for a real account: 8)."),
    click.option("--fresh-connections/--reuse-connections", default=None, help="One connection for each request."),
    click.option("--horizon", type=float, metavar="SECONDS", help="Wait before a row in doubt is looked up."),
    click.option("--ca-file", type=FILE, help="CA certificates to trust instead of the system's (PEM)."),
    click.option("--proxy", metavar="URL", help="HTTP proxy on the way to Talkdesk: http://[user:password@]host:port."),
    click.option(
        "--config",
        "config_file",
        type=FILE,
        help="Settings file (.env or YAML). [default: .env in the current folder, or next to the export or ledger]",
    ),
)

SETTING_NAMES = (
    "sandbox",
    "region",
    "account",
    "api_url",
    "auth_url",
    "rate",
    "reserve",
    "horizon",
    "concurrency",
    "fresh_connections",
    "ca_file",
    "proxy",
    "config_file",
)


def split_settings(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings among a command's options, and the rest."""
    settings = {name: options.pop(name) for name in SETTING_NAMES}
    return settings, options


def settings_of(
    options: dict[str, Any], *, near: Path | None = None, quiet: bool = False, as_json: bool = False
) -> tuple[Settings, dict[str, Any]]:
    """All settings, with what environment and files say beside a command's options; and the rest of the options.

    Without a target, a person at a terminal gets the embedded sandbox and can see it; nobody else would notice.

    Args:
        options: Of the command.
        near: Folder of the export or of the ledger.
        quiet: Print no warnings.
        as_json: The result is for a program.
    """
    from importer.cli import printing
    from importer.settings_sources import load_settings

    given, rest = split_settings(options)
    settings = load_settings(near=near, **given)
    if not quiet:
        for warning in settings.warnings:
            printing.warn(warning)
    if not settings.has_target and printing.is_terminal() and not quiet and not as_json:
        settings = settings.model_copy(update={"sandbox": True})
    return settings, rest
