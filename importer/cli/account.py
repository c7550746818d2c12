"""The commands that fetch what a mapping needs to know about an account."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from importer.cli import options as option
from importer.cli.sections import SectionedCommand

if TYPE_CHECKING:
    from importer.account import Saved


@click.command(cls=SectionedCommand)
@click.option("--save", "path", type=option.FILE, required=True, help="File to write, such as fields.yml.")
@option.target
def fields(path: Path, **given: Any) -> None:
    """Save the account's custom field definitions, for `fields:` in a mapping."""
    from importer.account import save_fields

    _save("custom fields", save_fields, path, given)


@click.command(cls=SectionedCommand)
@click.option("--save", "path", type=option.FILE, required=True, help="File to write, such as owners.csv.")
@option.target
def users(path: Path, **given: Any) -> None:
    """Save the e-mail, id and name of every active user, for `lookup:` in a mapping."""
    from importer.account import save_users

    _save("users", save_users, path, given)


def _save(what: str, save: Callable[..., Saved], path: Path, given: dict[str, Any]) -> None:
    from importer.cli.printing import say

    settings, _ = option.settings_of(given)
    saved = save(path, settings=settings)
    say(f"{saved.entries} {what}: {saved.path}")
    if saved.left_out:
        say(f"Left out: {saved.left_out} who are not active or have no e-mail address.")
