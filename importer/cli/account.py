"""The commands that fetch what a mapping needs to know about an account."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from importer.cli import options as option
from importer.cli.sections import SectionedCommand

if TYPE_CHECKING:
    from importer.pipeline.account import Saved


@click.command(cls=SectionedCommand)
@click.option("--save", "path", type=option.FILE, required=True, help="File to write, such as fields.yml.")
@option.settings
def fields(path: Path, *, settings: option.SettingsOptions) -> None:
    """Save the account's custom field definitions, for `fields:` in a mapping."""
    from importer.pipeline.account import save_fields

    _say_saved(save_fields(path, settings=settings.load()), "custom fields")


@click.command(cls=SectionedCommand)
@click.option("--save", "path", type=option.FILE, required=True, help="File to write, such as owners.csv.")
@option.settings
def users(path: Path, *, settings: option.SettingsOptions) -> None:
    """Save the e-mail, id and name of every active user, for `lookup:` in a mapping."""
    from importer.pipeline.account import save_users

    _say_saved(save_users(path, settings=settings.load()), "users")


def _say_saved(saved: Saved, what: str) -> None:
    from importer.cli.printing import say

    say(f"{saved.entries} {what}: {saved.path}")
    if saved.left_out:
        say(f"Left out: {saved.left_out} who are not active or have no e-mail address.")
