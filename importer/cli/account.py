"""The commands that fetch what a mapping needs to know about an account."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer.cli import options as option

if TYPE_CHECKING:
    from importer.account import Saved
    from importer.config import Settings


@click.command()
@click.option("--save", "path", type=option.FILE, required=True, help="The file to write, such as fields.yml.")
@option.target
def fields(path: Path, **given: Any) -> None:
    """Save the custom field definitions of the account, for `fields:` in a mapping."""
    from importer.account import save_fields

    _say(save_fields(path, settings=_settings(given)), "custom fields")


@click.command()
@click.option("--save", "path", type=option.FILE, required=True, help="The file to write, such as owners.csv.")
@option.target
def users(path: Path, **given: Any) -> None:
    """Save e-mail, id and name of the account's active users, for `lookup:` in a mapping."""
    from importer.account import save_users

    _say(save_users(path, settings=_settings(given)), "users")


def _settings(given: dict[str, Any]) -> Settings:
    from importer.config import load_settings

    settings, _ = option.split_settings(given)
    return load_settings(**settings)


def _say(saved: Saved, what: str) -> None:
    from importer.cli.printing import say

    say(f"{saved.entries} {what}: {saved.path}")
    if saved.left_out:
        say(f"Left out: {saved.left_out} who are not active or have no e-mail address.")
