"""The commands that fetch what a mapping needs to know about an account."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from importer.cli import options as option


@click.command()
@click.option("--save", "path", type=option.FILE, required=True, help="The file to write, such as fields.yml.")
@option.target
def fields(path: Path, **given: Any) -> None:
    """Save the custom field definitions of the account, for `fields:` in a mapping."""
    from importer.account import save_fields
    from importer.cli.printing import say
    from importer.config import load_settings

    settings, _ = option.split_settings(given)
    saved = save_fields(path, settings=load_settings(**settings))
    say(f"{saved.entries} custom fields: {saved.path}")


@click.command()
@click.option("--save", "path", type=option.FILE, required=True, help="The file to write, such as owners.csv.")
@option.target
def users(path: Path, **given: Any) -> None:
    """Save e-mail, id and name of the account's active users, for `lookup:` in a mapping."""
    from importer.account import save_users
    from importer.cli.printing import say
    from importer.config import load_settings

    settings, _ = option.split_settings(given)
    saved = save_users(path, settings=load_settings(**settings))
    say(f"{saved.entries} users: {saved.path}")
    if saved.left_out:
        say(f"Left out: {saved.left_out} who are not active or have no e-mail address.")
